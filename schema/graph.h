// What a model is: tensors and operators, by index, with no pointers between them. Start at Graph.
// A Graph comes from a file (reader.h) or from a host's context (delegate/host_graph.h) and looks the
// same from then on. It is plain data: no device, no policy, no I/O.
// Constants are views into the model's bytes; whoever makes a Graph says who owns them (Constant).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/op_params.h"

namespace npu {

// Element types, numbered as in the .tflite format.
enum class DataType : uint8_t {
  kFloat32 = 0, kFloat16 = 1, kInt32 = 2, kUInt8 = 3, kInt64 = 4, kString = 5, kBool = 6, kInt16 = 7,
  kComplex64 = 8, kInt8 = 9, kFloat64 = 10, kComplex128 = 11, kUInt64 = 12, kResource = 13,
  kVariant = 14, kUInt32 = 15, kUInt16 = 16, kInt4 = 17, kBFloat16 = 18, kInt2 = 19, kUInt4 = 20,
  kFloat8E4M3Fn = 21, kFloat8E5M2 = 22,
};

inline constexpr int kDataTypeCount = 23;

// "INT8", "FLOAT32", ...: the format's own names.
std::string_view DataTypeName(DataType type);
// Bits of one element; 0 for types without a fixed size (STRING, RESOURCE, VARIANT).
int DataTypeBits(DataType type);

inline bool Is8Bit(DataType type) { return type == DataType::kInt8 || type == DataType::kUInt8; }

// Bytes an array of `count` elements takes (sub-byte types are packed, last byte padded).
// nullopt for types without a fixed size.
std::optional<int64_t> ByteSize(DataType type, int64_t count);

enum class OpKind : uint16_t {
#define NPU_OP(kind, code, name, version, params, room) kind = code,
#define NPU_CUSTOM_OP(kind, name, params, room) kind,
#define NPU_FOLDED_OP(kind, name, params, room) kind,
  // CUSTOM (32) stands for a custom operator that we do not know. Known ones follow the builtins, and after
  // those come operators that only folds make.
#include "schema/ops.def"
};

// The row of ops.def for a kind, without its room (the rooms live in backends/).
inline constexpr int kFoldedCode = -1;
struct OpInfo {
  OpKind kind;
  int builtin_code;  // kFoldedCode for operators that only folds make
  std::string_view name;  // "CONV_2D", "LceBconv2d"
  int max_version;        // 0: any
};

const OpInfo& GetOpInfo(OpKind kind);
std::optional<OpKind> FindBuiltinOp(int builtin_code);
std::optional<OpKind> FindCustomOp(std::string_view name);
// By name, builtin or custom, exact upper/lower case; never one that only folds make.
std::optional<OpKind> FindOpByName(std::string_view name);

// real = scale * (q - zero_point). One entry per tensor, or one per index of quantized_dimension.
// Readers guarantee: scales finite and > 0, as many zero points as scales, zero points in the type's
// range, quantized_dimension inside the shape when there is more than one scale. Empty: not quantized.
struct Quantization {
  std::vector<float> scale;
  std::vector<int64_t> zero_point;
  int32_t quantized_dimension = 0;

  bool empty() const { return scale.empty(); }
  bool per_tensor() const { return scale.size() == 1; }
  friend bool operator==(const Quantization&, const Quantization&) = default;
};

// Read-only bytes plus whoever keeps them alive (null: the Graph's maker promises they outlive it).
struct Constant {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

struct Tensor {
  std::string name;
  DataType type = DataType::kFloat32;
  std::vector<int32_t> shape;  // dimensions >= 0. Meaningless while !shape_known.
  bool shape_known = true;     // false: the file has none, or inference failed
  std::vector<int32_t> shape_signature;  // as shape with -1 for dynamic dimensions; empty: none given
  Quantization quantization;
  Constant data;  // empty: not a constant
  bool is_variable = false;
  bool is_sparse = false;
  // Blockwise or custom quantization, which nothing here computes with.
  bool has_unknown_quantization = false;

  bool is_constant() const { return data.bytes.data() != nullptr; }
  // Elements; nullopt if the shape is unknown or too large.
  std::optional<int64_t> element_count() const;
  // Bytes the shape and type ask for; nullopt likewise or if the type has no fixed size.
  std::optional<int64_t> byte_size() const;

  // Per-tensor parameters (of entry 0); 0 / 0 if not quantized.
  float scale() const { return quantization.scale.empty() ? 0.0f : quantization.scale[0]; }
  int32_t zero_point() const {
    return quantization.zero_point.empty() ? 0 : static_cast<int32_t>(quantization.zero_point[0]);
  }
};

inline constexpr int kNoTensor = -1;  // an optional operand that is absent

struct Op {
  OpKind kind = OpKind::kCustom;
  int version = 1;
  std::string custom_name;          // of a custom operator
  std::vector<int> inputs;          // tensor indices or kNoTensor
  std::vector<int> outputs;         // tensor indices
  std::vector<int> intermediates;   // tensors that only lend their quantization to steps inside the op (LSTM)
  OpParams params;
  // Why the parameters could not be read (options table of another type, missing, unknown weights
  // format ...): empty when they could. Check turns it into a reason.
  std::string params_error;

  template <typename Params>
  const Params& as() const {
    return *std::get_if<Params>(&params);
  }
};

struct Graph {
  std::string name;
  std::vector<Tensor> tensors;
  std::vector<Op> ops;  // in execution order; op index == position in the file / node index in a host
  std::vector<int> inputs;
  std::vector<int> outputs;
};

// Everything in a file. subgraphs[0] is the one that runs; others are bodies of control flow.
struct Model {
  std::vector<std::shared_ptr<Graph>> subgraphs;
  std::string description;
  int64_t size_bytes = 0;
};

// Checks what every later stage assumes: indices in range, each tensor written at most once and never
// a constant or graph input, ops in topological order, params variant matching the kind.
Status Validate(const Graph& graph);

// "[1,224,224,3]"; "[?]" when unknown.
std::string ShapeString(const Tensor& tensor);
std::string ShapeString(std::span<const int32_t> shape);
// "INT8[1,8,8,16] scale 0.0235 zero_point -128 "name"": one tensor in one line.
std::string Describe(const Graph& graph, int tensor_index);
// "Op#3 CONV_2D(T#1, T#2, -) -> [T#4]": one operator in one line, numbered as TFLite's analyzer does.
std::string DescribeOp(const Graph& graph, int op_index);
// The name shown for an op: builtin name, or the custom operator's own.
std::string_view OpName(const Op& op);

}  // namespace npu
