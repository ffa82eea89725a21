// AVERAGE_POOL_2D and MAX_POOL_2D: one value per window and channel of an NHWC image.
//   average: round(sum of the window's quantized values / number of them), ties away from zero
//   max:     the largest of them
// then the fused activation's range. Pixels outside the image do not take part, nor are they counted. Output
// size and padding are those of a WindowAxis (window.h).
// No rescaling happens, so input and output must be quantized alike: TFLite computes the same bytes when
// they are not, but those bytes are then wrong in real numbers, and we do not repeat that.
// Source: LiteRT 2.3 BUILTIN_REF (pooling); output size and padding as its convolutions.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "backends/threads/thread_pool.h"
#include "backends/ops/float_form.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/ops/window.h"
#include "schema/quantization.h"

namespace npu {
namespace {

// Strides and filters: the largest image side that NPU compilers take (Arm Vela: 65535).
constexpr int32_t kMaxWindow = 65535;
// Image sides: coordinates plus a window stay inside 32 bits.
constexpr int32_t kMaxSide = 1 << 24;
// Values averaged: 255 * 2^23 plus half the count is the largest 32-bit sum. INT16 is summed in 64 bits.
constexpr int64_t kMaxAveraged = int64_t{1} << 23;
constexpr int kChannelsPerItem = 16;  // kernels/pool.cl

// One axis of the sliding window.
struct Axis {
  int32_t in, out, stride, filter, pad;

  // First and past-the-last input position of window `i` that lies inside the image.
  int32_t begin(int32_t i) const { return std::max(i * stride - pad, 0); }
  int32_t end(int32_t i) const { return std::min(i * stride - pad + filter, in); }
};

struct PoolWindow {
  Axis rows, columns;
};

// nullopt if no window fits. The input is of rank 4.
std::optional<PoolWindow> MakePoolWindow(const Pool2DParams& params, const Tensor& input) {
  const auto axis = [](AxisPadding padding, int32_t in, int32_t filter, int32_t stride) -> std::optional<Axis> {
    const auto window = MakeWindowAxis(padding, in, filter, stride, 1);
    if (!window || window->output < 1) return std::nullopt;
    return Axis{in, window->output, stride, filter, window->pad_before};
  };
  const auto rows = axis({params.padding, params.edges.top, params.edges.bottom}, input.shape[1], params.filter_h,
                         params.stride_h);
  const auto columns = axis({params.padding, params.edges.left, params.edges.right}, input.shape[2],
                            params.filter_w, params.stride_w);
  if (!rows || !columns) return std::nullopt;
  return PoolWindow{*rows, *columns};
}

std::vector<int32_t> OutputShape(const PoolWindow& window, const Tensor& input) {
  return {input.shape[0], window.rows.out, window.columns.out, input.shape[3]};
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
  const auto& params = op.as<Pool2DParams>();
  if (params.stride_h < 1 || params.stride_w < 1 || params.filter_h < 1 || params.filter_w < 1) {
    return Fail(ErrorCode::kInvalidModel,
                fmt::format("stride {}x{} and filter {}x{}; expected at least 1", params.stride_h,
                            params.stride_w, params.filter_h, params.filter_w));
  }
  const auto window = MakePoolWindow(params, *input);
  if (!window) {
    return Fail(ErrorCode::kInvalidModel, fmt::format("no {}x{} window fits into input {}", params.filter_h,
                                                      params.filter_w, ShapeString(*input)));
  }
  Tensor& output = graph.tensors[op.outputs[0]];
  output.shape = OutputShape(*window, *input);
  output.shape_known = true;
  return {};
}

void CheckShapes(const OpView& op, Verdict& verdict) {
  const Tensor& input = *op.input(0);
  const Tensor& output = *op.output(0);
  const auto& params = op.op.as<Pool2DParams>();
  bool ok = RequireNonEmpty(input, "input 0", verdict);
  ok = RequireRank(input, "input 0", 4, 4, verdict) && ok;
  ok = RequireRange("stride_h", params.stride_h, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("stride_w", params.stride_w, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("filter_height", params.filter_h, 1, kMaxWindow, verdict) && ok;
  ok = RequireRange("filter_width", params.filter_w, 1, kMaxWindow, verdict) && ok;
  if (!ok) return;
  ok = RequireRange("input 0 height", input.shape[1], 1, kMaxSide, verdict) && ok;
  ok = RequireRange("input 0 width", input.shape[2], 1, kMaxSide, verdict) && ok;
  if (op.op.kind == OpKind::kAveragePool2D) {
    const int64_t values =
        int64_t{std::min(params.filter_h, input.shape[1])} * std::min(params.filter_w, input.shape[2]);
    ok = RequireRange("values in one window", values, 1, kMaxAveraged, verdict) && ok;
  }
  const auto window = MakePoolWindow(params, input);
  const std::string expected =
      window ? ShapeString(OutputShape(*window, input)) : "a window that fits into the input";
  if (ShapeString(output) != expected) {
    verdict.Add(ReasonCode::kShapeMismatch, "output 0 shape", ShapeString(output), expected);
  }
}

void Check(const OpView& op, Verdict& verdict) {
  if (RequireInput(op, 0, "input", verdict) && RequireSameQuantizedType(op, verdict)) {
    RequireSameQuantization(*op.input(0), "input 0", *op.output(0), "output 0", verdict);
  }
  if (op.input(0) != nullptr && op.output(0) != nullptr) CheckShapes(op, verdict);
  RequireQuantizedActivation(op.op.as<Pool2DParams>().activation, verdict);
}

// acc / count, ties away from zero, on values without the storage offset: int8 sums can be negative.
int32_t RoundedMean(int64_t acc, int64_t count) {
  return static_cast<int32_t>(acc >= 0 ? (acc + count / 2) / count : (acc - count / 2) / count);
}

template <typename T>
void Pool(const OpView& op, bool average, const T* in, T* out) {
  const auto [rows, columns] = *MakePoolWindow(op.op.as<Pool2DParams>(), *op.input(0));
  const int64_t channels = op.input(0)->shape[3];
  const ActivationRange range = QuantizedActivationRange(op.op.as<Pool2DParams>().activation, *op.output(0));
  for (int64_t batch = 0; batch < op.input(0)->shape[0]; ++batch) {
    for (int32_t y = 0; y < rows.out; ++y) {
      for (int32_t x = 0; x < columns.out; ++x) {
        const int64_t count = int64_t{rows.end(y) - rows.begin(y)} * (columns.end(x) - columns.begin(x));
        for (int64_t c = 0; c < channels; ++c) {
          int64_t sum = 0;
          int32_t largest = TypeMin(op.input(0)->type);
          for (int32_t in_y = rows.begin(y); in_y < rows.end(y); ++in_y) {
            for (int32_t in_x = columns.begin(x); in_x < columns.end(x); ++in_x) {
              const int32_t value = in[((batch * rows.in + in_y) * columns.in + in_x) * channels + c];
              sum += value;
              largest = std::max(largest, value);
            }
          }
          *out++ =
              static_cast<T>(std::clamp(average ? RoundedMean(sum, count) : largest, range.min, range.max));
        }
      }
    }
  }
}

// The float form. A window's values are summed in their order in memory, and the sum divided.
void PoolFloats(const ReferenceArgs& args, bool average) {
  const OpView& op = args.view;
  const PoolWindow window = *MakePoolWindow(op.op.as<Pool2DParams>(), *op.input(0));
  const Axis &rows = window.rows, &columns = window.columns;
  const int64_t channels = op.input(0)->shape[3];
  const FloatRange range = FloatActivationRange(op.op.as<Pool2DParams>().activation);
  const int64_t cost = int64_t{columns.out} * rows.filter * columns.filter * channels;
  ParallelRanges(args.pool, int64_t{op.input(0)->shape[0]} * rows.out, cost, [&](int64_t begin, int64_t end) {
    float* out = args.out<float>(0) + begin * columns.out * channels;
    for (int64_t row = begin; row < end; ++row) {
      const auto y = static_cast<int32_t>(row % rows.out);
      const float* image = args.in<float>(0) + row / rows.out * rows.in * columns.in * channels;
      for (int32_t x = 0; x < columns.out; ++x, out += channels) {
        std::fill_n(out, channels, average ? 0.0f : std::numeric_limits<float>::lowest());
        for (int64_t in_y = rows.begin(y); in_y < rows.end(y); ++in_y) {
          for (int64_t in_x = columns.begin(x); in_x < columns.end(x); ++in_x) {
            const float* in = image + (in_y * columns.in + in_x) * channels;
            if (average) {
              for (int64_t c = 0; c < channels; ++c) out[c] += in[c];
            } else {
              for (int64_t c = 0; c < channels; ++c) out[c] = out[c] < in[c] ? in[c] : out[c];
            }
          }
        }
        const auto count = static_cast<float>(int64_t{rows.end(y) - rows.begin(y)} * (columns.end(x) - columns.begin(x)));
        for (int64_t c = 0; c < channels; ++c) out[c] = range(average ? out[c] / count : out[c]);
      }
    }
  });
}

Status Reference(const ReferenceArgs& args) {
  const bool average = args.view.op.kind == OpKind::kAveragePool2D;
  if (IsFloatForm(args.view)) {
    PoolFloats(args, average);
    return {};
  }
  switch (args.view.output(0)->type) {
    case DataType::kInt8: Pool(args.view, average, args.in<int8_t>(0), args.out<int8_t>(0)); return {};
    case DataType::kUInt8: Pool(args.view, average, args.in<uint8_t>(0), args.out<uint8_t>(0)); return {};
    case DataType::kInt16: Pool(args.view, average, args.in<int16_t>(0), args.out<int16_t>(0)); return {};
    default: return Fail(ErrorCode::kUnsupported, "pooling computes INT8, UINT8 and INT16 only");
  }
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  const Tensor& output = *op.output(0);
  const auto [rows, columns] = *MakePoolWindow(op.op.as<Pool2DParams>(), *op.input(0));
  const int32_t channels = output.shape[3];
  const int32_t offset = StorageOffset(output.type);
  const ActivationRange range = QuantizedActivationRange(op.op.as<Pool2DParams>().activation, output);
  const std::array<size_t, 3> global{
      static_cast<size_t>((int64_t{channels} + kChannelsPerItem - 1) / kChannelsPerItem),
      static_cast<size_t>(rows.out) * output.shape[0], 1};
  std::vector<KernelArg> args{TensorArg{op.op.inputs[0]},
                              TensorArg{op.op.outputs[0]},
                              channels,
                              rows.in,
                              rows.out,
                              rows.stride,
                              rows.filter,
                              rows.pad,
                              columns.in,
                              columns.out,
                              columns.stride,
                              columns.filter,
                              columns.pad,
                              output.shape[0],
                              range.min + offset,
                              range.max + offset};
  const bool average = op.op.kind == OpKind::kAveragePool2D;
  if (output.type == DataType::kInt16) {
    args.emplace_back(average ? 1 : 0);
    lowering.Launch("pool_int16",
                    {static_cast<size_t>(channels), static_cast<size_t>(columns.out), global[1]},
                    std::move(args));
    return {};
  }
  if (!average) {
    lowering.Launch("pool_max", global, std::move(args));
    return {};
  }
  args.emplace_back(offset);
  lowering.Launch("pool_average", global, std::move(args));
  return {};
}

constexpr std::string_view kRules[] = {
    "input and output INT8, UINT8 or INT16 (zero point 0), the same type, one scale and zero point each",
    "input and output share scale and zero point (no rescaling takes place)",
    "input of rank 4 (NHWC), no empty dimension, height and width at most 2^24",
    "strides and filter 1 to 65535; AVERAGE_POOL_2D: at most 2^23 values in one window",
    "VALID padding: the filter fits into the input",
    "fused activation NONE, RELU, RELU_N1_TO_1 or RELU6",
    "delegate-cpu, between binary operators: FLOAT32",
};

}  // namespace

extern const OpRoom kPoolRoom;
const OpRoom kPoolRoom{
    .name = "pool",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckFloatForm,
    .reference = Reference,
    .lower = Lower,
    .macs = nullptr,
    .rules = kRules,
};

}  // namespace npu
