// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "backends/invoke_trace.h"
#include "backends/opencl/calibration_graphs.h"
#include "backends/opencl/executable.h"
#include "base/log.h"

namespace npu {
namespace {

// Runs of one thing: at least kLeastRuns, and more until it has taken kEnoughNs together, but no more than kMostRuns.
constexpr int kLeastRuns = 5, kMostRuns = 50;
constexpr int64_t kEnoughNs = 20'000'000;

// Smallest time of several runs, each of which returns its own.
template <typename Run>
Result<double> BestNs(Run run) {
  double best = std::numeric_limits<double>::max();
  const int64_t begin = TraceClockNs();
  for (int i = 0; i < kLeastRuns || (i < kMostRuns && TraceClockNs() - begin < kEnoughNs); ++i) {
    NPU_ASSIGN_OR_RETURN(const double ns, run());
    best = std::min(best, ns);
  }
  return std::max(best, 1.0);  // clocks have steps
}

// A segment that is one whole graph, with memory for its inputs and outputs.
class Runner {
 public:
  static Result<Runner> Create(const std::shared_ptr<OpenClDevice>& device, const CalibrationGraph& graph) {
    Runner runner;
    NPU_ASSIGN_OR_RETURN(runner.executable_, CompileForOpenCl(device, graph.graph, graph.segment, {}));
    for (int t : graph.segment.inputs) runner.inputs_.emplace_back(graph.graph->tensors[t].byte_size().value_or(0));
    for (int t : graph.segment.outputs) runner.outputs_.emplace_back(graph.graph->tensors[t].byte_size().value_or(0));
    for (const auto& bytes : runner.inputs_) runner.in_.push_back(bytes.data());
    for (auto& bytes : runner.outputs_) runner.out_.push_back(bytes.data());
    return runner;
  }

  // Of a whole invocation.
  Result<double> InvokeNs() {
    return BestNs([&]() -> Result<double> {
      const int64_t begin = TraceClockNs();
      NPU_RETURN_IF_ERROR(executable_->Invoke(in_, out_));
      return static_cast<double>(TraceClockNs() - begin);
    });
  }

  // Of the kernels alone.
  Result<double> KernelsNs() {
    return BestNs([&]() -> Result<double> {
      InvokeTrace trace;
      NPU_RETURN_IF_ERROR(executable_->InvokeTraced(in_, out_, trace));
      double ns = 0;
      for (const SegmentTrace& segment : trace.segments) {
        for (const TraceStep& step : segment.steps) ns += static_cast<double>(step.end_ns - step.begin_ns);
      }
      if (ns <= 0) return Fail(ErrorCode::kDevice, "the device's clock stands still");
      return ns;
    });
  }

 private:
  std::unique_ptr<Executable> executable_;
  std::vector<std::vector<std::byte>> inputs_, outputs_;
  std::vector<const std::byte*> in_;
  std::vector<std::byte*> out_;
};

Result<double> KernelsNs(const std::shared_ptr<OpenClDevice>& device, const CalibrationGraph& graph) {
  NPU_ASSIGN_OR_RETURN(Runner runner, Runner::Create(device, graph));
  return runner.KernelsNs();
}

Result<double> InvokeNs(const std::shared_ptr<OpenClDevice>& device, const CalibrationGraph& graph) {
  NPU_ASSIGN_OR_RETURN(Runner runner, Runner::Create(device, graph));
  return runner.InvokeNs();
}

Result<SpeedModel> Measure(const std::shared_ptr<OpenClDevice>& device) {
  SpeedModel model;
  NPU_ASSIGN_OR_RETURN(model.peak_gmacs, MeasurePeakGmacs(*device));

  // Two convolutions, one of long inner products and few outputs and one of short ones, give the two numbers of
  // t = macs / gmacs + outputs / gouts.
  const CalibrationGraph deep = DeepConvolution(), shallow = ShallowConvolution();
  NPU_ASSIGN_OR_RETURN(const double deep_ns, KernelsNs(device, deep));
  NPU_ASSIGN_OR_RETURN(const double shallow_ns, KernelsNs(device, shallow));
  const double determinant = deep.macs * shallow.outputs - shallow.macs * deep.outputs;
  const double ns_per_mac = (deep_ns * shallow.outputs - shallow_ns * deep.outputs) / determinant;
  const double ns_per_output = (deep.macs * shallow_ns - shallow.macs * deep_ns) / determinant;
  // On a device where one of the two costs nothing, noise may make it negative.
  model.convolution_gmacs = 1 / std::max(ns_per_mac, 0.5 * deep_ns / deep.macs);
  model.convolution_gouts = 1 / std::max(ns_per_output, 0.01 * shallow_ns / shallow.outputs);

  const CalibrationGraph depthwise = DepthwiseConvolution(), connected = FullyConnected();
  NPU_ASSIGN_OR_RETURN(const double depthwise_ns, KernelsNs(device, depthwise));
  model.depthwise_gmacs = depthwise.macs / depthwise_ns;
  NPU_ASSIGN_OR_RETURN(const double connected_ns, KernelsNs(device, connected));
  model.fully_connected_gmacs = connected.macs / connected_ns;
  const CalibrationGraph sum = Sum();
  NPU_ASSIGN_OR_RETURN(const double sum_ns, KernelsNs(device, sum));
  model.move_gbs = sum.bytes / sum_ns;

  const CalibrationGraph few = TinyOperators(1), many = TinyOperators(33), copy = OnlyCopies();
  NPU_ASSIGN_OR_RETURN(const double few_ns, InvokeNs(device, few));
  NPU_ASSIGN_OR_RETURN(const double many_ns, InvokeNs(device, many));
  model.launch_us = std::max((many_ns - few_ns) / 32, 1.0) / 1e3;
  model.invoke_us = std::max(few_ns / 1e3 - model.launch_us, 1e-3);
  NPU_ASSIGN_OR_RETURN(const double copy_ns, InvokeNs(device, copy));
  model.copy_gbs = copy.bytes / std::max(copy_ns - 1e3 * model.invoke_us, 0.1 * copy_ns);
  return model;
}

std::string Info(const cl::Device& device, cl_device_info what) {
  std::string text;
  if (device.getInfo(what, &text) != CL_SUCCESS) text.clear();
  return text.substr(0, text.find('\0'));
}

}  // namespace

Result<double> MeasurePeakGmacs(OpenClDevice& device) {
  constexpr KernelNeed kKernel[] = {{"npu_peak"}};
  NPU_ASSIGN_OR_RETURN(const cl::Program program, device.programs().BuildWith(kKernel));
  NPU_ASSIGN_OR_RETURN(cl::Kernel kernel, device.programs().CreateKernel(program, kKernel[0].kernel));
  // A work-item keeps a core busy, several spread evenly; a GPU hides its latencies with very many.
  const OpenClDeviceLimits& limits = device.limits();
  const size_t items = static_cast<size_t>(limits.compute_units) * ((limits.type & CL_DEVICE_TYPE_CPU) != 0 ? 4 : 1024);
  constexpr size_t kWords = 96, kResults = 16;  // of kernels/calibration.cl
  std::vector<cl_uint> data(kWords + kResults * items);
  for (size_t i = 0; i < kWords; ++i) data[i] = static_cast<cl_uint>(2654435761u * (i + 1));
  cl_int code = CL_SUCCESS;
  const cl::Buffer buffer(device.context(), CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, data.size() * sizeof(cl_uint),
                          data.data(), &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateBuffer", device.name());
  const cl::CommandQueue queue(device.context(), device.device(), 0, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device.name());
  NPU_RETURN_IF_CL_ERROR(kernel.setArg(0, buffer), "clSetKernelArg", device.name());

  const auto run = [&](int rounds) -> Result<double> {
    NPU_RETURN_IF_CL_ERROR(kernel.setArg(1, sizeof(rounds), &rounds), "clSetKernelArg", device.name());
    cl::Event event;
    const int64_t begin = TraceClockNs();
    NPU_RETURN_IF_CL_ERROR(
        queue.enqueueNDRangeKernel(kernel, cl::NullRange, cl::NDRange(items), cl::NDRange(1), nullptr, &event),
        "clEnqueueNDRangeKernel(npu_peak)", device.name());
    NPU_RETURN_IF_CL_ERROR(WaitForEvent(event()), "clWaitForEvents", device.name());
    return static_cast<double>(TraceClockNs() - begin);
  };
  // Long enough that starting and waiting do not count.
  constexpr double kLongNs = 1e6;
  constexpr int kMostRounds = 1 << 22;
  int rounds = 1 << 10;
  NPU_RETURN_IF_ERROR(run(1));  // compiles
  for (; rounds < kMostRounds; rounds *= 4) {
    NPU_ASSIGN_OR_RETURN(const double ns, run(rounds));
    if (ns >= kLongNs) break;
  }
  NPU_ASSIGN_OR_RETURN(const double ns, BestNs([&] { return run(rounds); }));
  cl_uint macs = 0;  // of a work-item and round, which only the variant's kernel knows
  NPU_RETURN_IF_CL_ERROR(queue.enqueueReadBuffer(buffer, CL_TRUE, kWords * sizeof(cl_uint), sizeof(macs), &macs),
                         "clEnqueueReadBuffer", device.name());
  return static_cast<double>(items) * rounds * macs / ns;
}

Result<SpeedModel> Calibrate(const std::shared_ptr<OpenClDevice>& device, const FileCache* files) {
  // The program decides on the variant when it is built.
  const FileCache::Identity identity = {{"kernel sources", device->programs().sources_digest()},
                                        {"build options", ProgramCache::kBuildOptions},
                                        {"device", device->name()},
                                        {"device version", Info(device->device(), CL_DEVICE_VERSION)},
                                        {"driver version", Info(device->device(), CL_DRIVER_VERSION)},
                                        {"compute units", std::to_string(device->limits().compute_units)}};
  const std::string name =
      "speed-" + Sha256Hex(fmt::format("{}\n{}", device->name(), device->limits().compute_units)).substr(0, 32);
  if (files != nullptr) {
    if (const auto bytes = files->Load(name, identity)) {
      const auto known = ReadSpeedModel({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
      if (known) return *known;
    }
  }
  NPU_ASSIGN_OR_RETURN(const SpeedModel model, Measure(device));
  if (files != nullptr) {
    const std::string text = SpeedModelText(model);
    if (const Status stored = files->Store(name, identity, std::as_bytes(std::span(text))); !stored) {
      Log(LogLevel::kWarning, "cache_dir: the device's speed is not kept: {}", stored.error().text);
    }
  }
  return model;
}

}  // namespace npu
