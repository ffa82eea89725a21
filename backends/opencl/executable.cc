// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/executable.h"

#include <fmt/format.h>

#include <cstring>
#include <string>
#include <vector>

#include "backends/opencl/device_memory.h"
#include "backends/opencl/launch_shape.h"

namespace npu {
namespace {

struct Launch {
  cl::Kernel kernel;
  LaunchShape shape;
  std::string_view name;
};

// A segment input or output.
struct Boundary {
  cl::Buffer buffer;
  std::byte* shared = nullptr;  // its place in shared memory, or null
  size_t bytes = 0;
  bool flip_sign_bit = false;      // INT8
  std::vector<std::byte> staging;  // of an INT8 input that crosses by a command
};

// q ^ 0x80 is q + 128: INT8 to the u8 domain, and back. from may be to.
void FlipSignBits(const std::byte* from, std::byte* to, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to[i] = from[i] ^ std::byte{0x80};
}

void CopyBoundary(const Boundary& boundary, const std::byte* from, std::byte* to) {
  if (boundary.flip_sign_bit) {
    FlipSignBits(from, to, boundary.bytes);
  } else if (boundary.bytes > 0) {
    std::memcpy(to, from, boundary.bytes);
  }
}

// Everything that belongs to the driver, so that a forked process can leave it alone as one.
// Members are destroyed in reverse: the queue last.
struct DeviceState {
  std::shared_ptr<OpenClDevice> device;
  cl::CommandQueue queue;
  DeviceMemory constants, arena;
  std::vector<Launch> launches;
  std::vector<Boundary> inputs, outputs;
  std::vector<cl_event> events;  // of the reads, by output, then of the last launch; null when not used
};

class OpenClExecutable : public Executable {
 public:
  OpenClExecutable(std::unique_ptr<DeviceState> state, std::shared_ptr<const Graph> graph, MemoryUse memory)
      : state_(std::move(state)), graph_(std::move(graph)), memory_(memory) {}

  ~OpenClExecutable() override {
    // Driver locks may be held by threads that do not exist in a forked process.
    if (!CheckProcess()) static_cast<void>(state_.release());
  }

  Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
    NPU_RETURN_IF_ERROR(CheckProcess());
    if (inputs.size() != state_->inputs.size() || outputs.size() != state_->outputs.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("segment has {} inputs and {} outputs, got {} and {}", state_->inputs.size(),
                              state_->outputs.size(), inputs.size(), outputs.size()));
    }
    Status status = Enqueue(inputs, outputs);
    if (status) {
      status = Wait();
    } else {
      // Commands already enqueued may use the caller's memory. The first error is the one to tell.
      static_cast<void>(state_->queue.finish());
    }
    ReleaseEvents();
    NPU_RETURN_IF_ERROR(status);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Boundary& output = state_->outputs[i];
      if (output.shared != nullptr) {
        CopyBoundary(output, output.shared, outputs[i]);
      } else if (output.flip_sign_bit) {
        FlipSignBits(outputs[i], outputs[i], output.bytes);
      }
    }
    return {};
  }

  MemoryUse memory_use() const override { return memory_; }

  // Launches everything on whatever the arena holds.
  Status WarmUp() {
    const Status status = EnqueueLaunches(nullptr);
    const cl_int code = state_->queue.finish();
    NPU_RETURN_IF_ERROR(status);
    NPU_RETURN_IF_CL_ERROR(code, "clFinish", state_->device->name());
    return {};
  }

 private:
  Status Enqueue(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) {
    const std::string& device = state_->device->name();
    for (size_t i = 0; i < inputs.size(); ++i) {
      Boundary& input = state_->inputs[i];
      if (input.bytes == 0) continue;
      const std::byte* from = inputs[i];
      if (input.shared != nullptr) {
        CopyBoundary(input, from, input.shared);
        continue;
      }
      if (input.flip_sign_bit) {
        FlipSignBits(from, input.staging.data(), input.bytes);
        from = input.staging.data();
      }
      NPU_RETURN_IF_CL_ERROR(clEnqueueWriteBuffer(state_->queue(), input.buffer(), CL_FALSE, 0, input.bytes,
                                                  from, 0, nullptr, nullptr),
                             "clEnqueueWriteBuffer", device);
    }
    bool reads = false;
    for (const Boundary& output : state_->outputs) reads |= output.shared == nullptr && output.bytes > 0;
    // In an in-order queue the last command's end is the end of all.
    NPU_RETURN_IF_ERROR(EnqueueLaunches(reads ? nullptr : &state_->events.back()));
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Boundary& output = state_->outputs[i];
      if (output.bytes == 0 || output.shared != nullptr) continue;
      NPU_RETURN_IF_CL_ERROR(clEnqueueReadBuffer(state_->queue(), output.buffer(), CL_FALSE, 0, output.bytes,
                                                 outputs[i], 0, nullptr, &state_->events[i]),
                             "clEnqueueReadBuffer", device);
    }
    return {};
  }

  Status EnqueueLaunches(cl_event* last_event) {
    for (const Launch& launch : state_->launches) {
      const bool last = &launch == &state_->launches.back();
      NPU_RETURN_IF_CL_ERROR(
          clEnqueueNDRangeKernel(state_->queue(), launch.kernel(), 3, nullptr, launch.shape.global.data(),
                                 launch.shape.local.data(), 0, nullptr, last ? last_event : nullptr),
          fmt::format("clEnqueueNDRangeKernel({})", launch.name), state_->device->name());
    }
    return {};
  }

  Status Wait() {
    bool waited = false;
    for (cl_event event : state_->events) {
      if (event == nullptr) continue;
      waited = true;
      const cl_int code = clWaitForEvents(1, &event);
      if (code == CL_SUCCESS) continue;
      static_cast<void>(state_->queue.finish());
      return ClFail("clWaitForEvents", code, state_->device->name());
    }
    // Nothing to read back: only inputs nobody reads, if anything, are on their way.
    if (!waited) NPU_RETURN_IF_CL_ERROR(state_->queue.finish(), "clFinish", state_->device->name());
    return {};
  }

  void ReleaseEvents() {
    for (cl_event& event : state_->events) {
      if (event != nullptr) clReleaseEvent(event);
      event = nullptr;
    }
  }

  std::unique_ptr<DeviceState> state_;
  std::shared_ptr<const Graph> graph_;
  MemoryUse memory_;
};

// Places blocks one after another (`requests` all alive together) or shares bytes between them, and
// allocates them with their slack.
Result<DeviceMemory> AllocateBlocks(OpenClDevice& device, std::vector<MemoryRequest> requests, bool shared,
                                    int64_t& total_bytes) {
  std::vector<int64_t> sizes;
  for (MemoryRequest& request : requests) {
    request.bytes += kBlockSlack;
    sizes.push_back(request.bytes);
  }
  const OpenClDeviceLimits& limits = device.limits();
  NPU_ASSIGN_OR_RETURN(const MemoryLayout layout,
                       PlanMemory(requests, limits.alignment_bytes, limits.max_allocation_bytes));
  total_bytes = layout.total_bytes;
  return DeviceMemory::Allocate(device, layout.offsets, sizes, total_bytes, shared);
}

Status Upload(const DeviceState& state, const std::vector<ConstantBlock>& constants) {
  for (int i = 0; i < static_cast<int>(constants.size()); ++i) {
    const auto [bytes, flip] = constants[i];
    if (bytes.empty()) continue;
    std::vector<std::byte> flipped;
    const std::byte* from = bytes.data();
    if (flip) {
      flipped.resize(bytes.size());
      FlipSignBits(from, flipped.data(), bytes.size());
      from = flipped.data();
    }
    if (std::byte* to = state.constants.host(i); to != nullptr) {
      std::memcpy(to, from, bytes.size());
      continue;
    }
    NPU_RETURN_IF_CL_ERROR(
        state.queue.enqueueWriteBuffer(state.constants.block(i), CL_TRUE, 0, bytes.size(), from),
        fmt::format("clEnqueueWriteBuffer({} constant bytes)", bytes.size()), state.device->name());
  }
  return {};
}

class KernelBinder {
 public:
  KernelBinder(DeviceState& state, const SegmentLayout& layout) : state_(state), layout_(layout) {}

  Status Bind(const LoweredOp& op, const KernelLaunch& launch) {
    const std::string& device = state_.device->name();
    NPU_ASSIGN_OR_RETURN(cl::Kernel kernel, state_.device->programs().CreateKernel(launch.kernel));
    cl_int code = CL_SUCCESS;
    const cl_uint wanted = kernel.getInfo<CL_KERNEL_NUM_ARGS>(&code);
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clGetKernelInfo({})", launch.kernel), device);
    if (wanted != launch.args.size()) {
      return Fail(ErrorCode::kInternal, fmt::format("kernel {} takes {} arguments, {} were lowered",
                                                    launch.kernel, wanted, launch.args.size()));
    }
    for (cl_uint i = 0; i < wanted; ++i) {
      NPU_RETURN_IF_CL_ERROR(SetArg(kernel, i, op, launch.args[i]),
                             fmt::format("clSetKernelArg({}, {})", launch.kernel, i), device);
    }
    const auto required = kernel.getWorkGroupInfo<CL_KERNEL_COMPILE_WORK_GROUP_SIZE>(state_.device->device(), &code);
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clGetKernelWorkGroupInfo({})", launch.kernel), device);
    const size_t most = kernel.getWorkGroupInfo<CL_KERNEL_WORK_GROUP_SIZE>(state_.device->device(), &code);
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clGetKernelWorkGroupInfo({})", launch.kernel), device);
    const OpenClDeviceLimits& limits = state_.device->limits();
    const LaunchShape shape =
        ChooseLaunchShape(launch.global, {required[0], required[1], required[2]}, most,
                          (limits.type & CL_DEVICE_TYPE_CPU) != 0 ? limits.compute_units : 0);
    if (shape.global[0] == 0 || shape.global[1] == 0 || shape.global[2] == 0) return {};
    state_.launches.push_back({std::move(kernel), shape, launch.kernel});
    return {};
  }

 private:
  cl_int SetArg(cl::Kernel& kernel, cl_uint i, const LoweredOp& op, const KernelArg& arg) const {
    if (const auto* number = std::get_if<int32_t>(&arg)) return kernel.setArg(i, sizeof(*number), number);
    if (const auto* number = std::get_if<float>(&arg)) return kernel.setArg(i, sizeof(*number), number);
    const Storage storage = layout_.Find(op, arg);
    const bool constant = storage.where == Storage::Where::kConstant;
    return kernel.setArg(i, (constant ? state_.constants : state_.arena).block(storage.block));
  }

  DeviceState& state_;
  const SegmentLayout& layout_;
};

Boundary MakeBoundary(const DeviceState& state, const SegmentLayout& layout, const Graph& graph, int tensor,
                      bool is_input) {
  const Storage storage = layout.tensors[tensor];
  const DeviceMemory& memory = storage.where == Storage::Where::kConstant ? state.constants : state.arena;
  Boundary boundary;
  boundary.buffer = memory.block(storage.block);
  boundary.shared = memory.host(storage.block);
  boundary.bytes = static_cast<size_t>(graph.tensors[tensor].byte_size().value_or(0));
  boundary.flip_sign_bit = graph.tensors[tensor].type == DataType::kInt8;
  if (is_input && boundary.flip_sign_bit && boundary.shared == nullptr) boundary.staging.resize(boundary.bytes);
  return boundary;
}

}  // namespace

Result<std::unique_ptr<Executable>> CompileForOpenCl(std::shared_ptr<OpenClDevice> device,
                                                     std::shared_ptr<const Graph> graph,
                                                     const SegmentOps& segment, const ComputeOptions& options,
                                                     const OpenClCompileSettings& settings) {
  NPU_RETURN_IF_ERROR(CheckProcess());
  NPU_ASSIGN_OR_RETURN(const SegmentLayout layout, LayOutSegment(*graph, segment, options, settings.lower));
  auto state = std::make_unique<DeviceState>();
  state->device = device;
  cl_int code = CL_SUCCESS;
  state->queue = cl::CommandQueue(device->context(), device->device(), 0, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device->name());

  const bool shared = settings.use_shared_memory && device->limits().shared_memory;
  MemoryUse memory;
  std::vector<MemoryRequest> constants;
  for (const ConstantBlock& block : layout.constants) {
    constants.push_back({static_cast<int64_t>(block.bytes.size()), 0, 0});
  }
  NPU_ASSIGN_OR_RETURN(state->constants, AllocateBlocks(*device, constants, shared, memory.constant_bytes));
  NPU_ASSIGN_OR_RETURN(state->arena, AllocateBlocks(*device, layout.arena, shared, memory.arena_bytes));
  NPU_RETURN_IF_ERROR(Upload(*state, layout.constants));

  KernelBinder binder(*state, layout);
  for (const LoweredOp& op : layout.ops) {
    for (const KernelLaunch& launch : op.lowering.launches()) {
      if (Status status = binder.Bind(op, launch); !status) {
        return tl::unexpected(status.error().WithContext(DescribeOp(*graph, op.op)));
      }
    }
  }
  for (int tensor : segment.inputs) {
    state->inputs.push_back(MakeBoundary(*state, layout, *graph, tensor, true));
  }
  for (int tensor : segment.outputs) {
    state->outputs.push_back(MakeBoundary(*state, layout, *graph, tensor, false));
  }
  state->events.assign(segment.outputs.size() + 1, nullptr);

  auto executable = std::make_unique<OpenClExecutable>(std::move(state), std::move(graph), memory);
  NPU_RETURN_IF_ERROR(executable->WarmUp());
  return executable;
}

}  // namespace npu
