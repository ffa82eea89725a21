// Every tensor of a plan on the device and on the reference: what is compared, with what, and that a fault is
// found where it is made. SPDX-License-Identifier: Apache-2.0
#include "capi/verify_layers.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "backends/cpu/cpu_backend.h"
#include "capi/layer_values.h"
#include "tests/partition/small_net.h"

namespace npu::test {
namespace {

using Json = nlohmann::json;

// The reference, one operator after the other, but for one of them, whose first output byte is off.
struct Fault {
  int op = -1;
  bool alone = true;  // also where the operator is compiled by itself
  int by = 3;
};

class FaultyExecutable : public Executable {
 public:
  FaultyExecutable(std::shared_ptr<const Graph> graph, SegmentOps ops, Fault fault)
      : graph_(std::move(graph)), ops_(std::move(ops)), fault_(fault) {}

  Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
    std::vector<TensorBytes> values(graph_->tensors.size());
    for (size_t i = 0; i < ops_.inputs.size(); ++i) {
      const auto bytes = static_cast<size_t>(graph_->tensors[ops_.inputs[i]].byte_size().value());
      values[ops_.inputs[i]].assign(inputs[i], inputs[i] + bytes);
    }
    const auto reference = MakeCpuBackend();
    for (int op : ops_.ops) {
      const SegmentOps alone = LayerValues::Alone(*graph_, op);
      NPU_ASSIGN_OR_RETURN(auto results, RunOnce(*reference, graph_, alone, {}, values));
      if (op == fault_.op && (fault_.alone || ops_.ops.size() > 1)) {
        results[0][0] = static_cast<std::byte>(std::to_integer<int>(results[0][0]) + fault_.by);
      }
      for (size_t i = 0; i < alone.outputs.size(); ++i) values[alone.outputs[i]] = std::move(results[i]);
    }
    for (size_t i = 0; i < ops_.outputs.size(); ++i) std::ranges::copy(values[ops_.outputs[i]], outputs[i]);
    return {};
  }
  MemoryUse memory_use() const override { return {}; }

 private:
  std::shared_ptr<const Graph> graph_;
  SegmentOps ops_;
  Fault fault_;
};

class FaultyBackend : public Backend {
 public:
  explicit FaultyBackend(Fault fault) : fault_(fault) {}
  std::string_view name() const override { return "faulty"; }
  std::string device_name() const override { return "faulty"; }
  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph, const SegmentOps& segment,
                                              const ComputeOptions&) override {
    return std::make_unique<FaultyExecutable>(std::move(graph), segment, fault_);
  }

 private:
  Fault fault_;
};

Json Verify(const Plan& plan, Fault fault, const LayerRun& run = {}, const ComputeOptions& options = {}) {
  const auto faulty = std::make_shared<FaultyBackend>(fault);
  const Backends backends{faulty, faulty};
  const auto json = VerifyLayers(plan, backends, options, run);
  EXPECT_TRUE(json) << json.error().text;
  return json ? Json::parse(*json) : Json();
}

// RELU 0, RELU 1, ADD 2, UNIQUE 3 (host), RELU 4, ADD 5.
Plan TwoSegments() {
  Net net;
  const int x = net.Input();
  const int a = net.Relu(x), b = net.Relu(a), sum = net.Add(a, b);
  const int host = net.Host(sum);
  const int c = net.Relu(host);
  PlanOptions options;
  options.min_segment_ops = 1;
  options.folds.emplace();
  return MakeHoldingPlan(net.builder.Build({net.Add(c, c)}), options);
}

TEST(VerifyLayersTest, AllEqual) {
  const Plan plan = TwoSegments();
  ASSERT_EQ(Placements(plan), "NNNhNN");
  const Json report = Verify(plan, {});
  EXPECT_TRUE(report["first_diverging"].is_null());
  EXPECT_EQ(report["max_difference"], 0);
  EXPECT_EQ(report["compared_tensors"], 5);
  EXPECT_EQ(report["tolerance"], 0);
  for (const Json& op : report["ops"]) {
    if (op["index"] == 3) {
      EXPECT_EQ(op["state"], "host");
      EXPECT_EQ(op["made_by"], "random");
      continue;
    }
    EXPECT_EQ(op["state"], "compared");
    EXPECT_EQ(op["reference"], "model");
    for (const Json& output : op["outputs"]) {
      EXPECT_EQ(output["elements"], 32);
      EXPECT_EQ(output["agrees"], true);
      EXPECT_EQ(output["isolated"]["differing"], 0);
      EXPECT_EQ(output["cumulative"]["differing"], 0);
    }
  }
}

TEST(VerifyLayersTest, NamesTheFirstOperatorThatIsWrong) {
  for (int faulty : {0, 1, 2, 4, 5}) {
    const Json report = Verify(TwoSegments(), {faulty});
    EXPECT_EQ(report["first_diverging"]["op"], faulty);
    EXPECT_EQ(report["first_diverging"]["in"], "isolated");
    EXPECT_EQ(report["max_difference"].get<double>() > 0, true);
    // Fed with the reference's inputs, no other is wrong.
    for (const Json& op : report["ops"]) {
      if (op["state"] != "compared") continue;
      EXPECT_EQ(op["outputs"][0]["isolated"]["differing"].get<int>(), op["index"] == faulty ? 1 : 0) << op;
      if (op["index"] < faulty) {
        EXPECT_EQ(op["outputs"][0]["cumulative"]["differing"], 0) << op;
      }
    }
    EXPECT_EQ(report["ops"][faulty]["outputs"][0]["cumulative"]["differing"], 1);
  }
}

TEST(VerifyLayersTest, AFaultOfTheWholeSegmentIsSeenInTheNetwork) {
  const Json report = Verify(TwoSegments(), {1, false});
  EXPECT_EQ(report["first_diverging"]["op"], 1);
  EXPECT_EQ(report["first_diverging"]["name"], "RELU");
  EXPECT_EQ(report["first_diverging"]["in"], "cumulative");
  EXPECT_EQ(report["ops"][1]["outputs"][0]["isolated"]["differing"], 0);
  EXPECT_EQ(report["ops"][1]["outputs"][0]["cumulative"]["differing"], 1);
}

// requantize=float: an operator alone may be off by one, and by no more; the network is shown, not judged.
TEST(VerifyLayersTest, FloatRoundingMayBeOffByOne) {
  const ComputeOptions rounded{.requantize = Requantize::kFloat};
  // Bytes that neither a RELU nor the tensor's end clips.
  const LayerRun run{.inputs = {TensorBytes(32, std::byte{10})}};
  for (const auto& [fault, wrong] : {std::pair(Fault{2, true, 1}, false), std::pair(Fault{2, true, 2}, true),
                                     std::pair(Fault{2, false, 3}, false)}) {
    const Json report = Verify(TwoSegments(), fault, run, rounded);
    EXPECT_EQ(report["tolerance"], 1);
    EXPECT_EQ(!report["first_diverging"].is_null(), wrong) << report["first_diverging"];
    const Json& output = report["ops"][2]["outputs"][0];
    EXPECT_EQ(output["agrees"], !wrong);
    EXPECT_EQ(output["isolated"]["max_difference"], fault.alone ? fault.by : 0);
    EXPECT_EQ(output["cumulative"]["max_difference"], fault.by);
    // Without the option the same is wrong.
    EXPECT_FALSE(Verify(TwoSegments(), fault, run)["first_diverging"].is_null());
  }
}

// Values that are no rounded integers have no tolerance.
TEST(VerifyLayersTest, FloatRoundingExcusesNoFloats) {
  Net net;
  const int x = net.Input();
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.Dequantize(net.Add(x, x))}), {});
  ASSERT_EQ(Placements(plan), "Nc");
  const Json report = Verify(plan, {1, true, 1}, {}, {.requantize = Requantize::kFloat});
  EXPECT_EQ(report["first_diverging"]["op"], 1) << report;
  EXPECT_LT(report["ops"][1]["outputs"][0]["isolated"]["max_difference"].get<double>(), 1);
}

// Operators that the host keeps though they have a reference carry the difference on to the next segment.
TEST(VerifyLayersTest, HostOperatorsOfThePlanAreComputed) {
  Net net;
  const int x = net.Input();
  const int a = net.Add(x, x), kept = net.Relu(a);
  PlanOptions options;
  options.min_segment_ops = 1;
  options.folds.emplace();
  options.deny = {"#1"};
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.Add(kept, x)}), options);
  ASSERT_EQ(Placements(plan), "NhN");
  TensorBytes ones(32, std::byte{10});
  const Json report = Verify(plan, {0}, {.inputs = {ones}});
  EXPECT_EQ(report["inputs"], "given");
  EXPECT_EQ(report["ops"][1]["made_by"], "reference");
  EXPECT_EQ(report["first_diverging"]["op"], 0);
  EXPECT_EQ(report["ops"][2]["outputs"][0]["isolated"]["differing"], 0);
  EXPECT_EQ(report["ops"][2]["outputs"][0]["cumulative"]["differing"], 1);
}

// ADD . RELU . DEQUANTIZE . RELU(float) . QUANTIZE: what folds do away with is said to be gone, and the
// model's own operators prove what is left.
TEST(VerifyLayersTest, FoldedTensorsAreNamed) {
  Net net;
  const int x = net.Input();
  const int clipped = net.Unary(OpKind::kRelu, net.Dequantize(net.Relu(net.Add(x, x))), DataType::kFloat32);
  const Plan plan = MakeHoldingPlan(net.builder.Build({net.Quantize(clipped)}), {});
  ASSERT_FALSE(plan.folds.empty());
  const Json report = Verify(plan, {});
  EXPECT_TRUE(report["first_diverging"].is_null());
  int folded = 0, compared = 0;
  for (const Json& op : report["ops"]) {
    if (op["state"] == "folded") {
      ++folded;
      EXPECT_EQ(report["ops"][op["into"].get<size_t>()]["state"], "compared");
    } else {
      ++compared;
      EXPECT_EQ(op["state"], "compared") << op;
      EXPECT_EQ(op["reference"], "model") << op;
    }
  }
  EXPECT_GT(folded, 0);
  EXPECT_GT(compared, 0);
}

TEST(VerifyLayersTest, TheSinkGetsEveryTensor) {
  std::map<int, int> seen;
  LayerRun run;
  run.sink = [&](const LayerTensor& tensor) {
    ++seen[tensor.tensor];
    ASSERT_NE(tensor.reference, nullptr);
    if (tensor.op < 0) return;
    ASSERT_NE(tensor.isolated, nullptr);
    ASSERT_NE(tensor.cumulative, nullptr);
    EXPECT_EQ(std::memcmp(tensor.reference, tensor.cumulative, 32), 0);
  };
  Verify(TwoSegments(), {}, run);
  EXPECT_EQ(seen.size(), 6u);  // the input, and what five operators make
  for (const auto& [tensor, times] : seen) EXPECT_EQ(times, 1) << tensor;
}

TEST(VerifyLayersTest, InputsThatDoNotFit) {
  const Plan plan = TwoSegments();
  const Backends backends{MakeCpuBackend(), MakeCpuBackend()};
  for (const std::vector<TensorBytes>& inputs :
       {std::vector<TensorBytes>{TensorBytes(31)}, {TensorBytes(32), TensorBytes(32)}}) {
    const auto json = VerifyLayers(plan, backends, {}, {.inputs = inputs});
    ASSERT_FALSE(json);
    EXPECT_EQ(json.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace npu::test
