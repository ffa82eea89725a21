// TRANSPOSE_CONV: every input pixel adds its multiples of the filter to the output, a stride apart:
//   acc[b, y, x, n] = bias[n] + sum over ky, kx, c of (in[b, (y + ph - ky) / sh, (x + pw - kx) / sw, c] -
//   zp_in)
//                                                   * (weights[n, ky, kx, c] - zp_w)
//   over the taps for which both quotients are whole numbers and lie inside the input
//   out = clamp(zp_out + round(acc * s_in * s_w[n] / s_out), range of the fused activation)
// round: double rounding (schema/quantization.h). Accumulators wrap at 32 bits.
//
// Operands: output shape [4] · weights OHWI [N,KH,KW,C] · input NHWC [B,H,W,C] · bias [N] (optional).
// The output has the shape that operand 0 says, whatever the input's: hosts compute the padding ph, pw as
// that of a convolution from the output to the input (WindowAxis), and cut off what falls outside the output.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit; s_in * s_w in double for INT8, in float for UINT8, as CONV_2D.
//
// On the device: output rows y with the same (y + ph) mod sh see the same taps, likewise columns. Each of
// these phases is a convolution with stride 1 over the staged input, with its taps in reverse order (Phase).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "backends/ops/convolution.h"
#include "backends/ops/convolution_int16.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kShapeOperand = 0, kWeightsOperand = 1, kInputOperand = 2, kBiasOperand = 3;
constexpr int32_t kMaxStride = 64;  // up to stride^2 phases, each with constants of its own

// The operator with its operands in the order of CONV_2D, which the shared rules count by.
Op AsConvolution(const Op& op) {
  Op conv = op;
  const auto operand = [&](size_t i) { return i < op.inputs.size() ? op.inputs[i] : kNoTensor; };
  conv.inputs = {operand(kInputOperand), operand(kWeightsOperand), operand(kBiasOperand)};
  return conv;
}

// The output's shape as operand 0 says; nullopt if it is no constant with four sizes >= 0.
std::optional<std::vector<int32_t>> WantedShape(const Tensor& shape) {
  auto sizes = ConstantInts(shape);
  if (!sizes || shape.type != DataType::kInt32 || shape.shape.size() != 1 || sizes->size() != 4 ||
      std::any_of(sizes->begin(), sizes->end(), [](int32_t size) { return size < 0; }) ||
      !CheckedElementCount(*sizes)) {
    return std::nullopt;
  }
  return sizes;
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor* shape = view.input(kShapeOperand);
  if (shape == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "output shape or output is absent");
  }
  const auto wanted = WantedShape(*shape);
  if (!wanted) {
    return Fail(
        ErrorCode::kInvalidModel,
        fmt::format("output shape: {} {}; expected a constant of four INT32 sizes, below 2^31 elements",
                    DataTypeName(shape->type), ShapeString(*shape)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = *wanted;
  output.shape_known = true;
  return {};
}

// Output positions first, first + stride, ... of one axis, which see the same taps. Position i of them reads
// input positions start + i to start + i + taps - 1, by the taps first_tap + stride * (taps - 1), ...,
// first_tap.
struct PhaseAxis {
  int32_t first = 0, count = 0;
  int32_t first_tap = 0, taps = 0;
  int32_t start = 0;
};

struct TransposedAxis {
  int32_t input = 0, filter = 0, output = 0, stride = 1, pad = 0;
  std::vector<PhaseAxis> phases;
  int32_t before = 0, size = 0;  // border before the input; staged positions in all
};

// nullopt if a number does not fit 32 bits. input, filter, output >= 1, stride in [1, kMaxStride].
std::optional<TransposedAxis> MakeAxis(Padding padding, int32_t input, int32_t filter, int32_t output,
                                       int32_t stride) {
  const auto forward = MakeWindowAxis(padding, output, filter, stride, 1);
  if (!forward) return std::nullopt;
  TransposedAxis axis{input, filter, output, stride, forward->pad_before, {}, 0, 0};
  int64_t before = 0, end = input;
  for (int32_t first = 0; first < std::min(stride, output); ++first) {
    const int64_t shifted = int64_t{first} + axis.pad;
    PhaseAxis phase{.first = first, .count = (output - 1 - first) / stride + 1};
    phase.first_tap = static_cast<int32_t>(shifted % stride);
    if (phase.first_tap < filter) {
      phase.taps = (filter - 1 - phase.first_tap) / stride + 1;
      phase.start = static_cast<int32_t>(shifted / stride - (phase.taps - 1));
      before = std::max<int64_t>(before, -int64_t{phase.start});
      end = std::max<int64_t>(end, int64_t{phase.start} + phase.taps - 1 + phase.count);
    }
    axis.phases.push_back(phase);
  }
  if (before + end > std::numeric_limits<int32_t>::max()) return std::nullopt;
  axis.before = static_cast<int32_t>(before);
  axis.size = static_cast<int32_t>(before + end);
  return axis;
}

constexpr std::string_view kRules[] = {
    "input (operand 2) and output: INT8, UINT8 or INT16 (zero point 0), the same, per tensor",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "weights (operand 1): constant, of the input's type (INT16: INT8); INT8 per tensor or per output channel "
    "(dimension 0) with zero point 0, UINT8 per tensor with any zero point",
    "bias (operand 3): none, or constant INT32 (INT16: or INT64), one per output channel, zero point 0; "
    "UINT8: its scale is "
    "input "
    "scale * weights scale to within 0.02 of the output scale",
    "output shape (operand 0): constant, four INT32 sizes, which are the output's",
    "strides 1 to 64",
    "input and weights of rank 4 and equal depth; no dimension 0 in them and in the output",
    "the output has the input's batches and the weights' output channels",
    "the input with its border has less than 2^31 bytes",
    "INT16: input scale * weights scale / output scale below 2^7; at most 2^24 products per output; bias "
    "values "
    "-2^46 to 2^46",
};

void CheckShapes(const TransposeConvParams& params, const Tensor& input, const Tensor& weights,
                 const Tensor& output, Verdict& verdict) {
  if (input.shape[3] != weights.shape[3]) {
    verdict.Add(ReasonCode::kShapeMismatch, "input 0 channels", std::to_string(input.shape[3]),
                fmt::format("{}, the depth of the weights", weights.shape[3]));
  }
  if (output.shape[0] != input.shape[0] || output.shape[3] != weights.shape[0]) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output),
                fmt::format("[{}, height, width, {}]", input.shape[0], weights.shape[0]));
  }
  const auto rows =
      MakeAxis(params.padding, input.shape[1], weights.shape[1], output.shape[1], params.stride_h);
  const auto columns =
      MakeAxis(params.padding, input.shape[2], weights.shape[2], output.shape[2], params.stride_w);
  std::optional<int64_t> bytes;
  if (rows && columns) {
    const std::vector<int32_t> staged = {input.shape[0], rows->size, columns->size, input.shape[3]};
    bytes = CheckedElementCount(staged);
  }
  if (!bytes || *bytes > kMaxTensorElements - kStagingSlack) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 0 with its border", ShapeString(input),
                "less than 2^31 bytes");
  }
}

// Reasons count the operands as CONV_2D does: input 0 is the data, input 1 the weights, input 2 the bias.
void Check(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<TransposeConvParams>();
  const Op conv_op = AsConvolution(op.op);
  const OpView conv{op.graph, conv_op};
  RequireSameQuantizedType(conv, verdict);
  RequireQuantizedActivation(params.activation, verdict);
  const Tensor *input = conv.input(0), *weights = conv.input(1), *output = op.output(0);
  const bool is_unsigned = input != nullptr && input->type == DataType::kUInt8;
  CheckWeightsAndBias(conv, {.channel_dimension = 0, .bias_scale_checked = is_unsigned}, verdict);
  bool ok = RequireInput(op, kShapeOperand, "output shape", verdict);
  if (ok && output != nullptr && WantedShape(*op.input(kShapeOperand)) != output->shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "output shape", ShapeString(*op.input(kShapeOperand)),
                fmt::format("a constant INT32 [4] that says {}", ShapeString(*output)));
  }
  ok = RequireRange("stride_h", params.stride_h, 1, kMaxStride, verdict);
  ok = RequireRange("stride_w", params.stride_w, 1, kMaxStride, verdict) && ok;
  ok = RequireInput(conv, 1, "weights", verdict) && ok;
  if (input == nullptr || weights == nullptr || output == nullptr) return;
  ok = RequireRank(*input, "input 0", 4, 4, verdict) && ok;
  ok = RequireRank(*weights, "input 1 (weights)", 4, 4, verdict) && ok;
  ok = RequireRank(*output, "output 0", 4, 4, verdict) && ok;
  ok = RequireNonEmpty(*input, "input 0", verdict) && ok;
  ok = RequireNonEmpty(*weights, "input 1 (weights)", verdict) && ok;
  ok = RequireNonEmpty(*output, "output 0", verdict) && ok;
  if (ok) CheckShapes(params, *input, *weights, *output, verdict);
  if (ok && IsInt16(conv)) {
    CheckInt16Sums(conv, CheckedElementCount(std::span(weights->shape).subspan(1)).value_or(0), verdict);
  }
}

// What Reference and Lower both need; for operators that passed Check.
struct TransposedConvolution {
  explicit TransposedConvolution(const OpView& op)
      : params(op.op.as<TransposeConvParams>()),
        input(*op.input(kInputOperand)),
        weights(*op.input(kWeightsOperand)),
        output(*op.output(0)),
        rows(*MakeAxis(params.padding, input.shape[1], weights.shape[1], output.shape[1], params.stride_h)),
        columns(
            *MakeAxis(params.padding, input.shape[2], weights.shape[2], output.shape[2], params.stride_w)),
        depth(input.shape[3]),
        channels(weights.shape[0]),
        bias(BiasValues(op.input(kBiasOperand), channels)),
        multipliers(QuantizeMultipliers(
            OutputScales(input, weights, output, channels,
                         input.type == DataType::kUInt8 ? ScaleProduct::kFloat : ScaleProduct::kDouble))),
        range(QuantizedActivationRange(params.activation, output)) {}

  const TransposeConvParams& params;
  const Tensor &input, &weights, &output;
  TransposedAxis rows, columns;
  int32_t depth, channels;
  std::vector<int32_t> bias;
  std::vector<QuantizedMultiplier> multipliers;
  ActivationRange range;
};

// The input position that `tap` brings to output position `at`; -1: none.
int64_t Source(const TransposedAxis& axis, int64_t at, int64_t tap) {
  const int64_t distance = at + axis.pad - tap;
  if (distance < 0 || distance % axis.stride != 0 || distance / axis.stride >= axis.input) return -1;
  return distance / axis.stride;
}

// T is the type of input, weights and output.
template <typename T>
void Convolve(const TransposedConvolution& conv, const T* in, const T* weights, T* out) {
  const TransposedAxis &rows = conv.rows, &columns = conv.columns;
  const int32_t zp_in = conv.input.zero_point(), zp_weights = conv.weights.zero_point();
  std::vector<uint32_t> acc(conv.channels);
  for (int64_t batch = 0; batch < conv.input.shape[0]; ++batch) {
    for (int64_t y = 0; y < rows.output; ++y) {
      for (int64_t x = 0; x < columns.output; ++x) {
        for (int32_t n = 0; n < conv.channels; ++n) acc[n] = static_cast<uint32_t>(conv.bias[n]);
        for (int64_t ky = 0; ky < rows.filter; ++ky) {
          const int64_t in_y = Source(rows, y, ky);
          if (in_y < 0) continue;
          for (int64_t kx = 0; kx < columns.filter; ++kx) {
            const int64_t in_x = Source(columns, x, kx);
            if (in_x < 0) continue;
            const T* pixel = in + ((batch * rows.input + in_y) * columns.input + in_x) * conv.depth;
            for (int64_t n = 0; n < conv.channels; ++n) {
              const T* tap = weights + ((n * rows.filter + ky) * columns.filter + kx) * conv.depth;
              for (int32_t c = 0; c < conv.depth; ++c) {
                acc[n] += static_cast<uint32_t>((pixel[c] - zp_in) * (tap[c] - zp_weights));
              }
            }
          }
        }
        for (int32_t n = 0; n < conv.channels; ++n) {
          const int32_t scaled =
              MultiplyByQuantizedMultiplier(static_cast<int32_t>(acc[n]), conv.multipliers[n]);
          *out++ = static_cast<T>(
              std::clamp(WrappingAdd(scaled, conv.output.zero_point()), conv.range.min, conv.range.max));
        }
      }
    }
  }
}

bool IsWide(const OpView& op) {
  const Tensor* input = op.input(kInputOperand);
  return input != nullptr && input->type == DataType::kInt16;
}

TapAxis TransposedTaps(const TransposedAxis& axis) {
  return {.input = axis.input,
          .filter = axis.filter,
          .output = axis.output,
          .up = 1,
          .offset = axis.pad,
          .step = -1,
          .down = axis.stride};
}

// For operators of INT16 that passed Check.
Int16Convolution MakeInt16(const OpView& op) {
  const auto& params = op.op.as<TransposeConvParams>();
  const Tensor &input = *op.input(kInputOperand), &weights = *op.input(kWeightsOperand);
  const Tensor& output = *op.output(0);
  const int32_t depth = input.shape[3], channels = weights.shape[0];
  return {.input = input,
          .weights = weights,
          .output = output,
          .bias = op.input(kBiasOperand),
          .rows = TransposedTaps(
              *MakeAxis(params.padding, input.shape[1], weights.shape[1], output.shape[1], params.stride_h)),
          .columns = TransposedTaps(
              *MakeAxis(params.padding, input.shape[2], weights.shape[2], output.shape[2], params.stride_w)),
          .group_depth = depth,
          .group_channels = channels,
          .channels = channels,
          .channel_step = weights.shape[1] * weights.shape[2] * depth,
          .tap_step = depth,
          .range = QuantizedActivationRange(params.activation, output)};
}

Status Reference(const ReferenceArgs& args) {
  if (IsWide(args.view)) {
    ConvolveInt16(MakeInt16(args.view), args.in<int16_t>(kInputOperand), args.in<int8_t>(kWeightsOperand),
                  args.out<int16_t>(0));
    return {};
  }
  const TransposedConvolution conv(args.view);
  if (conv.input.type == DataType::kInt8) {
    Convolve(conv, args.in<int8_t>(kInputOperand), args.in<int8_t>(kWeightsOperand), args.out<int8_t>(0));
  } else {
    Convolve(conv, args.in<uint8_t>(kInputOperand), args.in<uint8_t>(kWeightsOperand), args.out<uint8_t>(0));
  }
  return {};
}

// Weights of every phase as the kernel reads them, and where each phase's begin.
struct PackedPhases {
  std::vector<int8_t> tiles;
  std::vector<int32_t> channel_constants, segment_offsets;
  std::vector<int32_t> table;  // 10 numbers per phase: kernels/transpose_conv.cl
  int32_t blocks = 0, zero_point = 0, most_pixels = 0;
};

// The taps of one phase, in the order in which its windows meet the input, as weights of [N, taps, taps, C].
std::vector<std::byte> PhaseWeights(const TransposedConvolution& conv, const PhaseAxis& row,
                                    const PhaseAxis& column) {
  const auto depth = static_cast<size_t>(conv.depth);
  const std::byte* all = conv.weights.data.bytes.data();
  std::vector<std::byte> taps;
  taps.reserve(size_t{1} * conv.channels * row.taps * column.taps * depth);
  for (int32_t n = 0; n < conv.channels; ++n) {
    for (int32_t v = row.taps - 1; v >= 0; --v) {
      for (int32_t u = column.taps - 1; u >= 0; --u) {
        const size_t ky = row.first_tap + size_t{1} * v * conv.rows.stride;
        const size_t kx = column.first_tap + size_t{1} * u * conv.columns.stride;
        const std::byte* tap =
            all + ((size_t{1} * n * conv.rows.filter + ky) * conv.columns.filter + kx) * depth;
        taps.insert(taps.end(), tap, tap + depth);
      }
    }
  }
  return taps;
}

void AddPhase(const TransposedConvolution& conv, const PhaseAxis& row, const PhaseAxis& column,
              PackedPhases& packed) {
  const bool empty = row.taps == 0 || column.taps == 0;
  const int32_t staged_row = conv.columns.size * conv.depth;
  const int32_t length = empty ? 1 : column.taps * conv.depth;
  std::vector<WeightRun> segments;
  for (int32_t v = 0; v < row.taps && !empty; ++v) segments.push_back({v * length, v * staged_row});
  const std::vector<std::byte> taps = PhaseWeights(conv, row, column);
  Tensor weights;
  weights.type = conv.weights.type;
  weights.quantization = conv.weights.quantization;
  weights.data.bytes = taps;
  const PackedWeights phase = PackWeights({.weights = weights,
                                           .bias = conv.bias,
                                           .multipliers = conv.multipliers,
                                           .segments = segments,
                                           .groups = 1,
                                           .group_channels = conv.channels,
                                           .row_length = row.taps * length,
                                           .length = length,
                                           .input_zero_point = StoredZeroPoint(conv.input)});
  constexpr int kTileBytes = kBlockChannels * kWordBytes;
  const int32_t origin =
      empty ? 0
            : (conv.rows.before + row.start) * staged_row + (conv.columns.before + column.start) * conv.depth;
  const int32_t numbers[] = {static_cast<int32_t>(packed.tiles.size() / kTileBytes),
                             static_cast<int32_t>(packed.channel_constants.size()),
                             static_cast<int32_t>(packed.segment_offsets.size()),
                             static_cast<int32_t>(segments.size()),
                             length,
                             origin,
                             row.first,
                             column.first,
                             row.count,
                             column.count};
  packed.table.insert(packed.table.end(), std::begin(numbers), std::end(numbers));
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(packed.tiles, phase.tiles);
  append(packed.channel_constants, phase.channel_constants);
  append(packed.segment_offsets, phase.segment_offsets);
  packed.blocks = phase.blocks;
  packed.zero_point = phase.zero_point;
  packed.most_pixels = std::max(packed.most_pixels, conv.input.shape[0] * row.count * column.count);
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  if (IsWide(op)) {
    LowerInt16Convolution(MakeInt16(op), TensorArg{op.op.inputs[kInputOperand]}, TensorArg{op.op.outputs[0]},
                          lowering);
    return {};
  }
  const TransposedConvolution conv(op);
  const TransposedAxis &rows = conv.rows, &columns = conv.columns;
  PackedPhases packed;
  for (const PhaseAxis& row : rows.phases) {
    for (const PhaseAxis& column : columns.phases) AddPhase(conv, row, column, packed);
  }
  if (packed.tiles.empty()) packed.tiles.resize(kBlockChannels * kWordBytes);
  if (packed.segment_offsets.empty()) packed.segment_offsets.push_back(0);

  // Kernels read whole words, past a segment of another length: copied with slack where one may be.
  const int32_t batches = conv.input.shape[0];
  const int64_t staged_bytes = int64_t{batches} * rows.size * columns.size * conv.depth;
  KernelArg input = TensorArg{op.op.inputs[kInputOperand]};
  if (rows.size != rows.input || columns.size != columns.input || conv.depth % kWordBytes != 0) {
    const ScratchArg staged = lowering.AddScratch(staged_bytes + kStagingSlack);
    lowering.Launch("conv_stage", {static_cast<size_t>(rows.size), static_cast<size_t>(batches), 1},
                    {input, staged, rows.input, columns.input, conv.depth, 1, rows.before, columns.before,
                     rows.size, columns.size, batches, StoredZeroPoint(conv.input)});
    input = staged;
  }

  const int32_t tile_blocks = packed.blocks > 1 ? 2 : 1, tile_pixels = packed.blocks > 1 ? 6 : 8;
  const auto phase_count = static_cast<int32_t>(rows.phases.size() * columns.phases.size());
  const auto tiles = [](int32_t count, int32_t size) { return static_cast<size_t>((count - 1) / size + 1); };
  const int32_t row_step = columns.size * conv.depth;
  lowering.Launch(packed.blocks > 1 ? "transpose_conv_6x2" : "transpose_conv_8x1",
                  {tiles(packed.blocks, tile_blocks), tiles(packed.most_pixels, tile_pixels),
                   static_cast<size_t>(phase_count)},
                  {input,
                   lowering.AddConstant(packed.tiles),
                   lowering.AddConstant(packed.channel_constants),
                   lowering.AddConstant(packed.segment_offsets),
                   lowering.AddConstant(packed.table),
                   TensorArg{op.op.outputs[0]},
                   phase_count,
                   batches,
                   columns.output,
                   rows.output,
                   conv.channels,
                   columns.stride,
                   rows.stride,
                   conv.depth,
                   row_step,
                   batches == 1 ? 0 : rows.size * row_step,
                   packed.zero_point,
                   conv.output.zero_point(),
                   conv.range.min,
                   conv.range.max,
                   StorageOffset(conv.output.type)});
  return {};
}

// Every input pixel meets every weight.
int64_t Macs(const OpView& op) {
  const Tensor *input = op.input(kInputOperand), *weights = op.input(kWeightsOperand);
  if (input == nullptr || weights == nullptr || input->shape.size() != 4) return 0;
  const auto pixels = CheckedElementCount(std::span(input->shape).first(3));
  return CheckedMul(pixels.value_or(0), weights->element_count().value_or(0)).value_or(0);
}

}  // namespace

extern const OpRoom kTransposeConvRoom;
const OpRoom kTransposeConvRoom{
    .name = "transpose_conv",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = Macs,
    .min_inputs = 3,
    .max_inputs = 4,
    .rules = kRules,
};

}  // namespace npu
