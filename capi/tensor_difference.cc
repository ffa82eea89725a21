// SPDX-License-Identifier: Apache-2.0
#include "capi/tensor_difference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace npu {
namespace {

template <typename T>
double Load(const TensorBytes& bytes, int64_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(value), sizeof(value));
  return static_cast<double>(value);
}

double ElementAt(const Tensor& tensor, const TensorBytes& bytes, int64_t i) {
  switch (tensor.type) {
    case DataType::kInt8: return Load<int8_t>(bytes, i);
    case DataType::kInt16: return Load<int16_t>(bytes, i);
    case DataType::kInt32: return Load<int32_t>(bytes, i);
    case DataType::kInt64: return Load<int64_t>(bytes, i);
    case DataType::kFloat32: return Load<float>(bytes, i);
    default: return Load<uint8_t>(bytes, i);
  }
}

// Of what ElementAt reads.
size_t ElementBytes(DataType type) {
  switch (type) {
    case DataType::kInt16:
    case DataType::kInt32:
    case DataType::kInt64:
    case DataType::kFloat32: return static_cast<size_t>(DataTypeBits(type)) / 8;
    default: return 1;
  }
}

}  // namespace

Difference Compare(const Tensor& tensor, const TensorBytes& a, const TensorBytes& b) {
  Difference result;
  const size_t element_bytes = ElementBytes(tensor.type);
  result.elements = static_cast<int64_t>(a.size() / element_bytes);
  for (int64_t i = 0; i < result.elements; ++i) {
    if (std::memcmp(a.data() + i * element_bytes, b.data() + i * element_bytes, element_bytes) == 0) continue;
    ++result.differing;
    result.max = std::max(result.max, std::abs(ElementAt(tensor, a, i) - ElementAt(tensor, b, i)));
  }
  return result;
}

std::vector<int> WithStates(std::vector<int> tensors, const SegmentOps& ops) {
  tensors.insert(tensors.end(), ops.states.begin(), ops.states.end());
  return tensors;
}

Result<std::vector<TensorBytes>> RunOnce(Backend& backend, const std::shared_ptr<const Graph>& graph,
                                         const SegmentOps& ops, const ComputeOptions& options,
                                         const std::vector<TensorBytes>& values) {
  NPU_ASSIGN_OR_RETURN(const auto executable, backend.Compile(graph, ops, options));
  std::vector<TensorBytes> results;
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  for (int index : WithStates(ops.inputs, ops)) in.push_back(values[index].data());
  for (int index : WithStates(ops.outputs, ops)) {
    results.emplace_back(graph->tensors[index].byte_size().value_or(0));
    results.back().reserve(1);  // an address also where there are no elements
  }
  for (TensorBytes& bytes : results) out.push_back(bytes.data());
  NPU_RETURN_IF_ERROR(executable->Invoke(in, out));
  return results;
}

}  // namespace npu
