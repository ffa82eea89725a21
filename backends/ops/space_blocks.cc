// SPACE_TO_DEPTH, DEPTH_TO_SPACE, SPACE_TO_BATCH_ND, BATCH_TO_SPACE_ND: pixels of a block become channels or
// images, and back. With block size b and the space tensor [n, h, w, c]:
//   depth  [n, h/b, w/b, b*b*c]: channel (y mod b)*b*c + (x mod b)*c + c'.
//   batch  [by*bx*n, (h+pads)/by, (w+pads)/bx, c]: image ((y mod by)*bx + x mod bx)*n + n', y and x counted
//          in the padded space; the padding is the output's zero point. BATCH_TO_SPACE_ND crops instead.
// Block and paddings (crops) of the batch form are inputs 1 and 2; rank 3 has one spatial dimension.
// Source: LiteRT 2.3 kernels space_to_depth, depth_to_space (bytes are copied whatever the scales are),
// space_to_batch_nd, batch_to_space_nd (rank 3 or 4; scale and zero point must be equal).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "backends/ops/table_move.h"
#include "base/checked.h"

namespace npu {
namespace {

using Ints = std::vector<int32_t>;

struct BlocksPlan {
  Ints shape;        // of the output
  Ints block;        // one per spatial dimension
  Ints before = {};  // padding or crop at the start of each
};

bool IsDepth(OpKind kind) { return kind == OpKind::kSpaceToDepth || kind == OpKind::kDepthToSpace; }
bool FromSpace(OpKind kind) { return kind == OpKind::kSpaceToDepth || kind == OpKind::kSpaceToBatchNd; }

bool RequireMultiple(int64_t value, int64_t divisor, const std::string& what, Verdict& verdict) {
  if (value % divisor == 0) return true;
  verdict.Add(ReasonCode::kUnsupportedOperandSize, what, fmt::format("{}", value),
              fmt::format("a multiple of {}", divisor));
  return false;
}

std::optional<BlocksPlan> PlanDepth(const OpView& op, const Ints& input, Verdict& verdict) {
  const int64_t block = op.op.as<SpaceDepthParams>().block_size;
  // 2^15: no tensor has more elements than such a block.
  if (!RequireRange("block_size", block, 1, 1 << 15, verdict)) return std::nullopt;
  BlocksPlan plan{input, {static_cast<int32_t>(block), static_cast<int32_t>(block)}};
  if (FromSpace(op.op.kind)) {
    bool ok = RequireMultiple(input[1], block, "height", verdict);
    ok = RequireMultiple(input[2], block, "width", verdict) && ok;
    const int64_t channels = input[3] * block * block;
    if (!ok || !RequireRange("output channels", channels, 0, kMaxTensorElements, verdict))
      return std::nullopt;
    plan.shape = {input[0], static_cast<int32_t>(input[1] / block), static_cast<int32_t>(input[2] / block),
                  static_cast<int32_t>(channels)};
    return plan;
  }
  bool ok = RequireMultiple(input[3], block * block, "channels", verdict);
  ok = RequireRange("output height", input[1] * block, 0, kMaxTensorElements, verdict) && ok;
  ok = RequireRange("output width", input[2] * block, 0, kMaxTensorElements, verdict) && ok;
  if (!ok) return std::nullopt;
  plan.shape = {input[0], static_cast<int32_t>(input[1] * block), static_cast<int32_t>(input[2] * block),
                static_cast<int32_t>(input[3] / (block * block))};
  return plan;
}

std::optional<BlocksPlan> PlanBatch(const OpView& op, const Ints& input, Verdict& verdict) {
  const bool from_space = FromSpace(op.op.kind);
  const auto block = RequireInts(op, 1, "block", verdict);
  const auto edges = RequireInts(op, 2, from_space ? "paddings" : "crops", verdict);
  if (!block || !edges) return std::nullopt;
  const auto spatial = static_cast<int32_t>(input.size() - 2);
  bool ok = RequireInputType(op, 1, "block", {DataType::kInt32}, verdict);
  ok = RequireInputType(op, 2, from_space ? "paddings" : "crops", {DataType::kInt32}, verdict) && ok;
  ok = RequireShape(*op.input(1), "input 1 (block)", Ints{spatial}, verdict) && ok;
  ok = RequireShape(*op.input(2), "input 2 (paddings or crops)", Ints{spatial, 2}, verdict) && ok;
  if (!ok) return std::nullopt;
  BlocksPlan plan{input, *block};
  int64_t batches = input[0];
  for (int32_t d = 0; d < spatial; ++d) {
    const int64_t size = (*block)[d], first = (*edges)[2 * d], last = (*edges)[2 * d + 1];
    ok = RequireRange(fmt::format("block of spatial dimension {}", d), size, 1, kMaxTensorElements, verdict);
    ok = RequireRange("padding or crop before", first, 0, kMaxTensorElements, verdict) && ok;
    ok = RequireRange("padding or crop after", last, 0, kMaxTensorElements, verdict) && ok;
    if (!ok) return std::nullopt;
    const int64_t dim = input[d + 1];
    const int64_t out = from_space ? (dim + first + last) / size : dim * size - first - last;
    ok = from_space
             ? RequireMultiple(dim + first + last, size, fmt::format("padded dimension {}", d), verdict)
             : RequireMultiple(batches, size, "batch", verdict);
    batches = from_space ? batches * size : batches / size;
    ok = RequireRange(fmt::format("output spatial dimension {}", d), out, 0, kMaxTensorElements, verdict) &&
         ok;
    ok = RequireRange("output batch", batches, 0, kMaxTensorElements, verdict) && ok;
    if (!ok) return std::nullopt;
    plan.shape[d + 1] = static_cast<int32_t>(out);
    plan.before.push_back(static_cast<int32_t>(first));
  }
  plan.shape[0] = static_cast<int32_t>(batches);
  return plan;
}

std::optional<BlocksPlan> PlanBlocks(const OpView& op, Verdict& verdict) {
  const bool depth = IsDepth(op.op.kind);
  const int inputs = depth ? 1 : 3;
  if (!RequireInputCount(op, inputs, inputs, verdict) || !RequireOutputCount(op, 1, verdict) ||
      !RequireInput(op, 0, "input", verdict)) {
    return std::nullopt;
  }
  const Tensor& input = *op.input(0);
  if (!RequireRank(input, "input", depth ? 4 : 3, 4, verdict)) return std::nullopt;
  auto plan = depth ? PlanDepth(op, input.shape, verdict) : PlanBatch(op, input.shape, verdict);
  if (plan && !RequireShapeFits(plan->shape, verdict)) return std::nullopt;
  return plan;
}

// A position of the space tensor and where it lies in the other one.
void Put(bool from_space, int64_t space, int64_t other, OffsetAxis& axis) {
  if (from_space) {
    axis.push_back({static_cast<int32_t>(space), static_cast<int32_t>(other)});
  } else {
    axis.push_back({static_cast<int32_t>(other), static_cast<int32_t>(space)});
  }
}

// The same for `count` positions at a constant distance.
OffsetAxis Steps(bool from_space, int64_t count, int64_t space_step, int64_t other_step) {
  OffsetAxis axis;
  for (int64_t i = 0; i < count; ++i) Put(from_space, i * space_step, i * other_step, axis);
  return axis;
}

TableMove DepthMove(bool from_space, const BlocksPlan& plan, const Ints& space, const Ints& depth) {
  const auto s = DenseStrides(space);
  const auto o = DenseStrides(depth);
  const int64_t block = plan.block[0], row = block * space[3];  // pixels side by side stay neighbours
  return MakeTableMove(
      {Steps(from_space, space[0], s[0], o[0]), Steps(from_space, depth[1], block * s[1], o[1]),
       Steps(from_space, depth[2], block * s[2], o[2]), Steps(from_space, block, s[1], row)},
      row);
}

TableMove BatchMove(bool from_space, const BlocksPlan& plan, const Ints& space, const Ints& batches) {
  const auto s = DenseStrides(space);
  const auto o = DenseStrides(batches);
  std::vector<OffsetAxis> axes;
  int64_t image_step = space[0] * o[0];  // between neighbours of a block, from the last dimension on
  for (size_t d = plan.block.size(); d-- > 0;) {
    const int64_t block = plan.block[d];
    OffsetAxis axis;
    for (int64_t at = 0; at < batches[d + 1] * block; ++at) {
      const int64_t inside = at - plan.before[d];
      const int64_t other = at % block * image_step + at / block * o[d + 1];
      if (inside >= 0 && inside < space[d + 1]) {
        Put(from_space, inside * s[d + 1], other, axis);
      } else if (from_space) {
        axis.push_back({kFrame, static_cast<int32_t>(other)});
      }
    }
    axes.insert(axes.begin(), std::move(axis));
    image_step *= block;
  }
  axes.insert(axes.begin(), Steps(from_space, space[0], s[0], o[0]));
  return MakeTableMove(std::move(axes), space.back());
}

TableMove Move(const OpView& op, const BlocksPlan& plan) {
  const bool from_space = FromSpace(op.op.kind);
  const Ints& input = op.input(0)->shape;
  const Ints& space = from_space ? input : plan.shape;
  const Ints& other = from_space ? plan.shape : input;
  return IsDepth(op.op.kind) ? DepthMove(from_space, plan, space, other)
                             : BatchMove(from_space, plan, space, other);
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanBlocks({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->shape));
  return {};
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanBlocks(op, verdict);
  if (op.input(0) == nullptr || op.output(0) == nullptr) return;
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  if (RequireMovedType(input, "input", output, "output", verdict) && !IsDepth(op.op.kind)) {
    RequireSameQuantization(input, "input", output, "output", verdict);
  }
  RequireNonEmpty(input, "input", verdict);
  RequireNonEmpty(output, "output", verdict);
  if (!plan) return;
  RequireShape(output, "output", plan->shape, verdict);
  int64_t positions = 0;
  const Ints& blocks = FromSpace(op.op.kind) ? plan->shape : input.shape;
  for (size_t d = 0; d < plan->block.size(); ++d) positions += int64_t{blocks[d + 1]} * plan->block[d];
  RequireRange("sum of the (padded) spatial dimensions", positions, 0, kMaxTablePositions, verdict);
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  const auto plan = PlanBlocks(args.view, verdict);
  if (!plan) return FirstReason(verdict);
  const Tensor& input = *args.view.input(0);
  const Tensor& output = *args.view.output(0);
  const int size = ElementSize(output.type);
  if (size == 0 || input.type != output.type || output.shape != plan->shape) {
    return Fail(ErrorCode::kInvalidModel, "output type or shape does not follow from the input");
  }
  if (output.element_count() == 0) return {};
  // A little-endian integer: its low bytes are the element. A float is padded with 0.
  const int64_t zero_point = output.zero_point();
  MoveByTables(Move(args.view, *plan), size, reinterpret_cast<const std::byte*>(&zero_point), args.inputs[0],
               args.outputs[0]);
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto plan = PlanBlocks(op, verdict);
  if (!plan) return FirstReason(verdict);
  LowerTableMove(Move(op, *plan), ElementSize(op.output(0)->type), TensorArg{op.op.inputs[0]},
                 TensorArg{op.op.outputs[0]}, StoredZeroPoint(*op.output(0)), lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "SPACE_TO_DEPTH, DEPTH_TO_SPACE: rank 4; block_size 1 to 2^15",
    "SPACE_TO_DEPTH: block_size divides height and width; DEPTH_TO_SPACE: its square divides the channels",
    "batch forms: rank 3 or 4; block and paddings (crops) are constants, INT32 [rank-2] and [rank-2,2]",
    "batch forms: block >= 1; paddings and crops >= 0",
    "SPACE_TO_BATCH_ND: block divides the padded size; BATCH_TO_SPACE_ND: block divides the batch",
    "input and output are INT8, UINT8 or INT16 (zero point 0), the same type, quantized per tensor (the "
    "bytes are kept)",
    "batch forms: the output has the input's scale and zero point",
    "no dimension is 0; spatial dimensions, padded, add up to at most 2^24",
};

}  // namespace

extern const OpRoom kSpaceBlocksRoom;
const OpRoom kSpaceBlocksRoom = {
    .name = "space_blocks",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 1,
    .max_inputs = 3,
    .rules = kRules,
};

}  // namespace npu
