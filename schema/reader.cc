// From bytes to a Model: what the file is, is it a sound flatbuffer, then its subgraphs one by one.
// SPDX-License-Identifier: Apache-2.0
#include "schema/reader.h"

#include <algorithm>
#include <bit>
#include <new>
#include <string_view>

#include "base/checked.h"
#include "schema/foreign_file.h"
#include "schema/reader_internal.h"

namespace npu {
namespace reader {

static_assert(std::endian::native == std::endian::little, "the format's numbers are read in place");

bool Source::Charge(uint64_t size) {
  if (copy_budget < 0 || size > static_cast<uint64_t>(copy_budget)) return false;
  copy_budget -= static_cast<int64_t>(size);
  return true;
}

std::string Quoted(const flatbuffers::String* name) {
  constexpr size_t kShown = 60;
  std::string text = "\"";
  const std::string_view all = name == nullptr ? std::string_view() : name->string_view();
  for (const char c : all.substr(0, kShown)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (all.size() > kShown ? "...\"" : "\"");
}

tl::unexpected<Error> OverBudget(const std::string& what) {
  return Fail(ErrorCode::kResourceExhausted,
              what +
                  ": the file's tables share data so often that the model would take many times the "
                  "file's size; expected at most 4 times");
}

Result<std::span<const std::byte>> OutsideBytes(const Source& source, uint64_t offset, uint64_t size,
                                                const std::string& what) {
  if (!RangeFits(offset, size, source.bytes.size())) {
    return Invalid(
        "{}: offset {} and size {} reach past the end; expected a range inside the file's {} bytes", what,
        offset, size, source.bytes.size());
  }
  return source.bytes.subspan(offset, size);
}

}  // namespace reader

namespace {

using reader::Invalid;
using reader::Source;

constexpr size_t kAlignment = 16;  // the largest force_align of the format
// Limits of the flatbuffers verifier. Real files nest 8 deep and hold at most one table per 16 bytes.
constexpr uint32_t kMaxDepth = 64;
constexpr uint64_t kMaxTables = 1'000'000;
// The verifier asserts sizes below 2^31 - 1. In a larger file the flatbuffer is the first 2 GiB at most:
// its offsets are 32-bit; weights behind it are found by Buffer.offset.
constexpr uint64_t kMaxFlatbufferBytes = FLATBUFFERS_MAX_BUFFER_SIZE - 1;
constexpr uint32_t kSchemaVersion = 3;

bool StartsWith(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

// What the bytes are, if they are not a .tflite file.
Status CheckIdentifier(std::span<const std::byte> bytes) {
  if (bytes.empty()) return Invalid("not a .tflite file: it is empty");
  constexpr std::string_view kIdentifier = "TFL3";
  constexpr size_t kIdentifierAt = 4;
  const bool is_short = bytes.size() < kIdentifierAt + kIdentifier.size();
  if (!is_short && StartsWith(bytes.subspan(kIdentifierAt), kIdentifier)) return {};
  std::string what(ForeignFile(bytes));
  if (is_short) what = fmt::format("{} bytes; expected at least {}", bytes.size(), kIdentifierAt + kIdentifier.size());
  if (!what.empty()) return Invalid("not a .tflite file: {}", what);
  std::string found;
  for (const std::byte b : bytes.subspan(kIdentifierAt, kIdentifier.size())) {
    const char c = static_cast<char>(b);
    found += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<int>(b));
  }
  return Invalid("not a .tflite file: no TFL3 identifier at byte 4 (found \"{}\"); give the .tflite file", found);
}

Status Verify(std::span<const std::byte> bytes) {
  const uint64_t size = std::min<uint64_t>(bytes.size(), kMaxFlatbufferBytes);
  flatbuffers::Verifier::Options options;
  options.max_depth = kMaxDepth;
  options.max_tables = static_cast<uint32_t>(std::min<uint64_t>(1000 + size / 16, kMaxTables));
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), size, options);
  if (!fbs::VerifyModelBuffer(verifier)) {
    return Invalid(
        "damaged .tflite file: an offset or length points outside its {} bytes, or tables nest too deep or "
        "repeat too often (cut off, or changed after it was written?); copy or convert it again",
        bytes.size());
  }
  return {};
}

Status ReadTensors(Source& source, const fbs::SubGraph& from, Graph* graph) {
  const auto& tensors = *from.tensors();
  std::vector<bool> is_output(tensors.size());
  for (const Op& op : graph->ops) {
    for (const int index : op.outputs) {
      if (index >= 0 && static_cast<size_t>(index) < is_output.size()) is_output[index] = true;
    }
  }
  graph->tensors.reserve(tensors.size());
  for (uint32_t i = 0; i < tensors.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(Tensor tensor,
                         reader::ReadTensor(source, *tensors[i], static_cast<int>(i), is_output[i]));
    graph->tensors.push_back(std::move(tensor));
  }
  return {};
}

Result<std::shared_ptr<Graph>> ReadSubGraph(Source& source, const fbs::SubGraph& from) {
  auto graph = std::make_shared<Graph>();
  if (from.name() != nullptr) {
    if (!source.Charge(from.name()->size())) return reader::OverBudget("name");
    graph->name = from.name()->str();
  }
  if (from.tensors() == nullptr) return Invalid("tensors are missing; expected a list of tensors");
  NPU_ASSIGN_OR_RETURN(graph->inputs, reader::CopyVector(source, from.inputs(), "graph inputs"));
  NPU_ASSIGN_OR_RETURN(graph->outputs, reader::CopyVector(source, from.outputs(), "graph outputs"));
  if (const auto* operators = from.operators(); operators != nullptr) {
    graph->ops.reserve(operators->size());
    for (uint32_t i = 0; i < operators->size(); ++i) {
      NPU_ASSIGN_OR_RETURN(Op op, reader::ReadOp(source, *operators->Get(i), static_cast<int>(i)));
      graph->ops.push_back(std::move(op));
    }
  }
  NPU_RETURN_IF_ERROR(ReadTensors(source, from, graph.get()));
  NPU_RETURN_IF_ERROR(Validate(*graph));
  return graph;
}

// A subgraph without a name has its first signature's, as tools show it.
Status NameBySignatures(Source& source, const Model& model) {
  if (source.model->signature_defs() == nullptr) return {};
  for (const fbs::SignatureDef* signature : *source.model->signature_defs()) {
    if (signature->subgraph_index() >= model.subgraphs.size() || signature->signature_key() == nullptr) continue;
    Graph& graph = *model.subgraphs[signature->subgraph_index()];
    if (!graph.name.empty()) continue;
    if (!source.Charge(signature->signature_key()->size())) return reader::OverBudget("signature_key");
    graph.name = signature->signature_key()->str();
  }
  return {};
}

}  // namespace

Result<Model> ReadModel(std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  NPU_RETURN_IF_ERROR(CheckIdentifier(bytes));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment != 0) {
    constexpr std::align_val_t kAlign{kAlignment};
    auto* copy = static_cast<std::byte*>(::operator new(bytes.size(), kAlign, std::nothrow));
    if (copy == nullptr) {
      return Fail(ErrorCode::kResourceExhausted, fmt::format("no memory to copy {} bytes", bytes.size()));
    }
    owner = std::shared_ptr<const void>(copy, [](void* p) { ::operator delete(p, kAlign); });
    std::memcpy(copy, bytes.data(), bytes.size());
    bytes = {copy, bytes.size()};
  }
  NPU_RETURN_IF_ERROR(Verify(bytes));

  Source source{.bytes = bytes, .owner = std::move(owner), .model = fbs::GetModel(bytes.data())};
  // Names, shapes, operand lists and quantization arrays; a constant factor for files of a few bytes.
  source.copy_budget =
      static_cast<int64_t>(std::min<uint64_t>(bytes.size(), uint64_t{1} << 40)) * 4 + (1 << 20);
  const fbs::Model& from = *source.model;
  if (from.version() != kSchemaVersion) {
    return Invalid("version is {}; expected {}", from.version(), kSchemaVersion);
  }
  if (from.buffers() == nullptr) return Invalid("buffers are missing; expected at least the empty buffer 0");
  if (from.subgraphs() == nullptr || from.subgraphs()->size() == 0) {
    return Invalid("subgraphs are missing; expected at least one");
  }
  Model model;
  model.size_bytes = static_cast<int64_t>(bytes.size());
  if (from.description() != nullptr) {
    if (!source.Charge(from.description()->size())) return reader::OverBudget("description");
    model.description = from.description()->str();
  }
  for (uint32_t i = 0; i < from.subgraphs()->size(); ++i) {
    auto graph = ReadSubGraph(source, *from.subgraphs()->Get(i));
    if (!graph) {
      if (i == 0) return tl::unexpected<Error>(std::move(graph.error()));
      return tl::unexpected<Error>(graph.error().WithContext(fmt::format("subgraph {}", i)));
    }
    model.subgraphs.push_back(std::move(*graph));
  }
  NPU_RETURN_IF_ERROR(NameBySignatures(source, model));
  return model;
}

}  // namespace npu
