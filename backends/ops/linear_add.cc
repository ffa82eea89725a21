// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/linear_add.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace npu {
namespace {

constexpr int kBytes = 256;
// Coefficients tried on each side of the real one. Of 93 ADDs in ten networks 88 need none of them, 4 do, 1
// has no form.
constexpr int kNeighbours = 2;
// More bits than this gain nothing: the definition itself is that far from the linear function.
constexpr int kMostShift = 26, kLeastShift = 16;

struct Bounds {
  int64_t least, most;  // of c
};

class Search {
 public:
  explicit Search(const ByteSum& sum) : sum_(sum), results_(kBytes * kBytes) { Tabulate(); }

  std::optional<LinearAdd> Run() {
    // The real result is a sum's times this.
    const double unit = std::ldexp(sum_.output.multiplier, sum_.output.shift - 31);
    const double a = unit * (int64_t{sum_.x_part[255]} - sum_.x_part[0]) / 255;
    const double b = unit * (int64_t{sum_.y_part[255]} - sum_.y_part[0]) / 255;
    const double start = unit * (int64_t{sum_.x_part[0]} + sum_.y_part[0]) + sum_.zero;
    // No result is further from 0 than this; one more for c's rounding.
    const double most = std::abs(start) + 255 * (std::abs(a) + std::abs(b)) + 2;
    int tried = 0;
    for (int shift = kMostShift; shift >= kLeastShift && tried < 2; --shift) {
      if (std::ldexp(most, shift) >= std::ldexp(1.0, 31)) continue;
      ++tried;
      const auto a0 = static_cast<int32_t>(std::lround(std::ldexp(a, shift)));
      const auto b0 = static_cast<int32_t>(std::lround(std::ldexp(b, shift)));
      for (int distance = 0; distance <= 2 * kNeighbours; ++distance) {
        for (int da = -std::min(distance, kNeighbours); da <= std::min(distance, kNeighbours); ++da) {
          const int rest = distance - std::abs(da);
          if (rest > kNeighbours) continue;
          for (int db : {-rest, rest}) {
            if (const auto found = Try(a0 + da, b0 + db, shift)) return found;
            if (rest == 0) break;
          }
        }
      }
    }
    return std::nullopt;
  }

 private:
  int32_t Result(int64_t sum) const {
    return sum_.zero + MultiplyByQuantizedMultiplier(static_cast<int32_t>(sum), sum_.output);
  }

  // results_[x * 256 + y], found by the least sums that give each result: results rise with sums.
  void Tabulate() {
    const auto [x_low, x_high] = std::minmax(sum_.x_part[0], sum_.x_part[255]);
    const auto [y_low, y_high] = std::minmax(sum_.y_part[0], sum_.y_part[255]);
    std::array<int64_t, kBytes + 1> first{};
    int64_t from = int64_t{x_low} + y_low;
    for (int k = sum_.low + 1; k <= sum_.high; ++k) {
      int64_t end = int64_t{x_high} + y_high + 1;
      while (from < end) {
        const int64_t middle = from + (end - from) / 2;
        if (Result(middle) >= k) {
          end = middle;
        } else {
          from = middle + 1;
        }
      }
      first[k] = from;
    }
    const bool rising = sum_.y_part[255] >= sum_.y_part[0];
    for (int x = 0; x < kBytes; ++x) {
      int result = sum_.low;
      for (int i = 0; i < kBytes; ++i) {
        const int y = rising ? i : 255 - i;
        const int64_t value = int64_t{sum_.x_part[x]} + sum_.y_part[y];
        while (result < sum_.high && value >= first[result + 1]) ++result;
        results_[x * kBytes + y] = static_cast<uint8_t>(result);
      }
    }
  }

  // Whether some c makes all results right with these coefficients.
  std::optional<LinearAdd> Try(int32_t a, int32_t b, int shift) const {
    // result << shift <= a * x + b * y + c < (result + 1) << shift, but no lower bound for the lowest result,
    // nor an upper one for the highest.
    constexpr int64_t kFar = int64_t{1} << 40;
    std::array<int64_t, kBytes> lower, upper;
    for (int k = 0; k < kBytes; ++k) {
      lower[k] = k > sum_.low ? int64_t{k} << shift : -kFar;
      upper[k] = k < sum_.high ? (int64_t{k + 1} << shift) - 1 : kFar;
    }
    Bounds c = {-2 * kFar, 2 * kFar};
    for (int x = 0; x < kBytes && c.least <= c.most; ++x) {
      int64_t least = -2 * kFar, most = 2 * kFar;
      const uint8_t* results = &results_[x * kBytes];
      for (int y = 0; y < kBytes; ++y) {
        const int64_t value = int64_t{b} * y;
        least = std::max(least, lower[results[y]] - value);
        most = std::min(most, upper[results[y]] - value);
      }
      c.least = std::max(c.least, least - int64_t{a} * x);
      c.most = std::min(c.most, most - int64_t{a} * x);
    }
    if (c.least > c.most) return std::nullopt;
    const int64_t middle = c.least + (c.most - c.least) / 2;
    for (int64_t x : {0, 255}) {
      for (int64_t y : {0, 255}) {
        for (int64_t value : {a * x + b * y + middle, a * x + b * y}) {
          if (value != static_cast<int32_t>(value)) return std::nullopt;
        }
      }
    }
    return LinearAdd{a, b, static_cast<int32_t>(middle), shift};
  }

  const ByteSum& sum_;
  std::vector<uint8_t> results_;
};

}  // namespace

std::optional<LinearAdd> FindLinearAdd(const ByteSum& sum) {
  if (sum.low >= sum.high) return std::nullopt;  // always one value: nothing to gain
  return Search(sum).Run();
}

}  // namespace npu
