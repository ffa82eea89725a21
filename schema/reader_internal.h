// Private to the reader: what its files (reader.cc, reader_tensors.cc, reader_ops.cc, reader_custom.cc)
// share. Everything here runs after the flatbuffers verifier, which promises only that no access to a
// table, vector or string leaves the file: no field is mandatory, no number is in any range, and vectors
// of 8-byte numbers may be misaligned.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "schema/graph.h"
#include "tflite_generated.h"

namespace npu::reader {

// What is known about the file while it is read.
struct Source {
  std::span<const std::byte> bytes;  // the whole file: flatbuffer, then what lies behind it
  std::shared_ptr<const void> owner;
  const fbs::Model* model = nullptr;
  // Bytes that may still be copied out of the file. A hostile file can let many tables share one long
  // vector; without a budget its Graph would be many times the size of the file.
  int64_t copy_budget = 0;

  // Takes `size` bytes off the budget; false when it is used up.
  bool Charge(uint64_t size);
};

// `name` between quotes for an error text: at most 60 bytes, nothing but printable ASCII.
std::string Quoted(const flatbuffers::String* name);

template <typename... Args>
tl::unexpected<Error> Invalid(fmt::format_string<Args...> format, Args&&... args) {
  return Fail(ErrorCode::kInvalidModel, fmt::format(format, std::forward<Args>(args)...));
}

// The error of a file that exceeds copy_budget; `what` names the field.
tl::unexpected<Error> OverBudget(const std::string& what);

// Copies a vector of numbers (absent: empty) without assuming its alignment.
template <typename T>
Result<std::vector<T>> CopyVector(Source& source, const flatbuffers::Vector<T>* vector,
                                  const std::string& what) {
  std::vector<T> values;
  if (vector == nullptr || vector->size() == 0) return values;
  if (!source.Charge(uint64_t{vector->size()} * sizeof(T))) return OverBudget(what);
  values.resize(vector->size());
  std::memcpy(values.data(), vector->Data(), values.size() * sizeof(T));
  return values;
}

// Bytes behind the flatbuffer: [offset, offset + size) of the file. Offsets 0 and 1 mean "not used".
inline bool LiesOutside(uint64_t offset) { return offset > 1; }
Result<std::span<const std::byte>> OutsideBytes(const Source& source, uint64_t offset, uint64_t size,
                                                const std::string& what);

// Type, shape, constant data and quantization of one tensor. `is_output`: some operator writes it.
Result<Tensor> ReadTensor(Source& source, const fbs::Tensor& tensor, int index, bool is_output);

// One operator: kind, version, operands (ranges are Validate's) and parameters.
Result<Op> ReadOp(Source& source, const fbs::Operator& op, int index);

// The parameters of a custom operator that ops.def knows, from its flexbuffer options. Options that cannot
// be read leave the defaults and say why in op->params_error.
void ReadCustomParams(std::span<const std::byte> options, Op* op);

}  // namespace npu::reader
