// Builds small Graphs in memory and runs them on a backend: what the operator tests are made of.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "schema/graph.h"

namespace npu::test {

using Bytes = std::vector<std::byte>;

class GraphBuilder {
 public:
  // Each returns a tensor index.
  int Input(DataType type, std::vector<int32_t> shape, float scale = 0, int64_t zero_point = 0);
  int Tensor(DataType type, std::vector<int32_t> shape, float scale = 0, int64_t zero_point = 0);
  int Tensor(DataType type, std::vector<int32_t> shape, Quantization quantization);
  template <typename T>
  int Constant(DataType type, std::vector<int32_t> shape, const std::vector<T>& values,
               Quantization quantization = {}) {
    const int index = Tensor(type, std::move(shape), std::move(quantization));
    SetData(index, values.data(), values.size() * sizeof(T));
    return index;
  }
  int Ints(const std::vector<int32_t>& values);  // constant INT32 of shape [n]
  int State(DataType type, std::vector<int32_t> shape, float scale = 0, int64_t zero_point = 0);  // variable
  // Appends an operator; returns its index.
  int Op(OpKind kind, std::vector<int> inputs, std::vector<int> outputs, OpParams params = {}, int version = 1);
  void SetData(int tensor, const void* data, size_t bytes);
  npu::Tensor& tensor(int index) { return graph_->tensors[index]; }
  // Sets the graph's outputs and gives it away.
  std::shared_ptr<Graph> Build(std::vector<int> outputs);

 private:
  std::shared_ptr<Graph> graph_ = std::make_shared<Graph>();
};

Quantization PerTensor(float scale, int64_t zero_point);
Quantization PerChannel(std::vector<float> scales, int32_t dimension);

// Uniform over the type's whole range (float32: [-4, 4]); deterministic in the seed.
Bytes RandomBytes(const npu::Tensor& tensor, uint32_t seed);
template <typename T>
std::vector<T> RandomValues(size_t count, uint32_t seed, int min, int max) {
  std::mt19937 engine(seed);
  std::uniform_int_distribution<int> distribution(min, max);
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(distribution(engine));
  return values;
}

// Infers shapes and runs the whole graph as one segment; outputs in graph order.
Result<std::vector<Bytes>> RunGraph(Backend& backend, std::shared_ptr<Graph> graph,
                                    const std::vector<Bytes>& inputs, const ComputeOptions& options = {});

// A whole graph as one segment that keeps its states from one invocation to the next.
class StatefulRun {
 public:
  static Result<StatefulRun> Create(Backend& backend, std::shared_ptr<Graph> graph);
  // Outputs in graph order.
  Result<std::vector<Bytes>> Invoke(const std::vector<Bytes>& inputs);
  // As hosts reset: 0, which is the zero point of INT8.
  void Reset();
  std::vector<Bytes>& states() { return states_; }

 private:
  std::shared_ptr<Graph> graph_;
  std::vector<int> state_tensors_;
  std::vector<Bytes> states_;
  std::unique_ptr<Executable> executable_;
};

// Every op passes CheckNpu, and OpenCL gives the CPU reference's bytes for random inputs of this seed and
// for inputs at the type's extremes; with requantize=float a graph of one operator gives bytes at most 1 from them.
// Failures are GoogleTest failures naming the first differing element.
void ExpectOpenClMatchesReference(std::shared_ptr<Graph> graph, uint32_t seed = 1,
                                  const ComputeOptions& options = {});

// The device that tests use (device "auto"), or null with a skip message when there is none.
Backend* TestDevice();

}  // namespace npu::test
