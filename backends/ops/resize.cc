// RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR of an NHWC image to a constant height and width.
// Both axes work alike and independently of the pixels, so Lower and Reference start from tables with one
// entry per output row and column; the kernels only gather and blend.
//   nearest          source = floor or round of a float product (Nearest); the pixel is copied
//   bilinear, INT8   10-bit fixed-point positions (BlendInteger), sum rounded half away from zero; INT16
//   alike bilinear, UINT8  float positions and weights (BlendFloat), sum + 0.5 truncated
// The UINT8 form is defined by IEEE single-precision products and sums in one order, which C++ and OpenCL
// (full profile) both round correctly as long as none is contracted into a fused multiply-add.
// No rescaling happens: input and output must be quantized alike.
// Source: LiteRT 2.3 BUILTIN_REF (resize_bilinear, resize_nearest_neighbor).
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "backends/ops/room.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

// Image sides: fixed-point positions (a side times 1024, plus rounding) stay inside 32 bits as in TFLite,
// and integers are exact in float.
constexpr int32_t kMaxSide = 1 << 20;
constexpr int32_t kOne = 1 << 10;     // 1.0 in the fixed-point positions of INT8 bilinear
constexpr int kChannelsPerItem = 16;  // kernels/resize.cl

// Source of one output row or column in bilinear resizing: positions and the second one's weight. Weights
// leave [0, 1] where a position lies outside the image; both sources are the same pixel there.
struct BlendInteger {
  int32_t lower, upper;
  int32_t weight;  // of upper, in 1/1024; lower has 1024 - weight
};

struct BlendFloat {
  int32_t lower, upper;
  float lower_weight, upper_weight;
};

// Source of output row or column `i` in nearest-neighbour resizing: float arithmetic, as in TFLite.
int32_t Nearest(const ResizeParams& params, int32_t in, int32_t out, int32_t i) {
  const float scale = params.align_corners && out > 1
                          ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                          : static_cast<float>(in) / static_cast<float>(out);
  const float position = (static_cast<float>(i) + (params.half_pixel_centers ? 0.5f : 0.0f)) * scale;
  const float source = params.align_corners ? std::round(position) : std::floor(position);
  return std::clamp(static_cast<int32_t>(source), 0, in - 1);
}

// input size / output size in 1/1024, rounded half up; corners aligned: one less of each.
int64_t ScaleInteger(const ResizeParams& params, int64_t in, int64_t out) {
  if (params.align_corners && out > 1) return (kOne * (in - 1) + (out - 1) / 2) / (out - 1);
  return (kOne * in + out / 2) / out;
}

int64_t PositionInteger(const ResizeParams& params, int64_t in, int64_t out, int64_t i) {
  const int64_t scale = ScaleInteger(params, in, out);
  return params.half_pixel_centers ? i * scale + scale / 2 - kOne / 2 : i * scale;
}

BlendInteger MakeBlendInteger(const ResizeParams& params, int32_t in, int32_t out, int32_t i) {
  const int64_t position = PositionInteger(params, in, out, i);
  const auto lower = static_cast<int32_t>(std::max<int64_t>(position / kOne, 0));
  const auto upper = static_cast<int32_t>(std::min<int64_t>((position + kOne - 1) / kOne, in - 1));
  return {lower, upper, static_cast<int32_t>(position - int64_t{kOne} * lower)};
}

float PositionFloat(const ResizeParams& params, int32_t in, int32_t out, int32_t i) {
  const float scale = params.align_corners && out > 1
                          ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                          : static_cast<float>(in) / static_cast<float>(out);
  const auto index = static_cast<float>(i);
  return params.half_pixel_centers ? (index + 0.5f) * scale - 0.5f : index * scale;
}

BlendFloat MakeBlendFloat(const ResizeParams& params, int32_t in, int32_t out, int32_t i) {
  const float position = PositionFloat(params, in, out, i);
  const int32_t lower = std::max(static_cast<int32_t>(std::floor(position)), 0);
  const int32_t upper = std::min(static_cast<int32_t>(std::ceil(position)), in - 1);
  const float weight = position - static_cast<float>(lower);
  return {lower, upper, 1.0f - weight, weight};
}

// True when every position of an axis lies before its last pixel's successor. The rounded scale of a large
// output can pass it, and TFLite then reads other memory. Positions grow with i: the last one decides.
bool StaysInside(const ResizeParams& params, DataType type, int32_t in, int32_t out) {
  if (type == DataType::kUInt8) return std::floor(PositionFloat(params, in, out, out - 1)) < in;
  return PositionInteger(params, in, out, out - 1) / kOne < in;
}

// The constant {height, width} of operand 1, each at least 1.
std::optional<std::array<int32_t, 2>> OutputSize(const OpView& op) {
  const Tensor* size = op.input(1);
  if (size == nullptr || size->shape.size() != 1) return std::nullopt;
  const auto values = ConstantInts(*size);
  if (!values || values->size() != 2 || (*values)[0] < 1 || (*values)[1] < 1) return std::nullopt;
  return std::array<int32_t, 2>{(*values)[0], (*values)[1]};
}

Status Infer(Graph& graph, const Op& op) {
  const OpView view{graph, op};
  const Tensor* input = view.input(0);
  if (input == nullptr || view.output(0) == nullptr) {
    return Fail(ErrorCode::kInvalidModel, "input or output is absent");
  }
  if (input->shape.size() != 4) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("input shape {}; expected rank 4", ShapeString(*input)));
  }
  const auto size = OutputSize(view);
  if (!size) {
    return Fail(ErrorCode::kInvalidModel, "size is not a constant of two numbers, each at least 1");
  }
  std::vector<int32_t> shape{input->shape[0], (*size)[0], (*size)[1], input->shape[3]};
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = std::move(shape);
  output.shape_known = true;
  return {};
}

void CheckShapes(const OpView& op, Verdict& verdict) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const auto& params = op.op.as<ResizeParams>();
  bool ok = RequireNonEmpty(input, "input 0", verdict);
  ok = RequireRank(input, "input 0", 4, 4, verdict) && ok;
  ok = RequireConstant(op, 1, "size", verdict) && ok;
  ok = RequireInputType(op, 1, "size", {DataType::kInt32}, verdict) && ok;
  if (!ok) return;
  const auto size = OutputSize(op);
  if (!size) {
    const std::vector<int32_t> values = ConstantInts(*op.input(1)).value_or(std::vector<int32_t>{});
    verdict.Add(ReasonCode::kUnsupportedOperandValue, "input 1 (size)",
                op.input(1)->shape.size() == 1 && values.size() == 2
                    ? fmt::format("{}, {}", values[0], values[1])
                    : fmt::format("shape {}", ShapeString(*op.input(1))),
                "two numbers, each at least 1");
    return;
  }
  constexpr std::string_view kSides[] = {"height", "width"};
  for (int i = 0; i < 2; ++i) {
    ok = RequireRange(fmt::format("input 0 {}", kSides[i]), input.shape[i + 1], 1, kMaxSide, verdict) && ok;
    ok = RequireRange(fmt::format("output 0 {}", kSides[i]), (*size)[i], 1, kMaxSide, verdict) && ok;
  }
  const std::vector<int32_t> expected{input.shape[0], (*size)[0], (*size)[1], input.shape[3]};
  if (output.shape != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), ShapeString(expected));
  }
  if (op.op.kind == OpKind::kResizeNearestNeighbor || !ok) return;
  for (int i = 0; i < 2; ++i) {
    if (StaysInside(params, input.type, input.shape[i + 1], (*size)[i])) continue;
    verdict.Add(ReasonCode::kUnsupportedOperandValue, fmt::format("output 0 {}", kSides[i]),
                fmt::format("{} from {}", (*size)[i], input.shape[i + 1]),
                "a size whose last position, computed with TFLite's rounded scale, lies in the image");
  }
}

void Check(const OpView& op, Verdict& verdict) {
  bool there = RequireInput(op, 0, "input", verdict);
  there = RequireInput(op, 1, "size", verdict) && there;
  if (!there) return;
  if (RequireSameQuantizedType(op, verdict)) {
    RequireSameQuantization(*op.input(0), "input 0", *op.output(0), "output 0", verdict);
  }
  if (op.output(0) != nullptr) CheckShapes(op, verdict);
  const auto& params = op.op.as<ResizeParams>();
  if (params.align_corners && params.half_pixel_centers) {
    verdict.Add(ReasonCode::kInvalidArgument, "align_corners and half_pixel_centers", "both set",
                "at most one of them");
  }
}

// make(params, in, out, i) for every i of one axis: axis 1 are the rows, 2 the columns.
template <typename Make>
auto Table(const OpView& op, int axis, Make make) {
  const int32_t in = op.input(0)->shape[axis], out = op.output(0)->shape[axis];
  std::vector<decltype(make(op.op.as<ResizeParams>(), in, out, 0))> table;
  table.reserve(out);
  for (int32_t i = 0; i < out; ++i) table.push_back(make(op.op.as<ResizeParams>(), in, out, i));
  return table;
}

// value(row entry, column entry, offset of (batch, y, x, channel)) for every output element.
template <typename T, typename Entry, typename Value>
void ForEachOutput(const OpView& op, const std::vector<Entry>& rows, const std::vector<Entry>& columns,
                   T* out, Value value) {
  const std::vector<int32_t>& shape = op.input(0)->shape;
  for (int64_t batch = 0; batch < shape[0]; ++batch) {
    for (const Entry& row : rows) {
      for (const Entry& column : columns) {
        for (int64_t c = 0; c < shape[3]; ++c) {
          *out++ = value(row, column, [&](int64_t y, int64_t x) {
            return ((batch * shape[1] + y) * shape[2] + x) * shape[3] + c;
          });
        }
      }
    }
  }
}

// INT8 and INT16.
template <typename T>
void BilinearSigned(const OpView& op, const T* in, T* out) {
  const auto rows = Table(op, 1, MakeBlendInteger), columns = Table(op, 2, MakeBlendInteger);
  ForEachOutput(op, rows, columns, out, [&](const BlendInteger& y, const BlendInteger& x, auto at) {
    const int64_t sum = int64_t{in[at(y.lower, x.lower)]} * (kOne - y.weight) * (kOne - x.weight) +
                        int64_t{in[at(y.upper, x.lower)]} * y.weight * (kOne - x.weight) +
                        int64_t{in[at(y.lower, x.upper)]} * (kOne - y.weight) * x.weight +
                        int64_t{in[at(y.upper, x.upper)]} * y.weight * x.weight;
    const int64_t half = int64_t{kOne} * kOne / 2;
    return static_cast<T>((sum + (sum > 0 ? half : -half)) / (int64_t{kOne} * kOne));
  });
}

void BilinearUInt8(const OpView& op, const uint8_t* in, uint8_t* out) {
  const auto rows = Table(op, 1, MakeBlendFloat), columns = Table(op, 2, MakeBlendFloat);
  ForEachOutput(op, rows, columns, out, [&](const BlendFloat& y, const BlendFloat& x, auto at) {
    const float sum = static_cast<float>(in[at(y.lower, x.lower)]) * y.lower_weight * x.lower_weight +
                      static_cast<float>(in[at(y.upper, x.lower)]) * y.upper_weight * x.lower_weight +
                      static_cast<float>(in[at(y.lower, x.upper)]) * y.lower_weight * x.upper_weight +
                      static_cast<float>(in[at(y.upper, x.upper)]) * y.upper_weight * x.upper_weight + 0.5f;
    return static_cast<uint8_t>(static_cast<int32_t>(sum));
  });
}

template <typename T>
void CopyNearest(const OpView& op, const T* in, T* out) {
  ForEachOutput(op, Table(op, 1, Nearest), Table(op, 2, Nearest), out,
                [&](int32_t y, int32_t x, auto at) { return in[at(y, x)]; });
}

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  const DataType type = op.output(0)->type;
  const bool wide = type == DataType::kInt16;
  if (!Is8Bit(type) && !wide) {
    return Fail(ErrorCode::kUnsupported, "resizing computes INT8, UINT8 and INT16 only");
  }
  if (op.op.kind == OpKind::kResizeNearestNeighbor) {
    // Copied as they are, signed or not.
    wide ? CopyNearest(op, args.in<uint16_t>(0), args.out<uint16_t>(0))
         : CopyNearest(op, args.in<uint8_t>(0), args.out<uint8_t>(0));
  } else if (wide) {
    BilinearSigned(op, args.in<int16_t>(0), args.out<int16_t>(0));
  } else if (type == DataType::kInt8) {
    BilinearSigned(op, args.in<int8_t>(0), args.out<int8_t>(0));
  } else {
    BilinearUInt8(op, args.in<uint8_t>(0), args.out<uint8_t>(0));
  }
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const std::vector<int32_t>& in = op.input(0)->shape;
  const std::vector<int32_t>& out = op.output(0)->shape;
  const auto launch = [&](std::string_view kernel, auto make, int32_t pixels_per_item = 1) {
    const std::array<size_t, 3> global{
        static_cast<size_t>((int64_t{in[3]} + kChannelsPerItem - 1) / kChannelsPerItem),
        static_cast<size_t>((out[2] - 1) / pixels_per_item + 1), static_cast<size_t>(out[1]) * in[0]};
    lowering.Launch(
        kernel, global,
        {TensorArg{op.op.inputs[0]}, TensorArg{op.op.outputs[0]}, lowering.AddConstant(Table(op, 1, make)),
         lowering.AddConstant(Table(op, 2, make)), in[0], in[1], in[2], in[3], out[1], out[2]});
  };
  const bool nearest = op.op.kind == OpKind::kResizeNearestNeighbor;
  if (op.input(0)->type == DataType::kInt16) {
    nearest ? launch("resize_nearest_int16", Nearest) : launch("resize_bilinear_int16", MakeBlendInteger);
  } else if (nearest) {
    launch("resize_nearest", Nearest);
  } else if (op.input(0)->type == DataType::kInt8) {
    launch("resize_bilinear_int8", MakeBlendInteger);
  } else {
    launch("resize_bilinear_uint8", MakeBlendFloat, 16);
  }
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output INT8, UINT8 or INT16 (zero point 0), the same type, one scale and zero point each",
    "input and output share scale and zero point (no rescaling takes place)",
    "input of rank 4 (NHWC) without empty dimensions",
    "size: constant INT32 of two numbers; heights and widths 1 to 2^20",
    "RESIZE_BILINEAR: no position, computed with TFLite's rounded scale, passes the end of the image",
    "align_corners and half_pixel_centers are not both set",
};

}  // namespace

extern const OpRoom kResizeRoom;
const OpRoom kResizeRoom{
    .name = "resize",
    .infer = Infer,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
