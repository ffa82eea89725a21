// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backends/opencl/program_file.h"

namespace npu {
namespace {

void CopyBoundary(const SegmentBoundary& boundary, const std::byte* from, std::byte* to) {
  if (boundary.flip_sign_bit) {
    FlipSignBits(from, to, boundary.bytes);
  } else if (boundary.bytes > 0) {
    std::memcpy(to, from, boundary.bytes);
  }
}

class OpenClExecutable : public Executable {
 public:
  OpenClExecutable(std::unique_ptr<BoundSegment> bound, std::shared_ptr<const Graph> graph)
      : bound_(std::move(bound)), graph_(std::move(graph)), events_(bound_->outputs.size() + 1, nullptr) {}

  ~OpenClExecutable() override {
    // In a forked process the driver's locks may be held by threads that do not exist there; commands of
    // an abandoned queue may still run. Both times memory is better lost than released.
    if (abandoned_ || !CheckProcess()) static_cast<void>(bound_.release());
  }

  Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
    NPU_RETURN_IF_ERROR(CheckProcess());
    if (inputs.size() != bound_->inputs.size() || outputs.size() != bound_->outputs.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("segment has {} inputs and {} outputs, got {} and {}", bound_->inputs.size(),
                              bound_->outputs.size(), inputs.size(), outputs.size()));
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      CopyBoundary(bound_->inputs[i], inputs[i], bound_->inputs[i].host);
    }
    Status status = Enqueue();
    if (status) status = Wait();
    ReleaseEvents();
    if (!status) {
      // The first error is the one to tell.
      if (bound_->queue.finish() != CL_SUCCESS) abandoned_ = true;
      return status;
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      CopyBoundary(bound_->outputs[i], bound_->outputs[i].host, outputs[i]);
    }
    return {};
  }

  MemoryUse memory_use() const override { return bound_->memory; }

  // Launches everything on whatever the arena holds.
  Status WarmUp() {
    const Status status = EnqueueLaunches(nullptr);
    const cl_int code = bound_->queue.finish();
    if (code != CL_SUCCESS) abandoned_ = true;
    NPU_RETURN_IF_ERROR(status);
    NPU_RETURN_IF_CL_ERROR(code, "clFinish", bound_->device->name());
    return {};
  }

 private:
  Status Enqueue() {
    const std::string& device = bound_->device->name();
    for (const SegmentBoundary& input : bound_->inputs) {
      if (!input.staged()) continue;
      NPU_RETURN_IF_CL_ERROR(clEnqueueWriteBuffer(bound_->queue(), input.buffer(), CL_FALSE, 0, input.bytes,
                                                  input.host, 0, nullptr, nullptr),
                             "clEnqueueWriteBuffer", device);
    }
    const bool reads = std::any_of(bound_->outputs.begin(), bound_->outputs.end(),
                                   [](const SegmentBoundary& b) { return b.staged(); });
    // In an in-order queue the last command's end is the end of all.
    NPU_RETURN_IF_ERROR(EnqueueLaunches(reads ? nullptr : &events_.back()));
    for (size_t i = 0; i < bound_->outputs.size(); ++i) {
      const SegmentBoundary& output = bound_->outputs[i];
      if (!output.staged()) continue;
      NPU_RETURN_IF_CL_ERROR(clEnqueueReadBuffer(bound_->queue(), output.buffer(), CL_FALSE, 0, output.bytes,
                                                 output.host, 0, nullptr, &events_[i]),
                             "clEnqueueReadBuffer", device);
    }
    return {};
  }

  // last_event: set to the last launch's event; may be null.
  Status EnqueueLaunches(cl_event* last_event) {
    for (const BoundLaunch& launch : bound_->launches) {
      const bool last = &launch == &bound_->launches.back();
      NPU_RETURN_IF_CL_ERROR(
          clEnqueueNDRangeKernel(bound_->queue(), launch.kernel(), 3, nullptr, launch.shape.global.data(),
                                 launch.shape.local.data(), 0, nullptr, last ? last_event : nullptr),
          fmt::format("clEnqueueNDRangeKernel({})", launch.name), bound_->device->name());
    }
    return {};
  }

  // An event tells of a command that failed while it ran; clFinish does not.
  Status Wait() {
    bool waited = false;
    for (cl_event event : events_) {
      if (event == nullptr) continue;
      waited = true;
      NPU_RETURN_IF_CL_ERROR(WaitFor(event), "clWaitForEvents", bound_->device->name());
    }
    // Nothing to read back: at most inputs that nobody reads are on their way.
    if (!waited) NPU_RETURN_IF_CL_ERROR(bound_->queue.finish(), "clFinish", bound_->device->name());
    return {};
  }

  // Until the event's command has ended. PoCL's basic device may return from clWaitForEvents while another
  // thread of the process still runs the command for this one.
  static cl_int WaitFor(cl_event event) {
    if (const cl_int code = clWaitForEvents(1, &event); code != CL_SUCCESS) return code;
    for (;;) {
      cl_int status = CL_COMPLETE;
      const cl_int code =
          clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(status), &status, nullptr);
      if (code != CL_SUCCESS) return code;
      if (status <= CL_COMPLETE) return status;  // CL_COMPLETE is CL_SUCCESS
      std::this_thread::yield();
    }
  }

  void ReleaseEvents() {
    for (cl_event& event : events_) {
      if (event != nullptr) clReleaseEvent(event);
      event = nullptr;
    }
  }

  std::unique_ptr<BoundSegment> bound_;
  std::shared_ptr<const Graph> graph_;
  std::vector<cl_event> events_;  // of the reads, by output, then of the last launch; null when not used
  bool abandoned_ = false;
};

}  // namespace

Result<std::unique_ptr<Executable>> CompileForOpenCl(std::shared_ptr<OpenClDevice> device,
                                                     std::shared_ptr<const Graph> graph,
                                                     const SegmentOps& segment, const ComputeOptions& options,
                                                     const OpenClCompileSettings& settings) {
  NPU_RETURN_IF_ERROR(CheckProcess());
  // An address in shared memory may be any byte; a sub-buffer starts at a multiple of the device's alignment.
  const OpenClDeviceLimits& limits = device->limits();
  const bool shared = settings.bind.use_shared_memory && limits.shared_memory;
  const LayoutSettings layout_settings = {settings.lower, shared ? 1 : limits.alignment_bytes};
  NPU_ASSIGN_OR_RETURN(const SegmentLayout layout, LayOutSegment(*graph, segment, options, layout_settings));
  BindSettings bind = settings.bind;
  std::optional<ProgramFile> file;
  std::optional<cl::Program> program;
  bool store = false;
  if (settings.files != nullptr) {
    file.emplace(*settings.files, *device, layout);
    program = file->Load();
    if (!program) {
      NPU_ASSIGN_OR_RETURN(program, file->Build());
      store = true;
    }
    bind.program = &*program;
  }
  NPU_ASSIGN_OR_RETURN(std::unique_ptr<BoundSegment> bound, BindSegment(device, *graph, segment, layout, bind));
  auto executable = std::make_unique<OpenClExecutable>(std::move(bound), std::move(graph));
  NPU_RETURN_IF_ERROR(executable->WarmUp());
  if (store) file->Store(*program);
  return executable;
}

}  // namespace npu
