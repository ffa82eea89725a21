// Graphs that no converter would make, but that pass Validate: any operator with any operands, shapes,
// types, quantization and parameters. Every room's Infer and Check meets them; the plan must hold.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>

#include "backends/ops/room.h"
#include "partitioner/plan.h"
#include "partitioner/report.h"
#include "tests/partition/partition_invariants.h"

namespace npu {
namespace {

class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  int Below(int n) { return static_cast<int>(engine_() % static_cast<uint32_t>(n)); }
  bool OneIn(int n) { return Below(n) == 0; }
  // Mostly small, at times at the ends of the type.
  int32_t Number() {
    constexpr int32_t kEnds[] = {INT32_MIN, INT32_MAX, -1, 0, 1 << 30, 65536};
    return OneIn(6) ? kEnds[Below(6)] : Below(7) - 1;
  }

 private:
  std::mt19937 engine_;
};

class RandomGraph {
 public:
  explicit RandomGraph(uint32_t seed) : dice_(seed), tame_(seed % 2 == 0) {}

  std::shared_ptr<Graph> Make() {
    graph_ = std::make_shared<Graph>();
    for (int i = 1 + dice_.Below(3); i > 0; --i) graph_->inputs.push_back(AddTensor());
    for (int i = 1 + dice_.Below(8); i > 0; --i) AddOp();
    for (const Op& op : graph_->ops) {
      for (int tensor : op.outputs) {
        if (dice_.OneIn(3)) graph_->outputs.push_back(tensor);
      }
    }
    return graph_;
  }

 private:
  int AddTensor() {
    Tensor tensor;
    tensor.name = fmt::format("t{}", graph_->tensors.size());
    if (tame_ && !dice_.OneIn(4)) {
      tensor.type = DataType::kInt8;
      tensor.shape = {1, 4, 4, 2};
      tensor.quantization = {{0.5f}, {0}, 0};
      graph_->tensors.push_back(std::move(tensor));
      return static_cast<int>(graph_->tensors.size()) - 1;
    }
    constexpr DataType kUsual[] = {DataType::kInt8,  DataType::kInt8,  DataType::kInt8,
                                   DataType::kUInt8, DataType::kInt32, DataType::kFloat32};
    tensor.type =
        dice_.OneIn(6) ? static_cast<DataType>(dice_.Below(kDataTypeCount)) : kUsual[dice_.Below(6)];
    const int rank = tame_ ? 4 : dice_.Below(dice_.OneIn(8) ? 12 : 6);
    for (int i = 0; i < rank; ++i) {
      tensor.shape.push_back(tame_ ? 1 + dice_.Below(4) : std::max(0, dice_.Number()));
    }
    tensor.shape_known = !dice_.OneIn(12);
    tensor.is_sparse = dice_.OneIn(40);
    tensor.is_variable = dice_.OneIn(40);
    tensor.has_unknown_quantization = dice_.OneIn(40);
    if (!dice_.OneIn(4)) Quantize(tensor);
    graph_->tensors.push_back(std::move(tensor));
    return static_cast<int>(graph_->tensors.size()) - 1;
  }

  // What readers promise: finite scales > 0, zero points in range, one scale or one per index.
  void Quantize(Tensor& tensor) {
    constexpr float kScales[] = {0.5f, 0.5f, 0.1f, 1.0f / 256, 1e-38f, 3e38f, 1e-45f, 1e9f};
    size_t count = 1;
    if (dice_.OneIn(4) && !tensor.shape.empty()) {
      tensor.quantization.quantized_dimension = dice_.Below(static_cast<int>(tensor.shape.size()));
      count = std::min(64, std::max(1, tensor.shape[tensor.quantization.quantized_dimension]));
    }
    for (size_t i = 0; i < count; ++i) {
      tensor.quantization.scale.push_back(kScales[dice_.Below(tame_ ? 4 : 8)]);
      tensor.quantization.zero_point.push_back(dice_.OneIn(3) ? dice_.Below(128) : 0);
    }
  }

  int AddConstant() {
    const int index = AddTensor();
    Tensor& tensor = graph_->tensors[index];
    if (tensor.byte_size().value_or(INT64_MAX) > 4096) {
      tensor.shape = {1 + dice_.Below(5)};
      tensor.shape_known = true;
    }
    // Readers hold constants to their size; a resized shape may leave them behind.
    const size_t bytes =
        dice_.OneIn(20) ? static_cast<size_t>(dice_.Below(9)) : tensor.byte_size().value_or(3);
    auto owner = std::make_shared<std::vector<std::byte>>(bytes + sizeof(int32_t));
    for (size_t i = 0; i < bytes; i += sizeof(int32_t)) {
      const int32_t value = dice_.Number();
      std::memcpy(owner->data() + i, &value, sizeof(value));
    }
    tensor.data = {std::span<const std::byte>(owner->data(), bytes), owner};
    return index;
  }

  void AddOp() {
    Op op;
    // All have an equal chance but for those with a room, which have most of it.
    do {
      op.kind = static_cast<OpKind>(dice_.Below(214));
    } while (FindRoom(op.kind) == nullptr && !dice_.OneIn(8));
    op.version = dice_.OneIn(10) ? dice_.Number() : 1;
    if (dice_.OneIn(30)) op.params_error = "unreadable";
    op.params = Params(op.kind);
    const OpRoom* room = FindRoom(op.kind);
    int inputs = dice_.Below(5), outputs = 1 + dice_.Below(2);
    if (room != nullptr && !dice_.OneIn(8)) {
      inputs = room->min_inputs + dice_.Below(std::min(room->max_inputs - room->min_inputs, 4) + 1);
      outputs = room->min_outputs + dice_.Below(std::min(room->max_outputs - room->min_outputs, 4) + 1);
    }
    const int existing = static_cast<int>(graph_->tensors.size());
    for (int i = 0; i < inputs; ++i) {
      const bool constant = i > 0 && !dice_.OneIn(4);
      op.inputs.push_back(dice_.OneIn(20) ? kNoTensor : constant ? AddConstant() : dice_.Below(existing));
    }
    for (int i = 0; i < outputs; ++i) op.outputs.push_back(AddTensor());
    graph_->ops.push_back(std::move(op));
  }

  Activation AnyActivation() { return static_cast<Activation>(dice_.Below(dice_.OneIn(4) ? 6 : 4)); }
  Padding AnyPadding() { return static_cast<Padding>(dice_.Below(2)); }
  int32_t Step() { return tame_ ? 1 + dice_.Below(2) : dice_.Number(); }

  void Fill(Conv2DParams& p) { p = {AnyPadding(), Step(), Step(), Step(), Step(), AnyActivation()}; }
  void Fill(DepthwiseConv2DParams& p) {
    p = {AnyPadding(), Step(), Step(), Step(), Step(), Step(), AnyActivation()};
  }
  void Fill(Pool2DParams& p) { p = {AnyPadding(), Step(), Step(), Step(), Step(), AnyActivation()}; }
  void Fill(FullyConnectedParams& p) {
    p = {AnyActivation(), static_cast<WeightsFormat>(dice_.OneIn(9)), dice_.OneIn(2), dice_.OneIn(9)};
  }
  void Fill(BinaryParams& p) { p = {AnyActivation(), dice_.OneIn(9)}; }
  void Fill(ConcatenationParams& p) { p = {dice_.Number(), AnyActivation()}; }
  void Fill(SoftmaxParams& p) {
    constexpr float kBetas[] = {1.0f, 0.0f, -1.0f, 1e38f, 1e-45f};
    p = {kBetas[dice_.Below(5)]};
  }
  void Fill(ReshapeParams& p) {
    for (int i = dice_.Below(6); i > 0; --i) p.new_shape.push_back(dice_.Number());
  }
  void Fill(SqueezeParams& p) {
    for (int i = dice_.Below(4); i > 0; --i) p.squeeze_dims.push_back(dice_.Number());
  }
  void Fill(ReducerParams& p) { p = {dice_.OneIn(2)}; }
  void Fill(ResizeParams& p) { p = {dice_.OneIn(2), dice_.OneIn(2)}; }
  void Fill(LeakyReluParams& p) {
    constexpr float kAlphas[] = {0.1f, 0.0f, -3.0f, 1e38f, 1e-45f};
    p = {kAlphas[dice_.Below(5)]};
  }
  void Fill(GeluParams& p) { p = {dice_.OneIn(2)}; }
  void Fill(StridedSliceParams& p) {
    p = {dice_.Number(),
         dice_.Number(),
         dice_.OneIn(4) ? dice_.Number() : 0,
         dice_.OneIn(4) ? dice_.Number() : 0,
         dice_.OneIn(2) ? dice_.Number() : 0,
         dice_.OneIn(9)};
  }
  void Fill(SplitParams& p) { p = {dice_.Number()}; }
  void Fill(PackParams& p) { p = {dice_.Number(), dice_.Number()}; }
  void Fill(ShapeParams& p) { p = {dice_.OneIn(2)}; }
  void Fill(GatherParams& p) { p = {dice_.Number(), dice_.Number()}; }
  void Fill(UnpackParams& p) { p = {dice_.Number(), dice_.Number()}; }
  void Fill(SpaceDepthParams& p) { p = {dice_.Number()}; }
  void Fill(MirrorPadParams& p) { p = {dice_.OneIn(2) ? MirrorMode::kReflect : MirrorMode::kSymmetric}; }
  void Fill(ArgMinMaxParams& p) { p = {dice_.OneIn(2)}; }
  template <typename Other>
  void Fill(Other&) {}

  template <typename P>
  OpParams Filled() {
    P params{};
    Fill(params);
    return params;
  }
  OpParams Params(OpKind wanted) {
#define NPU_OP(kind, code, name, version, params, room) \
  if (wanted == OpKind::kind) return Filled<params>();
#define NPU_CUSTOM_OP(kind, name, params, room) \
  if (wanted == OpKind::kind) return Filled<params>();
#include "schema/ops.def"
    return NoParams{};
  }

  Dice dice_;
  bool tame_;  // plausible shapes, so that more operators pass
  std::shared_ptr<Graph> graph_;
};

TEST(PlanFuzz, AnyValidGraphHasAPlanThatHolds) {
  int ours = 0, host = 0, folds = 0;
  for (uint32_t seed = 0; seed < 20000; ++seed) {
    SCOPED_TRACE(seed);
    const auto graph = RandomGraph(seed).Make();
    ASSERT_TRUE(Validate(*graph)) << Validate(*graph).error().text;
    PlanOptions options;
    options.min_segment_macs = seed % 5 == 0 ? 100 : 0;
    const auto plan = MakePlan(graph, options);
    ASSERT_TRUE(plan) << plan.error().text;
    for (const OpPlan& op : plan->ops) ++(op.placement == Placement::kHost ? host : ours);
    folds += static_cast<int>(plan->folds.size());
    EXPECT_FALSE(ReportJson(*plan).empty());
    test::ExpectPlanHolds(*plan);
    if (HasFailure()) break;
  }
  // Both sides of every rule were met, or this test would test little.
  EXPECT_GT(ours, 1000);
  EXPECT_GT(host, 1000);
  EXPECT_GT(folds, 0);
}

}  // namespace
}  // namespace npu
