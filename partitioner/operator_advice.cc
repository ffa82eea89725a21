// SPDX-License-Identifier: Apache-2.0
#include "partitioner/operator_advice.h"

#include "backends/ops/room.h"

namespace npu {
namespace {

constexpr int32_t kSmallestSide = 8;

bool HasSides(const Tensor& tensor) {
  return tensor.shape_known && tensor.shape.size() == 4 && tensor.shape[1] >= kSmallestSide && tensor.shape[2] >= kSmallestSide;
}

MaybeAdvice AdviseCustom(std::string_view name) {
  if (!CompiledForDevice(name).empty()) return AdviceId::kOtherNpu;
  return name.starts_with("Flex") ? AdviceId::kFlex : AdviceId::kCustom;
}

}  // namespace

MaybeAdvice AdviseOperator(const Op& op) {
  // It has a room for the sake of shape arithmetic.
  if (op.kind == OpKind::kCumsum) return AdviceId::kReplaceOperator;
  if (FindRoom(op.kind) != nullptr) return std::nullopt;
  switch (op.kind) {
    case OpKind::kCustom: return AdviseCustom(OpName(op));
    case OpKind::kIf:
    case OpKind::kWhile:
    case OpKind::kCall: return AdviceId::kControlFlow;
    case OpKind::kNonMaxSuppressionV4:
    case OpKind::kNonMaxSuppressionV5: return AdviceId::kDetection;
    case OpKind::kHashtable:
    case OpKind::kHashtableFind:
    case OpKind::kHashtableImport:
    case OpKind::kHashtableSize:
    case OpKind::kHashtableLookup:
    case OpKind::kLshProjection:
    case OpKind::kSkipGram: return AdviceId::kText;
    case OpKind::kRfft2d:
    case OpKind::kImag:
    case OpKind::kReal:
    case OpKind::kComplexAbs: return AdviceId::kSignal;
    case OpKind::kRandomStandardNormal:
    case OpKind::kRandomUniform:
    case OpKind::kMultinomial:
    case OpKind::kStablehloRngBitGenerator: return AdviceId::kRandom;
    case OpKind::kConv3D:
    case OpKind::kConv3DTranspose: return AdviceId::kConv3D;
    case OpKind::kFakeQuant: return AdviceId::kFakeQuant;
    case OpKind::kDensify: return AdviceId::kSparse;
    case OpKind::kRnn:
    case OpKind::kUnidirectionalSequenceRnn:
    case OpKind::kBidirectionalSequenceRnn:
    case OpKind::kBidirectionalSequenceLstm: return AdviceId::kRecurrent;
    case OpKind::kEmbeddingLookup:
    case OpKind::kEmbeddingLookupSparse:
    case OpKind::kConcatEmbeddings:
    case OpKind::kOneHot: return AdviceId::kEmbeddingLookup;
    case OpKind::kWhere:
    case OpKind::kUnique: return AdviceId::kDataDependent;
    case OpKind::kRange:
    case OpKind::kBroadcastArgs: return AdviceId::kDynamicShape;
    case OpKind::kBucketize:
    case OpKind::kReduceAll:
    case OpKind::kReduceAny:
    case OpKind::kBitwiseXor:
    case OpKind::kRightShift:
    case OpKind::kFloorDiv:
    case OpKind::kFloorMod: return AdviceId::kIntegerArithmetic;
    case OpKind::kPlaceholderForGreaterOpCodes: return AdviceId::kMalformed;
    default: break;
  }
  return GetOpInfo(op.kind).name.starts_with("STABLEHLO_") ? AdviceId::kStablehlo : AdviceId::kReplaceOperator;
}

bool IsImage(const Tensor& tensor) { return HasSides(tensor) && (tensor.shape[3] == 3 || tensor.shape[3] == 4); }
bool MayBeGreyImage(const Tensor& tensor) { return HasSides(tensor) && tensor.shape[3] == 1; }

}  // namespace npu
