// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/segment_layout.h"

#include <fmt/format.h>

#include <algorithm>

namespace npu {
namespace {

using Where = Storage::Where;

// What kernels make: 8-bit tensors in the u8 domain; INT16, indices and truth values as they are.
bool IsStored(DataType type) {
  return Is8Bit(type) || type == DataType::kInt16 || type == DataType::kInt32 || type == DataType::kInt64 ||
         type == DataType::kBool;
}

class LayoutBuilder {
 public:
  LayoutBuilder(const Graph& graph, const SegmentOps& segment, const ComputeOptions& options,
                const LowerFunction& lower)
      : graph_(graph), segment_(segment), options_(options), lower_(lower) {}

  Result<SegmentLayout> Build() {
    layout_.tensors.resize(graph_.tensors.size());
    // Spans into Lowerings stay valid only if the ops never move.
    layout_.ops.reserve(segment_.ops.size());
    // Step 0 writes the inputs and old states, step s + 1 runs op s, the last step reads the outputs and new states.
    for (int tensor : segment_.inputs) NPU_RETURN_IF_ERROR(AddBlock(tensor, 0));
    for (int tensor : segment_.states) NPU_RETURN_IF_ERROR(AddBlock(tensor, 0));
    for (size_t s = 0; s < segment_.ops.size(); ++s) {
      const int op = segment_.ops[s];
      if (Status status = AddOp(op, static_cast<int>(s) + 1); !status) {
        return tl::unexpected(status.error().WithContext(DescribeOp(graph_, op)));
      }
    }
    const int end = static_cast<int>(segment_.ops.size()) + 1;
    for (int tensor : segment_.outputs) NPU_RETURN_IF_ERROR(Use(tensor, end));
    for (int tensor : segment_.states) NPU_RETURN_IF_ERROR(Use(tensor, end));
    return std::move(layout_);
  }

 private:
  Status AddBlock(int tensor, int step) {
    const auto bytes = graph_.tensors[tensor].byte_size();
    if (!bytes) return Fail(ErrorCode::kInternal, fmt::format("T#{} has no known size", tensor));
    layout_.tensors[tensor] = {Where::kArena, static_cast<int>(layout_.arena.size())};
    layout_.arena.push_back({*bytes, step, step});
    return {};
  }

  // The tensor is read or written in `step`: its storage must live then.
  Status Use(int tensor, int step) {
    if (tensor < 0 || tensor >= static_cast<int>(layout_.tensors.size())) {
      return Fail(ErrorCode::kInternal, fmt::format("there is no T#{}", tensor));
    }
    Storage& storage = layout_.tensors[tensor];
    if (storage.where == Where::kNone) {
      const Tensor& constant = graph_.tensors[tensor];
      if (!constant.is_constant()) {
        return Fail(ErrorCode::kInternal, fmt::format("T#{} is read before it is written", tensor));
      }
      storage = {Where::kConstant, static_cast<int>(layout_.constants.size())};
      layout_.constants.push_back({constant.data.bytes, constant.type == DataType::kInt8});
    } else if (storage.where == Where::kArena) {
      int& last = layout_.arena[storage.block].last;
      last = std::max(last, step);
    }
    return {};
  }

  Status AddOp(int index, int step) {
    const Op& op = graph_.ops[index];
    LoweredOp& lowered = layout_.ops.emplace_back();
    lowered.op = index;
    NPU_RETURN_IF_ERROR(lower_(OpView{graph_, op}, options_, lowered.lowering));

    for (const auto& [view, viewed] : lowered.lowering.aliases()) {
      NPU_RETURN_IF_ERROR(Use(viewed, step));
      if (std::find(op.outputs.begin(), op.outputs.end(), view) == op.outputs.end()) {
        return Fail(ErrorCode::kInternal, fmt::format("alias T#{} is not an output", view));
      }
      if (graph_.tensors[view].byte_size() != graph_.tensors[viewed].byte_size()) {
        return Fail(ErrorCode::kInternal, fmt::format("alias T#{} and T#{} differ in size", view, viewed));
      }
      layout_.tensors[view] = layout_.tensors[viewed];
    }
    for (int output : op.outputs) {
      if (output == kNoTensor) continue;
      const DataType type = graph_.tensors[output].type;
      if (!IsStored(type)) {
        return Fail(ErrorCode::kUnsupported,
                    fmt::format("output T#{} is {}, not INT8, UINT8, INT16, INT32, INT64 or BOOL", output,
                                DataTypeName(type)));
      }
      if (layout_.tensors[output].where == Where::kNone) NPU_RETURN_IF_ERROR(AddBlock(output, step));
    }
    for (const std::vector<std::byte>& bytes : lowered.lowering.constants()) {
      lowered.constants.push_back({Where::kConstant, static_cast<int>(layout_.constants.size())});
      layout_.constants.push_back({bytes, false});
    }
    for (int64_t bytes : lowered.lowering.scratch_bytes()) {
      lowered.scratch.push_back({Where::kArena, static_cast<int>(layout_.arena.size())});
      layout_.arena.push_back({bytes, step, step});
    }
    return CheckArguments(lowered, step);
  }

  Status CheckArguments(const LoweredOp& lowered, int step) {
    const auto inside = [](int i, const std::vector<Storage>& list) {
      return i >= 0 && i < static_cast<int>(list.size());
    };
    for (const KernelLaunch& launch : lowered.lowering.launches()) {
      for (const KernelArg& arg : launch.args) {
        if (const auto* tensor = std::get_if<TensorArg>(&arg)) {
          NPU_RETURN_IF_ERROR(Use(tensor->tensor, step));
        }
        const auto* constant = std::get_if<ConstantArg>(&arg);
        const auto* scratch = std::get_if<ScratchArg>(&arg);
        if ((constant != nullptr && !inside(constant->constant, lowered.constants)) ||
            (scratch != nullptr && !inside(scratch->scratch, lowered.scratch))) {
          return Fail(ErrorCode::kInternal,
                      fmt::format("kernel {} names a constant or scratch that was not added", launch.kernel));
        }
      }
    }
    return {};
  }

  const Graph& graph_;
  const SegmentOps& segment_;
  const ComputeOptions& options_;
  const LowerFunction& lower_;
  SegmentLayout layout_;
};

}  // namespace

Storage SegmentLayout::Find(const LoweredOp& op, const KernelArg& arg) const {
  if (const auto* tensor = std::get_if<TensorArg>(&arg)) return tensors[tensor->tensor];
  if (const auto* constant = std::get_if<ConstantArg>(&arg)) return op.constants[constant->constant];
  if (const auto* scratch = std::get_if<ScratchArg>(&arg)) return op.scratch[scratch->scratch];
  return {};
}

Status LowerByRoom(const OpView& op, const ComputeOptions& options, Lowering& lowering) {
  const OpRoom* room = FindRoom(op.op.kind);
  if (room == nullptr || room->lower == nullptr) {
    return Fail(ErrorCode::kInternal, fmt::format("{} has no OpenCL implementation", OpName(op.op)));
  }
  return room->lower(op, options, lowering);
}

Result<SegmentLayout> LayOutSegment(const Graph& graph, const SegmentOps& segment,
                                    const ComputeOptions& options, const LowerFunction& lower) {
  return LayoutBuilder(graph, segment, options, lower).Build();
}

}  // namespace npu
