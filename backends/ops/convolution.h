// What CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED share about weights: the rules of constant weights and
// bias, output scales, and the form in which weights and per-channel numbers reach the kernels.
// CheckWeightsAndBias trusts nothing; all the rest is for operators that have passed Check.
// The tile that the packed form is made for: backends/opencl/kernels/convolution.h.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "backends/ops/room.h"
#include "schema/quantization.h"

namespace npu {

// Output channels of one packed block: the 32-bit lanes of a 512-bit register.
inline constexpr int kBlockChannels = 16;
// Consecutive k of one packed word: what 8-bit dot product instructions take at once.
inline constexpr int kWordBytes = 4;
// Rules of constant weights and bias that differ between the three operators.
struct WeightRules {
  int channel_dimension = 0;        // of the weights: their output channels
  bool int8_zero_point = false;     // INT8 weights per tensor may have a zero point (TFLite applies it)
  bool bias_scale_checked = false;  // |s_in * s_w - s_bias| <= 0.02 * s_out, which TFLite insists on
  bool int4 = false, int2 = false;  // INT8 inputs may meet such weights
  bool computed = false;            // 8-bit weights may be computed when the model runs
};
// Operand 1 (weights): constant, the input's type (or narrower, as the rules say; INT8 of an INT16 input), INT8,
// INT4 and INT2 per tensor or per channel, UINT8 per tensor. Operand 2 (bias), if there: constant
// INT32[channels] (INT16: or INT64), zero point 0. Adds every failed rule.
void CheckWeightsAndBias(const OpView& op, const WeightRules& rules, Verdict& verdict);

// s_in * s_w[c] / s_out for `channels` output channels. TFLite multiplies the first two in double for
// per-channel arithmetic and in float where it keeps one multiplier for the whole tensor.
enum class ScaleProduct { kDouble, kFloat };
std::vector<double> OutputScales(const Tensor& input, const Tensor& weights, const Tensor& output,
                                 int channels, ScaleProduct product);
std::vector<QuantizedMultiplier> QuantizeMultipliers(std::span<const double> scales);

// a + b modulo 2^32: hosts add the zero point to a rescaled accumulator in 32 bits.
inline int32_t WrappingAdd(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

// Weights as bytes: INT4 and INT2 ones are widened to INT8 here, others are seen as they are. The format
// packs elements densely, rows and all, the first one into the lowest bits of the first byte.
class WeightBytes {
 public:
  // `bytes` are the tensor's and must outlive this.
  WeightBytes(const Tensor& weights, const std::byte* bytes);
  template <typename T>
  const T* as() const {
    return reinterpret_cast<const T*>(widened_.empty() ? bytes_ : widened_.data());
  }

 private:
  const std::byte* bytes_;
  std::vector<std::byte> widened_;
};

// The bias as numbers (model bytes need not be aligned); zeros when there is none.
std::vector<int32_t> BiasValues(const Tensor* bias, int channels);

// How an accumulator may be rescaled (kernels/requantize.h). The two short forms need every shift in [-20,
// -1], the long one in [-31, -1]: quantizers give channels of tiny weights such scales.
enum class RescaleForm : int32_t {
  kGeneral = 0,  // any multiplier and shift
  kShort = 1,
  kClamped = 2,  // kShort, and results below the output's zero point are clamped to it
  kLong = 3,     // the zero point is added afterwards
};
RescaleForm RescaleFormOf(std::span<const QuantizedMultiplier> multipliers, const Tensor& output,
                          const ActivationRange& range);

// `length` weights, contiguous in one output channel's row, that meet `length` contiguous input bytes.
struct WeightRun {
  int32_t weight_offset = 0;  // elements, in the row
  int32_t input_offset = 0;   // bytes, from the first staged byte of the window
};

// Weights of `groups` * `group_channels` output channels, each a row of `row_length` bytes, as
//   [group][strip][segment][words][blocks of the strip][16 channels][4 k]  int8
// padded with zeros, where a strip is up to `strip_blocks` blocks of 16 channels that a kernel computes at
// once (BlockStrips; with 1, the order is block by block). UINT8 weights are stored as w - 128, and
// `zero_point` (their own) shifts likewise: sum (x - zx)(w - zw) = sum x*w' - zx * sum w' - zw' * sum x +
// n*zx*zw'  with  w' = w - 128, zw' = zw - 128. channel_constants holds what does not depend on x, ready for
// an epilogue, per block of 16 channels:
//   int32 [group][block][3][16]: bias - zx * sum w' + n*zx*zw' (wrapping), multiplier, shift.
// If all but a few weights minus their zero point fit INT8, w' is that, cut to what INT8 holds, zw' is 0, and the
// `outliers` say what was cut off: quantizers stretch a tensor's range to 8 bits, so that with a zero point other than
// 128 its extreme values are usually one or two.
struct WeightOutlier {
  int32_t channel = 0, segment = 0, k = 0;  // channel: over all groups
  int32_t excess = 0;                       // w - zw - w'
};
struct PackedWeights {
  std::vector<int8_t> tiles;
  std::vector<int32_t> channel_constants;
  std::vector<int32_t> segment_offsets;  // input_offset of every segment
  int32_t blocks = 0;                    // per group
  int32_t zero_point = 0;                // zw'; 0: the kernel needs no window sums
  std::vector<WeightOutlier> outliers;   // by channel
};
struct PackingInput {
  const Tensor& weights;
  std::span<const int32_t> bias;  // groups * group_channels
  std::span<const QuantizedMultiplier> multipliers;
  std::span<const WeightRun> segments;
  int32_t groups = 1, group_channels = 0, row_length = 0, length = 0;
  int32_t input_zero_point = 0;  // stored (u8 domain)
  int32_t strip_blocks = 1;
  size_t most_outliers = 0;  // that the kernel is to add on its own
  int32_t words = 0;  // of a segment, if it is to have more than ceil(length / 4); weights must be constant then
};
PackedWeights PackWeights(const PackingInput& in);

// The same numbers as kernel arguments: constants, or of weights that the model computes scratch that a launch fills
// first (kernels/pack_weights.cl). weights_tensor: of the graph.
struct WeightArgs {
  KernelArg tiles, channel_constants;
  std::vector<int32_t> segment_offsets;
  int32_t blocks = 0, zero_point = 0;  // as PackedWeights
  std::vector<WeightOutlier> outliers{};
};
WeightArgs LowerWeights(const PackingInput& in, int weights_tensor, Lowering& lowering);

// `blocks` shared among as few strips of at most `most` as there can be, as evenly as they go.
struct BlockStrips {
  int32_t strips = 0, least = 0, extra = 0;  // the first `extra` strips have least + 1 blocks
  BlockStrips(int32_t blocks, int32_t most)
      : strips((blocks - 1) / most + 1), least(blocks / strips), extra(blocks % strips) {}
  int32_t first(int32_t strip) const { return strip * least + std::min(strip, extra); }
  int32_t count(int32_t strip) const { return least + (strip < extra ? 1 : 0); }
};

}  // namespace npu
