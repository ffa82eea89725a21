// SPDX-License-Identifier: Apache-2.0
#include "tests/support/model_promises.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/checked.h"

namespace npu::test {
namespace {

std::pair<int64_t, int64_t> ZeroPointRange(DataType type) {
  switch (type) {
    case DataType::kInt4: return {-8, 7};
    case DataType::kUInt4: return {0, 15};
    case DataType::kInt8: return {-128, 127};
    case DataType::kUInt8: return {0, 255};
    case DataType::kInt16: return {-32768, 32767};
    case DataType::kUInt16: return {0, 65535};
    default: return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

std::string BrokenQuantization(const Tensor& t) {
  const Quantization& q = t.quantization;
  if (q.scale.size() != q.zero_point.size()) return "as many zero points as scales";
  for (const float scale : q.scale) {
    if (!std::isfinite(scale) || scale <= 0) return "scales finite and > 0";
  }
  const auto [min, max] = ZeroPointRange(t.type);
  for (const int64_t zero_point : q.zero_point) {
    if (zero_point < min || zero_point > max) return "zero point in the type's range";
  }
  if (q.scale.size() > 1) {
    if (q.quantized_dimension < 0 || q.quantized_dimension >= static_cast<int>(t.shape.size())) {
      return "quantized_dimension inside the shape";
    }
    if (t.shape[q.quantized_dimension] != static_cast<int64_t>(q.scale.size())) return "one scale per index";
  }
  return {};
}

std::string BrokenTensor(const Tensor& t) {
  if (static_cast<int>(t.type) >= kDataTypeCount) return "type";
  if (!CheckedElementCount(t.shape)) return "shape";
  if (!t.shape_signature.empty() && t.shape_signature.size() != t.shape.size()) return "shape_signature";
  if (t.is_constant()) {
    if (!t.shape_known) return "constants have a shape";
    const auto wanted = t.byte_size();
    if (!t.is_sparse && wanted && static_cast<size_t>(*wanted) != t.data.bytes.size()) return "constant size";
    const auto alignment = static_cast<size_t>(std::clamp(DataTypeBits(t.type) / 8, 1, 8));
    if (reinterpret_cast<uintptr_t>(t.data.bytes.data()) % alignment != 0) return "constant alignment";
    volatile unsigned sum = 0;
    for (const std::byte b : t.data.bytes) sum = sum + static_cast<unsigned>(b);
  }
  return BrokenQuantization(t);
}

}  // namespace

std::string BrokenPromise(const Model& model) {
  if (model.subgraphs.empty()) return "at least one subgraph";
  for (const auto& graph : model.subgraphs) {
    for (size_t i = 0; i < graph->tensors.size(); ++i) {
      if (const std::string broken = BrokenTensor(graph->tensors[i]); !broken.empty()) {
        return fmt::format("T#{}: {}", i, broken);
      }
    }
    if (const Status status = Validate(*graph); !status) return status.error().text;
    for (size_t i = 0; i < graph->ops.size(); ++i) {
      if (DescribeOp(*graph, static_cast<int>(i)).empty()) return fmt::format("Op#{}: no description", i);
    }
  }
  return {};
}

}  // namespace npu::test
