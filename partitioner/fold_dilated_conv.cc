// dilated-conv: SPACE_TO_BATCH_ND → CONV_2D or DEPTHWISE_CONV_2D of stride 1 → BATCH_TO_SPACE_ND becomes one
// convolution whose taps lie further apart, which is what converters mean by the three.
//
// Along one axis of size h: block b, paddings p0, p1, crops c0, c1; the window has k taps, dilation d, and q pixels
// of padding before and r behind in the batch domain (SAME; VALID has none). SPACE_TO_BATCH_ND puts the padded pixel
// Y (p0 + original position) into image Y mod b at position Y / b. Output y is, before cropping, Y = y + c0: image
// Y mod b, position Y / b. Its tap t reads position Y / b - q + t*d of the same image, which is the padded pixel
// Y + b*(t*d - q), the original position
//   y + t*(b*d) - (b*q + p0 - c0):   stride 1, dilation b*d, b*q + p0 - c0 pixels of padding before.
// A position outside [0, h) adds nothing in either form: a padded pixel is the zero point, a position outside the
// batch image is the convolution's own padding, and no pixel of the original is lost, since every padded pixel
// is in the batch domain. What is behind follows from the output's size: b*r + p1 - c1.
// Both numbers must be >= 0 (a crop takes away no more than padding brought), block and batches must belong
// together, and all tensors on the way keep scale and zero point, which Check insists on for both movers.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>

#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "partitioner/fold_rules.h"

namespace npu {
namespace {

// Operands 1 and 2 of a mover of NHWC images that has passed Check: [block h, w] and [[before, after] h, w].
struct Blocks {
  std::vector<int32_t> block, edges;
};

std::optional<Blocks> BlocksOf(const FoldSite& site, int op) {
  const OpView view{site.graph(), site.op(op)};
  if (!CheckNpu(site.graph(), view.op).eligible() || !Is8Bit(view.input(0)->type) ||
      view.input(0)->shape.size() != 4) {
    return std::nullopt;
  }
  const auto block = ConstantInts(*view.input(1)), edges = ConstantInts(*view.input(2));
  if (!block || !edges || block->size() != 2 || edges->size() != 4) return std::nullopt;
  return Blocks{*block, *edges};
}

struct Axis {
  int32_t dilation = 1, before = 0, after = 0;
};

// window: in the batch domain. block, paddings and crops: of this axis.
std::optional<Axis> Dilate(const WindowAxis& window, int32_t block, const int32_t* paddings, const int32_t* crops) {
  const AxisPadding own = ExplicitPadding(window);
  const int64_t dilation = int64_t{block} * window.dilation;
  const int64_t before = int64_t{block} * own.before + paddings[0] - crops[0];
  const int64_t after = int64_t{block} * own.after + paddings[1] - crops[1];
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max();
  if (before < 0 || after < 0 || dilation > kMax || before > kMax || after > kMax) return std::nullopt;
  return Axis{static_cast<int32_t>(dilation), static_cast<int32_t>(before), static_cast<int32_t>(after)};
}

template <typename Params>
bool Dilate(const FoldSite& site, const Blocks& from, const Blocks& to, Op& op) {
  const OpView view{site.graph(), op};
  auto& params = *std::get_if<Params>(&op.params);
  if (view.input(1) == nullptr || params.stride_h != 1 || params.stride_w != 1) return false;
  const auto window = MakeWindow(WindowParams(params), *view.input(0), *view.input(1));
  if (!window) return false;
  const auto rows = Dilate(window->rows, from.block[0], from.edges.data(), to.edges.data());
  const auto columns = Dilate(window->columns, from.block[1], from.edges.data() + 2, to.edges.data() + 2);
  if (!rows || !columns) return false;
  params.padding = Padding::kExplicit;
  params.edges = {rows->before, rows->after, columns->before, columns->after};
  params.dilation_h = rows->dilation;
  params.dilation_w = columns->dilation;
  return true;
}

std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  const Op& window = site.op(into);
  const bool depthwise = window.kind == OpKind::kDepthwiseConv2D;
  if ((!depthwise && window.kind != OpKind::kConv2D) || window.inputs.empty() || window.outputs.size() != 1 ||
      !window.params_error.empty()) {
    return std::nullopt;
  }
  const int before = site.MakerOf(window.inputs[0]), behind = site.OnlyReaderOf(window.outputs[0]);
  if (before < 0 || behind < 0 || site.op(before).kind != OpKind::kSpaceToBatchNd ||
      site.op(behind).kind != OpKind::kBatchToSpaceNd || site.op(behind).inputs[0] != window.outputs[0]) {
    return std::nullopt;
  }
  const auto from = BlocksOf(site, before), to = BlocksOf(site, behind);
  if (!from || !to || from->block != to->block) return std::nullopt;
  FoldMatch match{.absorbed = {before, behind}, .op = window};
  const bool folded = depthwise ? Dilate<DepthwiseConv2DParams>(site, *from, *to, match.op)
                                : Dilate<Conv2DParams>(site, *from, *to, match.op);
  if (!folded) return std::nullopt;
  match.op.inputs[0] = site.op(before).inputs[0];
  match.op.outputs = site.op(behind).outputs;
  match.why = fmt::format("A window of stride 1 over every {}x{}th pixel is the window with its taps that far apart; "
                          "what lies outside the image is the zero point in both forms.",
                          from->block[0], from->block[1]);
  return match;
}

}  // namespace

extern const FoldRule kDilatedConvFold;
const FoldRule kDilatedConvFold = {
    .name = "dilated-conv",
    .summary = "SPACE_TO_BATCH_ND, a CONV_2D or DEPTHWISE_CONV_2D of stride 1 and BATCH_TO_SPACE_ND of the same block "
               "become one convolution with that dilation and explicit padding",
    .match = Match,
};

}  // namespace npu
