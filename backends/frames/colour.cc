// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/colour.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "schema/quantization.h"

namespace npu {
namespace {

constexpr int kMatrixOne = 16384;  // 14 bits
constexpr int32_t kHalf = 1 << 20;

// BT.601's luma, as everybody's grey.
constexpr std::array<double, 3> kGreyWeights = {0.299, 0.587, 0.114};

std::array<int32_t, 3> GreyFactors() {
  std::array<int32_t, 3> factors;
  for (int i = 0; i < 3; ++i) factors[i] = static_cast<int32_t>(std::lround(kGreyWeights[i] * kMatrixOne));
  return factors;  // 4899, 9617, 1868: together 16384
}

// What red and blue weigh in luma (ITU-R BT.601, BT.709, BT.2020); green is the rest.
struct LumaWeights {
  double red, blue;
};
LumaWeights WeightsOf(ColourMatrix matrix) {
  switch (matrix) {
    case ColourMatrix::kBt709: return {0.2126, 0.0722};
    case ColourMatrix::kBt2020: return {0.2627, 0.0593};
    default: return {0.299, 0.114};
  }
}

// R, G and B from Y, U and V. Limited range: Y 16 to 235, U and V 224 steps around 128.
struct YuvMatrix {
  double y = 1, y_offset = 0, v_red = 0, u_green = 0, v_green = 0, u_blue = 0;
};
YuvMatrix MatrixOf(ColourMatrix matrix, bool limited) {
  const auto [red, blue] = WeightsOf(matrix);
  const double green = 1 - red - blue, c = limited ? 255.0 / 224 : 1;
  YuvMatrix m;
  if (limited) m.y = 255.0 / 219, m.y_offset = 16;
  m.v_red = 2 * (1 - red) * c;
  m.u_blue = 2 * (1 - blue) * c;
  m.u_green = -m.u_blue * blue / green;
  m.v_green = -m.v_red * red / green;
  return m;
}

int32_t Fixed(double value) { return static_cast<int32_t>(std::lround(value * kMatrixOne)); }

}  // namespace

Colour MakeColour(const Frame& frame, const PixelFormat& format, const Fit& fit, int channels) {
  Colour colour;
  const bool yuv = format.model == ColourModel::kYuv;
  const bool limited = frame.range == ColourRange::kLimited || (frame.range == ColourRange::kAuto && yuv);
  colour.bias.fill(kHalf);
  if (yuv || (format.model == ColourModel::kGrey && limited)) {
    YuvMatrix m = MatrixOf(frame.matrix, limited);
    // Grey is luma alone: what R, G and B are where U and V are 128.
    if (!yuv || channels == 1) m.v_red = m.u_green = m.v_green = m.u_blue = 0;
    const int32_t y = Fixed(m.y);
    colour.factor = {
        {{y, 0, Fixed(m.v_red)}, {y, Fixed(m.u_green), Fixed(m.v_green)}, {y, Fixed(m.u_blue), 0}}};
    // Rounding the factor of luma shows least if the middle of its range is right.
    constexpr double kMiddle = 126;
    const auto middle = std::lround(m.y * (kMiddle - m.y_offset) * kMatrixOne * 128);
    for (int k = 0; k < 3; ++k) {
      const auto& row = colour.factor[k];
      colour.bias[k] += static_cast<int32_t>(middle) - static_cast<int32_t>(kMiddle) * 128 * y;
      colour.bias[k] -= (row[1] + row[2]) * 128 * 128;
    }
  } else if (format.model == ColourModel::kRgb && channels == 1) {
    colour.factor[0] = GreyFactors();
  } else {
    colour.direct = true;
    colour.source = {0, 1, 2};
  }
  if (fit.channel_order == ChannelOrder::kBgr && channels == 3) {
    std::swap(colour.factor[0], colour.factor[2]);
    std::swap(colour.bias[0], colour.bias[2]);
    std::swap(colour.source[0], colour.source[2]);
  }
  return colour;
}

void ByteTables::Flip(uint8_t mask) {
  for (auto& bytes : table) {
    for (uint8_t& byte : bytes) byte ^= mask;
  }
  for (uint8_t& byte : pad) byte ^= mask;
  flip ^= mask;
}

Result<ByteTables> MakeByteTables(const Tensor& tensor, const Fit& fit, int channels) {
  const bool is_signed = tensor.type == DataType::kInt8;
  const int low = is_signed ? -128 : 0, high = low + 255;
  const bool measured = fit.norm == FrameNorm::kMeanStd;
  if (measured && tensor.quantization.scale.size() != 1) {
    return Fail(
        ErrorCode::kUnsupported,
        fmt::format("fit.norm is mean/std, but the input \"{}\" has no scale and zero point", tensor.name));
  }
  ByteTables tables;
  for (int k = 0; k < 3; ++k) {
    const int rgb = fit.channel_order == ChannelOrder::kBgr && channels == 3 ? 2 - k : k;
    for (int byte = 0; byte < 256; ++byte) {
      int value = low + byte;
      if (measured) {
        const double real = (byte - static_cast<double>(fit.mean[rgb])) / fit.std[rgb];
        // Half away from zero. A quotient that no int holds is clamped all the same.
        const double rounded = std::round(real / tensor.quantization.scale[0]) + tensor.zero_point();
        value = static_cast<int>(std::clamp<double>(rounded, low, high));
      }
      tables.table[k][byte] = static_cast<uint8_t>(value);
    }
    tables.pad[k] = tables.table[k][fit.pad_rgb[rgb]];
  }
  if (channels == 1) {
    const std::array<int32_t, 3> grey = GreyFactors();
    int32_t sum = kMatrixOne / 2;
    for (int i = 0; i < 3; ++i) sum += grey[i] * fit.pad_rgb[i];
    tables.pad[0] = tables.table[0][sum / kMatrixOne];
  }
  tables.flip = tables.table[0][0];
  tables.is_flip = true;
  for (int k = 0; k < channels; ++k) {
    for (int byte = 0; byte < 256; ++byte) tables.is_flip &= tables.table[k][byte] == (byte ^ tables.flip);
  }
  return tables;
}

}  // namespace npu
