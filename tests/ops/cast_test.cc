// CAST: values by hand, every pair of types on the device, rules. Against LiteRT:
// tests/host/operators_sweep_test.py.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>

#include "backends/cpu/cpu_backend.h"
#include "backends/ops/room.h"
#include "tests/support/graph_builder.h"
#include "tests/support/reasons.h"

namespace npu::test {
namespace {

constexpr DataType kTypes[] = {DataType::kInt8, DataType::kUInt8, DataType::kBool, DataType::kInt32,
                               DataType::kInt64};

std::shared_ptr<Graph> MakeGraph(DataType from, DataType to, std::vector<int32_t> shape) {
  GraphBuilder b;
  const int x = b.Input(from, shape, Is8Bit(from) ? 0.1f : 0.0f, Is8Bit(from) ? 3 : 0);
  const int y = b.Tensor(to, shape, Is8Bit(to) ? 0.7f : 0.0f, Is8Bit(to) ? 5 : 0);
  b.Op(OpKind::kCast, {x}, {y}, CastParams{});
  return b.Build({y});
}

template <typename To, typename From>
std::vector<To> CastValues(DataType from, DataType to, const std::vector<From>& values) {
  Bytes input(values.size() * sizeof(From));
  std::memcpy(input.data(), values.data(), input.size());
  const auto outputs =
      RunGraph(*MakeCpuBackend(), MakeGraph(from, to, {static_cast<int32_t>(values.size())}), {input});
  EXPECT_TRUE(outputs);
  std::vector<To> result(values.size());
  if (outputs && outputs->at(0).size() == result.size() * sizeof(To)) {
    std::memcpy(result.data(), outputs->at(0).data(), outputs->at(0).size());
  }
  return result;
}

TEST(CastTest, HandComputedValues) {
  using enum DataType;
  EXPECT_EQ((CastValues<int32_t, int8_t>(kInt8, kInt32, {-128, -1, 0, 127})),
            (std::vector<int32_t>{-128, -1, 0, 127}));
  EXPECT_EQ((CastValues<int64_t, uint8_t>(kUInt8, kInt64, {0, 128, 255})),
            (std::vector<int64_t>{0, 128, 255}));
  EXPECT_EQ((CastValues<int8_t, int32_t>(kInt32, kInt8, {300, -129, 127, -1 << 20})),
            (std::vector<int8_t>{44, 127, 127, 0}));
  EXPECT_EQ((CastValues<uint8_t, int8_t>(kInt8, kUInt8, {-1, -128, 5})), (std::vector<uint8_t>{255, 128, 5}));
  EXPECT_EQ((CastValues<uint8_t, int32_t>(kInt32, kBool, {0, 256, -1, 1})),
            (std::vector<uint8_t>{0, 1, 1, 1}));
  EXPECT_EQ((CastValues<int8_t, uint8_t>(kBool, kInt8, {0, 1, 200})), (std::vector<int8_t>{0, 1, 1}));
}

TEST(CastTest, DeviceMatchesReference) {
  for (DataType from : kTypes) {
    for (DataType to : kTypes) {
      if (DataTypeBits(from) > 8 && DataTypeBits(to) > 8) continue;
      SCOPED_TRACE(std::string(DataTypeName(from)) + " to " + std::string(DataTypeName(to)));
      for (uint32_t seed = 1; seed <= 10; ++seed) {
        const auto size = static_cast<int32_t>(seed * seed * 7);
        ExpectOpenClMatchesReference(MakeGraph(from, to, {size, 3}), seed);
        if (HasFailure() || IsSkipped()) return;
      }
    }
  }
}

// The condition of a SELECT made from bytes, and back: BOOL and INT32 inside a segment.
TEST(CastTest, BoolAndInt32InsideASegment) {
  GraphBuilder b;
  const int x = b.Input(DataType::kInt8, {5, 7}, 0.1f, 3), y = b.Input(DataType::kInt8, {5, 7}, 0.2f, -9);
  const int less = b.Tensor(DataType::kBool, {5, 7}), wide = b.Tensor(DataType::kInt32, {5, 7});
  const int chosen = b.Tensor(DataType::kInt8, {5, 7}, 0.1f, 3),
            number = b.Tensor(DataType::kUInt8, {5, 7}, 1, 0);
  const int other = b.Input(DataType::kInt8, {7}, 0.1f, 3);
  b.Op(OpKind::kLess, {x, y}, {less});
  b.Op(OpKind::kSelectV2, {less, x, other}, {chosen});
  b.Op(OpKind::kCast, {less}, {wide}, CastParams{});
  b.Op(OpKind::kCast, {wide}, {number}, CastParams{});
  ExpectOpenClMatchesReference(b.Build({chosen, number, less}));
}

TEST(CastTest, RulesNameWhatFails) {
  using enum ReasonCode;
  using List = std::vector<ReasonCode>;
  const auto codes = [](DataType from, DataType to) { return NpuCodes(*MakeGraph(from, to, {2})); };
  EXPECT_EQ(codes(DataType::kInt8, DataType::kInt32), List{});
  EXPECT_EQ(codes(DataType::kInt32, DataType::kInt64), List{kUnsupportedInputType});
  EXPECT_EQ(codes(DataType::kFloat32, DataType::kInt8), List{kUnsupportedInputType});
  EXPECT_EQ(codes(DataType::kInt8, DataType::kFloat32), List{kUnsupportedOutputType});
}

}  // namespace
}  // namespace npu::test
