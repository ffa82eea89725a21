// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/sigmoid_int16.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace npu {
namespace {

// |q| * scale * 12288 stays inside 31 bits: 2^15 * 5 * 12288 < 2^31; from 2^-41 on, 30 doublings bring it to
// 2^14.
constexpr float kMinScale = 0x1p-41f, kMaxScale = 5.0f;

// sigmoid(i / 24) in 1/65536, raised by half of what the straight line to the next point is too low in its middle.
// The last point is the largest 16 bits hold. Measured: all 256 are those of LiteRT.
std::array<int32_t, 256> SigmoidPoints() {
  const auto sigmoid = [](double i) { return 65536.0 / (1.0 + std::exp(-i / 24.0)); };
  std::array<int32_t, 256> points{};
  for (int i = 0; i < 256; ++i) {
    const double gap = sigmoid(i + 0.5) - (sigmoid(i) + sigmoid(i + 1)) / 2;
    points[i] = static_cast<int32_t>(std::round(sigmoid(i) + gap / 2));
  }
  points[255] = 65535;
  return points;
}

// q in steps of 1/12288: (q * multiplier + half) >> shift.
struct InputScale {
  int32_t multiplier = 3, shift = 0;
  int32_t half() const { return shift > 0 ? 1 << (shift - 1) : 0; }
};

// A power of two from 2^-12 to 2^-(12 - most_left) is exact: 3 * 2^left; others have a truncated multiplier
// of 15 bits.
InputScale RescaleInput(float scale, int most_left) {
  constexpr float kTolerance = 1e-3f;  // TFLite's CheckedLog2
  const float log2 = std::log2(scale), rounded = std::round(log2);
  const int left = 12 + static_cast<int>(rounded);
  if (std::abs(log2 - rounded) < kTolerance && left >= 0 && left <= most_left) return {3 << left, 0};
  InputScale result;
  double multiplier = static_cast<double>(scale) * 4096.0 * 3.0;
  for (; multiplier <= 32767.0 / 2.0 && result.shift <= 30; ++result.shift) multiplier *= 2.0;
  result.multiplier = static_cast<int32_t>(multiplier);
  return result;
}

}  // namespace

void RequireSigmoidScale(const Tensor& input, Verdict& verdict) {
  if (input.scale() >= kMinScale && input.scale() < kMaxScale) return;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input 0 scale",
              fmt::format("{}", input.scale()), fmt::format("{} to below {}", kMinScale, kMaxScale));
}

WideTable LogisticInt16Table(float input_scale) {
  const std::array<int32_t, 256> points = SigmoidPoints();
  const InputScale scale = RescaleInput(input_scale, 0);
  return MakeWideTable([&](int32_t q) {
    const int32_t x = (q * scale.multiplier + scale.half()) >> scale.shift;
    const int32_t magnitude = std::abs(x), i = magnitude >> 9, rest = magnitude & 511;
    // In 1/2^25, half a unit of the result less below zero, so that both sides round alike.
    const int32_t y = i >= 255 ? 0x7FFF << 10 : (points[i] << 9) + rest * (points[i + 1] - points[i]);
    return (x >= 0 ? y + (1 << 9) : (1 << 25) - y + (1 << 9) - 1) >> 10;
  });
}

WideTable TanhInt16Table(float input_scale) {
  const std::array<int32_t, 256> points = SigmoidPoints();
  const InputScale scale = RescaleInput(input_scale, 1);
  return MakeWideTable([&](int32_t q) {
    const int32_t x = (q * scale.multiplier + scale.half()) >> scale.shift;
    const int32_t magnitude = std::abs(x), i = magnitude >> 8, rest = magnitude & 255;
    // 2 * sigmoid - 1 of it in 1/2^23, rounded as above.
    const int32_t y = i >= 255 ? 0xFFFF << 8 : (points[i] << 8) + rest * (points[i + 1] - points[i]);
    return (x >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1) >> 8;
  });
}

}  // namespace npu
