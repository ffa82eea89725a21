// Tensors of a file: shapes, constant data, quantization.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/checked.h"
#include "schema/reader_internal.h"

namespace npu::reader {
namespace {

struct ZeroPointRange {
  int64_t min, max;
};

// Types without a narrower range (and types that hold no integers) get that of Tensor::zero_point().
ZeroPointRange RangeOf(DataType type) {
  switch (type) {
    case DataType::kInt2: return {-2, 1};
    case DataType::kInt4: return {-8, 7};
    case DataType::kUInt4: return {0, 15};
    case DataType::kInt8: return {-128, 127};
    case DataType::kUInt8: return {0, 255};
    case DataType::kInt16: return {-32768, 32767};
    case DataType::kUInt16: return {0, 65535};
    default: return {std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()};
  }
}

bool HoldsIntegers(DataType type) {
  switch (type) {
    case DataType::kInt2:
    case DataType::kInt4:
    case DataType::kUInt4:
    case DataType::kInt8:
    case DataType::kUInt8:
    case DataType::kInt16:
    case DataType::kUInt16:
    case DataType::kInt32:
    case DataType::kUInt32:
    case DataType::kInt64:
    case DataType::kUInt64: return true;
    default: return false;
  }
}

Result<Quantization> ReadQuantization(Source& source, const fbs::QuantizationParameters& from,
                                      const Tensor& tensor, const std::string& where) {
  Quantization q;
  NPU_ASSIGN_OR_RETURN(q.scale, CopyVector(source, from.scale(), where + " scale"));
  if (q.scale.empty()) return q;
  NPU_ASSIGN_OR_RETURN(q.zero_point, CopyVector(source, from.zero_point(), where + " zero_point"));
  if (q.zero_point.empty()) q.zero_point.resize(q.scale.size(), 0);
  if (q.zero_point.size() != q.scale.size()) {
    return Invalid("{}: {} zero points for {} scales; expected as many zero points as scales", where,
                   q.zero_point.size(), q.scale.size());
  }
  const ZeroPointRange range = RangeOf(tensor.type);
  for (size_t i = 0; i < q.scale.size(); ++i) {
    // The smallest normal number: 1 / scale of anything below is not finite.
    if (!std::isfinite(q.scale[i]) || q.scale[i] < std::numeric_limits<float>::min()) {
      return Invalid("{}: scale[{}] is {}; expected a finite value > 0", where, i, q.scale[i]);
    }
    if (q.zero_point[i] < range.min || q.zero_point[i] > range.max) {
      return Invalid("{}: zero_point[{}] is {}; expected {} to {} for {}", where, i, q.zero_point[i],
                     range.min, range.max, DataTypeName(tensor.type));
    }
  }
  q.quantized_dimension = from.quantized_dimension();
  const auto rank = static_cast<int64_t>(tensor.shape.size());
  // An empty shape (scalar or unknown) has no dimension to compare with a single scale's.
  if (q.quantized_dimension < 0 || (q.quantized_dimension >= rank && (rank > 0 || q.scale.size() > 1))) {
    return Invalid("{}: quantized_dimension is {}; expected 0 to {} for shape {}", where,
                   q.quantized_dimension, rank - 1, ShapeString(tensor));
  }
  if (q.scale.size() > 1 && static_cast<size_t>(tensor.shape[q.quantized_dimension]) != q.scale.size()) {
    return Invalid("{}: {} scales along dimension {} of shape {}; expected 1 or {}", where, q.scale.size(),
                   q.quantized_dimension, ShapeString(tensor), tensor.shape[q.quantized_dimension]);
  }
  return q;
}

// The tensor's bytes in the file; no bytes: not a constant.
Result<std::span<const std::byte>> FindData(const Source& source, const fbs::Tensor& from,
                                            const std::string& where) {
  const auto* buffers = source.model->buffers();
  const uint32_t count = buffers == nullptr ? 0 : buffers->size();
  if (from.buffer() >= count) {
    return Invalid("{}: buffer is {}; expected 0 to {} ({} buffers in the file)", where, from.buffer(),
                   int64_t{count} - 1, count);
  }
  const fbs::Buffer& buffer = *buffers->Get(from.buffer());
  if (from.buffer() == 0) return std::span<const std::byte>();
  if (const auto* data = buffer.data(); data != nullptr && data->size() > 0) {
    return std::as_bytes(std::span(data->Data(), data->size()));
  }
  if (!LiesOutside(buffer.offset())) return std::span<const std::byte>();
  return OutsideBytes(source, buffer.offset(), buffer.size(),
                      fmt::format("{} buffer {}", where, from.buffer()));
}

Status ReadData(Source& source, const fbs::Tensor& from, const std::string& where, Tensor* tensor) {
  if (from.external_buffer() != 0) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{}: external_buffer is {}: its data is in another file, which this reader does "
                            "not open; expected the weights inside the .tflite file",
                            where, from.external_buffer()));
  }
  NPU_ASSIGN_OR_RETURN(std::span<const std::byte> bytes, FindData(source, from, where));
  if (bytes.empty()) return {};
  if (tensor->is_variable) {
    return Invalid("{}: is_variable with {} bytes of constant data; expected a variable without data", where,
                   bytes.size());
  }
  // Compressed (sparse) data and strings do not follow from the shape.
  const auto wanted = tensor->is_sparse ? std::nullopt : tensor->byte_size();
  if (wanted && static_cast<uint64_t>(*wanted) != bytes.size()) {
    return Invalid("{}: {} bytes of constant data; expected {} for {}{}", where, bytes.size(), *wanted,
                   DataTypeName(tensor->type), ShapeString(*tensor));
  }
  tensor->data = {bytes, source.owner};
  // Inside a flatbuffer nothing but the length word is known to be aligned.
  const size_t alignment = std::clamp(DataTypeBits(tensor->type) / 8, 1, 8);
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignment != 0) {
    if (!source.Charge(bytes.size())) return OverBudget(where + " data");
    auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
    tensor->data = {*copy, copy};
  }
  return {};
}

Status ReadShape(Source& source, const fbs::Tensor& from, const std::string& where, Tensor* tensor) {
  NPU_ASSIGN_OR_RETURN(tensor->shape, CopyVector(source, from.shape(), where + " shape"));
  for (size_t i = 0; i < tensor->shape.size(); ++i) {
    if (tensor->shape[i] < 0) {
      return Invalid("{}: shape[{}] is {}; expected >= 0", where, i, tensor->shape[i]);
    }
  }
  const auto count = CheckedElementCount(tensor->shape);
  if (!count || ByteSize(tensor->type, *count).value_or(0) > kMaxTensorElements) {
    return Invalid("{}: shape {} of {} is too large; expected at most {} elements and bytes", where,
                   ShapeString(*tensor), DataTypeName(tensor->type), kMaxTensorElements);
  }
  NPU_ASSIGN_OR_RETURN(tensor->shape_signature,
                       CopyVector(source, from.shape_signature(), where + " shape_signature"));
  if (!tensor->shape_signature.empty() && tensor->shape_signature.size() != tensor->shape.size()) {
    return Invalid("{}: shape_signature {} has another rank than shape {}; expected the same rank", where,
                   ShapeString(tensor->shape_signature), ShapeString(*tensor));
  }
  for (size_t i = 0; i < tensor->shape_signature.size(); ++i) {
    if (tensor->shape_signature[i] < -1) {
      return Invalid("{}: shape_signature[{}] is {}; expected >= -1", where, i, tensor->shape_signature[i]);
    }
  }
  return {};
}

}  // namespace

Result<Tensor> ReadTensor(Source& source, const fbs::Tensor& from, int index, bool is_output) {
  const std::string where = fmt::format("T#{} {}", index, Quoted(from.name()));
  Tensor tensor;
  if (from.name() != nullptr) {
    if (!source.Charge(from.name()->size())) return OverBudget(where + " name");
    tensor.name = from.name()->str();
  }
  const auto type = static_cast<int>(from.type());
  if (type < 0 || type >= kDataTypeCount) {
    return Invalid("{}: type is {}; expected 0 to {}", where, type, kDataTypeCount - 1);
  }
  tensor.type = static_cast<DataType>(type);
  tensor.is_variable = from.is_variable();
  tensor.is_sparse = from.sparsity() != nullptr;
  NPU_RETURN_IF_ERROR(ReadShape(source, from, where, &tensor));
  NPU_RETURN_IF_ERROR(ReadData(source, from, where, &tensor));
  // Writers leave the shape of activations out; only has_rank tells such a tensor from a scalar.
  tensor.shape_known = !tensor.shape.empty() || !is_output || tensor.is_constant() || from.has_rank();
  if (const auto* quantization = from.quantization(); quantization != nullptr) {
    tensor.has_unknown_quantization = quantization->details_type() != fbs::QuantizationDetails::NONE;
    if (!tensor.has_unknown_quantization) {
      auto read = ReadQuantization(source, *quantization, tensor, where);
      // Of floats and strings parameters mean nothing, and real files hold wrong ones (scale 0).
      if (!read && (HoldsIntegers(tensor.type) || read.error().code != ErrorCode::kInvalidModel)) {
        return tl::unexpected<Error>(std::move(read.error()));
      }
      if (read) tensor.quantization = std::move(*read);
    }
  }
  return tensor;
}

}  // namespace npu::reader
