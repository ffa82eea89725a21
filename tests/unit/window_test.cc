// Window geometry: sizes and padding against TFLite's definition, staging against a walk over every position.
// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/window.h"

#include <gtest/gtest.h>

#include <limits>

namespace npu {
namespace {

constexpr int32_t kMax = std::numeric_limits<int32_t>::max();

TEST(WindowTest, OutputSizeAndPaddingBefore) {
  const auto axis = [](Padding padding, int32_t input, int32_t filter, int32_t stride, int32_t dilation) {
    const auto a = MakeWindowAxis(padding, input, filter, stride, dilation);
    return a ? std::pair(a->output, a->pad_before) : std::pair(-1, -1);
  };
  EXPECT_EQ(axis(Padding::kSame, 224, 3, 2, 1), std::pair(112, 0));  // one pixel in all, behind
  EXPECT_EQ(axis(Padding::kSame, 225, 3, 2, 1), std::pair(113, 1));
  EXPECT_EQ(axis(Padding::kSame, 5, 3, 1, 2), std::pair(5, 2));
  EXPECT_EQ(axis(Padding::kSame, 3, 2, 5, 1), std::pair(1, 0));
  EXPECT_EQ(axis(Padding::kValid, 224, 3, 2, 1), std::pair(111, 0));
  EXPECT_EQ(axis(Padding::kValid, 5, 3, 1, 2), std::pair(1, 0));
  EXPECT_EQ(axis(Padding::kValid, 2, 3, 1, 1), std::pair(0, 0));
  EXPECT_EQ(axis(Padding::kValid, 2, 100, 7, 1), std::pair(0, 0));
  EXPECT_EQ(axis(Padding::kSame, 0, 3, 1, 1), std::pair(0, 1));
}

TEST(WindowTest, RefusesWhatDoesNotFit) {
  EXPECT_FALSE(MakeWindowAxis(Padding::kSame, -1, 3, 1, 1));
  EXPECT_FALSE(MakeWindowAxis(Padding::kSame, 8, 0, 1, 1));
  EXPECT_FALSE(MakeWindowAxis(Padding::kSame, 8, 3, 0, 1));
  EXPECT_FALSE(MakeWindowAxis(Padding::kValid, 8, 3, 1, 0));
  EXPECT_FALSE(MakeWindowAxis(Padding::kSame, 8, kMax, 1, kMax));
  const auto huge = MakeWindowAxis(Padding::kValid, kMax, kMax, kMax, 1);
  ASSERT_TRUE(huge);
  EXPECT_EQ(huge->output, 1);
  EXPECT_TRUE(StageAxis(*huge));
  const auto wide = MakeWindowAxis(Padding::kSame, kMax, 3, 1, 1);
  ASSERT_TRUE(wide);
  EXPECT_FALSE(StageAxis(*wide));  // with a border it has more than 2^31 pixels
}

TEST(WindowTest, ExplicitPaddingIsAnyPaddingInPixels) {
  const auto padded = MakeWindowAxis(AxisPadding(Padding::kExplicit, 3, 4), 5, 3, 2, 2);  // 12 pixels, extent 5
  ASSERT_TRUE(padded);
  EXPECT_EQ(padded->output, 4);
  EXPECT_EQ(padded->pad_before, 3);
  EXPECT_FALSE(MakeWindowAxis(AxisPadding(Padding::kExplicit, -1, 4), 5, 3, 2, 2));
  EXPECT_FALSE(MakeWindowAxis(AxisPadding(Padding::kExplicit, 4, -1), 5, 3, 2, 2));
  EXPECT_FALSE(MakeWindowAxis(AxisPadding(Padding::kExplicit, kMax, kMax), kMax, 1, 1, 1));
  for (const Padding mode : {Padding::kSame, Padding::kValid}) {
    for (int32_t input = 1; input <= 9; ++input) {
      for (int32_t filter = 1; filter <= 4; ++filter) {
        for (int32_t stride = 1; stride <= 3; ++stride) {
          const auto axis = MakeWindowAxis(mode, input, filter, stride, 2);
          ASSERT_TRUE(axis);
          if (axis->output == 0) continue;
          const AxisPadding same = ExplicitPadding(*axis);
          const auto again = MakeWindowAxis(same, input, filter, stride, 2);
          ASSERT_TRUE(again);
          EXPECT_EQ(std::pair(again->output, again->pad_before), std::pair(axis->output, axis->pad_before));
          EXPECT_TRUE(same.after == 0 || MakeWindowAxis({Padding::kExplicit, same.before, same.after - 1}, input,
                                                        filter, stride, 2)
                                                 ->output < axis->output);
        }
      }
    }
  }
}

// Every position that a tap reads is inside the staged axis and is the right pixel; taps that are left out
// never meet the input; the border is no wider than reading needs.
TEST(WindowTest, StagingHoldsEveryPositionThatIsRead) {
  for (const AxisPadding padding : {AxisPadding(Padding::kSame), AxisPadding(Padding::kValid),
                                    AxisPadding(Padding::kExplicit, 0, 3), AxisPadding(Padding::kExplicit, 2, 0),
                                    AxisPadding(Padding::kExplicit, 9, 7)}) {
    for (int32_t input = 1; input <= 7; ++input) {
      for (int32_t filter = 1; filter <= 5; ++filter) {
        for (int32_t stride = 1; stride <= 4; ++stride) {
          for (int32_t dilation = 1; dilation <= 6; ++dilation) {
            const auto axis = MakeWindowAxis(padding, input, filter, stride, dilation);
            ASSERT_TRUE(axis);
            if (axis->output == 0) continue;
            const auto staged = StageAxis(*axis);
            ASSERT_TRUE(staged);
            ASSERT_GE(staged->taps, 1);
            int32_t lowest = staged->before, highest = staged->before + input - 1;
            for (int32_t o = 0; o < axis->output; ++o) {
              for (int32_t t = 0; t < filter; ++t) {
                const int32_t position = o * stride - axis->pad_before + t * dilation;
                const int32_t tap = t - staged->first_tap;
                if (tap < 0 || tap >= staged->taps) {
                  ASSERT_TRUE(position < 0 || position >= input);
                  continue;
                }
                const int32_t read = staged->origin + o * stride + tap * dilation;
                ASSERT_EQ(read - staged->before, position);
                lowest = std::min(lowest, read);
                highest = std::max(highest, read);
              }
            }
            EXPECT_EQ(lowest, 0);
            EXPECT_EQ(highest, staged->size - 1);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace npu
