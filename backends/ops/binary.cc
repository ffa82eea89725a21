// ADD, SUB, MUL of two tensors, broadcast against each other, with a fused activation.
// 8 bit (INT8 and UINT8 alike), x = q - zero_point:
//   ADD, SUB  s_i = x_i * 2^20 * (scale_i / (2 * larger input scale));  q = zp + (s_0 +- s_1) * 2 * larger
//   input
//             scale / (2^20 * output scale). The 20 bits keep what the first rescale would round away.
//   MUL       q = zp + x_0 * x_1 * (scale_0 * scale_1 / output scale)
// INT32 and INT64 (shape arithmetic at plan time only): plain, wrapping.
// Source: TFLite's reference kernels (add.cc, sub.cc, mul.cc and reference/ of LiteRT 2.3).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <numeric>

#include "backends/ops/broadcast.h"
#include "backends/ops/rules.h"
#include "base/checked.h"
#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kLeftShift = 20;   // of ADD and SUB, 8 bit: 255 * 2^20 * 2 stays inside int32
constexpr size_t kMaxLoops = 6;  // dimensions TFLite broadcasts over, and one row of the kernel's table each
constexpr int kVector = 16;      // elements per work-item of the kernels
constexpr int64_t kMaxExpanded = 1 << 16;  // bytes a repeated constant may grow to
// 255 * 255 * 2^15 is the largest product shifted left that an int32 holds.
constexpr double kMaxMulMultiplier = 1 << 15;

// --- 8-bit arithmetic ---

struct AddRatios {
  double a, b, output;
};

AddRatios RatiosOfAdd(const OpView& op) {
  const double a = op.input(0)->scale(), b = op.input(1)->scale(), output = op.output(0)->scale();
  const double twice_max = 2 * std::max(a, b);
  return {a / twice_max, b / twice_max, twice_max / (static_cast<double>(1 << kLeftShift) * output)};
}

// In float, as TFLite does: the roundings of the product and the division are part of the answer.
double RatioOfMul(const OpView& op) {
  return static_cast<double>(op.input(0)->scale() * op.input(1)->scale() / op.output(0)->scale());
}

struct AddArithmetic {
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier a, b, output;
  ActivationRange range;
  bool subtract;

  int32_t operator()(int32_t qa, int32_t qb) const {
    const int32_t sa = MultiplyByQuantizedMultiplier((qa - a_zero) * (1 << kLeftShift), a);
    const int32_t sb = MultiplyByQuantizedMultiplier((qb - b_zero) * (1 << kLeftShift), b);
    const int32_t q = zero + MultiplyByQuantizedMultiplier(subtract ? sa - sb : sa + sb, output);
    return std::clamp(q, range.min, range.max);
  }
};

AddArithmetic MakeAdd(const OpView& op) {
  const AddRatios ratios = RatiosOfAdd(op);
  return {op.input(0)->zero_point(),
          op.input(1)->zero_point(),
          op.output(0)->zero_point(),
          QuantizeMultiplier(ratios.a),
          QuantizeMultiplier(ratios.b),
          QuantizeMultiplier(ratios.output),
          QuantizedActivationRange(op.op.as<BinaryParams>().activation, *op.output(0)),
          op.op.kind == OpKind::kSub};
}

struct MulArithmetic {
  int32_t a_zero, b_zero, zero;
  QuantizedMultiplier output;
  ActivationRange range;

  int32_t operator()(int32_t qa, int32_t qb) const {
    const int32_t q = zero + MultiplyByQuantizedMultiplier((qa - a_zero) * (qb - b_zero), output);
    return std::clamp(q, range.min, range.max);
  }
};

MulArithmetic MakeMul(const OpView& op) {
  return {op.input(0)->zero_point(), op.input(1)->zero_point(), op.output(0)->zero_point(),
          QuantizeMultiplier(RatioOfMul(op)),
          QuantizedActivationRange(op.op.as<BinaryParams>().activation, *op.output(0))};
}

// --- Integers: shape arithmetic ---

template <typename T>
struct IntegerArithmetic {
  OpKind kind;
  T min = std::numeric_limits<T>::min(), max = std::numeric_limits<T>::max();

  T operator()(T a, T b) const {
    using Unsigned = std::make_unsigned_t<T>;  // wraps, where T would overflow
    const auto ua = static_cast<Unsigned>(a), ub = static_cast<Unsigned>(b);
    const Unsigned y = kind == OpKind::kAdd ? ua + ub : kind == OpKind::kSub ? ua - ub : ua * ub;
    return std::clamp(static_cast<T>(y), min, max);
  }
};

template <typename T>
IntegerArithmetic<T> MakeInteger(const OpView& op) {
  IntegerArithmetic<T> arithmetic{op.op.kind};
  switch (op.op.as<BinaryParams>().activation) {
    case Activation::kRelu: arithmetic.min = 0; break;
    case Activation::kRelu6: arithmetic.min = 0, arithmetic.max = 6; break;
    case Activation::kReluN1To1: arithmetic.min = -1, arithmetic.max = 1; break;
    default: break;
  }
  return arithmetic;
}

// --- Infer, Check ---

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  if (view.input(0) == nullptr || view.input(1) == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input 0, input 1 or output 0 is absent");
  }
  auto shape = BroadcastShape(view.input(0)->shape, view.input(1)->shape);
  if (!shape) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("shapes {} and {} cannot be broadcast against each other",
                            ShapeString(*view.input(0)), ShapeString(*view.input(1))));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = *std::move(shape);
  output.shape_known = true;
  return {};
}

void CheckShapes(const Tensor& a, const Tensor& b, const Tensor& output, Verdict& verdict) {
  RequireNonEmpty(a, "input 0", verdict);
  RequireNonEmpty(b, "input 1", verdict);
  const auto shape = BroadcastShape(a.shape, b.shape);
  if (!shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "input shapes", ShapeString(a) + " and " + ShapeString(b),
                "equal dimensions, or 1 where they differ");
    return;
  }
  if (*shape != output.shape) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output),
                ShapeString(*shape) + ", the inputs' shapes broadcast");
  }
  const size_t loops = BroadcastLoops(a.shape, b.shape).size();
  if (loops > kMaxLoops) {
    verdict.Add(ReasonCode::kUnsupportedOperandRank, "dimensions to broadcast over, neighbours merged",
                std::to_string(loops), fmt::format("at most {}", kMaxLoops));
  }
}

void CheckMultipliers(const OpView& op, Verdict& verdict) {
  if (op.op.kind == OpKind::kMul) {
    const double ratio = RatioOfMul(op);
    if (ratio >= 0 && ratio < kMaxMulMultiplier) return;
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters,
                "input scale 0 * input scale 1 / output scale", fmt::format("{}", ratio),
                fmt::format("0 to below {}", kMaxMulMultiplier));
    return;
  }
  // TFLite aborts (ADD) or computes nonsense (SUB) when the last rescale is not a shift right.
  const double ratio = RatiosOfAdd(op).output;
  if (ratio < 1 && QuantizeMultiplier(ratio).shift <= 0) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "2 * larger input scale / output scale",
              fmt::format("{}", ratio * (1 << kLeftShift)), fmt::format("below {}", 1 << kLeftShift));
}

void Check(const OpView& op, Verdict& verdict) {
  bool typed = RequireSame8BitType(op, verdict);
  const Tensor* a = op.input(0);
  const Tensor* b = op.input(1);
  if (RequireInputType(op, 1, "second operand", {DataType::kInt8, DataType::kUInt8}, verdict)) {
    typed = RequirePerTensor(*b, "input 1", verdict) && typed;
    if (a != nullptr && Is8Bit(a->type) && a->type != b->type) {
      verdict.Add(ReasonCode::kUnsupportedInputType, "input 1 (second operand) element type",
                  std::string(DataTypeName(b->type)), fmt::format("{}, as input 0", DataTypeName(a->type)));
      typed = false;
    }
  } else {
    typed = false;
  }
  RequireQuantizedActivation(op.op.as<BinaryParams>().activation, verdict);
  if (a != nullptr && b != nullptr && op.output(0) != nullptr) CheckShapes(*a, *b, *op.output(0), verdict);
  if (typed) CheckMultipliers(op, verdict);
}

// --- Reference ---

template <typename T, typename Function>
void Compute(const ReferenceArgs& args, Function function) {
  const std::vector<BroadcastLoop> loops =
      BroadcastLoops(args.view.input(0)->shape, args.view.input(1)->shape);
  const int64_t count = args.view.output(0)->element_count().value_or(0);
  const BroadcastLoop& inner = loops[0];
  const T* a = args.in<T>(0);
  const T* b = args.in<T>(1);
  T* y = args.out<T>(0);
  std::vector<int64_t> index(loops.size());
  for (int64_t done = 0; done < count; done += inner.size) {
    for (int64_t i = 0; i < inner.size; ++i) {
      y[done + i] = static_cast<T>(function(a[i * inner.a_stride], b[i * inner.b_stride]));
    }
    for (size_t k = 1; k < loops.size(); ++k) {
      a += loops[k].a_stride;
      b += loops[k].b_stride;
      if (++index[k] < loops[k].size) break;
      a -= loops[k].a_stride * loops[k].size;
      b -= loops[k].b_stride * loops[k].size;
      index[k] = 0;
    }
  }
}

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  if (op.input(0) == nullptr || op.input(1) == nullptr || op.output(0) == nullptr ||
      op.input(0)->type != op.input(1)->type || op.input(0)->type != op.output(0)->type ||
      BroadcastShape(op.input(0)->shape, op.input(1)->shape) != op.output(0)->shape) {
    return Fail(ErrorCode::kUnsupported, "operands must be of one type and their shapes broadcast");
  }
  const bool is_mul = op.op.kind == OpKind::kMul;
  switch (op.input(0)->type) {
    case DataType::kInt8:
      is_mul ? Compute<int8_t>(args, MakeMul(op)) : Compute<int8_t>(args, MakeAdd(op));
      return {};
    case DataType::kUInt8:
      is_mul ? Compute<uint8_t>(args, MakeMul(op)) : Compute<uint8_t>(args, MakeAdd(op));
      return {};
    case DataType::kInt32: Compute<int32_t>(args, MakeInteger<int32_t>(op)); return {};
    case DataType::kInt64: Compute<int64_t>(args, MakeInteger<int64_t>(op)); return {};
    default:
      return Fail(ErrorCode::kUnsupported, fmt::format("element type {}", DataTypeName(op.input(0)->type)));
  }
}

// --- Lower ---

// The kernels' last arguments: the arithmetic in the u8 domain, operand 0 and 1 exchanged if `swap`.
std::vector<KernelArg> ArithmeticArgs(const OpView& op, bool swap) {
  const int a = swap ? 1 : 0, b = swap ? 0 : 1;
  const Tensor& output = *op.output(0);
  std::vector<KernelArg> args = {StoredZeroPoint(*op.input(a)), StoredZeroPoint(*op.input(b)),
                                 StoredZeroPoint(output)};
  const auto push = [&](std::initializer_list<int32_t> values) {
    args.insert(args.end(), values.begin(), values.end());
  };
  const int32_t offset = StorageOffset(output.type);
  if (op.op.kind == OpKind::kMul) {
    const MulArithmetic mul = MakeMul(op);
    push({mul.output.multiplier, mul.output.shift, mul.range.min + offset, mul.range.max + offset});
    return args;
  }
  const AddArithmetic add = MakeAdd(op);
  const QuantizedMultiplier ma = swap ? add.b : add.a, mb = swap ? add.a : add.b;
  // -1: the operand is subtracted. Shifts of ADD only go to the right.
  const int32_t negate_a = add.subtract && swap ? -1 : 0, negate_b = add.subtract && !swap ? -1 : 0;
  push({ma.multiplier, -ma.shift, negate_a, mb.multiplier, -mb.shift, negate_b, add.output.multiplier,
        -add.output.shift, add.range.min + offset, add.range.max + offset});
  return args;
}

// A constant operand of `size` bytes in the u8 domain, repeated until its length is a multiple of kVector.
std::optional<std::vector<uint8_t>> ExpandConstant(const Tensor& tensor, int64_t size) {
  const int64_t expanded = std::lcm<int64_t>(size, kVector);
  if (!tensor.is_constant() || expanded > kMaxExpanded) return std::nullopt;
  std::vector<uint8_t> bytes(expanded);
  const auto flip = static_cast<uint8_t>(StorageOffset(tensor.type));
  for (int64_t i = 0; i < expanded; ++i) bytes[i] = static_cast<uint8_t>(tensor.data.bytes[i % size]) ^ flip;
  return bytes;
}

// The flat kernels read operand b at index i modulo a period, 16 elements at once: the period is a multiple
// of 16 or at least the number of elements. Returns false when the broadcast has another form.
bool LowerFlat(const OpView& op, const std::vector<BroadcastLoop>& loops, int32_t count, bool swap,
               Lowering& lowering) {
  const auto repeats_b = [&](const BroadcastLoop& l) { return (swap ? l.a_stride : l.b_stride) == 0; };
  const auto repeats_a = [&](const BroadcastLoop& l) { return (swap ? l.b_stride : l.a_stride) == 0; };
  for (const BroadcastLoop& loop : loops) {
    if (repeats_a(loop)) return false;
  }
  const int a = op.op.inputs[swap ? 1 : 0], b = op.op.inputs[swap ? 0 : 1];
  KernelArg b_arg = TensorArg{b};
  int32_t period = count;
  if (loops.size() > 2 || (loops.size() == 2 && !repeats_b(loops[1]))) return false;
  if (loops.size() == 2 || repeats_b(loops[0])) {
    const int64_t size = loops.size() == 2 ? loops[0].size : 1;
    if (size % kVector != 0) {
      const auto expanded = ExpandConstant(op.graph.tensors[b], size);
      if (!expanded) return false;
      b_arg = lowering.AddConstant(*expanded);
      period = static_cast<int32_t>(expanded->size());
    } else {
      period = static_cast<int32_t>(size);
    }
  }
  std::vector<KernelArg> args = {TensorArg{a}, b_arg, TensorArg{op.op.outputs[0]}, count, period};
  for (const KernelArg& arg : ArithmeticArgs(op, swap)) args.push_back(arg);
  const size_t items = (static_cast<size_t>(count) + kVector - 1) / kVector;
  lowering.Launch(op.op.kind == OpKind::kMul ? "npu_mul_flat" : "npu_add_flat", {items, 1, 1},
                  std::move(args));
  return true;
}

// Any broadcast: one row of work-items per innermost loop; the outer loops' sizes and strides in a table.
void LowerRows(const OpView& op, const std::vector<BroadcastLoop>& loops, int32_t count, Lowering& lowering) {
  std::vector<int32_t> table;
  for (size_t k = 1; k < loops.size(); ++k) {
    for (int64_t value : {loops[k].size, loops[k].a_stride, loops[k].b_stride}) {
      table.push_back(static_cast<int32_t>(value));
    }
  }
  if (table.empty()) table = {1, 0, 0};  // a buffer of no bytes cannot be made
  const auto inner = static_cast<int32_t>(loops[0].size);
  const int32_t rows = count / inner;
  std::vector<KernelArg> args = {TensorArg{op.op.inputs[0]},
                                 TensorArg{op.op.inputs[1]},
                                 TensorArg{op.op.outputs[0]},
                                 lowering.AddConstant(table),
                                 static_cast<int32_t>(loops.size()) - 1,
                                 rows,
                                 inner,
                                 static_cast<int32_t>(loops[0].a_stride),
                                 static_cast<int32_t>(loops[0].b_stride)};
  for (const KernelArg& arg : ArithmeticArgs(op, false)) args.push_back(arg);
  const size_t items = (static_cast<size_t>(inner) + kVector - 1) / kVector;
  lowering.Launch(op.op.kind == OpKind::kMul ? "npu_mul_rows" : "npu_add_rows",
                  {items, static_cast<size_t>(rows), 1}, std::move(args));
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const std::vector<BroadcastLoop> loops = BroadcastLoops(op.input(0)->shape, op.input(1)->shape);
  const auto count = static_cast<int32_t>(*op.output(0)->element_count());
  if (LowerFlat(op, loops, count, false, lowering)) return {};
  if (LowerFlat(op, loops, count, true, lowering)) return {};
  LowerRows(op, loops, count, lowering);
  return {};
}

constexpr std::string_view kRules[] = {
    "Both inputs and the output are INT8 or UINT8, of one type, each quantized per tensor.",
    "Fused activation is NONE, RELU, RELU_N1_TO_1 or RELU6.",
    "Tensors have elements; shapes broadcast as in numpy, over at most 6 dimensions after merging "
    "neighbours.",
    "ADD, SUB: 2 * larger input scale / output scale is below 2^20.",
    "MUL: input scale 0 * input scale 1 / output scale is below 2^15.",
};

}  // namespace

extern const OpRoom kBinaryRoom;
const OpRoom kBinaryRoom = {
    .name = "binary",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .rules = kRules,
};

}  // namespace npu
