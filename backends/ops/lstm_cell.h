// The numbers inside an integer LSTM: sizes, effective biases and rescales of its gates, and one time step in
// exact integers. The room (lstm.cc) says what the operands are and checks them; its kernel repeats LstmStep.
// Fixed point: gates before their function Q3.12, gates Q0.15, cell state Qm.(15-m) with m = cell_integer_bits.
// Source: LiteRT 2.3 and tflite-runtime 2.14 (lstm_eval.cc, INT8 weights, INT16 cell state), bit for bit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "backends/ops/room.h"
#include "schema/quantization.h"

namespace npu::lstm {

inline constexpr int kGates = 4;  // input, forget, cell, output, wherever there are four of something
inline constexpr int kInputGate = 0, kForgetGate = 1, kCellGate = 2, kOutputGate = 3;

// Operand slots. Four, or three without the cell gate, follow each other in the order of the gates.
inline constexpr int kInput = 0, kInputWeights = 1, kRecurrentWeights = 5, kPeephole = 9, kGateBias = 12,
                     kProjection = 16, kProjectionBias = 17, kOutputState = 18, kCellState = 19, kLayerNorm = 20;
inline constexpr int kHidden = 4;  // of the intermediates: the output before the projection

// Slot of a gate's peephole weights; -1: the cell gate has none.
inline int PeepholeSlot(int gate) {
  return gate == kCellGate ? -1 : kPeephole + (gate == kOutputGate ? 2 : gate);
}

struct Sizes {
  int32_t time = 1, batch = 1, inputs = 0, cells = 0, outputs = 0;
  bool time_major = false;
};

struct Gate {
  bool present = true;  // the input gate may be 1 - forget gate instead (CIFG)
  bool peephole = false;
  QuantizedMultiplier input, recurrent, cell;         // to Q3.12
  std::vector<int32_t> input_bias, recurrent_bias;    // [cells], zero points included, modulo 2^32
};

struct Cell {
  Sizes sizes;
  std::array<Gate, kGates> gates;
  int cell_integer_bits = 0;
  int32_t cell_clip = 0;        // quantized; 0: none
  QuantizedMultiplier hidden;   // from Q0.30
  int32_t hidden_zero = 0;
  bool projection = false;
  QuantizedMultiplier project;
  std::vector<int32_t> projection_bias;  // [outputs], zero point included, modulo 2^32
  int32_t projection_clip = 0;
  int32_t output_zero = 0;

  // Of input gate * cell gate, Q0.30, to the cell state.
  int update_shift() const { return 15 + cell_integer_bits; }
};

// log2 of the cell state's scale, if that is a power of two (as TFLite tells it); nullopt otherwise.
std::optional<int> PowerOfTwo(float scale);

// Rescales as TFLite multiplies them, in float, for a gate that is there.
float InputRescale(const OpView& op, int gate);
float RecurrentRescale(const OpView& op, int gate);
float PeepholeRescale(const OpView& op, int gate);
float HiddenRescale(const OpView& op);
float ProjectionRescale(const OpView& op);

// For operators that passed Check.
Cell MakeCell(const OpView& op, const Sizes& sizes);

// Constant operands as they are in the model.
struct Weights {
  std::array<std::span<const int8_t>, kGates> input, recurrent;  // [cells, inputs], [cells, outputs]
  std::array<std::vector<int16_t>, kGates> peephole;             // [cells] or empty
  std::span<const int8_t> projection;                            // [outputs, cells]
};
Weights ReadWeights(const OpView& op);

// One batch row, one time step: x [inputs], output state h [outputs] and cell state c [cells], both changed.
// scratch: [cells] or more.
void Step(const Cell& cell, const Weights& weights, const int8_t* x, int8_t* h, int16_t* c,
          std::span<int8_t> scratch);

}  // namespace npu::lstm
