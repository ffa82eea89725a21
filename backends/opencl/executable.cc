// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "backends/opencl/host_binding.h"
#include "backends/opencl/launch_timer.h"
#include "backends/opencl/program_file.h"
#include "base/log.h"

namespace npu {
namespace {

void CopyBoundary(const SegmentBoundary& boundary, const std::byte* from, std::byte* to) {
  if (boundary.flip_sign_bit) {
    FlipSignBits(from, to, boundary.bytes);
  } else if (boundary.bytes > 0) {
    std::memcpy(to, from, boundary.bytes);
  }
}

// The caller's memory is what kernels use, or the place that PlaceOf gave.
bool IsThere(const SegmentBoundary& input, const std::byte* memory) {
  return input.bound != nullptr || memory == input.host;
}

class OpenClExecutable : public Executable {
 public:
  OpenClExecutable(std::unique_ptr<BoundSegment> bound, std::shared_ptr<const Graph> graph, bool event_times)
      : bound_(std::move(bound)),
        graph_(std::move(graph)),
        event_times_(event_times),
        events_(bound_->outputs.size() + 1, nullptr) {}

  ~OpenClExecutable() override {
    // In a forked process the driver's locks may be held by threads that do not exist there; commands of
    // an abandoned queue may still run. Both times memory is better lost than released.
    if (abandoned_ || !CheckProcess()) {
      static_cast<void>(team_.release());
      static_cast<void>(timer_.release());
      static_cast<void>(bound_.release());
    }
  }

  Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
    NPU_RETURN_IF_ERROR(CheckCall(inputs.size(), outputs.size()));
    NPU_RETURN_IF_ERROR(BindHostMemory(*bound_, team_.get(), inputs, outputs));
    CopyIn(inputs);
    if (team_ != nullptr) {
      if (Status status = team_->Run(); !status) {
        abandoned_ = !team_->all_ended();
        return status;
      }
      CopyOut(outputs);
      return {};
    }
    Status status = Enqueue();
    if (status) status = Wait();
    ReleaseEvents();
    if (!status) {
      // The first error is the one to tell.
      if (bound_->queue.finish() != CL_SUCCESS) abandoned_ = true;
      return status;
    }
    CopyOut(outputs);
    return {};
  }

  Status InvokeTraced(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                      InvokeTrace& trace) override {
    NPU_RETURN_IF_ERROR(CheckCall(inputs.size(), outputs.size()));
    if (timer_ == nullptr) {
      NPU_ASSIGN_OR_RETURN(timer_, LaunchTimer::Create(*bound_->device, bound_->launches, event_times_));
    }
    SegmentTrace segment;
    segment.begin_ns = TraceClockNs();
    NPU_RETURN_IF_ERROR(BindHostMemory(*bound_, team_.get(), inputs, outputs));
    CopyIn(inputs);
    if (Status status = RunTraced(segment); !status) {
      if (clFinish(timer_->queue()) != CL_SUCCESS) abandoned_ = true;
      return status;
    }
    CopyOut(outputs);
    segment.end_ns = TraceClockNs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      const SegmentBoundary& input = bound_->inputs[i];
      if (input.staged() || !IsThere(input, inputs[i])) segment.upload_bytes += static_cast<int64_t>(input.bytes);
    }
    for (const SegmentBoundary& output : bound_->outputs) {
      if (output.bound == nullptr || output.flip_sign_bit) segment.download_bytes += static_cast<int64_t>(output.bytes);
    }
    if (segment.steps.size() == bound_->launches.size()) trace.segments.push_back(std::move(segment));
    return {};
  }

  MemoryUse memory_use() const override { return bound_->memory; }

  // Where host and device share no memory: what is uploaded anyway.
  Result<InputPlace> PlaceOf(size_t input) override {
    NPU_RETURN_IF_ERROR(CheckProcess());
    if (input >= bound_->inputs.size()) return Fail(ErrorCode::kInvalidArgument, fmt::format("no input {}", input));
    SegmentBoundary& boundary = bound_->inputs[input];
    if (!boundary.staged() && !boundary.in_own_memory) {
      if (boundary.arguments.empty()) return InputPlace{};
      NPU_RETURN_IF_ERROR(GiveOwnMemory(*bound_, team_.get(), boundary));
    }
    return InputPlace{boundary.host, boundary.flip_sign_bit ? std::byte{0x80} : std::byte{0}};
  }

  // Launches everything on whatever the arena holds.
  Status WarmUp() {
    const Status status = EnqueueLaunches(nullptr);
    const cl_int code = bound_->queue.finish();
    if (code != CL_SUCCESS) abandoned_ = true;
    NPU_RETURN_IF_ERROR(status);
    NPU_RETURN_IF_CL_ERROR(code, "clFinish", bound_->device->name());
    return {};
  }

  // After WarmUp, on memory shared with the host. Without a team the caller does everything: that is no error.
  void MakeTeam(const TeamSettings& settings) {
    if (auto team = LaunchTeam::Create(*bound_, settings)) {
      team_ = std::move(*team);
    } else {
      Log(LogLevel::kWarning, "{} runs on one thread: {}", bound_->device->name(), team.error().text);
    }
  }

 private:
  Status CheckCall(size_t inputs, size_t outputs) const {
    NPU_RETURN_IF_ERROR(CheckProcess());
    if (inputs == bound_->inputs.size() && outputs == bound_->outputs.size()) return {};
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("segment has {} inputs and {} outputs, got {} and {}", bound_->inputs.size(),
                            bound_->outputs.size(), inputs, outputs));
  }

  void CopyIn(std::span<const std::byte* const> inputs) const {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const SegmentBoundary& input = bound_->inputs[i];
      if (!IsThere(input, inputs[i])) CopyBoundary(input, inputs[i], input.host);
    }
  }

  void CopyOut(std::span<std::byte* const> outputs) const {
    for (size_t i = 0; i < outputs.size(); ++i) {
      const SegmentBoundary& output = bound_->outputs[i];
      if (output.bound == nullptr) {
        CopyBoundary(output, output.host, outputs[i]);
      } else if (output.flip_sign_bit) {
        FlipSignBits(outputs[i], outputs[i], output.bytes);
      }
    }
  }

  Status EnqueueWrites(cl_command_queue queue) const {
    for (const SegmentBoundary& input : bound_->inputs) {
      if (!input.staged()) continue;
      NPU_RETURN_IF_CL_ERROR(clEnqueueWriteBuffer(queue, input.buffer(), CL_FALSE, 0, input.bytes, input.host, 0,
                                                  nullptr, nullptr),
                             "clEnqueueWriteBuffer", bound_->device->name());
    }
    return {};
  }

  // Each phase ends before the next begins, so that it can be timed.
  Status RunTraced(SegmentTrace& segment) {
    const std::string& device = bound_->device->name();
    NPU_RETURN_IF_ERROR(EnqueueWrites(timer_->queue()));
    NPU_RETURN_IF_CL_ERROR(clFinish(timer_->queue()), "clFinish", device);
    segment.uploaded_ns = TraceClockNs();
    NPU_RETURN_IF_ERROR(timer_->Run(bound_->launches, segment));
    for (const SegmentBoundary& output : bound_->outputs) {
      if (!output.staged()) continue;
      NPU_RETURN_IF_CL_ERROR(clEnqueueReadBuffer(timer_->queue(), output.buffer(), CL_TRUE, 0, output.bytes,
                                                 output.host, 0, nullptr, nullptr),
                             "clEnqueueReadBuffer", device);
    }
    return {};
  }

  Status Enqueue() {
    const std::string& device = bound_->device->name();
    NPU_RETURN_IF_ERROR(EnqueueWrites(bound_->queue()));
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
          EnqueueRange(bound_->queue(), launch.kernel(), launch.shape, last ? last_event : nullptr),
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
      NPU_RETURN_IF_CL_ERROR(WaitForEvent(event), "clWaitForEvents", bound_->device->name());
    }
    // Nothing to read back: at most inputs that nobody reads are on their way.
    if (!waited) NPU_RETURN_IF_CL_ERROR(bound_->queue.finish(), "clFinish", bound_->device->name());
    return {};
  }

  void ReleaseEvents() {
    for (cl_event& event : events_) {
      if (event != nullptr) clReleaseEvent(event);
      event = nullptr;
    }
  }

  std::unique_ptr<BoundSegment> bound_;
  std::shared_ptr<const Graph> graph_;
  std::unique_ptr<LaunchTeam> team_;  // null: everything in the calling thread, or in the driver's own
  const bool event_times_;
  std::unique_ptr<LaunchTimer> timer_;  // made by the first traced invocation
  std::vector<cl_event> events_;  // of the reads, by output, then of the last launch; null when not used
  bool abandoned_ = false;
};

// store: set if it was made anew and is to be stored once it has run.
Result<cl::Program> ProgramOf(const ProgramFile& file, OpenClDevice& device, bool& store) {
  // Programs stay for good where the device keeps their kernels (kernel_forms.h).
  const bool keep = device.limits().runs_in_caller;
  if (keep) {
    if (cl::Program kept = device.programs().Kept(file.key()); kept() != nullptr) return kept;
  }
  std::optional<cl::Program> program = file.Load();
  if (!program) {
    NPU_ASSIGN_OR_RETURN(program, file.Build());
    store = true;
  }
  if (keep) device.programs().Keep(file.key(), *program);
  return *program;
}

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
  bind.requantize = options.requantize;
  std::optional<ProgramFile> file;
  std::optional<cl::Program> program;
  bool store = false;
  if (settings.files != nullptr && !KernelNeeds(layout).empty()) {
    file.emplace(*settings.files, *device, layout, options.requantize);
    NPU_ASSIGN_OR_RETURN(program, ProgramOf(*file, *device, store));
    bind.program = &*program;
  }
  NPU_ASSIGN_OR_RETURN(std::unique_ptr<BoundSegment> bound, BindSegment(device, *graph, segment, layout, bind));
  auto executable = std::make_unique<OpenClExecutable>(std::move(bound), std::move(graph), settings.event_times);
  NPU_RETURN_IF_ERROR(executable->WarmUp());
  if (store) file->Store(*program);
  if (limits.runs_in_caller && shared && settings.team.members > 1) {
    executable->MakeTeam(settings.team);
  }
  return executable;
}

}  // namespace npu
