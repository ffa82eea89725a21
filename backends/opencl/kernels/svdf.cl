// SVDF in two steps: every filter takes in the new input and sums over its memory; every unit sums its filters.
// backends/ops/svdf.cc derives the arithmetic. Sums are modulo 2^32, hence uint.
// SPDX-License-Identifier: Apache-2.0

// One work-item per filter and batch row; it alone touches its `memory` entries of the state.
__kernel void npu_svdf_filters(__global const uchar* x, __global const char* feature, __global const short* time,
                               __global short* state, __global uint* sums, int batch, int inputs, int filters,
                               int memory, int input_zero, int multiplier, int shift) {
  const size_t f = get_global_id(0), b = get_global_id(1);
  if (f >= (size_t)filters || b >= (size_t)batch) return;
  x += b * (size_t)inputs;
  feature += f * (size_t)inputs;
  time += f * (size_t)memory;
  state += (b * (size_t)filters + f) * (size_t)memory;

  int dot = 0;
  for (int k = 0; k < inputs; ++k) dot += ((int)x[k] - input_zero) * feature[k];
  const short newest = (short)clamp(npu_requantize_double(dot, multiplier, shift), -32768, 32767);
  uint sum = 0;
  for (int m = 0; m < memory; ++m) {
    const short value = m + 1 < memory ? state[m + 1] : newest;
    state[m] = value;
    sum += (uint)((int)time[m] * value);
  }
  sums[b * (size_t)filters + f] = sum;
}

// One work-item per unit and batch row.
__kernel void npu_svdf_units(__global const uint* sums, __global const int* bias, __global uchar* y, int batch,
                             int units, int rank, int output_zero, int multiplier, int shift) {
  const size_t u = get_global_id(0), b = get_global_id(1);
  if (u >= (size_t)units || b >= (size_t)batch) return;
  sums += (b * (size_t)units + u) * (size_t)rank;
  uint sum = (uint)bias[u];
  for (int r = 0; r < rank; ++r) sum += sums[r];
  const int scaled = npu_requantize_double((int)sum, multiplier, shift);
  // Wraps where hosts do, so that the zero point is not the stored one.
  y[b * (size_t)units + u] = (uchar)(clamp((int)((uint)scaled + (uint)output_zero), -128, 127) + 128);
}
