// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/bound_segment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "backends/opencl/host_binding.h"
#include "backends/opencl/segment_memory.h"

namespace npu {
namespace {

// Places the blocks with `slack` bytes after each, and allocates them.
Result<DeviceMemory> AllocateBlocks(OpenClDevice& device, std::vector<MemoryRequest> requests, int64_t slack,
                                    bool shared, int64_t& total_bytes) {
  const OpenClDeviceLimits& limits = device.limits();
  NPU_ASSIGN_OR_RETURN(const MemoryLayout layout,
                       PlaceBlocks(requests, slack, limits.alignment_bytes, limits.max_allocation_bytes));
  std::vector<int64_t> sizes;
  for (const MemoryRequest& request : requests) sizes.push_back(request.bytes);
  total_bytes = layout.total_bytes;
  return DeviceMemory::Allocate(device, layout.offsets, sizes, total_bytes, shared);
}

Status Upload(const BoundSegment& state, const std::vector<ConstantBlock>& constants) {
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
    if (std::byte* to = state.constants->host(i); to != nullptr) {
      std::memcpy(to, from, bytes.size());
      continue;
    }
    NPU_RETURN_IF_CL_ERROR(
        state.queue.enqueueWriteBuffer(state.constants->block(i), CL_TRUE, 0, bytes.size(), from),
        fmt::format("clEnqueueWriteBuffer({} constant bytes)", bytes.size()), state.device->name());
  }
  return {};
}

// Shared with other segments of the same constants where the host can compare them.
Status BindConstants(BoundSegment& state, const SegmentLayout& layout, int64_t slack, bool shared) {
  const std::vector<ConstantBlock>& constants = layout.constants;
  OpenClDevice& device = *state.device;
  std::optional<ConstantPool::Key> key;
  if (shared && slack == kBlockSlack && !constants.empty()) key.emplace(constants);
  if (key) state.constants = device.constants().Find(*key, constants);
  if (state.constants != nullptr) {
    state.memory.constant_bytes = state.constants->bytes();
    return {};
  }
  NPU_ASSIGN_OR_RETURN(
      DeviceMemory memory,
      AllocateBlocks(device, ConstantRequests(layout), slack, shared, state.memory.constant_bytes));
  state.constants = std::make_shared<DeviceMemory>(std::move(memory));
  NPU_RETURN_IF_ERROR(Upload(state, constants));
  if (key) device.constants().Add(*key, state.constants);
  return {};
}

class KernelBinder {
 public:
  KernelBinder(BoundSegment& state, const SegmentLayout& layout, const KernelPrograms& programs)
      : state_(state), layout_(layout), programs_(programs), arguments_(layout.arena.size()) {}

  Status Bind(const LoweredOp& op, const KernelLaunch& launch) {
    const std::string& device = state_.device->name();
    const cl::Program& program = programs_.at(launch.kernel);
    NPU_ASSIGN_OR_RETURN(cl::Kernel kernel, state_.device->programs().CreateKernel(program, launch.kernel));
    cl_int code = CL_SUCCESS;
    const cl_uint wanted = kernel.getInfo<CL_KERNEL_NUM_ARGS>(&code);
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clGetKernelInfo({})", launch.kernel), device);
    if (wanted != launch.args.size()) {
      return Fail(ErrorCode::kInternal, fmt::format("kernel {} takes {} arguments, {} were lowered",
                                                    launch.kernel, wanted, launch.args.size()));
    }
    for (cl_uint i = 0; i < wanted; ++i) {
      if (Status status = SetArg(kernel, i, op, launch.args[i]); !status) {
        return tl::unexpected(status.error().WithContext(fmt::format("kernel {}", launch.kernel)));
      }
    }
    const auto required =
        kernel.getWorkGroupInfo<CL_KERNEL_COMPILE_WORK_GROUP_SIZE>(state_.device->device(), &code);
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clGetKernelWorkGroupInfo({})", launch.kernel), device);
    const size_t most = kernel.getWorkGroupInfo<CL_KERNEL_WORK_GROUP_SIZE>(state_.device->device(), &code);
    NPU_RETURN_IF_CL_ERROR(code, fmt::format("clGetKernelWorkGroupInfo({})", launch.kernel), device);
    LaunchShape shape = ChooseLaunchShape(launch.global, {required[0], required[1], required[2]}, most, CpuUnits(),
                                          UsualGroup(launch.kernel));
    if (shape.global[0] == 0 || shape.global[1] == 0 || shape.global[2] == 0) return {};
    shape.offset = state_.device->forms().id_offset();
    std::vector<size_t> argument_bytes;
    for (const KernelArg& arg : launch.args) {
      argument_bytes.push_back(std::holds_alternative<int32_t>(arg) || std::holds_alternative<float>(arg) ? 4 : 0);
    }
    NPU_RETURN_IF_ERROR(state_.device->forms().Fix(program, launch.kernel, shape.local, argument_bytes));
    for (cl_uint i = 0; i < wanted; ++i) {
      const Storage storage = layout_.Find(op, launch.args[i]);
      if (storage.where != Storage::Where::kArena) continue;
      arguments_[storage.block].push_back({static_cast<int>(state_.launches.size()), i, storage.offset});
    }
    state_.launches.push_back({std::move(kernel), shape, launch.kernel, op.op});
    return {};
  }

  // By block of the arena: what was bound to it.
  const BlockArguments& arguments() const { return arguments_; }

 private:
  int CpuUnits() const {
    const OpenClDeviceLimits& limits = state_.device->limits();
    return (limits.type & CL_DEVICE_TYPE_CPU) != 0 ? limits.compute_units : 0;
  }

  // The group of the first launch of the kernel that has groups.
  std::array<size_t, 3> UsualGroup(std::string_view kernel) {
    const auto [known, added] = usual_.try_emplace(kernel, std::array<size_t, 3>{1, 1, 1});
    for (size_t o = 0; added && o < layout_.ops.size(); ++o) {
      const LoweredOp& op = layout_.ops[o];
      const std::vector<KernelLaunch>& launches = op.lowering.launches();
      for (size_t i = 0; i < launches.size() && known->second == std::array<size_t, 3>{1, 1, 1}; ++i) {
        if (op.dropped[i] || launches[i].kernel != kernel) continue;
        known->second =
            ChooseLaunchShape(launches[i].global, {}, state_.device->limits().max_work_group_size, CpuUnits()).local;
      }
    }
    return known->second;
  }

  Status SetArg(cl::Kernel& kernel, cl_uint i, const LoweredOp& op, const KernelArg& arg) const {
    const auto set_number = [&](const auto& number) -> Status {
      NPU_RETURN_IF_CL_ERROR(kernel.setArg(i, sizeof(number), &number), fmt::format("clSetKernelArg({})", i),
                             state_.device->name());
      return {};
    };
    if (const auto* number = std::get_if<int32_t>(&arg)) return set_number(*number);
    if (const auto* number = std::get_if<float>(&arg)) return set_number(*number);
    const Storage storage = layout_.Find(op, arg);
    const bool constant = storage.where == Storage::Where::kConstant;
    return (constant ? *state_.constants : state_.arena).SetArgument(kernel, i, storage.block, storage.offset);
  }

  BoundSegment& state_;
  const SegmentLayout& layout_;
  const KernelPrograms& programs_;
  std::map<std::string_view, std::array<size_t, 3>> usual_;  // UsualGroup's
  BlockArguments arguments_;
};

Result<SegmentBoundary> MakeBoundary(BoundSegment& state, const SegmentLayout& layout, const Graph& graph,
                                     int tensor) {
  const Storage storage = layout.tensors[tensor];
  DeviceMemory& memory = storage.where == Storage::Where::kConstant ? *state.constants : state.arena;
  SegmentBoundary boundary;
  boundary.bytes = static_cast<size_t>(graph.tensors[tensor].byte_size().value_or(0));
  boundary.element_bytes = std::max<size_t>(DataTypeBits(graph.tensors[tensor].type) / 8, 1);
  boundary.flip_sign_bit = graph.tensors[tensor].type == DataType::kInt8;
  if (std::byte* host = memory.host(storage.block); host != nullptr) {
    boundary.host = host + storage.offset;
    return boundary;
  }
  NPU_ASSIGN_OR_RETURN(boundary.buffer, memory.Rest(storage.block, storage.offset));
  boundary.staging.resize(boundary.bytes);
  boundary.host = boundary.staging.data();
  return boundary;
}

}  // namespace

cl_int EnqueueRange(cl_command_queue queue, cl_kernel kernel, const LaunchShape& shape, cl_event* event) {
  return clEnqueueNDRangeKernel(queue, kernel, 3, shape.offset.data(), shape.global.data(), shape.local.data(), 0,
                                nullptr, event);
}

void FlipSignBits(const std::byte* from, std::byte* to, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) to[i] = from[i] ^ std::byte{0x80};
}

Result<std::unique_ptr<BoundSegment>> BindSegment(std::shared_ptr<OpenClDevice> device, const Graph& graph,
                                                  const SegmentOps& segment, const SegmentLayout& layout,
                                                  const BindSettings& settings) {
  auto bound = std::make_unique<BoundSegment>();
  bound->device = device;
  cl_int code = CL_SUCCESS;
  bound->queue = cl::CommandQueue(device->context(), device->device(), 0, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateCommandQueue", device->name());

  const bool shared = settings.use_shared_memory && device->limits().shared_memory;
  const int64_t slack = kBlockSlack + settings.guard_bytes;
  std::vector<MemoryRequest> arena = layout.arena;
  if (settings.guard_bytes > 0) {
    for (MemoryRequest& request : arena) request.first = request.last = 0;
  }
  NPU_RETURN_IF_ERROR(BindConstants(*bound, layout, slack, shared));
  NPU_ASSIGN_OR_RETURN(bound->arena,
                       AllocateBlocks(*device, arena, slack, shared, bound->memory.arena_bytes));
  bound->memory.uncopied_bytes = layout.uncopied_bytes;

  const std::vector<KernelNeed> needs = KernelNeeds(layout);
  KernelPrograms programs;
  if (settings.program != nullptr) {
    for (const KernelNeed& need : needs) programs.emplace(need.kernel, *settings.program);
  } else if (!needs.empty()) {
    NPU_ASSIGN_OR_RETURN(programs, device->programs().Programs(needs, settings.variant, settings.requantize));
  }
  KernelBinder binder(*bound, layout, programs);
  for (const LoweredOp& op : layout.ops) {
    const std::vector<KernelLaunch>& launches = op.lowering.launches();
    for (size_t i = 0; i < launches.size(); ++i) {
      if (op.dropped[i]) continue;
      if (Status status = binder.Bind(op, launches[i]); !status) {
        return tl::unexpected(status.error().WithContext(DescribeOp(graph, op.op)));
      }
    }
  }
  for (int tensor : segment.inputs) {
    NPU_ASSIGN_OR_RETURN(SegmentBoundary boundary, MakeBoundary(*bound, layout, graph, tensor));
    bound->inputs.push_back(std::move(boundary));
  }
  for (int tensor : segment.outputs) {
    NPU_ASSIGN_OR_RETURN(SegmentBoundary boundary, MakeBoundary(*bound, layout, graph, tensor));
    bound->outputs.push_back(std::move(boundary));
  }
  for (int tensor : segment.states) {
    NPU_ASSIGN_OR_RETURN(SegmentBoundary before, MakeBoundary(*bound, layout, graph, tensor));
    NPU_ASSIGN_OR_RETURN(SegmentBoundary after, MakeBoundary(*bound, layout, graph, tensor));
    bound->inputs.push_back(std::move(before));
    bound->outputs.push_back(std::move(after));
  }
  if (shared) FindHostArguments(*bound, layout, graph, segment, binder.arguments());
  bound->use_host_memory = shared && settings.use_host_memory && device->limits().runs_in_caller;
  for (const std::vector<SegmentBoundary>* list : {&bound->inputs, &bound->outputs}) {
    for (const SegmentBoundary& boundary : *list) {
      bound->memory.staging_bytes += static_cast<int64_t>(boundary.staging.size());
    }
  }
  return bound;
}

}  // namespace npu
