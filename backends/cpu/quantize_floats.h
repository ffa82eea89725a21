// The borders between floats and quantized values, as loops compiled for each kind of CPU and chosen when the program
// runs; every form gives the same values (QuantizedValue and DequantizedValue of ops/elementwise.h). T: int8_t, uint8_t
// or int16_t. Floats may lie at any address.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace npu {

// to[i] = clamp(round(from[i] / scale) + zero_point), ties away from zero; NaN gives the smallest value.
template <typename T>
void QuantizeFloats(const std::byte* from, int64_t count, float scale, int32_t zero_point, T* to);

// to[i] = scale * (from[i] - zero_point)
template <typename T>
void DequantizeToFloats(const T* from, int64_t count, float scale, int32_t zero_point, std::byte* to);

}  // namespace npu
