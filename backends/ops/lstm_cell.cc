// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/lstm_cell.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/ops/convolution.h"
#include "backends/ops/fixed_point16.h"

namespace npu::lstm {
namespace {

constexpr float kGateScale = 1.0f / (1 << 12);  // Q3.12

std::span<const int8_t> Bytes(const Tensor* tensor) {
  if (tensor == nullptr) return {};
  return {reinterpret_cast<const int8_t*>(tensor->data.bytes.data()), tensor->data.bytes.size()};
}

int16_t Saturate(int32_t x) { return static_cast<int16_t>(std::clamp(x, -32768, 32767)); }

// bias[row] + factor * sum of the row's weights, modulo 2^32.
std::vector<int32_t> BiasWithZeroPoint(const Tensor* bias, const Tensor& weights, int32_t factor) {
  const int32_t rows = weights.shape[0], columns = weights.shape[1];
  std::vector<int32_t> result = BiasValues(bias, rows);
  const std::span<const int8_t> values = Bytes(&weights);
  for (int32_t row = 0; row < rows; ++row) {
    uint32_t sum = 0;
    for (int8_t value : values.subspan(static_cast<size_t>(row) * columns, columns)) {
      sum += static_cast<uint32_t>(value);
    }
    result[row] = WrappingAdd(result[row], static_cast<int32_t>(sum * static_cast<uint32_t>(factor)));
  }
  return result;
}

int32_t Dot(const int8_t* x, const int8_t* weights, int32_t count, int32_t bias) {
  auto sum = static_cast<uint32_t>(bias);
  for (int32_t k = 0; k < count; ++k) sum += static_cast<uint32_t>(x[k] * weights[k]);
  return static_cast<int32_t>(sum);
}

// What a gate's function is applied to, Q3.12. Every term is rescaled, added and saturated on its own.
int16_t GateInput(const Cell& cell, const Weights& weights, int gate, int32_t i, const int8_t* x, const int8_t* h,
                  int16_t c) {
  const Gate& g = cell.gates[gate];
  const Sizes& sizes = cell.sizes;
  const int32_t from_input =
      Dot(x, &weights.input[gate][size_t(i) * sizes.inputs], sizes.inputs, g.input_bias[i]);
  int16_t sum = Saturate(MultiplyByQuantizedMultiplier(from_input, g.input));
  const int32_t from_output =
      Dot(h, &weights.recurrent[gate][size_t(i) * sizes.outputs], sizes.outputs, g.recurrent_bias[i]);
  sum = Saturate(WrappingAdd(MultiplyByQuantizedMultiplier(from_output, g.recurrent), sum));
  if (!g.peephole) return sum;
  return Saturate(WrappingAdd(MultiplyByQuantizedMultiplier(weights.peephole[gate][i] * c, g.cell), sum));
}

}  // namespace

std::optional<int> PowerOfTwo(float scale) {
  const double log2 = std::log2(static_cast<double>(scale));
  const double rounded = std::round(log2);
  if (!(std::abs(log2 - rounded) < 1e-3)) return std::nullopt;  // TFLite's CheckedLog2
  return static_cast<int>(rounded);
}

float InputRescale(const OpView& op, int gate) {
  return op.input(kInputWeights + gate)->scale() * op.input(kInput)->scale() / kGateScale;
}

float RecurrentRescale(const OpView& op, int gate) {
  return op.input(kRecurrentWeights + gate)->scale() * op.input(kOutputState)->scale() / kGateScale;
}

float PeepholeRescale(const OpView& op, int gate) {
  const double cell_scale = std::ldexp(1.0, PowerOfTwo(op.input(kCellState)->scale()).value_or(0));
  return static_cast<float>(cell_scale * op.input(PeepholeSlot(gate))->scale() / kGateScale);
}

float HiddenRescale(const OpView& op) {
  const float scale = op.graph.tensors[op.op.intermediates[kHidden]].scale();
  return static_cast<float>(std::ldexp(1.0, -15) / scale * std::ldexp(1.0, -15));
}

float ProjectionRescale(const OpView& op) {
  return op.input(kProjection)->scale() * op.graph.tensors[op.op.intermediates[kHidden]].scale() /
         op.input(kOutputState)->scale();
}

Cell MakeCell(const OpView& op, const Sizes& sizes) {
  const auto& params = op.op.as<SequenceLstmParams>();
  const Tensor &output_state = *op.input(kOutputState), &cell_state = *op.input(kCellState);
  Cell cell;
  cell.sizes = sizes;
  for (int gate = 0; gate < kGates; ++gate) {
    Gate& g = cell.gates[gate];
    g.present = op.input(kInputWeights + gate) != nullptr;
    if (!g.present) continue;
    g.input = QuantizeMultiplier(InputRescale(op, gate));
    g.recurrent = QuantizeMultiplier(RecurrentRescale(op, gate));
    g.input_bias = BiasWithZeroPoint(op.input(kGateBias + gate), *op.input(kInputWeights + gate),
                                     -op.input(kInput)->zero_point());
    g.recurrent_bias =
        BiasWithZeroPoint(nullptr, *op.input(kRecurrentWeights + gate), -output_state.zero_point());
    g.peephole = PeepholeSlot(gate) >= 0 && op.input(PeepholeSlot(gate)) != nullptr;
    if (g.peephole) g.cell = QuantizeMultiplier(PeepholeRescale(op, gate));
  }
  cell.cell_integer_bits = 15 + PowerOfTwo(cell_state.scale()).value_or(0);
  cell.cell_clip = static_cast<int32_t>(std::min(params.cell_clip / cell_state.scale(), 32767.0f));
  cell.hidden = QuantizeMultiplier(HiddenRescale(op));
  cell.hidden_zero = op.graph.tensors[op.op.intermediates[kHidden]].zero_point();
  cell.output_zero = output_state.zero_point();
  cell.projection = op.input(kProjection) != nullptr;
  if (cell.projection) {
    cell.project = QuantizeMultiplier(ProjectionRescale(op));
    cell.projection_bias =
        BiasWithZeroPoint(op.input(kProjectionBias), *op.input(kProjection), cell.hidden_zero);
    cell.projection_clip =
        static_cast<int32_t>(std::min(params.proj_clip / op.output(0)->scale(), 127.0f));
  }
  return cell;
}

Weights ReadWeights(const OpView& op) {
  Weights weights;
  for (int gate = 0; gate < kGates; ++gate) {
    weights.input[gate] = Bytes(op.input(kInputWeights + gate));
    weights.recurrent[gate] = Bytes(op.input(kRecurrentWeights + gate));
    const int slot = PeepholeSlot(gate);
    if (slot < 0 || op.input(slot) == nullptr) continue;
    const std::span<const std::byte> bytes = op.input(slot)->data.bytes;
    weights.peephole[gate].resize(bytes.size() / sizeof(int16_t));
    std::memcpy(weights.peephole[gate].data(), bytes.data(), bytes.size());
  }
  weights.projection = Bytes(op.input(kProjection));
  return weights;
}

void Step(const Cell& cell, const Weights& weights, const int8_t* x, int8_t* h, int16_t* c,
          std::span<int8_t> scratch) {
  const int32_t cells = cell.sizes.cells, outputs = cell.sizes.outputs;
  for (int32_t i = 0; i < cells; ++i) {
    const auto input = [&](int gate) { return GateInput(cell, weights, gate, i, x, h, c[i]); };
    const int16_t forget = LogisticOfQ3(input(kForgetGate));
    const int16_t update = TanhOfQ(input(kCellGate), 3);
    const auto take = static_cast<int16_t>(
        cell.gates[kInputGate].present ? LogisticOfQ3(input(kInputGate)) : 32767 - forget);
    const int32_t kept = RoundingDivideByPowerOfTwo(forget * c[i], 15);
    const int32_t added = RoundingDivideByPowerOfTwo(take * update, cell.update_shift());
    c[i] = Saturate(kept + added);
    if (cell.cell_clip > 0) c[i] = static_cast<int16_t>(std::clamp<int32_t>(c[i], -cell.cell_clip, cell.cell_clip));
    // The output gate's peephole sees the new cell state.
    const int16_t output = LogisticOfQ3(input(kOutputGate));
    const int32_t hidden =
        MultiplyByQuantizedMultiplier(output * TanhOfQ(c[i], cell.cell_integer_bits), cell.hidden);
    // The projection multiplies without its zero point.
    const int32_t zero = cell.projection ? -cell.hidden_zero : cell.hidden_zero;
    scratch[i] = static_cast<int8_t>(std::clamp(WrappingAdd(hidden, zero), -128, 127));
  }
  if (!cell.projection) {
    std::copy_n(scratch.begin(), outputs, h);
    return;
  }
  for (int32_t o = 0; o < outputs; ++o) {
    const int32_t sum = Dot(scratch.data(), &weights.projection[size_t(o) * cells], cells, cell.projection_bias[o]);
    const int32_t scaled = MultiplyByQuantizedMultiplier(sum, cell.project);
    const int32_t clip = cell.projection_clip > 0 ? cell.projection_clip : 128;
    h[o] = static_cast<int8_t>(
        std::clamp(std::clamp(WrappingAdd(scaled, cell.output_zero), -128, 127), -clip, clip));
  }
}

}  // namespace npu::lstm
