// One time step of an integer LSTM without projection: backends/ops/lstm_cell.h derives the arithmetic.
// One work-item per cell and batch row; it alone touches its cell state. The output state of the step before is read
// by all, so it is not the state tensor but the output of that step; npu_lstm_keep stores the last one.
// SPDX-License-Identifier: Apache-2.0

enum { kLstmGates = 4, kLstmGateNumbers = 8, kLstmTable = 1 << 16 };  // backends/ops/lstm.cc

// sum of x * w over `count` stored INT8 values, modulo 2^32.
static inline int npu_lstm_dot(__global const uchar* x, __global const char* w, int count, int bias) {
  uint sum = (uint)bias;
  for (int k = 0; k < count; ++k) sum += (uint)(((int)x[k] - 128) * w[k]);
  return (int)sum;
}

static inline int npu_lstm_saturate(uint sum) { return clamp((int)sum, -32768, 32767); }

__kernel void npu_lstm_step(__global const uchar* x, __global const uchar* state, __global short* cells,
                            __global uchar* y, __global const char* weights, __global const char* recurrent,
                            __global const int* biases, __global const short* peephole, __global const int* numbers,
                            __global const short* tables, int time, int time_stride, int batch_stride, int batch,
                            int inputs, int count, int cifg, int update_shift, int clip, int multiplier, int shift,
                            int zero) {
  const size_t i = get_global_id(0), b = get_global_id(1);
  if (i >= (size_t)count || b >= (size_t)batch) return;
  const size_t row = b * (size_t)batch_stride + (size_t)time * (size_t)time_stride;
  x += row * (size_t)inputs;
  __global const uchar* h = time == 0 ? state + b * (size_t)count : y + (row - (size_t)time_stride) * (size_t)count;
  __global const short* logistic = tables + 32768;
  __global const short* tanh_gate = logistic + kLstmTable;
  __global const short* tanh_cell = tanh_gate + kLstmTable;

  int cell = cells[b * (size_t)count + i];
  int gates[kLstmGates];
  for (int g = 0; g < kLstmGates; ++g) {
    gates[g] = 0;
    if (g == 0 && cifg) continue;
    const size_t unit = (size_t)g * (size_t)count + i;
    __global const int* n = numbers + g * kLstmGateNumbers;
    const int from_input =
        npu_lstm_dot(x, weights + unit * (size_t)inputs, inputs, biases[(size_t)(2 * g) * (size_t)count + i]);
    const int from_state =
        npu_lstm_dot(h, recurrent + unit * (size_t)count, count, biases[(size_t)(2 * g + 1) * (size_t)count + i]);
    int sum = npu_lstm_saturate((uint)npu_requantize_double(from_input, n[0], n[1]));
    sum = npu_lstm_saturate((uint)npu_requantize_double(from_state, n[2], n[3]) + (uint)sum);
    if (g == 3) {
      // The cell state moves on before the output gate, whose peephole sees the new one.
      const int forget = gates[1];
      const int take = cifg ? 32767 - forget : gates[0];
      const int kept = npu_fixed_shift_right(forget * cell, 15);
      const int added = npu_fixed_shift_right(take * gates[2], update_shift);
      cell = clamp(kept + added, -32768, 32767);
      if (clip > 0) cell = clamp(cell, -clip, clip);
    }
    if (n[6] != 0) sum = npu_lstm_saturate((uint)npu_requantize_double(peephole[unit] * cell, n[4], n[5]) + (uint)sum);
    gates[g] = g == 2 ? tanh_gate[sum] : logistic[sum];
  }
  cells[b * (size_t)count + i] = (short)cell;
  const int hidden = npu_requantize_double(gates[3] * tanh_cell[cell], multiplier, shift);
  y[row * (size_t)count + i] = (uchar)(clamp((int)((uint)hidden + (uint)zero), -128, 127) + 128);
}

__kernel void npu_lstm_keep(__global const uchar* y, __global uchar* state, int time, int time_stride,
                            int batch_stride, int batch, int count) {
  const size_t i = get_global_id(0), b = get_global_id(1);
  if (i >= (size_t)count || b >= (size_t)batch) return;
  const size_t row = b * (size_t)batch_stride + (size_t)time * (size_t)time_stride;
  state[b * (size_t)count + i] = y[row * (size_t)count + i];
}
