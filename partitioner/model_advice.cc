// What a graph shows as a whole: operators that run and need not, and borders that do not fit what they are for.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "backends/ops/room.h"
#include "partitioner/advice_rules.h"
#include "partitioner/io_notes.h"

namespace npu {
namespace {

bool AppliesActivations(OpKind kind) {
  switch (kind) {
    case OpKind::kConv2D:
    case OpKind::kDepthwiseConv2D:
    case OpKind::kFullyConnected:
    case OpKind::kTransposeConv:
    case OpKind::kAdd:
    case OpKind::kSub:
    case OpKind::kMul: return true;
    default: return false;
  }
}

bool IsConvolution(OpKind kind) {
  return kind == OpKind::kConv2D || kind == OpKind::kDepthwiseConv2D || kind == OpKind::kTransposeConv;
}

bool IsPool(OpKind kind) { return kind == OpKind::kMaxPool2D || kind == OpKind::kAveragePool2D; }

class Finder {
 public:
  explicit Finder(const Plan& plan)
      : plan_(plan), graph_(*plan.graph), maker_(graph_.tensors.size(), -1), reader_(graph_.tensors.size(), kNobody) {
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      for (int tensor : graph_.ops[i].outputs) {
        if (tensor != kNoTensor) maker_[tensor] = static_cast<int>(i);
      }
      for (int tensor : graph_.ops[i].inputs) {
        if (tensor == kNoTensor) continue;
        reader_[tensor] = reader_[tensor] == kNobody ? static_cast<int>(i) : kMany;
      }
    }
    for (int tensor : graph_.outputs) reader_[tensor] = kMany;
  }

  // MUL by a constant per channel behind a convolution, perhaps with a pool between, and ADD of another behind that.
  std::vector<int> UnfusedBatchNorms() const {
    std::vector<int> found;
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const int mul = static_cast<int>(i);
      if (!ScalesChannels(mul, OpKind::kMul)) continue;
      int before = Before(mul);
      if (before >= 0 && IsPool(graph_.ops[before].kind) && OnlyReader(before) == mul) before = Before(before);
      if (before < 0 || !IsConvolution(graph_.ops[before].kind)) continue;
      found.push_back(mul);
      const int add = OnlyReader(mul);
      if (add >= 0 && ScalesChannels(add, OpKind::kAdd)) found.push_back(add);
    }
    return found;
  }

  // Activations that run on the NPU as operators of their own.
  std::vector<int> StandaloneActivations() const {
    std::vector<int> found;
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const int op = static_cast<int>(i);
      const OpKind kind = graph_.ops[i].kind;
      if (kind != OpKind::kRelu && kind != OpKind::kRelu6 && kind != OpKind::kReluN1To1) continue;
      if (!RunsOnNpu(op)) continue;
      const int before = Before(op);
      if (before >= 0 && AppliesActivations(graph_.ops[before].kind)) found.push_back(op);
    }
    return found;
  }

  std::vector<int> SubtractionsOfThemselves() const {
    std::vector<int> found;
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const Op& op = graph_.ops[i];
      if (op.kind == OpKind::kSub && op.inputs.size() == 2 && op.inputs[0] == op.inputs[1] && op.inputs[0] != kNoTensor) {
        found.push_back(static_cast<int>(i));
      }
    }
    return found;
  }

  // Makers of 8-bit outputs that are no scores.
  std::vector<int> CoarseHeads() const {
    std::vector<int> found;
    const std::vector<Head> heads = HeadsOf(graph_);
    for (size_t i = 0; i < heads.size(); ++i) {
      const int output = graph_.outputs[i];
      if (heads[i] != Head::kVector || !ComputedInBytes(output)) continue;
      found.push_back(maker_[output]);
    }
    return found;
  }

 private:
  static constexpr int kNobody = -1;
  static constexpr int kMany = -2;

  bool RunsOnNpu(int op) const {
    const OpPlan& plan = plan_.ops[op];
    return plan.placement == Placement::kNpu && plan.folded_into < 0 && !plan.evaluated;
  }

  // The op that alone reads the only output of `op`; negative if there is none.
  int OnlyReader(int op) const {
    const std::vector<int>& outputs = graph_.ops[op].outputs;
    return outputs.size() == 1 && outputs[0] != kNoTensor ? reader_[outputs[0]] : kNobody;
  }

  int Before(int op) const {
    for (int tensor : graph_.ops[op].inputs) {
      if (tensor != kNoTensor && !graph_.tensors[tensor].is_constant()) return maker_[tensor];
    }
    return kNobody;
  }

  // A binary operator on the NPU one of whose operands is a constant with one value per channel.
  bool ScalesChannels(int op, OpKind kind) const {
    const Op& o = graph_.ops[op];
    if (o.kind != kind || o.inputs.size() != 2 || o.outputs.size() != 1 || o.outputs[0] == kNoTensor || !RunsOnNpu(op)) return false;
    const Tensor& output = graph_.tensors[o.outputs[0]];
    if (!output.shape_known || output.shape.size() != 4 || output.shape[3] < 2) return false;
    return std::any_of(o.inputs.begin(), o.inputs.end(), [&](int tensor) {
      if (tensor == kNoTensor || !graph_.tensors[tensor].is_constant()) return false;
      const Tensor& constant = graph_.tensors[tensor];
      return !constant.shape.empty() && constant.shape.back() == output.shape[3] && constant.element_count() == output.shape[3];
    });
  }

  // The output is 8-bit, or a DEQUANTIZE of 8-bit.
  bool ComputedInBytes(int output) const {
    if (Is8Bit(graph_.tensors[output].type)) return true;
    const int maker = maker_[output];
    if (maker < 0 || graph_.ops[maker].kind != OpKind::kDequantize || graph_.ops[maker].inputs.empty()) return false;
    const int before = graph_.ops[maker].inputs[0];
    return before != kNoTensor && Is8Bit(graph_.tensors[before].type);
  }

  const Plan& plan_;
  const Graph& graph_;
  std::vector<int> maker_;   // per tensor
  std::vector<int> reader_;  // per tensor; a graph output has the caller as a further one
};

}  // namespace

std::vector<ModelAdvice> AdviseModel(const Plan& plan) {
  const Finder finder(plan);
  std::vector<ModelAdvice> advices;
  const auto add = [&](AdviceId id, std::vector<int> ops) {
    if (!ops.empty()) advices.push_back({id, std::move(ops)});
  };
  add(AdviceId::kUnfusedBatchNorm, finder.UnfusedBatchNorms());
  add(AdviceId::kStandaloneActivation, finder.StandaloneActivations());
  add(AdviceId::kSubOfItself, finder.SubtractionsOfThemselves());
  add(AdviceId::kFineOutput, finder.CoarseHeads());
  return advices;
}

}  // namespace npu
