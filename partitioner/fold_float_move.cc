// float-move: operators that move floats without computing with them do the same to the bytes the floats were made
// from. Whatever is computed of each element, before, between and after, is one table behind the last mover, since a
// function of one element does not mind where the element is.
// PAD and PADV2 write a constant: a byte must stand for exactly that float at that place of the chain.
// MAX_POOL_2D, REDUCE_MAX and REDUCE_MIN compare: the floats so far must not fall where the bytes rise; then the
// largest byte stands for the largest float.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "backends/ops/room.h"
#include "partitioner/fold_float.h"

namespace npu {
namespace {

constexpr int kMaxChain = 24;  // operators between DEQUANTIZE and QUANTIZE

bool Moves(OpKind kind) {
  switch (kind) {
    case OpKind::kTranspose:
    case OpKind::kSlice:
    case OpKind::kStridedSlice:
    case OpKind::kGather:
    case OpKind::kGatherNd:
    case OpKind::kReverseV2:
    case OpKind::kTile:
    case OpKind::kBroadcastTo:
    case OpKind::kMirrorPad:
    case OpKind::kSpaceToDepth:
    case OpKind::kDepthToSpace:
    case OpKind::kBatchToSpaceNd:
    case OpKind::kResizeNearestNeighbor: return true;
    default: return KeepsElements(kind);
  }
}

bool Compares(OpKind kind) {
  return kind == OpKind::kMaxPool2D || kind == OpKind::kReduceMax || kind == OpKind::kReduceMin;
}

bool Pads(OpKind kind) { return kind == OpKind::kPad || kind == OpKind::kPadv2; }

class Mover {
 public:
  Mover(const FoldSite& site, int into, std::string& refusal)
      : site_(site), into_(into), refusal_(refusal), tracer_(site) {}

  std::optional<FoldMatch> Run() {
    if (!FindChain()) return std::nullopt;
    source_ = site_.op(chain_.front()).inputs[0];
    auto trace = tracer_.Trace(site_.op(chain_.front()).outputs[0]);
    if (!trace) {
      Refuse(tracer_.refusal());
      return std::nullopt;
    }
    trace_ = *std::move(trace);
    current_ = source_;
    match_.absorbed = {chain_.front()};
    for (size_t i = 1; i < chain_.size(); ++i) {
      if (!AddOp(chain_[i])) return std::nullopt;
    }
    const Op& quantize = site_.op(into_);
    const Tensor& output = site_.tensor(quantize.outputs[0]);
    auto table = QuantizedTable(trace_.values, output);
    if (!table) {
      Refuse("QUANTIZE would convert floats past 2^30 steps, which LiteRT leaves undefined");
      return std::nullopt;
    }
    match_.may_bypass = true;
    match_.op.kind = OpKind::kTable;
    match_.op.inputs = {current_, NewTensor(TableTensor(output.name + "/table", {256}, *std::move(table)))};
    match_.op.outputs = quantize.outputs;
    match_.why = fmt::format("The floats are moved, not computed with: {} does the same to the bytes of T#{}, and every "
                             "one of the 256 results behind them was computed with the float operators themselves.",
                             names_, source_);
    return std::move(match_);
  }

 private:
  bool Refuse(std::string why) {
    refusal_ = std::move(why);
    return false;
  }

  // DEQUANTIZE first, QUANTIZE not included.
  bool FindChain() {
    int tensor = site_.op(into_).inputs[0];
    while (static_cast<int>(chain_.size()) <= kMaxChain) {
      const int op = site_.MakerOf(tensor);
      if (op < 0 || site_.tensor(tensor).type != DataType::kFloat32) {
        return Refuse(fmt::format("T#{} is not computed from 8-bit tensors alone", tensor));
      }
      chain_.insert(chain_.begin(), op);
      if (IsDequantizeOf8Bit(site_, op)) return true;
      const Op& mover = site_.op(op);
      const bool moves = Moves(mover.kind) || Compares(mover.kind) || Pads(mover.kind);
      FloatTrace probe;
      if (!moves && !tracer_.ApplyOne(mover, probe)) {
        return Refuse(tracer_.refusal());
      }
      // A function of one element may have its constant first.
      const Tensor& first = site_.tensor(mover.inputs[0]);
      tensor = mover.inputs[first.is_constant() && !moves && mover.inputs.size() > 1 ? 1 : 0];
    }
    return Refuse(fmt::format("there are more than {} operators in a row", kMaxChain));
  }

  int NewTensor(Tensor tensor) {
    match_.new_tensors.push_back(std::move(tensor));
    return static_cast<int>(site_.graph().tensors.size() + match_.new_tensors.size()) - 1;
  }

  // A tensor of the source's type and quantization.
  Tensor LikeSource(const Tensor& shape_of) const {
    const Tensor& source = site_.tensor(source_);
    Tensor tensor;
    tensor.name = shape_of.name;
    tensor.type = source.type;
    tensor.shape = shape_of.shape;
    tensor.shape_known = shape_of.shape_known;
    tensor.quantization = source.quantization;
    return tensor;
  }

  bool AddOp(int index) {
    const Op& op = site_.op(index);
    const bool moves = Moves(op.kind), compares = Compares(op.kind), pads = Pads(op.kind);
    if (!moves && !compares && !pads) {
      match_.absorbed.push_back(index);
      if (!tracer_.ApplyOne(op, trace_)) return Refuse(tracer_.refusal());
      if (!trace_.math.empty()) {
        return Refuse(fmt::format("{} is computed by the host's math library, whose last bit differs between hosts: "
                                  "results could differ by a step",
                                  trace_.math));
      }
      return true;
    }
    if (op.outputs.size() != 1 || op.inputs.empty() || !op.params_error.empty()) {
      return Refuse(fmt::format("{} lacks operands", DescribeOp(site_.graph(), index)));
    }
    Op on_bytes = op;
    on_bytes.inputs[0] = current_;
    if (pads && !SetFill(index, on_bytes)) return false;
    if (compares) {
      if (!std::is_sorted(trace_.values.begin(), trace_.values.end())) {
        return Refuse(fmt::format("the floats that {} compares fall where the bytes rise",
                                  DescribeOp(site_.graph(), index)));
      }
      if (op.kind == OpKind::kMaxPool2D && !TakeActivation(on_bytes)) return false;
    }
    const Tensor& output = site_.tensor(op.outputs[0]);
    current_ = NewTensor(LikeSource(output));
    on_bytes.outputs = {current_};
    if (names_.find(OpName(op)) == std::string::npos) {
      names_ += (names_.empty() ? "" : ", ") + std::string(OpName(op));
    }
    match_.rewritten.emplace_back(index, std::move(on_bytes));
    return true;
  }

  // A fused activation is one more function of one element.
  bool TakeActivation(Op& pool) {
    auto params = pool.as<Pool2DParams>();
    for (float& x : trace_.values) {
      switch (params.activation) {
        case Activation::kNone: break;
        case Activation::kRelu: x = std::max(x, 0.0f); break;
        case Activation::kRelu6: x = std::min(std::max(x, 0.0f), 6.0f); break;
        case Activation::kReluN1To1: x = std::min(std::max(x, -1.0f), 1.0f); break;
        default: return Refuse("MAX_POOL_2D has a fused activation of its own");
      }
    }
    params.activation = Activation::kNone;
    pool.params = params;
    return true;
  }

  // PAD and PADV2 of floats become a PADV2 of bytes that writes the byte of the same float.
  bool SetFill(int index, Op& pad) {
    float fill = 0.0f;
    if (pad.kind == OpKind::kPadv2) {
      const Tensor* value = OpView{site_.graph(), pad}.input(2);
      if (value == nullptr || value->type != DataType::kFloat32 || value->data.bytes.size() != sizeof(fill)) {
        return Refuse(fmt::format("{} fills with what is no constant number", DescribeOp(site_.graph(), index)));
      }
      std::memcpy(&fill, value->data.bytes.data(), sizeof(fill));
    }
    const auto found = std::find(trace_.values.begin(), trace_.values.end(), fill);
    if (found == trace_.values.end()) {
      return Refuse(fmt::format("{} fills with {}, which no byte of T#{} stands for", DescribeOp(site_.graph(), index),
                                fill, source_));
    }
    const Tensor& source = site_.tensor(source_);
    Tensor constant = LikeSource(source);
    constant.name = site_.tensor(pad.outputs[0]).name + "/fill";
    constant.shape.clear();
    const auto byte = static_cast<std::byte>((found - trace_.values.begin()) - StorageOffset(source.type));
    auto owner = std::make_shared<const std::vector<std::byte>>(1, byte);
    constant.data = {*owner, owner};
    pad.kind = OpKind::kPadv2;
    pad.version = 1;
    pad.inputs.resize(3);
    pad.inputs[2] = NewTensor(std::move(constant));
    return true;
  }

  const FoldSite& site_;
  int into_;
  std::string& refusal_;
  FloatTracer tracer_;
  std::vector<int> chain_;
  int source_ = kNoTensor, current_ = kNoTensor;
  FloatTrace trace_;  // what the elements are so far
  FoldMatch match_;
  std::string names_;  // of the movers
};

}  // namespace

std::optional<FoldMatch> MatchFloatMove(const FoldSite& site, int into, std::string& refusal) {
  return Mover(site, into, refusal).Run();
}

}  // namespace npu
