// plan_scaling [--benchmark_...]: time of making a plan against the number of operators, in graphs of the shapes
// that partitioners are slow on. Printed with the measured order of growth; the target is linear, and less than
// 200 ms for 10,000 operators.
// SPDX-License-Identifier: Apache-2.0
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>

#include "partitioner/plan.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

using test::GraphBuilder;

constexpr float kScale = 0.05f;
const std::vector<int32_t> kShape = {1, 4, 4, 8};

int Activations(GraphBuilder& builder, DataType type = DataType::kInt8) {
  return builder.Tensor(type, kShape, type == DataType::kInt8 ? kScale : 0.0f);
}

int Convolution(GraphBuilder& builder, int input) {
  const int weights = builder.Constant<int8_t>(DataType::kInt8, {8, 1, 1, 8}, test::RandomValues<int8_t>(64, 1, -127, 127),
                                               test::PerTensor(0.01f, 0));
  const int bias = builder.Constant<int32_t>(DataType::kInt32, {8}, std::vector<int32_t>(8),
                                             test::PerTensor(kScale * 0.01f, 0));
  const int output = Activations(builder);
  builder.Op(OpKind::kConv2D, {input, weights, bias}, {output}, Conv2DParams{});
  return output;
}

int Add(GraphBuilder& builder, int a, int b) {
  const int output = Activations(builder);
  builder.Op(OpKind::kAdd, {a, b}, {output}, BinaryParams{});
  return output;
}

// Residual blocks one after the other: convolution, addition.
std::shared_ptr<Graph> Chain(int ops) {
  GraphBuilder builder;
  int last = builder.Input(DataType::kInt8, kShape, kScale);
  for (int i = 0; i + 1 < ops; i += 2) last = Add(builder, last, Convolution(builder, last));
  return builder.Build({last});
}

// Every third operator computes in float: as many partitions as there can be.
std::shared_ptr<Graph> Fragments(int ops) {
  GraphBuilder builder;
  int last = builder.Input(DataType::kInt8, kShape, kScale);
  for (int i = 0; i + 3 < ops; i += 4) {
    last = Convolution(builder, last);
    const int real = Activations(builder, DataType::kFloat32), bent = Activations(builder, DataType::kFloat32);
    const int back = Activations(builder);
    builder.Op(OpKind::kDequantize, {last}, {real});
    builder.Op(OpKind::kCos, {real}, {bent});
    builder.Op(OpKind::kQuantize, {bent}, {back});
    last = back;
  }
  return builder.Build({last});
}

// One tensor read by every operator, and a sum over all results: long lists of readers, long live ranges.
std::shared_ptr<Graph> Fan(int ops) {
  GraphBuilder builder;
  const int input = builder.Input(DataType::kInt8, kShape, kScale);
  std::vector<int> results;
  for (int i = 0; i < ops / 2; ++i) results.push_back(Convolution(builder, input));
  int sum = results.empty() ? Convolution(builder, input) : results[0];
  for (size_t i = 1; i < results.size(); ++i) sum = Add(builder, sum, results[i]);
  return builder.Build({sum});
}

void Plan(benchmark::State& state, std::shared_ptr<Graph> (*make)(int)) {
  const std::shared_ptr<const Graph> graph = make(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    state.PauseTiming();
    auto copy = std::make_shared<Graph>(*graph);
    state.ResumeTiming();
    auto plan = MakePlan(std::move(copy), {});
    if (!plan) {
      std::fprintf(stderr, "plan_scaling: %s\n", plan.error().text.c_str());
      std::exit(1);
    }
    state.counters["partitions"] = static_cast<double>(plan->partitions.size());
    benchmark::DoNotOptimize(plan);
  }
  state.SetComplexityN(static_cast<int64_t>(graph->ops.size()));
}

void Sizes(benchmark::internal::Benchmark* bench) {
  for (const int ops : {10, 100, 1000, 5000, 10000, 20000}) bench->Arg(ops);
  bench->Unit(benchmark::kMillisecond)->Complexity();
}

BENCHMARK_CAPTURE(Plan, chain, Chain)->Apply(Sizes);
BENCHMARK_CAPTURE(Plan, fragments, Fragments)->Apply(Sizes);
BENCHMARK_CAPTURE(Plan, fan, Fan)->Apply(Sizes);

}  // namespace
}  // namespace npu

BENCHMARK_MAIN();
