// FLOAT32 CONV_2D made ready for many runs (ops/float_convolution.h): filters laid out for the loops of float_sums.h.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "backends/cpu/float_sums.h"
#include "backends/cpu/window_gather.h"
#include "backends/ops/float_convolution.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

// Values of windows that one thread keeps: they and a block of filters stay in the second-level cache.
constexpr int64_t kTileValues = 65536;
constexpr int64_t kMostSteps = 8;  // of `form.windows` windows each in a tile
// Filters are filled up to whole blocks; where that takes more than this many times their size the reference runs.
constexpr int64_t kMostFilling = 8;
constexpr int64_t kSmallFilter = 1 << 18;  // values; never mind those

std::vector<float> Floats(const Tensor& tensor) {
  std::vector<float> values(tensor.data.bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), tensor.data.bytes.data(), values.size() * sizeof(float));
  return values;
}

class FloatConvKernel : public CpuKernel {
 public:
  FloatConvKernel(const FloatConvolution& convolution, const std::vector<float>& weights, int threads,
                  const FloatSums& form)
      : form_(form), c_(convolution) {
    values_ = int64_t{c_.window.rows.filter} * c_.window.columns.filter * c_.group_channels;
    group_outputs_ = c_.output_channels / c_.groups;
    group_blocks_ = (group_outputs_ + form_.filters - 1) / form_.filters;
    filters_.resize(static_cast<size_t>(c_.groups * group_blocks_ * form_.filters * values_));
    for (int64_t o = 0; o < c_.output_channels; ++o) {
      const int64_t block = o / group_outputs_ * group_blocks_ + o % group_outputs_ / form_.filters;
      float* to = filters_.data() + block * values_ * form_.filters + o % group_outputs_ % form_.filters;
      for (int64_t k = 0; k < values_; ++k) to[k * form_.filters] = weights[o * values_ + k];
    }
    stride_ = c_.output_channels + form_.filters;
    tile_ = form_.windows * std::clamp<int64_t>(kTileValues / (values_ * form_.windows), 1, kMostSteps);
    scratch_.resize(static_cast<size_t>(std::max(threads, 1)));
    for (Scratch& scratch : scratch_) {
      scratch.windows.resize(static_cast<size_t>(tile_ * values_));
      scratch.sums.resize(static_cast<size_t>(tile_ * stride_));
    }
  }

  void Run(const ReferenceArgs& args) override {
    const int64_t pixels = c_.batches * c_.window.rows.output * c_.window.columns.output;
    const int64_t tiles = (pixels + tile_ - 1) / tile_;
    ParallelRangesOn(args.pool, tiles, tile_ * values_ * group_outputs_ / 4,
                     [&](int64_t begin, int64_t end, int thread) {
                       for (int64_t tile = begin; tile < end; ++tile) {
                         RunTile(args, scratch_[thread], tile * tile_, std::min(tile_, pixels - tile * tile_));
                       }
                     });
  }

  int64_t constant_bytes() const override { return static_cast<int64_t>(filters_.size() * sizeof(float)); }

 private:
  struct Scratch {
    std::vector<float> windows;  // [tile][values of one group's window]
    std::vector<float> sums;     // [tile][outputs]
  };

  void RunTile(const ReferenceArgs& args, Scratch& scratch, int64_t first, int64_t pixels) const {
    for (int64_t group = 0; group < c_.groups; ++group) {
      for (int64_t p = 0; p < pixels; ++p) {
        GatherWindow(args.in<float>(0), c_.window.rows, c_.window.columns, c_.input_channels,
                     group * c_.group_channels, c_.group_channels, first + p, scratch.windows.data() + p * values_);
      }
      for (int64_t block = 0; block < group_blocks_; ++block) {
        const float* filters = filters_.data() + (group * group_blocks_ + block) * values_ * form_.filters;
        // A group's last block may write past its outputs: the next group comes later.
        float* sums = scratch.sums.data() + group * group_outputs_ + block * form_.filters;
        for (int64_t p = 0; p < pixels; p += form_.windows) {
          form_.compute(scratch.windows.data() + p * values_, values_, filters, sums + p * stride_, stride_);
        }
      }
    }
    const float* bias = c_.bias != nullptr ? args.in<float>(2) : nullptr;
    const FloatRange range = c_.range;
    for (int64_t p = 0; p < pixels; ++p) {
      const float* sums = scratch.sums.data() + p * stride_;
      float* out = args.out<float>(0) + (first + p) * c_.output_channels;
      if (bias != nullptr) {
        for (int64_t o = 0; o < c_.output_channels; ++o) out[o] = range(sums[o] + bias[o]);
      } else {
        for (int64_t o = 0; o < c_.output_channels; ++o) out[o] = range(sums[o]);
      }
    }
  }

  FloatSums form_;
  FloatConvolution c_;
  int64_t values_ = 0, group_outputs_ = 0, group_blocks_ = 0, stride_ = 0, tile_ = 0;
  std::vector<float> filters_;  // [groups][blocks of a group][values of a window][filters of a block]
  std::vector<Scratch> scratch_;  // per thread
};

}  // namespace

std::unique_ptr<CpuKernel> MakeFloatConvKernel(const OpView& op, int threads) {
  if (!IsFloatForm(op) || !op.input(1)->is_constant()) return nullptr;
  const FloatConvolution convolution(op);
  const std::vector<float> weights = Floats(*op.input(1));
  if (!std::all_of(weights.begin(), weights.end(), [](float w) { return std::isfinite(w); })) return nullptr;
  const FloatSums& form = FloatSumsForms().front();
  const int64_t group_outputs = convolution.output_channels / convolution.groups;
  const int64_t blocks = (group_outputs + form.filters - 1) / form.filters;
  const auto size = static_cast<int64_t>(weights.size());
  if (size / group_outputs * blocks * form.filters > kMostFilling * size + kSmallFilter) return nullptr;
  return std::make_unique<FloatConvKernel>(convolution, weights, threads, form);
}

}  // namespace npu
