// SPDX-License-Identifier: Apache-2.0
#include "partitioner/advice_rules.h"

#include <algorithm>

#include "backends/ops/lce.h"
#include "backends/ops/room.h"
#include "partitioner/io_notes.h"
#include "partitioner/operator_advice.h"

namespace npu {
namespace {

bool Has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool IsConversion(OpKind kind) { return kind == OpKind::kQuantize || kind == OpKind::kDequantize; }

bool IsShapeQuestion(OpKind kind) { return kind == OpKind::kShape || kind == OpKind::kRank; }

bool IsRecurrent(OpKind kind) {
  return kind == OpKind::kSvdf || kind == OpKind::kLstm || kind == OpKind::kUnidirectionalSequenceLstm;
}

bool IsInteger(DataType type) {
  return type == DataType::kInt32 || type == DataType::kInt64 || type == DataType::kBool ||
         type == DataType::kUInt32 || type == DataType::kUInt64 || type == DataType::kUInt16;
}

// Roles that rooms give to what a converter would make a constant weight.
bool IsWeights(const Reason& reason) {
  return Has(reason.text, "weights") || Has(reason.text, "filter") || Has(reason.text, "bias") ||
         Has(reason.text, "post-") || Has(reason.text, "thresholds");
}

// `blockwise`: an operand has a quantization that nothing here computes with.
MaybeAdvice ForQuantization(const Op& op, const Reason& reason, bool blockwise) {
  if (Has(reason.actual, "blockwise")) return AdviceId::kBlockwiseWeights;
  if (reason.actual == "not quantized") return blockwise ? AdviceId::kBlockwiseWeights : AdviceId::kMissingQuantization;
  if (Has(reason.allowed, "UINT8")) return AdviceId::kUseInt8;
  if (Has(reason.text, "weights")) {
    return op.kind == OpKind::kFullyConnected ? AdviceId::kPerChannelDense : AdviceId::kMalformed;
  }
  return AdviceId::kPerChannelOperand;
}

MaybeAdvice ForScale(const Op& op, const Reason& reason) {
  const bool same = op.inputs.size() >= 2 && op.inputs[0] == op.inputs[1];
  if (op.kind == OpKind::kSub && same) return AdviceId::kSubOfItself;
  if (Has(reason.text, "cell state")) return AdviceId::kRecurrent;
  if (Has(reason.text, "zero point")) return AdviceId::kAsymmetric;
  if (Has(reason.text, "quantization")) return AdviceId::kFixedScale;
  return Has(reason.text, "(bias) scale") ? AdviceId::kBiasScale : AdviceId::kExtremeScale;
}

MaybeAdvice ForParameter(const Op& op, const Reason& reason) {
  if (Has(reason.text, "zero-padded convolution")) return AdviceId::kBinaryZeroPadding;
  if (IsBinary(op.kind)) return AdviceId::kBinaryConverter;
  return reason.text == "parameters" ? AdviceId::kMalformed : AdviceId::kParameterLimit;
}

MaybeAdvice ForSize(const Reason& reason) {
  if (Has(reason.actual, "STRING")) return AdviceId::kText;
  if (reason.text.ends_with(" data")) return AdviceId::kMalformed;
  return AdviceId::kTooLarge;
}

}  // namespace

AdviceContext::AdviceContext(const Plan& plan, const Diagnosis& diagnosis, std::span<const Finding> findings)
    : graph_(*plan.graph),
      kind_(diagnosis.kind),
      maker_(graph_.tensors.size(), -1),
      reader_(graph_.tensors.size(), -1),
      of_shapes_(graph_.tensors.size()),
      unknown_root_(graph_.tensors.size(), -1),
      shared_constant_(graph_.ops.size()),
      wanted_(FloatsOnTheWayToQuantize(graph_)),
      first_(graph_.ops.size()),
      quantized_(ComputesInIntegers(graph_)) {
  for (const Finding& finding : findings) {
    if (finding.code == "SHARED_CONSTANT") shared_constant_[finding.op] = true;
  }
  for (int tensor : graph_.inputs) {
    const std::vector<int32_t>& signature = graph_.tensors[tensor].shape_signature;
    dynamic_inputs_ = dynamic_inputs_ || std::find(signature.begin(), signature.end(), -1) != signature.end();
  }
  bool bytes = false;
  for (size_t i = 0; i < graph_.ops.size(); ++i) {
    const Op& op = graph_.ops[i];
    int root = static_cast<int>(i);
    bool shapes = IsShapeQuestion(op.kind);
    for (int tensor : op.inputs) {
      if (tensor == kNoTensor) continue;
      if (reader_[tensor] < 0) reader_[tensor] = static_cast<int>(i);
      if (!graph_.tensors[tensor].shape_known && unknown_root_[tensor] >= 0) root = unknown_root_[tensor];
      shapes = shapes || of_shapes_[tensor];
    }
    for (int tensor : op.outputs) {
      if (tensor == kNoTensor) continue;
      const Tensor& output = graph_.tensors[tensor];
      maker_[tensor] = static_cast<int>(i);
      if (!output.shape_known) unknown_root_[tensor] = root;
      of_shapes_[tensor] = shapes && IsInteger(output.type);
      bytes = bytes || Is8Bit(output.type);
      sixteen_bit_ = sixteen_bit_ || output.type == DataType::kInt16;
    }
  }
  sixteen_bit_ = sixteen_bit_ && !bytes;
}

bool AdviceContext::ReadsShapes(int op) const {
  const std::vector<int>& inputs = graph_.ops[op].inputs;
  return IsShapeQuestion(graph_.ops[op].kind) || std::any_of(inputs.begin(), inputs.end(), [&](int tensor) {
           return tensor != kNoTensor && of_shapes_[tensor];
         });
}

bool AdviceContext::HasBlocks(int op) const {
  const std::vector<int>& inputs = graph_.ops[op].inputs;
  return std::any_of(inputs.begin(), inputs.end(), [&](int tensor) {
    return tensor != kNoTensor && graph_.tensors[tensor].has_unknown_quantization;
  });
}

// Whether a QUANTIZE reads, or a DEQUANTIZE makes, what the caller gives or takes.
bool AdviceContext::TouchesBorder(int op) const {
  const Op& conversion = graph_.ops[op];
  const bool reads = conversion.kind == OpKind::kQuantize;
  const std::vector<int>& tensors = reads ? conversion.inputs : conversion.outputs;
  const std::vector<int>& border = reads ? graph_.inputs : graph_.outputs;
  return !tensors.empty() && std::find(border.begin(), border.end(), tensors[0]) != border.end();
}

// A conversion to or from an operator that has to be float is there for that operator's sake.
MaybeAdvice AdviceContext::ForFloatNeighbour(int op) const {
  const Op& conversion = graph_.ops[op];
  const bool reads = conversion.kind == OpKind::kQuantize;
  const std::vector<int>& tensors = reads ? conversion.inputs : conversion.outputs;
  if (tensors.empty() || tensors[0] == kNoTensor) return std::nullopt;
  const int beyond = reads ? maker_[tensors[0]] : reader_[tensors[0]];
  if (beyond < 0) return std::nullopt;
  if (IsShapeQuestion(graph_.ops[beyond].kind)) return AdviceId::kDynamicShape;
  return shared_constant_[beyond] ? AdviceId::kSharedConstant : AdviseOperator(graph_.ops[beyond]);
}

MaybeAdvice AdviceContext::ForFloat(int op, const Reason& reason) const {
  const OpKind kind = graph_.ops[op].kind;
  if (shared_constant_[op]) return AdviceId::kSharedConstant;
  if (IsConversion(kind)) {
    if (const MaybeAdvice beyond = ForFloatNeighbour(op)) return beyond;
    if (kind_ == ModelKind::kConversionOnly) return AdviceId::kConversionOnly;
  }
  if (IsConversion(kind) && TouchesBorder(op)) {
    return kind == OpKind::kQuantize && IsImage(graph_.tensors[graph_.ops[op].inputs[0]]) ? AdviceId::kCameraInput
                                                                                         : AdviceId::kFloatIo;
  }
  // The format gives its outputs in float.
  if (kind == OpKind::kDetectionPostProcess) return AdviceId::kDetection;
  const std::vector<int>& outputs = graph_.ops[op].outputs;
  const bool becomes_bytes = kind == OpKind::kQuantize || std::any_of(outputs.begin(), outputs.end(), [&](int tensor) {
                               return tensor != kNoTensor && wanted_[tensor];
                             });
  switch (kind_) {
    // Operators between bytes and bytes are no float model, whatever the rest is.
    case ModelKind::kFloat32: return becomes_bytes ? AdviceId::kRepresentativeDataset : AdviceId::kQuantizeFloat32;
    case ModelKind::kFloat16Weights: return AdviceId::kQuantizeFloat16;
    case ModelKind::kDynamicRange: return AdviceId::kDynamicRange;
    case ModelKind::kWeightOnlyInt8: return AdviceId::kWeightOnly;
    case ModelKind::kInt4Weights:
    case ModelKind::kInt2Weights: return AdviceId::kNarrowWeights;
    case ModelKind::kBinary: return AdviceId::kBinaryFloat;
    default: break;
  }
  if (reason.code == ReasonCode::kHybridOperator) return AdviceId::kDynamicRange;
  if (!quantized_) return AdviceId::kQuantizeFloat32;
  if (sixteen_bit_) return AdviceId::kInt16Form;
  return becomes_bytes ? AdviceId::kRepresentativeDataset : AdviceId::kFloatOutput;
}

MaybeAdvice AdviceContext::ForType(int op, const Reason& reason) const {
  const std::string_view actual = reason.actual;
  if (reason.allowed.starts_with("none: ")) return AdviceId::kReplaceOperator;
  if (actual.starts_with("FLOAT32")) return ForFloat(op, reason);
  if (actual.starts_with("FLOAT16")) return AdviceId::kQuantizeFloat16;
  if (actual.starts_with("STRING") || actual.starts_with("RESOURCE") || actual.starts_with("VARIANT")) return AdviceId::kText;
  if (actual.starts_with("INT4") || actual.starts_with("INT2") || actual.starts_with("UINT4")) return AdviceId::kNarrowWeights;
  if (IsBinary(graph_.ops[op].kind)) return AdviceId::kBinaryConverter;
  if (IsRecurrent(graph_.ops[op].kind)) return AdviceId::kRecurrent;
  if (Has(reason.text, "(bias)")) {
    return actual == "INT8" || actual == "UINT8" || actual == "INT16" ? AdviceId::kInt8Bias : AdviceId::kMalformed;
  }
  if (actual.starts_with("INT16") && !Has(reason.allowed, ", as ")) return AdviceId::kInt16Form;
  if (actual == "INT8" && reason.allowed.starts_with("INT16, as ")) return AdviceId::kInt16Form;
  if (actual == "UINT8" && reason.allowed.starts_with("INT8") && !Has(reason.allowed, ", as ")) return AdviceId::kUseInt8;
  if (actual.starts_with("INT8") || actual.starts_with("UINT8") || actual.starts_with("INT16")) return AdviceId::kMixed8Bit;
  if (actual.starts_with("INT32") || actual.starts_with("INT64") || actual.starts_with("BOOL") ||
      actual.starts_with("UINT32") || actual.starts_with("UINT64") || actual.starts_with("UINT16")) {
    // A quantized operand whose integers are too wide is no arithmetic on indices.
    if (!actual.starts_with("BOOL") && IsWeights(reason)) return AdviceId::kMalformed;
    return ReadsShapes(op) ? AdviceId::kDynamicShape : AdviceId::kIntegerArithmetic;
  }
  return AdviceId::kOtherTypes;
}

// The operator whose output first had no shape decides: curing that one cures its readers.
MaybeAdvice AdviceContext::ForUnknownShape(int op) const {
  for (int tensor : graph_.ops[op].inputs) {
    if (tensor == kNoTensor || graph_.tensors[tensor].shape_known || unknown_root_[tensor] < 0) continue;
    const MaybeAdvice root = first_[unknown_root_[tensor]];
    return root ? root : AdviceId::kDynamicShape;
  }
  for (int tensor : graph_.ops[op].inputs) {
    if (tensor != kNoTensor && !graph_.tensors[tensor].shape_known) return AdviceId::kDynamicShape;
  }
  return first_[op] ? first_[op] : ForRunTimeParameter(op);
}

MaybeAdvice AdviceContext::ForRunTimeParameter(int op) const {
  const OpKind kind = graph_.ops[op].kind;
  if (kind == OpKind::kReadVariable || kind == OpKind::kVarHandle) return AdviceId::kResourceVariable;
  if (ReadsShapes(op)) return AdviceId::kDynamicShape;
  return kind == OpKind::kGather || kind == OpKind::kGatherNd ? AdviceId::kEmbeddingLookup : AdviceId::kRuntimeParameter;
}

MaybeAdvice AdviceContext::ForRunTimeOperand(int op, const Reason& reason) const {
  if (!IsWeights(reason)) return ForRunTimeParameter(op);
  for (int tensor : graph_.ops[op].inputs) {
    if (tensor == kNoTensor || maker_[tensor] < 0) continue;
    const Op& maker = graph_.ops[maker_[tensor]];
    if (maker.kind == OpKind::kDensify) return AdviceId::kSparse;
    if (maker.kind != OpKind::kDequantize || maker.inputs.empty() || maker.inputs[0] == kNoTensor) continue;
    const Tensor& stored = graph_.tensors[maker.inputs[0]];
    if (!stored.is_constant()) continue;
    return stored.type == DataType::kFloat16 ? AdviceId::kQuantizeFloat16 : AdviceId::kWeightOnly;
  }
  return AdviceId::kRuntimeWeights;
}

MaybeAdvice AdviceContext::ForOperator(int op, const Reason& reason) const {
  const Op& o = graph_.ops[op];
  if (reason.text.starts_with("input ")) return AdviceId::kRecurrent;  // layer normalization, projection
  if (IsBinary(o.kind)) return AdviceId::kBinaryOnCpu;
  if (const MaybeAdvice advice = AdviseOperator(o)) return advice;
  // It has a room, so it would be computed when the plan is made if its operands were known then.
  return AdviceId::kDynamicShape;
}

MaybeAdvice AdviceContext::ForReason(int op, const Reason& reason) {
  const Op& o = graph_.ops[op];
  const MaybeAdvice advice = [&]() -> MaybeAdvice {
    switch (reason.code) {
      case ReasonCode::kUnsupportedOperator: return ForOperator(op, reason);
      case ReasonCode::kUnsupportedOperatorVersion: return AdviceId::kOperatorVersion;
      case ReasonCode::kUnsupportedInputType:
      case ReasonCode::kUnsupportedOutputType: return ForType(op, reason);
      case ReasonCode::kHybridOperator: return ForFloat(op, reason);
      case ReasonCode::kUnsupportedOperandRank: return AdviceId::kTooLarge;
      case ReasonCode::kUnsupportedOperandSize: return ForSize(reason);
      case ReasonCode::kUnsupportedOperandValue: return AdviceId::kParameterLimit;
      case ReasonCode::kInvalidArgument: return ForParameter(o, reason);
      case ReasonCode::kMissingRequiredOperand:
        return Has(reason.text, "intermediate") ? AdviceId::kRecurrent : AdviceId::kMalformed;
      case ReasonCode::kOperandNotConstant: return ForRunTimeOperand(op, reason);
      case ReasonCode::kUnsupportedQuantizationParameters: return ForScale(o, reason);
      case ReasonCode::kUnsupportedQuantizationType: return ForQuantization(o, reason, HasBlocks(op));
      case ReasonCode::kNotRestrictedScaleCompliant: return AdviceId::kSameScale;
      case ReasonCode::kUnsupportedActivation: return AdviceId::kFusedActivation;
      case ReasonCode::kShapeUnknown:
        return IsBinary(o.kind) && !o.params_error.empty() ? AdviceId::kBinaryConverter : ForUnknownShape(op);
      case ReasonCode::kShapeMismatch:
        if (IsBinary(o.kind)) return AdviceId::kBinaryConverter;
        if (reason.allowed.starts_with("a constant")) return ForRunTimeParameter(op);
        return dynamic_inputs_ ? AdviceId::kDynamicShape : AdviceId::kMalformed;
      case ReasonCode::kUnsupportedSparsity: return AdviceId::kSparse;
      case ReasonCode::kUnsupportedVariable:
        return reason.text == "resource variables" ? AdviceId::kResourceVariable : AdviceId::kVariableTensor;
      case ReasonCode::kDeniedByOption: return AdviceId::kDenied;
      case ReasonCode::kSegmentTooSmall: return AdviceId::kMinSegmentMacs;
      case ReasonCode::kSegmentTooShort: return AdviceId::kMinSegmentOps;
      case ReasonCode::kSlowerThanHost: return AdviceId::kPlacementAuto;
      case ReasonCode::kDelegatedElsewhere: return AdviceId::kOtherDelegate;
      case ReasonCode::kNotBesideNpu:
      case ReasonCode::kResultNeededByHost: break;  // the cause's (advice.cc)
    }
    return std::nullopt;
  }();
  if (!first_[op]) first_[op] = advice;
  return advice;
}

MaybeAdvice AdviceContext::ForFinding(const Finding& finding) const {
  if (finding.code == "SHARED_CONSTANT") return AdviceId::kSharedConstant;
  if (finding.code == "FLOAT_OUTPUT") return AdviceId::kFloatOutput;
  if (finding.code == "PACKED_OUTPUT_UNPACKED") return AdviceId::kPackedOutput;
  if (finding.code != "FLOAT_ISLAND") return std::nullopt;
  const OpRoom* room = FindRoom(graph_.ops[finding.op].kind);
  if (room != nullptr && room->lower != nullptr) return AdviceId::kRepresentativeDataset;
  return AdviseOperator(graph_.ops[finding.op]);
}

}  // namespace npu
