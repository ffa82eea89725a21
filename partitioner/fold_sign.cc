// DEQUANTIZE before LceQuantize: the sign of an 8-bit number needs no float. scale is above 0 and a product of two
// floats other than 0 that DEQUANTIZE makes never vanishes (|q - zero point| is at least 1), so that
//   scale * (q - zero point) < 0   exactly where   q < zero point,
// which LceQuantize of INT8 tests. Larq's converter writes the pair before every binary convolution of an INT8 network,
// and lets ADD read the floats, too: then DEQUANTIZE goes on for ADD alone.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/fold_rules.h"

namespace npu {
namespace {

std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  const Op& sign = site.op(into);
  if (sign.kind != OpKind::kLceQuantize || sign.inputs.size() != 1) return std::nullopt;
  const int maker = site.MakerOf(sign.inputs[0]);
  if (maker < 0) return std::nullopt;
  const Op& dequantize = site.op(maker);
  if (dequantize.kind != OpKind::kDequantize || dequantize.inputs.size() != 1 || dequantize.inputs[0] == kNoTensor) {
    return std::nullopt;
  }
  const Tensor& quantized = site.tensor(dequantize.inputs[0]);
  if (quantized.type != DataType::kInt8 || !quantized.quantization.per_tensor()) return std::nullopt;
  FoldMatch match{.absorbed = {maker}, .may_bypass = true, .op = sign};
  match.op.inputs = {dequantize.inputs[0]};
  match.why = "a dequantized number is below 0 exactly where the quantized one is below its zero point";
  return match;
}

}  // namespace

extern const FoldRule kSignFold;
const FoldRule kSignFold{
    .name = "sign",
    .summary = "DEQUANTIZE before LceQuantize: the sign of INT8 is a comparison with the zero point (on delegate-cpu)",
    .match = Match,
    .on_cpu = true,
};

}  // namespace npu
