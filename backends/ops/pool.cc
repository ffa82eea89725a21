// AVERAGE_POOL_2D and MAX_POOL_2D: one value per window and channel of an NHWC image.
//   average: round(sum of the window's quantized values / number of them), ties away from zero
//   max:     the largest of them
// then the fused activation's range. Pixels outside the image do not take part, nor are they counted. Output
// size and padding are those of a WindowAxis (window.h).
// No rescaling happens, so input and output must be quantized alike: TFLite computes the same bytes when
// they are not, but those bytes are then wrong in real numbers, and we do not repeat that.
// Source: LiteRT 2.3 BUILTIN_REF (pooling); output size and padding as its convolutions.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "backends/ops/float_form.h"
#include "backends/ops/pool_window.h"
#include "backends/ops/room.h"
#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"
#include "schema/quantization.h"

namespace npu {
namespace {

// Image sides: coordinates plus a window stay inside 32 bits.
constexpr int32_t kMaxSide = 1 << 24;
// Values averaged: 255 * 2^23 plus half the count is the largest 32-bit sum. INT16 is summed in 64 bits.
constexpr int64_t kMaxAveraged = int64_t{1} << 23;
constexpr int kChannelsPerItem = 16;  // kernels/pool.cl

PoolWindowParams ParamsOf(const Op& op) { return PoolWindowParams(op.as<Pool2DParams>()); }

Status Infer(Graph& graph, const Op& op) { return InferPoolOutput(graph, op, ParamsOf(op)); }

void CheckShapes(const OpView& op, Verdict& verdict) {
  const PoolWindowParams params = ParamsOf(op.op);
  if (!CheckPoolParams(op, params, verdict)) return;
  const Tensor& input = *op.input(0);
  RequireRange("input 0 height", input.shape[1], 1, kMaxSide, verdict);
  RequireRange("input 0 width", input.shape[2], 1, kMaxSide, verdict);
  if (op.op.kind == OpKind::kAveragePool2D) {
    const int64_t values =
        int64_t{std::min(params.filter_h, input.shape[1])} * std::min(params.filter_w, input.shape[2]);
    RequireRange("values in one window", values, 1, kMaxAveraged, verdict);
  }
  CheckPoolOutput(op, params, verdict);
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
  const auto [rows, columns] = *MakePoolWindow(ParamsOf(op.op), *op.input(0));
  const int64_t channels = op.input(0)->shape[3];
  const ActivationRange range = QuantizedActivationRange(op.op.as<Pool2DParams>().activation, *op.output(0));
  for (int64_t batch = 0; batch < op.input(0)->shape[0]; ++batch) {
    for (int32_t y = 0; y < rows.output; ++y) {
      for (int32_t x = 0; x < columns.output; ++x) {
        const int64_t count = (rows.end(y) - rows.begin(y)) * (columns.end(x) - columns.begin(x));
        for (int64_t c = 0; c < channels; ++c) {
          int64_t sum = 0;
          int32_t largest = TypeMin(op.input(0)->type);
          for (int64_t in_y = rows.begin(y); in_y < rows.end(y); ++in_y) {
            for (int64_t in_x = columns.begin(x); in_x < columns.end(x); ++in_x) {
              const int32_t value = in[((batch * rows.input + in_y) * columns.input + in_x) * channels + c];
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
  const PoolWindow window = *MakePoolWindow(ParamsOf(op.op), *op.input(0));
  const PoolAxis &rows = window.rows, &columns = window.columns;
  const int64_t channels = op.input(0)->shape[3];
  const FloatRange range = FloatActivationRange(op.op.as<Pool2DParams>().activation);
  const int64_t cost = int64_t{columns.output} * rows.filter * columns.filter * channels;
  ParallelRanges(args.pool, int64_t{op.input(0)->shape[0]} * rows.output, cost, [&](int64_t begin, int64_t end) {
    float* out = args.out<float>(0) + begin * columns.output * channels;
    for (int64_t row = begin; row < end; ++row) {
      const auto y = static_cast<int32_t>(row % rows.output);
      const float* image = args.in<float>(0) + row / rows.output * rows.input * columns.input * channels;
      for (int32_t x = 0; x < columns.output; ++x, out += channels) {
        std::fill_n(out, channels, average ? 0.0f : std::numeric_limits<float>::lowest());
        for (int64_t in_y = rows.begin(y); in_y < rows.end(y); ++in_y) {
          for (int64_t in_x = columns.begin(x); in_x < columns.end(x); ++in_x) {
            const float* in = image + (in_y * columns.input + in_x) * channels;
            if (average) {
              for (int64_t c = 0; c < channels; ++c) out[c] += in[c];
            } else {
              for (int64_t c = 0; c < channels; ++c) out[c] = out[c] < in[c] ? in[c] : out[c];
            }
          }
        }
        const auto count = static_cast<float>((rows.end(y) - rows.begin(y)) * (columns.end(x) - columns.begin(x)));
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
  const auto [rows, columns] = *MakePoolWindow(ParamsOf(op.op), *op.input(0));
  const int32_t channels = output.shape[3];
  const int32_t offset = StorageOffset(output.type);
  const ActivationRange range = QuantizedActivationRange(op.op.as<Pool2DParams>().activation, output);
  const std::array<size_t, 3> global{
      static_cast<size_t>((int64_t{channels} + kChannelsPerItem - 1) / kChannelsPerItem),
      static_cast<size_t>(rows.output) * output.shape[0], 1};
  std::vector<KernelArg> args{TensorArg{op.op.inputs[0]},
                              TensorArg{op.op.outputs[0]},
                              channels,
                              rows.input,
                              rows.output,
                              rows.stride,
                              rows.filter,
                              rows.pad_before,
                              columns.input,
                              columns.output,
                              columns.stride,
                              columns.filter,
                              columns.pad_before,
                              output.shape[0],
                              range.min + offset,
                              range.max + offset};
  const bool average = op.op.kind == OpKind::kAveragePool2D;
  if (output.type == DataType::kInt16) {
    args.emplace_back(average ? 1 : 0);
    lowering.Launch("pool_int16",
                    {static_cast<size_t>(channels), static_cast<size_t>(columns.output), global[1]},
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
