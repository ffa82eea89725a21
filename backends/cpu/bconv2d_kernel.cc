// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/bconv2d_kernel.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "backends/cpu/window_gather.h"
#include "backends/ops/lce.h"
#include "backends/ops/lce_bconv2d.h"
#include "backends/ops/rules.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

// Accumulators and words of windows that one thread keeps: with a block of filters they stay in the first caches.
constexpr int64_t kTileAccumulators = 8192;
constexpr int64_t kTileWords = 16384;
constexpr int64_t kMostSteps = 8;  // of `form.pixels` pixels each in a tile
// Filters are filled up to whole blocks. Where that takes more than this many times their own words (many groups of
// few outputs), the plain reference runs.
constexpr int64_t kMostFilling = 8;
constexpr int64_t kSmallFilter = 1 << 18;  // words; never mind those

int64_t RoundUp(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

int64_t GroupBlocks(const BconvShape& shape, const XorPopcount& form) {
  return (shape.group_outputs() + form.outputs - 1) / form.outputs;
}

class Bconv2dKernel : public CpuKernel {
 public:
  Bconv2dKernel(const OpView& op, const BconvShape& shape, int threads, const XorPopcount& form)
      : form_(form), shape_(shape), type_(op.output(0)->type) {
    group_blocks_ = GroupBlocks(shape, form);
    accum_stride_ = RoundUp(shape_.output_channels + form_.outputs, kSignsPerWord);
    const int64_t fitting = std::min(kTileAccumulators / accum_stride_, kTileWords / shape_.window_words());
    tile_pixels_ = form_.pixels * std::clamp<int64_t>(fitting / form_.pixels, 1, kMostSteps);
    PackFilters(*op.input(1));
    PrepareTransform(op);
    scratch_.resize(static_cast<size_t>(std::max(threads, 1)));
    for (Scratch& scratch : scratch_) {
      scratch.windows.resize(static_cast<size_t>(tile_pixels_ * shape_.window_words()));
      scratch.accum.resize(static_cast<size_t>(tile_pixels_ * accum_stride_));
      scratch.outside.resize(static_cast<size_t>(tile_pixels_));
    }
  }

  void Run(const ReferenceArgs& args) override {
    const int64_t pixels = int64_t{shape_.batches} * shape_.rows.output * shape_.columns.output;
    const int64_t tiles = (pixels + tile_pixels_ - 1) / tile_pixels_;
    // Per vector of counters, roughly: load, XOR, count, add.
    const int64_t cost = tile_pixels_ * shape_.window_words() * shape_.group_outputs() / 4;
    ParallelRangesOn(args.pool, tiles, cost, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t first = tile * tile_pixels_;
        RunTile(args, scratch_[thread], first, std::min(tile_pixels_, pixels - first));
      }
    });
  }

  int64_t constant_bytes() const override { return static_cast<int64_t>(filters_.size() * sizeof(uint32_t)); }

 private:
  struct Scratch {
    std::vector<uint32_t> windows;  // [pixels][words of one group's window]
    std::vector<int32_t> accum;     // [pixels][outputs]
    std::vector<int32_t> outside;   // of each pixel: its taps outside the image, where those are 0
  };

  // [groups][blocks of a group][words of a window][outputs of a block]; outputs past the last are zeros.
  void PackFilters(const Tensor& filter) {
    const int64_t words = shape_.window_words();
    std::vector<uint32_t> plain(filter.data.bytes.size() / sizeof(uint32_t));
    std::memcpy(plain.data(), filter.data.bytes.data(), plain.size() * sizeof(uint32_t));
    filters_.resize(static_cast<size_t>(shape_.groups * group_blocks_ * words * form_.outputs));
    for (int64_t o = 0; o < shape_.output_channels; ++o) {
      const int64_t group = o / shape_.group_outputs(), in_group = o % shape_.group_outputs();
      const int64_t block = group * group_blocks_ + in_group / form_.outputs;
      uint32_t* to = filters_.data() + block * words * form_.outputs + in_group % form_.outputs;
      for (int64_t k = 0; k < words; ++k) to[k * form_.outputs] = plain[o * words + k];
    }
    if (!shape_.zero_padding) return;
    tap_ones_.resize(static_cast<size_t>(words / shape_.group_words * shape_.output_channels));
    for (int64_t i = 0; i < static_cast<int64_t>(plain.size()); ++i) {
      const int64_t tap = i % words / shape_.group_words;
      tap_ones_[tap * shape_.output_channels + i / words] += std::popcount(plain[i]);
    }
  }

  void PrepareTransform(const OpView& op) {
    if (type_ != DataType::kInt32) {
      BconvTransform transform(op, shape_);
      transform_.clamp_min = transform.clamp_min;
      transform_.clamp_max = transform.clamp_max;
      multiplier_ = std::move(transform.multiplier);
      bias_ = std::move(transform.bias);
      transform_.multiplier = multiplier_.data();
      transform_.bias = bias_.data();
      return;
    }
    // Counts lie in [0, K]: beyond that every threshold says the same, and twice it stays inside 32 bits.
    const auto k = static_cast<int32_t>(kSignsPerWord * shape_.window_words());
    two_thresholds_.resize(static_cast<size_t>(accum_stride_));
    const std::vector<int32_t> thresholds = *ConstantInts(*BconvOperands(op).thresholds);
    for (size_t o = 0; o < thresholds.size(); ++o) two_thresholds_[o] = 2 * std::clamp(thresholds[o], -1, k);
    transform_.two_thresholds = two_thresholds_.data();
  }

  void RunTile(const ReferenceArgs& args, Scratch& scratch, int64_t first, int64_t pixels) const {
    for (int64_t group = 0; group < shape_.groups; ++group) {
      const int64_t words = shape_.window_words();
      for (int64_t p = 0; p < pixels; ++p) {
        // Outside the image are zeros, which are +1.
        const int32_t outside =
            GatherWindow(args.in<uint32_t>(0), shape_.rows, shape_.columns, shape_.input_words,
                         group * shape_.group_words, shape_.group_words, first + p, scratch.windows.data() + p * words);
        scratch.outside[p] = shape_.zero_padding ? outside : 0;
      }
      for (int64_t block = 0; block < group_blocks_; ++block) {
        const uint32_t* filters = filters_.data() + (group * group_blocks_ + block) * words * form_.outputs;
        // A group's last block may write past its outputs: the next group comes later.
        int32_t* accum = scratch.accum.data() + group * shape_.group_outputs() + block * form_.outputs;
        for (int64_t p = 0; p < pixels; p += form_.pixels) {
          form_.count(scratch.windows.data() + p * words, words, filters, accum + p * accum_stride_, accum_stride_);
        }
      }
    }
    const int64_t outputs = shape_.output_channels;
    for (int64_t p = 0; p < pixels; ++p) {
      int32_t* accum = scratch.accum.data() + p * accum_stride_;
      const int32_t extra = scratch.outside[p] * shape_.group_channels;
      if (scratch.outside[p] > 0) UncountOutside(first + p, accum);
      if (type_ == DataType::kFloat32) {
        form_.to_float(accum, outputs, extra, transform_, args.out<float>(0) + (first + p) * outputs);
      } else if (type_ == DataType::kInt8) {
        form_.to_int8(accum, outputs, extra, transform_, args.out<int8_t>(0) + (first + p) * outputs);
      } else {
        form_.to_signs(accum, outputs, extra, transform_,
                       args.out<uint32_t>(0) + (first + p) * PackedWords(shape_.output_channels));
      }
    }
  }

  // Takes back what taps outside the image have counted as if they were +1.
  void UncountOutside(int64_t pixel, int32_t* accum) const {
    const WindowCorner corner(shape_.rows, shape_.columns, pixel);
    const int32_t* ones = tap_ones_.data();
    for (int64_t ky = 0; ky < shape_.rows.filter; ++ky) {
      const int64_t y = corner.top + ky * shape_.rows.dilation;
      for (int64_t kx = 0; kx < shape_.columns.filter; ++kx, ones += shape_.output_channels) {
        const int64_t x = corner.left + kx * shape_.columns.dilation;
        if (y >= 0 && y < shape_.rows.input && x >= 0 && x < shape_.columns.input) continue;
        for (int64_t o = 0; o < shape_.output_channels; ++o) accum[o] -= ones[o];
      }
    }
  }

  XorPopcount form_;
  BconvShape shape_;
  DataType type_;
  int64_t group_blocks_ = 0, accum_stride_ = 0, tile_pixels_ = 0;
  std::vector<uint32_t> filters_;
  std::vector<int32_t> tap_ones_;  // [taps][outputs]: ones in the filters, for zero padding
  std::vector<float> multiplier_, bias_;
  std::vector<int32_t> two_thresholds_;
  AccumTransform transform_;
  std::vector<Scratch> scratch_;  // per thread
};

}  // namespace

std::unique_ptr<CpuKernel> MakeBconv2dKernel(const OpView& op, int threads, const XorPopcount& form) {
  const auto shape = MakeBconvShape(op.op.as<LceBconv2dParams>(), *op.input(0), *op.input(1));
  if (!shape) return nullptr;
  const int64_t filled = shape->groups * GroupBlocks(*shape, form) * form.outputs * shape->window_words();
  if (filled > kMostFilling * shape->output_channels * shape->window_words() + kSmallFilter) return nullptr;
  return std::make_unique<Bconv2dKernel>(op, *shape, threads, form);
}

std::unique_ptr<CpuKernel> MakeBconv2dKernel(const OpView& op, int threads) {
  return MakeBconv2dKernel(op, threads, XorPopcountForms().front());
}

}  // namespace npu
