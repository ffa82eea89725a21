// The logistic function and tanh of 16-bit fixed-point numbers, in the arithmetic of gemmlowp's fixedpoint.h at
// 16 bits: what TFLite's integer LSTM is made of. Qm.n: a 16-bit integer with m integer and n fractional bits,
// m + n = 15. Devices get them as tables of all 65536 values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace npu {

// 1 / (1 + exp(-x)) for x in Q3.12; result in Q0.15.
int16_t LogisticOfQ3(int16_t x);

// tanh(x) for x with this many integer bits, 0 to 6; result in Q0.15.
int16_t TanhOfQ(int16_t x, int integer_bits);

// By x + 32768.
std::vector<int16_t> LogisticTable();
std::vector<int16_t> TanhTable(int integer_bits);

}  // namespace npu
