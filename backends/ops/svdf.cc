// SVDF: a fully connected layer over the last `memory` inputs, of low rank, that keeps what it needs of the past
// as state. Per batch row, with filter f of unit f / rank:
//   state[f] moves one place to the left, and its last entry becomes
//     clamp16(round((sum over k of (x[k] - zp_in) * feature[f, k]) * s_in * s_feature / s_state))
//   out[u] = clamp8(zp_out + round((bias[u] + sum over u's filters f and over m of time[f, m] * state[f, m])
//            * s_state * s_time / s_out))
// input [batch, inputs] INT8, feature weights [filters, inputs] INT8, time weights [filters, memory] INT16, bias
// [filters / rank] INT32 or none, state [batch, filters * memory] INT16; output [batch, filters / rank] INT8.
// Sums are modulo 2^32. The fused activation is RELU, the only one that hosts' integer kernel takes, and changes
// nothing: the output's range ends where it does.
// Source: LiteRT 2.3 and tflite-runtime 2.14 (reference/svdf.h), bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "backends/ops/convolution.h"
#include "backends/ops/data_movement.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

constexpr int kInput = 0, kFeature = 1, kTime = 2, kBias = 3, kState = 4;
constexpr int kStates[] = {kState};
// (x - zp) * feature stays below 255 * 128 each: with as many of them a sum is within 32 bits.
constexpr int64_t kMaxInputs = (int64_t{1} << 31) / (255 * 128);

struct Svdf {
  int32_t batch = 0, inputs = 0, filters = 0, memory = 0, rank = 0, units = 0;
};

std::optional<Svdf> PlanSvdf(const OpView& op, Verdict& verdict) {
  bool ok = RequireInput(op, kInput, "input", verdict);
  ok = RequireInput(op, kFeature, "feature weights", verdict) && ok;
  ok = RequireInput(op, kTime, "time weights", verdict) && ok;
  ok = RequireInput(op, kState, "state", verdict) && ok;
  if (!ok) return std::nullopt;
  ok = RequireRank(*op.input(kInput), "input 0", 2, 2, verdict);
  ok = RequireRank(*op.input(kFeature), "input 1 (feature weights)", 2, 2, verdict) && ok;
  ok = RequireRank(*op.input(kTime), "input 2 (time weights)", 2, 2, verdict) && ok;
  if (!ok) return std::nullopt;
  Svdf svdf{.batch = op.input(kInput)->shape[0],
            .inputs = op.input(kInput)->shape[1],
            .filters = op.input(kFeature)->shape[0],
            .memory = op.input(kTime)->shape[1],
            .rank = op.op.as<SvdfParams>().rank};
  constexpr int64_t kMost = kMaxTensorElements;
  ok = RequireRange("input dimension 0 (batch)", svdf.batch, 1, kMost, verdict);
  ok = RequireRange("input dimension 1", svdf.inputs, 1, kMaxInputs, verdict) && ok;
  ok = RequireRange("feature weights dimension 0 (filters)", svdf.filters, 1, kMost, verdict) && ok;
  ok = RequireRange("time weights dimension 1 (memory)", svdf.memory, 1, kMost, verdict) && ok;
  ok = RequireRange("rank", svdf.rank, 1, kMost, verdict) && ok;
  if (ok && svdf.filters % svdf.rank != 0) {
    verdict.Add(ReasonCode::kInvalidArgument, "rank", std::to_string(svdf.rank),
                fmt::format("a divisor of the {} filters", svdf.filters));
    ok = false;
  }
  ok = RequireShape(*op.input(kFeature), "input 1 (feature weights)", std::array{svdf.filters, svdf.inputs},
                    verdict) && ok;
  ok = RequireShape(*op.input(kTime), "input 2 (time weights)", std::array{svdf.filters, svdf.memory}, verdict) &&
       ok;
  const auto length = ok ? CheckedMul(svdf.filters, svdf.memory) : std::nullopt;
  if (!ok || !RequireRange("filters * memory", *length, 1, kMost, verdict)) return std::nullopt;
  svdf.units = svdf.filters / svdf.rank;
  ok = RequireShape(*op.input(kState), "input 4 (state)",
                    std::array{svdf.batch, static_cast<int32_t>(*length)}, verdict);
  if (const Tensor* bias = op.input(kBias)) {
    ok = RequireShape(*bias, "input 3 (bias)", std::array{svdf.units}, verdict) && ok;
  }
  ok = RequireShapeFits(std::array{svdf.batch, svdf.units}, verdict) && ok;
  if (!ok) return std::nullopt;
  return svdf;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  const auto svdf = PlanSvdf({graph, op}, verdict);
  if (!svdf) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, {svdf->batch, svdf->units});
  return {};
}

// In float: measured, at scales where it shows.
float FeatureRescale(const OpView& op) {
  return op.input(kInput)->scale() * op.input(kFeature)->scale() / op.input(kState)->scale();
}

float TimeRescale(const OpView& op) {
  return op.input(kState)->scale() * op.input(kTime)->scale() / op.output(0)->scale();
}

void Check(const OpView& op, Verdict& verdict) {
  const auto svdf = PlanSvdf(op, verdict);
  if (op.op.as<SvdfParams>().activation != Activation::kRelu) {
    verdict.Add(ReasonCode::kUnsupportedActivation, "fused activation",
                std::string(ActivationName(op.op.as<SvdfParams>().activation)), "RELU");
  }
  bool typed = RequireInputType(op, kInput, "input", {DataType::kInt8}, verdict);
  typed = RequireInputType(op, kFeature, "feature weights", {DataType::kInt8}, verdict) && typed;
  typed = RequireInputType(op, kTime, "time weights", {DataType::kInt16}, verdict) && typed;
  // TFLite Micro has an INT8 state, too; LiteRT and tflite-runtime have no kernel for it and crash.
  typed = RequireInputType(op, kState, "state", {DataType::kInt16}, verdict) && typed;
  typed = RequireOutputType(op, 0, {DataType::kInt8}, verdict) && typed;
  RequireConstant(op, kFeature, "feature weights", verdict);
  RequireConstant(op, kTime, "time weights", verdict);
  if (op.input(kBias) != nullptr) {
    RequireInputType(op, kBias, "bias", {DataType::kInt32}, verdict);
    RequireConstant(op, kBias, "bias", verdict);
  }
  if (svdf && op.output(0) != nullptr) {
    RequireShape(*op.output(0), "output 0", std::array{svdf->batch, svdf->units}, verdict);
  }
  if (!typed) return;
  bool quantized = RequirePerTensor(*op.output(0), "output 0", verdict);
  for (int i : {kInput, kFeature, kTime, kState}) {
    quantized = RequirePerTensor(*op.input(i), fmt::format("input {}", i), verdict) && quantized;
    if (i == kInput || op.input(i)->zero_point() == 0) continue;
    verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, fmt::format("input {} zero point", i),
                std::to_string(op.input(i)->zero_point()), "0");
  }
  if (!quantized) return;
  RequireRescale(FeatureRescale(op), "input scale * feature weights scale / state scale", verdict);
  RequireRescale(TimeRescale(op), "state scale * time weights scale / output scale", verdict);
}

template <typename T>
std::vector<T> Values(const std::byte* data, int64_t count) {
  std::vector<T> values(static_cast<size_t>(count));
  std::memcpy(values.data(), data, values.size() * sizeof(T));
  return values;
}

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  Verdict verdict;
  Check(op, verdict);
  const auto svdf = PlanSvdf(op, verdict);
  if (!verdict.eligible() || !svdf) return FirstReason(verdict);
  const auto& [batch, inputs, filters, memory, rank, units] = *svdf;
  const auto time = Values<int16_t>(args.inputs[kTime], op.input(kTime)->element_count().value_or(0));
  auto states = Values<int16_t>(args.states[0], op.input(kState)->element_count().value_or(0));
  const std::vector<int32_t> bias = BiasValues(op.input(kBias), units);
  const QuantizedMultiplier to_state = QuantizeMultiplier(FeatureRescale(op));
  const QuantizedMultiplier to_output = QuantizeMultiplier(TimeRescale(op));
  const int32_t input_zero = op.input(kInput)->zero_point(), output_zero = op.output(0)->zero_point();

  std::vector<uint32_t> sums(units);  // modulo 2^32
  for (int32_t b = 0; b < batch; ++b) {
    const int8_t* x = args.in<int8_t>(kInput) + int64_t{b} * inputs;
    std::copy(bias.begin(), bias.end(), sums.begin());
    for (int32_t f = 0; f < filters; ++f) {
      const int8_t* feature = args.in<int8_t>(kFeature) + int64_t{f} * inputs;
      int32_t dot = 0;
      for (int32_t k = 0; k < inputs; ++k) dot += (x[k] - input_zero) * feature[k];
      int16_t* state = states.data() + (int64_t{b} * filters + f) * memory;
      std::copy(state + 1, state + memory, state);
      state[memory - 1] =
          static_cast<int16_t>(std::clamp(MultiplyByQuantizedMultiplier(dot, to_state), -32768, 32767));
      for (int32_t m = 0; m < memory; ++m) {
        sums[f / rank] += static_cast<uint32_t>(time[int64_t{f} * memory + m] * state[m]);
      }
    }
    int8_t* y = args.out<int8_t>(0) + int64_t{b} * units;
    for (int32_t u = 0; u < units; ++u) {
      const int32_t scaled = MultiplyByQuantizedMultiplier(static_cast<int32_t>(sums[u]), to_output);
      y[u] = static_cast<int8_t>(std::clamp(WrappingAdd(scaled, output_zero), -128, 127));
    }
  }
  if (!states.empty()) std::memcpy(args.states[0], states.data(), states.size() * sizeof(int16_t));
  return {};
}

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto svdf = PlanSvdf(op, verdict);
  if (!svdf) return FirstReason(verdict);
  const auto constant = [&](int i) {
    const auto bytes = op.input(i)->data.bytes;
    return lowering.AddConstant(std::vector<std::byte>(bytes.begin(), bytes.end()));
  };
  const QuantizedMultiplier to_state = QuantizeMultiplier(FeatureRescale(op));
  const QuantizedMultiplier to_output = QuantizeMultiplier(TimeRescale(op));
  const ScratchArg sums =
      lowering.AddScratch(int64_t{svdf->batch} * svdf->filters * static_cast<int64_t>(sizeof(int32_t)));
  lowering.Launch("npu_svdf_filters",
                  {static_cast<size_t>(svdf->filters), static_cast<size_t>(svdf->batch), 1},
                  {TensorArg{op.op.inputs[kInput]}, constant(kFeature), constant(kTime),
                   TensorArg{op.op.inputs[kState]}, sums, svdf->batch, svdf->inputs, svdf->filters, svdf->memory,
                   StoredZeroPoint(*op.input(kInput)), to_state.multiplier, to_state.shift});
  lowering.Launch("npu_svdf_units", {static_cast<size_t>(svdf->units), static_cast<size_t>(svdf->batch), 1},
                  {sums, lowering.AddConstant(BiasValues(op.input(kBias), svdf->units)),
                   TensorArg{op.op.outputs[0]}, svdf->batch, svdf->units, svdf->rank,
                   op.output(0)->zero_point(), to_output.multiplier, to_output.shift});
  return {};
}

int64_t CountMacs(const OpView& op) {
  Verdict verdict;
  const auto svdf = PlanSvdf(op, verdict);
  return svdf ? int64_t{svdf->batch} * svdf->filters * (int64_t{svdf->inputs} + svdf->memory) : 0;
}

constexpr std::string_view kRules[] = {
    "input [batch, inputs] INT8, inputs at most 65793; output [batch, filters / rank] INT8; rank divides the filters",
    "feature weights [filters, inputs] INT8, time weights [filters, memory] INT16, bias [filters / rank] INT32 or none: "
    "constants, the weights with zero point 0",
    "state [batch, filters * memory]: a variable INT16 tensor of this operator alone, zero point 0 (only TFLite Micro "
    "has a kernel with INT8 state)",
    "everything quantized per tensor; input scale * feature weights scale / state scale and state scale * time weights "
    "scale / output scale below 2^23",
    "fused activation RELU, the only one that hosts' integer kernel takes; it changes nothing",
};

}  // namespace

extern const OpRoom kSvdfRoom;
const OpRoom kSvdfRoom = {
    .name = "svdf",
    .infer = Infer,
    .check = Check,
    .check_cpu = Check,
    .reference = Reference,
    .lower = Lower,
    .macs = CountMacs,
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 1,
    .rules = kRules,
    .states = kStates,
};

}  // namespace npu
