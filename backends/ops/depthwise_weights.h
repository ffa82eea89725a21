// Weights of DEPTHWISE_CONV_2D as its kernel gets them: signed bytes, where that is possible without a zero point.
// For operators that have passed Check.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "backends/ops/convolution.h"

namespace npu {

// Weights as the kernel gets them: w' and zw' as PackWeights has them (convolution.h). Or, where that is possible,
// w' = w - zw and zw' = 0; what INT8 does not hold of it is the weight of the same tap, read a second time.
class TapWeights {
 public:
  // `weights`: constant, [1, KH, KW, channels]; must outlive this.
  explicit TapWeights(const Tensor& weights)
      : channels_(weights.shape[3]),
        flip_(weights.type == DataType::kUInt8 ? 0x80 : 0),
        zero_point_(weights.zero_point() - flip_),
        widened_(weights, weights.data.bytes.data()),
        bytes_(widened_.as<uint8_t>()) {
    const int32_t taps = weights.shape[1] * weights.shape[2];
    if (zero_point_ == 0) return;
    constexpr size_t kMostTwice = 4;  // of a few taps, so as not to be slower than window sums are
    std::vector<int32_t> twice;
    for (int32_t tap = 0; tap < taps; ++tap) {
      bool outside = false;
      for (int32_t n = 0; n < channels_; ++n) {
        const int32_t weight = Stored(tap, n) - zero_point_, kept = Cut(weight);
        if (weight - kept != Cut(weight - kept)) return;
        outside = outside || weight != kept;
      }
      if (outside) twice.push_back(tap);
    }
    if (twice.size() > kMostTwice) return;
    twice_ = std::move(twice);
    subtracted_ = zero_point_;
    zero_point_ = 0;
  }

  int32_t zero_point() const { return zero_point_; }
  const std::vector<int32_t>& twice() const { return twice_; }  // taps of the filter
  // second: of the tap's second reading.
  int8_t At(int32_t tap, int32_t channel, bool second) const {
    const int32_t weight = Stored(tap, channel) - subtracted_;
    return static_cast<int8_t>(second ? weight - Cut(weight) : Cut(weight));
  }

 private:
  static int32_t Cut(int32_t weight) { return std::clamp<int32_t>(weight, INT8_MIN, INT8_MAX); }
  int32_t Stored(int32_t tap, int32_t channel) const {
    return static_cast<int8_t>(bytes_[int64_t{tap} * channels_ + channel] ^ flip_);
  }

  int32_t channels_, flip_, zero_point_, subtracted_ = 0;
  WeightBytes widened_;
  const uint8_t* bytes_;
  std::vector<int32_t> twice_;
};

}  // namespace npu
