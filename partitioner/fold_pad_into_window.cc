// pad-into-window: PAD before CONV_2D, DEPTHWISE_CONV_2D or MAX_POOL_2D becomes the window's own padding.
//
// Convolutions: PAD writes zero_point pixels around the image, and the window multiplies (pixel - zero_point) =
// 0 there: the same as skipping the pixel, which is what a window does outside its input. This asks that PAD
// writes the zero point of its output (PADV2: a value equal to it), touches height and width only, and keeps
// scale and zero point, so that the pixels inside mean the same.
// Whatever padding the window has itself lies around the padded image: the pixels add up. SAME is first
// written in pixels, computed for the padded size.
// MAX_POOL_2D skips what is outside, and a maximum over skipped pixels equals one over written pixels only if
// these hold the type's smallest value: then they never are larger than another. (Ordinary after RELU or RELU6,
// whose zero point is that value.) A window that holds no pixel of the image at all keeps that value, too, yet
// such models are left alone. AVERAGE_POOL_2D counts the written pixels and not the skipped ones: never exact.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "partitioner/fold_rules.h"
#include "schema/quantization.h"

namespace npu {
namespace {

bool IsPad(OpKind kind) { return kind == OpKind::kPad || kind == OpKind::kPadv2; }

// What the PAD adds, if it is around height and width of an NHWC image and changes nothing else. The op has
// passed Check.
std::optional<PaddingEdges> ImageEdges(const OpView& pad) {
  const auto paddings = ConstantInts(*pad.input(1));
  if (!paddings || paddings->size() != 8) return std::nullopt;  // rank 4: before and after of N, H, W, C
  const auto& p = *paddings;
  if (p[0] != 0 || p[1] != 0 || p[6] != 0 || p[7] != 0) return std::nullopt;
  return PaddingEdges{.top = p[2], .bottom = p[3], .left = p[4], .right = p[5]};
}

// The value that the PAD writes. The op has passed Check.
int32_t Fill(const OpView& pad) {
  const Tensor* value = pad.input(2);
  if (value == nullptr) return pad.output(0)->zero_point();
  const auto byte = static_cast<uint8_t>(value->data.bytes[0]);
  return value->type == DataType::kInt8 ? int32_t{static_cast<int8_t>(byte)} : int32_t{byte};
}

// Pixels of padding that the window has on its padded image, and those of the PAD.
std::optional<PaddingEdges> AddEdges(AxisPadding rows, AxisPadding columns, const PaddingEdges& pad) {
  const int64_t sums[] = {int64_t{rows.before} + pad.top, int64_t{rows.after} + pad.bottom,
                          int64_t{columns.before} + pad.left, int64_t{columns.after} + pad.right};
  PaddingEdges edges;
  int32_t* const fields[] = {&edges.top, &edges.bottom, &edges.left, &edges.right};
  for (int i = 0; i < 4; ++i) {
    if (sums[i] > std::numeric_limits<int32_t>::max()) return std::nullopt;
    *fields[i] = static_cast<int32_t>(sums[i]);
  }
  return edges;
}

template <typename Params>
std::optional<Params> FoldConvolution(const OpView& window, const PaddingEdges& pad) {
  if (window.input(0) == nullptr || window.input(1) == nullptr) return std::nullopt;
  auto params = window.op.as<Params>();
  const auto own = MakeWindow(WindowParams(params), *window.input(0), *window.input(1));
  if (!own) return std::nullopt;
  const auto edges = AddEdges(ExplicitPadding(own->rows), ExplicitPadding(own->columns), pad);
  if (!edges) return std::nullopt;
  params.padding = Padding::kExplicit;
  params.edges = *edges;
  return params;
}

std::optional<Pool2DParams> FoldMaxPool(const OpView& window, const PaddingEdges& pad) {
  auto params = window.op.as<Pool2DParams>();
  const Tensor* input = window.input(0);
  if (input == nullptr || input->shape.size() != 4) return std::nullopt;
  const PaddingEdges& had = params.edges;
  const auto rows = MakeWindowAxis({params.padding, had.top, had.bottom}, input->shape[1], params.filter_h,
                                   params.stride_h, 1);
  const auto columns = MakeWindowAxis({params.padding, had.left, had.right}, input->shape[2], params.filter_w,
                                      params.stride_w, 1);
  if (!rows || !columns) return std::nullopt;
  const auto edges = AddEdges(ExplicitPadding(*rows), ExplicitPadding(*columns), pad);
  if (!edges || std::max(edges->top, edges->bottom) >= params.filter_h ||
      std::max(edges->left, edges->right) >= params.filter_w) {
    return std::nullopt;
  }
  params.padding = Padding::kExplicit;
  params.edges = *edges;
  return params;
}

template <typename Params>
bool Set(const std::optional<Params>& params, Op& op) {
  if (params) op.params = *params;
  return params.has_value();
}

std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  const Op& window = site.op(into);
  const bool convolution = window.kind == OpKind::kConv2D || window.kind == OpKind::kDepthwiseConv2D;
  if ((!convolution && window.kind != OpKind::kMaxPool2D) || window.inputs.empty() || !window.params_error.empty()) {
    return std::nullopt;
  }
  const int maker = site.MakerOf(window.inputs[0]);
  if (maker < 0 || !IsPad(site.op(maker).kind)) return std::nullopt;
  const Op& pad_op = site.op(maker);
  const OpView pad{site.graph(), pad_op};
  // INT16 is left alone: values are read as bytes here.
  if (!CheckNpu(site.graph(), pad_op).eligible() || !QuantizedAlike(*pad.input(0), *pad.output(0)) ||
      !Is8Bit(pad.input(0)->type)) {
    return std::nullopt;
  }
  const auto edges = ImageEdges(pad);
  const int32_t neutral = convolution ? pad.output(0)->zero_point() : TypeMin(pad.output(0)->type);
  if (!edges || Fill(pad) != neutral) return std::nullopt;

  const OpView view{site.graph(), window};
  FoldMatch match{.absorbed = {maker}, .op = window};
  const bool folded = window.kind == OpKind::kConv2D ? Set(FoldConvolution<Conv2DParams>(view, *edges), match.op)
                      : window.kind == OpKind::kDepthwiseConv2D
                          ? Set(FoldConvolution<DepthwiseConv2DParams>(view, *edges), match.op)
                          : Set(FoldMaxPool(view, *edges), match.op);
  if (!folded) return std::nullopt;
  match.op.inputs[0] = pad_op.inputs[0];
  match.why = convolution
                  ? fmt::format("The padding holds the zero point {}, whose products are 0: the window skips "
                                "those pixels.",
                                neutral)
                  : fmt::format("The padding holds {}, the smallest value of {}, which is never a larger one: "
                                "the window skips those pixels.",
                                neutral, DataTypeName(pad.output(0)->type));
  return match;
}

}  // namespace

extern const FoldRule kPadIntoWindowFold;
const FoldRule kPadIntoWindowFold = {
    .name = "pad-into-window",
    .summary = "PAD or PADV2 of height and width, filled with the zero point, becomes the padding of the CONV_2D or "
               "DEPTHWISE_CONV_2D that reads it; filled with the type's smallest value, that of a MAX_POOL_2D",
    .match = Match,
};

}  // namespace npu
