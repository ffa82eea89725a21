// BATCH_MATMUL: products of matrices that the model computes, unlike FULLY_CONNECTED's weights.
//   acc       = sum over k of (lhs[m, k] - zp_lhs) * (rhs[k, n] - zp_rhs)
//   out[m, n] = clamp(zp_out + round(acc * s_lhs * s_rhs / s_out), range of the type)
// for each pair of matrices of the batch dimensions, which broadcast as in numpy. round: double rounding
// (schema/quantization.h) of one multiplier, whose s_lhs * s_rhs is a product of floats. Accumulators wrap at
// 32 bits. INT16 (zero points 0): 64-bit accumulators, rounded once (int16_arithmetic.h). adj_x, adj_y: that operand's matrices are stored with rows and columns swapped.
//
// Shapes: lhs [batch.., M, K] or [batch.., K, M] (adj_x) · rhs [batch.., K, N] or [batch.., N, K] (adj_y) ·
//   output [batch.., M, N]. Ranks 2 to 5; the shorter one is led by dimensions of 1.
// Source: LiteRT 2.3 BUILTIN_REF, bit for bit.
//
// On the device (kernels/batch_matmul.cl) the right operand becomes the tiles that FULLY_CONNECTED's weights
// are: when the plan is compiled if it is a constant, else in a launch of its own. The left one is read as it
// is, but transposed first if adj_x. As rhs' = rhs (INT8) and lhs' = lhs + 128 (stored):
//   acc = sum lhs' * rhs' + (K * zx * zp_rhs - zx * sum rhs') - zp_rhs * sum lhs',  zx = zp_lhs + 128
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "backends/ops/broadcast.h"
#include "backends/ops/convolution.h"
#include "backends/ops/data_movement.h"
#include "backends/ops/int16_arithmetic.h"
#include "backends/ops/rules.h"
#include "backends/ops/strided_copy.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

using Shape = std::vector<int32_t>;

constexpr int kLhs = 0, kRhs = 1;
constexpr int kMinRank = 2, kMaxRank = 5;
constexpr int64_t kMaxInt16Depth = kMaxWideAccumulator >> 30;  // products are at most 2^30

// Of the operands' shapes alone.
struct Geometry {
  Shape output;
  int32_t rows = 0, depth = 0, columns = 0;  // M, K, N
  Shape lhs_batch, rhs_batch;                // the batch dimensions

  // Matrices that stand behind each other.
  static int64_t Count(const Shape& batch) {
    int64_t count = 1;
    for (int32_t size : batch) count *= size;
    return count;
  }
};

// Nullopt if they do not fit together; ranks are 2 to 5.
std::optional<Geometry> MakeGeometry(const Shape& lhs, const Shape& rhs, const BatchMatmulParams& params) {
  Geometry g;
  g.lhs_batch.assign(lhs.begin(), lhs.end() - 2);
  g.rhs_batch.assign(rhs.begin(), rhs.end() - 2);
  const int32_t *l = &lhs[lhs.size() - 2], *r = &rhs[rhs.size() - 2];
  g.rows = l[params.adj_x ? 1 : 0];
  g.depth = l[params.adj_x ? 0 : 1];
  g.columns = r[params.adj_y ? 0 : 1];
  const auto batch = BroadcastShape(g.lhs_batch, g.rhs_batch);
  if (!batch || r[params.adj_y ? 1 : 0] != g.depth) return std::nullopt;
  g.output = *batch;
  g.output.insert(g.output.end(), {g.rows, g.columns});
  return g;
}

std::optional<Geometry> PlanMatmul(const OpView& op, Verdict& verdict) {
  bool ok = RequireInput(op, kLhs, "left operand", verdict);
  ok = RequireInput(op, kRhs, "right operand", verdict) && ok;
  if (!ok) return std::nullopt;
  const Tensor &lhs = *op.input(kLhs), &rhs = *op.input(kRhs);
  ok = RequireRank(lhs, "input 0 (left operand)", kMinRank, kMaxRank, verdict);
  ok = RequireRank(rhs, "input 1 (right operand)", kMinRank, kMaxRank, verdict) && ok;
  if (!ok) return std::nullopt;
  const auto& params = op.op.as<BatchMatmulParams>();
  auto geometry = MakeGeometry(lhs.shape, rhs.shape, params);
  if (!geometry) {
    verdict.Add(ReasonCode::kShapeMismatch, "input shapes",
                fmt::format("{}{} and {}{}", ShapeString(lhs), params.adj_x ? " adj_x" : "", ShapeString(rhs),
                            params.adj_y ? " adj_y" : ""),
                "[batch.., M, K] and [batch.., K, N], batch dimensions equal, or 1 where they differ");
    return std::nullopt;
  }
  if (!RequireShapeFits(geometry->output, verdict)) return std::nullopt;
  return geometry;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  auto plan = PlanMatmul({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, std::move(plan->output));
  return {};
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Bytes of one packed matrix of the right operand.
int64_t PackedBytes(const Geometry& g) {
  return CeilDiv(g.columns, kBlockChannels) * kBlockChannels * CeilDiv(g.depth, kWordBytes) * kWordBytes;
}

bool HasForm(DataType type) { return type == DataType::kInt8 || type == DataType::kInt16; }

// LiteRT reads INT8 values of an INT16 operator as INT16.
void CheckSameTypes(const OpView& op, Verdict& verdict) {
  if (op.input(kLhs) == nullptr || !HasForm(op.input(kLhs)->type)) return;
  const DataType type = op.input(kLhs)->type;
  const std::string allowed = fmt::format("{}, as input 0", DataTypeName(type));
  const Tensor *rhs = op.input(kRhs), *output = op.output(0);
  if (rhs != nullptr && rhs->type != type && HasForm(rhs->type)) {
    verdict.Add(ReasonCode::kUnsupportedInputType, "input 1 (right operand) element type",
                std::string(DataTypeName(rhs->type)), allowed);
  }
  if (output != nullptr && output->type != type && HasForm(output->type)) {
    verdict.Add(ReasonCode::kUnsupportedOutputType, "output 0 element type",
                std::string(DataTypeName(output->type)), allowed);
  }
}

double OutputScale(const OpView& op) {
  return OutputScales(*op.input(kLhs), *op.input(kRhs), *op.output(0), 1, ScaleProduct::kFloat)[0];
}

// Types and quantization are those of INT16.
void CheckInt16(const OpView& op, const Geometry& g, Verdict& verdict) {
  RequireRange("products per output", g.depth, 1, kMaxInt16Depth, verdict);
  if (QuantizeMultiplier(OutputScale(op)).shift <= 7) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters,
              "input scale 0 * input scale 1 / output scale", fmt::format("{}", OutputScale(op)),
              fmt::format("below {}", kMaxWideScale));
}

void Check(const OpView& op, Verdict& verdict) {
  const auto plan = PlanMatmul(op, verdict);
  for (int i : {kLhs, kRhs}) {
    if (op.input(i) == nullptr) continue;
    RequireNonEmpty(*op.input(i), fmt::format("input {}", i), verdict);
    if (RequireInputType(op, i, i == kLhs ? "left operand" : "right operand",
                         {DataType::kInt8, DataType::kInt16}, verdict)) {
      RequirePerTensor(*op.input(i), fmt::format("input {}", i), verdict);
      RequireSymmetricInt16(*op.input(i), fmt::format("input {}", i), verdict);
    }
  }
  if (RequireOutputType(op, 0, {DataType::kInt8, DataType::kInt16}, verdict)) {
    RequirePerTensor(*op.output(0), "output 0", verdict);
    RequireSymmetricInt16(*op.output(0), "output 0", verdict);
  }
  CheckSameTypes(op, verdict);
  if (plan && IsInt16(op) && verdict.eligible()) CheckInt16(op, *plan, verdict);
  if (!plan || op.output(0) == nullptr) return;
  RequireShape(*op.output(0), "output 0", plan->output, verdict);
  const auto packed = CheckedMul(Geometry::Count(plan->rhs_batch), PackedBytes(*plan));
  if (!packed || *packed > kMaxTensorElements) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "input 1 (right operand) shape",
                ShapeString(*op.input(kRhs)), "less than 2^31 bytes with columns in blocks of 16");
  }
}

// What Reference and Lower both need; for operators that passed Check.
struct Matmul {
  Matmul(const OpView& op, Geometry g)
      : geometry(std::move(g)),
        lhs(*op.input(kLhs)),
        rhs(*op.input(kRhs)),
        output(*op.output(0)),
        adj_x(op.op.as<BatchMatmulParams>().adj_x),
        adj_y(op.op.as<BatchMatmulParams>().adj_y),
        multiplier(QuantizeMultiplier(OutputScale(op))) {
    // Which matrices meet, in the order of the output.
    const Shape shapes[] = {geometry.lhs_batch, geometry.rhs_batch};
    const std::vector<OperandLoop> loops = BroadcastOperandLoops(shapes);
    std::vector<int64_t> index(loops.size());
    int64_t l = 0, r = 0;
    for (size_t k = 0; k < loops.size();) {
      batches.push_back({l, r});
      for (k = 0; k < loops.size(); ++k) {
        l += loops[k].strides[0];
        r += loops[k].strides[1];
        if (++index[k] < loops[k].size) break;
        l -= loops[k].strides[0] * loops[k].size;
        r -= loops[k].strides[1] * loops[k].size;
        index[k] = 0;
      }
    }
  }

  struct Pair {
    int64_t lhs, rhs;  // matrices
  };
  Geometry geometry;
  const Tensor &lhs, &rhs, &output;
  bool adj_x, adj_y;
  QuantizedMultiplier multiplier;
  std::vector<Pair> batches;
};

// Accumulators are of Acc, an unsigned type: they wrap. rescale: from an accumulator to an output value without
// its zero point.
template <typename Acc, typename T, typename Rescale>
void Multiply(const Matmul& mm, const T* lhs, const T* rhs, T* out, Rescale rescale) {
  const int64_t rows = mm.geometry.rows, depth = mm.geometry.depth, columns = mm.geometry.columns;
  const int64_t lhs_m = mm.adj_x ? 1 : depth, lhs_k = mm.adj_x ? rows : 1;
  const int64_t rhs_n = mm.adj_y ? depth : 1, rhs_k = mm.adj_y ? 1 : columns;
  const int32_t zp_lhs = mm.lhs.zero_point(), zp_rhs = mm.rhs.zero_point();
  for (const Matmul::Pair& batch : mm.batches) {
    const T* left = lhs + batch.lhs * rows * depth;
    const T* right = rhs + batch.rhs * depth * columns;
    for (int64_t m = 0; m < rows; ++m) {
      for (int64_t n = 0; n < columns; ++n) {
        Acc acc = 0;
        for (int64_t k = 0; k < depth; ++k) {
          acc += static_cast<Acc>((left[m * lhs_m + k * lhs_k] - zp_lhs) *
                                  (right[n * rhs_n + k * rhs_k] - zp_rhs));
        }
        *out++ = static_cast<T>(std::clamp(WrappingAdd(rescale(acc), mm.output.zero_point()),
                                           TypeMin(mm.output.type), TypeMax(mm.output.type)));
      }
    }
  }
}

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  Check(args.view, verdict);
  auto plan = PlanMatmul(args.view, verdict);
  if (!verdict.eligible() || !plan) return FirstReason(verdict);
  const Matmul mm(args.view, *std::move(plan));
  if (IsInt16(args.view)) {
    const WideMultiplier wide = ReduceMultiplier(mm.multiplier);
    Multiply<uint64_t>(mm, args.in<int16_t>(kLhs), args.in<int16_t>(kRhs), args.out<int16_t>(0),
                       [&](uint64_t acc) { return MultiplyWide(static_cast<int64_t>(acc), wide); });
    return {};
  }
  Multiply<uint32_t>(mm, args.in<int8_t>(kLhs), args.in<int8_t>(kRhs), args.out<int8_t>(0), [&](uint32_t acc) {
    return MultiplyByQuantizedMultiplier(static_cast<int32_t>(acc), mm.multiplier);
  });
  return {};
}

// What the kernel batch_matmul_pack_* makes, of a constant right operand.
struct PackedMatrices {
  std::vector<int8_t> tiles;       // [matrix][block of 16 columns][word][16 columns][4 k]
  std::vector<int32_t> constants;  // [matrix][block][16]: K * zx * zp_rhs - zx * sum rhs'
};

PackedMatrices PackConstant(const Matmul& mm) {
  const int64_t depth = mm.geometry.depth, columns = mm.geometry.columns,
                matrices = Geometry::Count(mm.geometry.rhs_batch);
  const int64_t blocks = CeilDiv(columns, kBlockChannels);
  const int64_t block_bytes = PackedBytes(mm.geometry) / blocks;
  const auto* rhs = reinterpret_cast<const int8_t*>(mm.rhs.data.bytes.data());
  const auto zx = static_cast<uint32_t>(StoredZeroPoint(mm.lhs));
  const auto zero = zx * static_cast<uint32_t>(depth) * static_cast<uint32_t>(mm.rhs.zero_point());
  PackedMatrices packed{std::vector<int8_t>(matrices * blocks * block_bytes),
                        std::vector<int32_t>(matrices * blocks * kBlockChannels)};
  for (int64_t matrix = 0; matrix < matrices; ++matrix) {
    const int8_t* from = rhs + matrix * depth * columns;
    for (int64_t n = 0; n < columns; ++n) {
      const int64_t block = matrix * blocks + n / kBlockChannels, lane = n % kBlockChannels;
      uint32_t sum = 0;
      for (int64_t k = 0; k < depth; ++k) {
        const int8_t value = mm.adj_y ? from[n * depth + k] : from[k * columns + n];
        packed.tiles[block * block_bytes + ((k / kWordBytes) * kBlockChannels + lane) * kWordBytes +
                     k % kWordBytes] = value;
        sum += static_cast<uint32_t>(int32_t{value});
      }
      packed.constants[block * kBlockChannels + lane] = static_cast<int32_t>(zero - zx * sum);
    }
  }
  return packed;
}

// The left operand with k running fastest.
KernelArg LowerLhs(const OpView& op, const Matmul& mm, Lowering& lowering) {
  const TensorArg tensor{op.op.inputs[kLhs]};
  if (!mm.adj_x || mm.geometry.rows == 1) return tensor;
  const int64_t rows = mm.geometry.rows, depth = mm.geometry.depth,
                matrices = Geometry::Count(mm.geometry.lhs_batch);
  const ScratchArg transposed = lowering.AddScratch(matrices * rows * depth);
  StridedCopy copy;
  copy.Add(matrices, rows * depth, rows * depth);
  copy.Add(rows, 1, depth);
  copy.Add(depth, rows, 1);
  LowerCopy(copy, 1, tensor, transposed, lowering);
  return transposed;
}

Status LowerInt16(const OpView& op, const Matmul& mm, Lowering& lowering) {
  const Geometry& g = mm.geometry;
  std::vector<int32_t> pairs;
  for (const Matmul::Pair& pair : mm.batches) {
    pairs.insert(pairs.end(), {static_cast<int32_t>(pair.lhs), static_cast<int32_t>(pair.rhs)});
  }
  const WideMultiplier wide = ReduceMultiplier(mm.multiplier);
  lowering.Launch("batch_matmul_int16",
                  {static_cast<size_t>(g.columns), static_cast<size_t>(g.rows), mm.batches.size()},
                  {TensorArg{op.op.inputs[kLhs]}, TensorArg{op.op.inputs[kRhs]}, TensorArg{op.op.outputs[0]},
                   lowering.AddConstant(pairs), static_cast<int32_t>(mm.batches.size()), g.rows, g.depth,
                   g.columns, mm.adj_x ? 1 : 0, mm.adj_y ? 1 : 0, wide.multiplier, wide.shift});
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  auto plan = PlanMatmul(op, verdict);
  if (!plan) return FirstReason(verdict);
  const Matmul mm(op, *std::move(plan));
  if (IsInt16(op)) return LowerInt16(op, mm, lowering);
  const Geometry& g = mm.geometry;
  const int64_t lhs_matrices = Geometry::Count(g.lhs_batch), rhs_matrices = Geometry::Count(g.rhs_batch);
  const auto blocks = static_cast<int32_t>(CeilDiv(g.columns, kBlockChannels));
  const auto words = static_cast<int32_t>(CeilDiv(g.depth, kWordBytes));
  const int32_t lhs_zero = StoredZeroPoint(mm.lhs), rhs_zero = mm.rhs.zero_point();
  const KernelArg lhs = LowerLhs(op, mm, lowering);

  KernelArg tiles = int32_t{0}, constants = int32_t{0};
  if (mm.rhs.is_constant()) {
    const PackedMatrices packed = PackConstant(mm);
    tiles = lowering.AddConstant(packed.tiles);
    constants = lowering.AddConstant(packed.constants);
  } else {
    tiles = lowering.AddScratch(rhs_matrices * PackedBytes(g));
    constants =
        lowering.AddScratch(rhs_matrices * blocks * kBlockChannels * static_cast<int64_t>(sizeof(int32_t)));
    lowering.Launch(mm.adj_y ? "batch_matmul_pack_columns" : "batch_matmul_pack_rows",
                    {static_cast<size_t>(blocks), static_cast<size_t>(rhs_matrices), 1},
                    {TensorArg{op.op.inputs[kRhs]}, tiles, constants, g.depth, g.columns,
                     static_cast<int32_t>(rhs_matrices), lhs_zero, rhs_zero});
  }

  // One right matrix for all: the left ones are one matrix of all their rows.
  std::vector<int32_t> pairs;
  int64_t rows = g.rows;
  if (rhs_matrices == 1) {
    rows *= lhs_matrices;
    pairs = {0, 0};
  } else {
    for (const Matmul::Pair& pair : mm.batches) {
      pairs.insert(pairs.end(), {static_cast<int32_t>(pair.lhs), static_cast<int32_t>(pair.rhs)});
    }
  }
  const size_t batches = pairs.size() / 2;

  const ConstantArg zero_offset = lowering.AddConstant(std::vector<int32_t>{0});
  KernelArg sums = zero_offset;  // not read while the right operand's zero point is 0
  if (rhs_zero != 0) {
    const auto all_rows = static_cast<int32_t>(lhs_matrices * g.rows);
    sums = lowering.AddScratch(int64_t{all_rows} * static_cast<int64_t>(sizeof(int32_t)));
    lowering.Launch("conv_window_sums", {static_cast<size_t>(all_rows), 1, 1},
                    {lhs, sums, zero_offset, 1, g.depth, 1, 1, 0, 0, g.depth, 0, all_rows, 0, 1});
  }
  const int64_t tile_rows = rows == 1 ? 1 : 6, tile_blocks = 4;
  lowering.Launch(
      rows == 1 ? "batch_matmul_1x4" : "batch_matmul_6x4",
      {static_cast<size_t>(CeilDiv(blocks, tile_blocks)), static_cast<size_t>(CeilDiv(rows, tile_rows)),
       batches},
      {lhs, tiles, constants, lowering.AddConstant(pairs), zero_offset, sums, TensorArg{op.op.outputs[0]},
       words, g.depth, static_cast<int32_t>(rows), g.columns, static_cast<int32_t>(batches), rhs_zero,
       mm.multiplier.multiplier, mm.multiplier.shift, mm.output.zero_point()});
  return {};
}

int64_t Macs(const OpView& op) {
  const Tensor& lhs = *op.input(kLhs);
  if (lhs.shape.size() < 2 || op.input(kRhs) == nullptr) return 0;
  const int32_t depth = lhs.shape[lhs.shape.size() - (op.op.as<BatchMatmulParams>().adj_x ? 2 : 1)];
  return CheckedMul(op.output(0)->element_count().value_or(0), depth).value_or(0);
}

constexpr std::string_view kRules[] = {
    "both operands, constant or not, and the output INT8, or all three INT16 with zero point 0, each quantized "
    "per tensor (LiteRT has no UINT8 kernel, and reads INT8 values of an INT16 operator as INT16)",
    "INT16: K at most 131072; input scale 0 * input scale 1 / output scale below 2^7",
    "operands of rank 2 to 5, [batch.., M, K] and [batch.., K, N], or with these two swapped (adj_x, adj_y)",
    "batch dimensions broadcast as in numpy; no dimension 0",
    "the right operand with its columns in blocks of 16 has less than 2^31 bytes",
};

}  // namespace

extern const OpRoom kBatchMatmulRoom;
const OpRoom kBatchMatmulRoom = {
    .name = "batch_matmul",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = Macs,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
