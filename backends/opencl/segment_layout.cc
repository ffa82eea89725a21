// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/segment_layout.h"

#include <fmt/format.h>

#include <algorithm>

#include "backends/opencl/tensor_views.h"

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
                const LayoutSettings& settings)
      : graph_(graph), segment_(segment), options_(options), settings_(settings) {}

  Result<SegmentLayout> Build() {
    layout_.tensors.resize(graph_.tensors.size());
    lives_.resize(graph_.tensors.size());
    // Spans into Lowerings stay valid only if the ops never move.
    layout_.ops.reserve(segment_.ops.size());
    // Step 0 writes the inputs and old states, step s + 1 runs op s, the last step reads the outputs and new states.
    const int end = static_cast<int>(segment_.ops.size()) + 1;
    scratch_bytes_.assign(static_cast<size_t>(end) + 1, 0);
    for (int tensor : segment_.inputs) NPU_RETURN_IF_ERROR(Write(tensor, 0));
    for (int tensor : segment_.states) {
      NPU_RETURN_IF_ERROR(Write(tensor, 0));
      lives_[tensor].fixed = true;
    }
    for (size_t s = 0; s < segment_.ops.size(); ++s) {
      const int op = segment_.ops[s];
      if (Status status = AddOp(op, static_cast<int>(s) + 1); !status) {
        return tl::unexpected(status.error().WithContext(DescribeOp(graph_, op)));
      }
    }
    for (int tensor : segment_.outputs) NPU_RETURN_IF_ERROR(Use(tensor, end));
    for (int tensor : segment_.states) NPU_RETURN_IF_ERROR(Use(tensor, end));
    PlaceTensors();
    return std::move(layout_);
  }

 private:
  bool Written(int tensor) const { return lives_[tensor].first >= 0; }

  Status Write(int tensor, int step) {
    const auto bytes = graph_.tensors[tensor].byte_size();
    if (!bytes) return Fail(ErrorCode::kInternal, fmt::format("T#{} has no known size", tensor));
    lives_[tensor] = {*bytes, step, step, false, false};
    return {};
  }

  // The tensor is read or written in `step`: its storage must live then.
  Status Use(int tensor, int step) {
    if (tensor < 0 || tensor >= static_cast<int>(layout_.tensors.size())) {
      return Fail(ErrorCode::kInternal, fmt::format("there is no T#{}", tensor));
    }
    TensorLife& life = lives_[tensor];
    if (Written(tensor)) {
      life.last = std::max(life.last, step);
    } else if (!life.constant) {
      const Tensor& constant = graph_.tensors[tensor];
      if (!constant.is_constant()) {
        return Fail(ErrorCode::kInternal, fmt::format("T#{} is read before it is written", tensor));
      }
      life = {static_cast<int64_t>(constant.data.bytes.size()), -1, -1, true, false};
      layout_.tensors[tensor] = {Where::kConstant, static_cast<int>(layout_.constants.size())};
      layout_.constants.push_back({constant.data.bytes, constant.type == DataType::kInt8});
    }
    return {};
  }

  Status AddOp(int index, int step) {
    const Op& op = graph_.ops[index];
    LoweredOp& lowered = layout_.ops.emplace_back();
    lowered.op = index;
    NPU_RETURN_IF_ERROR(settings_.lower(OpView{graph_, op}, options_, lowered.lowering));

    for (const auto& [view, viewed] : lowered.lowering.aliases()) {
      NPU_RETURN_IF_ERROR(Use(viewed, step));
      if (std::find(op.outputs.begin(), op.outputs.end(), view) == op.outputs.end()) {
        return Fail(ErrorCode::kInternal, fmt::format("alias T#{} is not an output", view));
      }
      if (graph_.tensors[view].byte_size() != graph_.tensors[viewed].byte_size()) {
        return Fail(ErrorCode::kInternal, fmt::format("alias T#{} and T#{} differ in size", view, viewed));
      }
      aliases_.emplace_back(view, viewed);
    }
    for (int output : op.outputs) {
      if (output == kNoTensor) continue;
      const DataType type = graph_.tensors[output].type;
      if (!IsStored(type)) {
        return Fail(ErrorCode::kUnsupported,
                    fmt::format("output T#{} is {}, not INT8, UINT8, INT16, INT32, INT64 or BOOL", output,
                                DataTypeName(type)));
      }
      if (!Written(output)) NPU_RETURN_IF_ERROR(Write(output, step));
    }
    for (const std::vector<std::byte>& bytes : lowered.lowering.constants()) {
      lowered.constants.push_back({Where::kConstant, static_cast<int>(layout_.constants.size())});
      layout_.constants.push_back({bytes, false});
    }
    for (int64_t bytes : lowered.lowering.scratch_bytes()) {
      lowered.scratch.push_back({Where::kArena, static_cast<int>(layout_.arena.size())});
      layout_.arena.push_back({bytes, step, step});
      scratch_bytes_[step] += bytes;
    }
    for (const KernelLaunch& launch : lowered.lowering.launches()) {
      NPU_RETURN_IF_ERROR(CheckArguments(lowered, launch, step));
      if (launch.copy) NPU_RETURN_IF_ERROR(CheckCopy(op, *launch.copy, step));
    }
    return {};
  }

  Status CheckArguments(const LoweredOp& lowered, const KernelLaunch& launch, int step) {
    const auto inside = [](int i, const std::vector<Storage>& list) {
      return i >= 0 && i < static_cast<int>(list.size());
    };
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
    return {};
  }

  Status CheckCopy(const Op& op, const RangeCopy& copy, int step) {
    NPU_RETURN_IF_ERROR(Use(copy.source, step));
    NPU_RETURN_IF_ERROR(Use(copy.target, step));
    const auto inside = [&](int tensor, int64_t offset) {
      return offset >= 0 && copy.bytes > 0 && offset <= lives_[tensor].bytes - copy.bytes;
    };
    const bool made_here = std::find(op.outputs.begin(), op.outputs.end(), copy.target) != op.outputs.end();
    if (!made_here || copy.source == copy.target || !inside(copy.source, copy.source_offset) ||
        !inside(copy.target, copy.target_offset)) {
      return Fail(ErrorCode::kInternal,
                  fmt::format("{} bytes from {} of T#{} to {} of T#{} are no copy into an output", copy.bytes,
                              copy.source_offset, copy.source, copy.target_offset, copy.target));
    }
    copies_.push_back(copy);
    return {};
  }

  // Lives are known: gives every tensor a block, its own or that of what it is a part of.
  void PlaceTensors() {
    ViewChoice choice =
        ChooseViews({lives_, scratch_bytes_, aliases_, copies_, settings_.view_alignment});
    size_t copy = 0;
    for (LoweredOp& op : layout_.ops) {
      for (const KernelLaunch& launch : op.lowering.launches()) {
        op.dropped.push_back(launch.copy && choice.dropped[copy++]);
        if (op.dropped.back()) layout_.uncopied_bytes += launch.copy->bytes;
      }
    }
    for (size_t i = 0; i < lives_.size(); ++i) {
      const TensorLife& life = lives_[i];
      if (life.first < 0) continue;
      const TensorHome home = choice.views.Find(static_cast<int>(i));
      Storage& root = layout_.tensors[home.root];
      if (root.where == Where::kNone) {
        root = {Where::kArena, static_cast<int>(layout_.arena.size())};
        layout_.arena.push_back({lives_[home.root].bytes, life.first, life.last});
      }
      if (root.where == Where::kArena) {
        MemoryRequest& block = layout_.arena[root.block];
        block.first = std::min(block.first, life.first);
        block.last = std::max(block.last, life.last);
      }
      layout_.tensors[i] = {root.where, root.block, home.offset};
    }
  }

  const Graph& graph_;
  const SegmentOps& segment_;
  const ComputeOptions& options_;
  const LayoutSettings& settings_;
  SegmentLayout layout_;
  std::vector<TensorLife> lives_;       // by tensor
  std::vector<int64_t> scratch_bytes_;  // by step
  std::vector<std::pair<int, int>> aliases_;
  std::vector<RangeCopy> copies_;  // of all launches that have one
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
                                    const ComputeOptions& options, const LayoutSettings& settings) {
  return LayoutBuilder(graph, segment, options, settings).Build();
}

std::vector<KernelNeed> KernelNeeds(const SegmentLayout& layout) {
  std::vector<KernelNeed> needs;
  for (const LoweredOp& op : layout.ops) {
    const std::vector<KernelLaunch>& launches = op.lowering.launches();
    for (size_t i = 0; i < launches.size(); ++i) {
      if (op.dropped[i]) continue;
      const auto known = std::find_if(needs.begin(), needs.end(),
                                      [&](const KernelNeed& need) { return need.kernel == launches[i].kernel; });
      if (known == needs.end()) {
        needs.push_back({launches[i].kernel, launches[i].parts});
      } else {
        known->parts |= launches[i].parts;
      }
    }
  }
  return needs;
}

}  // namespace npu
