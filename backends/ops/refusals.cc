// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/refusals.h"

namespace npu {

std::string_view RefusalOf(OpKind kind) {
  switch (kind) {
    case OpKind::kAtan2:
    case OpKind::kCeil:
    case OpKind::kConv3D:
    case OpKind::kConv3DTranspose:
    case OpKind::kCos:
    case OpKind::kFloor:
    case OpKind::kL2Pool2D:
    case OpKind::kLocalResponseNormalization:
    case OpKind::kPow:
    case OpKind::kReverseSequence:
    case OpKind::kRound:
    case OpKind::kSegmentSum:
    case OpKind::kSign:
    case OpKind::kSin:
    case OpKind::kSquare:
    case OpKind::kUnsortedSegmentMax:
    case OpKind::kUnsortedSegmentMin:
    case OpKind::kUnsortedSegmentProd:
    case OpKind::kUnsortedSegmentSum:
    case OpKind::kZerosLike:
      return "none: no host has an 8-bit kernel of it, so that there is no answer to be equal to; converters "
             "put "
             "DEQUANTIZE and QUANTIZE around it";
    case OpKind::kBitwiseXor:
    case OpKind::kFloorDiv:
    case OpKind::kFloorMod:
    case OpKind::kRightShift:
      return "none: hosts compute it with stored bytes as plain integers and without regard to scale and "
             "zero point, "
             "so that it means nothing for quantized values";
    case OpKind::kMatrixDiag:
    case OpKind::kMatrixSetDiag:
    case OpKind::kSparseToDense:
      return "none: hosts fill and place stored bytes without regard to scale and zero point, so that it "
             "means nothing "
             "for quantized values";
    case OpKind::kUnique:
    case OpKind::kWhere:
      return "none: the values decide how large its output is, and an NPU needs to know that before it runs";
    case OpKind::kEmbeddingLookup:
    case OpKind::kOneHot: return "none: its input are INT32 indices, computed when the model runs";
    case OpKind::kReduceAll:
    case OpKind::kReduceAny: return "none: it reduces BOOL and has no 8-bit form";
    case OpKind::kFakeQuant:
      return "none: it belongs to training; converters replace it by the quantization it stands for";
    default: return {};
  }
}

}  // namespace npu
