// SPDX-License-Identifier: Apache-2.0
#include "tools/model-edit/model_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <span>

#include "tools/model-edit/api.h"

namespace model_edit {
namespace {

using npu::ErrorCode;
using npu::Fail;
using npu::Result;
using npu::Status;

// Weights in files written by flatbuffers are aligned so; those behind it are, too.
constexpr size_t kAlignment = 16;
// The builder asserts below 2 GiB. What is no buffer (names, shapes, scales) is far below the rest.
constexpr uint64_t kMostInside = (uint64_t{1} << 31) - (uint64_t{1} << 26);

uint32_t Little(std::span<const std::byte> bytes, size_t at, int size) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, static_cast<size_t>(size));  // little-endian machines only, as the reader
  return value;
}

// Zip format (APPNOTE 4.3): an end record of 22 bytes and a comment; it tells where the directory is, whose entries tell
// where the files are. The first of them begins the archive.
size_t FindArchive(std::span<const std::byte> bytes) {
  constexpr size_t kEnd = 22, kEntry = 46, kLongestComment = 65535;
  constexpr uint32_t kEndMagic = 0x06054b50, kEntryMagic = 0x02014b50;
  if (bytes.size() < kEnd) return bytes.size();
  const size_t last = bytes.size() - kEnd;
  for (size_t end = last + 1; end-- > last - std::min(last, kLongestComment);) {
    if (Little(bytes, end, 4) != kEndMagic || end + kEnd + Little(bytes, end + 20, 2) != bytes.size()) continue;
    const uint64_t directory_size = Little(bytes, end + 12, 4), directory = Little(bytes, end + 16, 4);
    if (directory + directory_size > end) continue;
    // Some writers count from the archive's own start, some from the file's.
    const uint64_t before = end - directory_size - directory;
    size_t archive = end - directory_size;
    for (size_t entry = archive; entry + kEntry <= end;) {
      if (Little(bytes, entry, 4) != kEntryMagic) break;
      archive = std::min<size_t>(archive, before + Little(bytes, entry + 42, 4));
      entry += kEntry + Little(bytes, entry + 28, 2) + Little(bytes, entry + 30, 2) + Little(bytes, entry + 32, 2);
    }
    return archive;
  }
  return bytes.size();
}

// What the object API would drop or blow up.
Status CheckWhole(const fbs::Model& model, size_t file_bytes) {
  uint64_t inside = 0;
  if (model.buffers() != nullptr) {
    for (const fbs::Buffer* buffer : *model.buffers()) inside += buffer->data() == nullptr ? 0 : buffer->data()->size();
  }
  for (const fbs::SubGraph* graph : *model.subgraphs()) {
    if (graph->operators() == nullptr) continue;
    for (const fbs::Operator* op : *graph->operators()) {
      if (op->custom_options() != nullptr) inside += op->custom_options()->size();
    }
  }
  if (inside > file_bytes) {
    return Fail(ErrorCode::kUnsupported, "buffers of the file share their bytes; written out they would not");
  }
  return {};
}

// A union that says what it holds and holds nothing: the reader makes it a reason, the object API would follow a null
// pointer.
template <typename Union>
Status CheckUnion(const Union& held, std::string_view what) {
  if (static_cast<int>(held.type) == 0 || held.value != nullptr) return {};
  return Fail(ErrorCode::kInvalidModel,
              fmt::format("{} have a type but are missing, or are of a kind newer than this tool", what));
}

Status CheckUnions(const fbs::ModelT& model) {
  for (const auto& graph : model.subgraphs) {
    for (const auto& op : graph->operators) {
      NPU_RETURN_IF_ERROR(CheckUnion(op->builtin_options, "an operator's options"));
      NPU_RETURN_IF_ERROR(CheckUnion(op->builtin_options_2, "an operator's options"));
    }
    for (const auto& tensor : graph->tensors) {
      if (tensor->quantization != nullptr) {
        NPU_RETURN_IF_ERROR(CheckUnion(tensor->quantization->details, "a tensor's quantization details"));
      }
      if (tensor->sparsity == nullptr) continue;
      for (const auto& dimension : tensor->sparsity->dim_metadata) {
        NPU_RETURN_IF_ERROR(CheckUnion(dimension->array_segments, "a sparse tensor's segments"));
        NPU_RETURN_IF_ERROR(CheckUnion(dimension->array_indices, "a sparse tensor's indices"));
      }
    }
  }
  return {};
}

// Indices that the reader does not follow, since nothing that it is for needs them; edits move them.
Status CheckIndices(const fbs::ModelT& model) {
  const auto check = [](int64_t index, size_t count, std::string_view what) -> Status {
    if (index < static_cast<int64_t>(count)) return {};
    return Fail(ErrorCode::kInvalidModel, fmt::format("{} refers to {} of {}", what, index, count));
  };
  for (const auto& entry : model.metadata) {
    NPU_RETURN_IF_ERROR(check(entry->buffer, model.buffers.size(), "metadata: buffer"));
  }
  for (const auto& signature : model.signature_defs) {
    NPU_RETURN_IF_ERROR(check(signature->subgraph_index, model.subgraphs.size(), "signature: subgraph_index"));
    const size_t tensors = model.subgraphs[signature->subgraph_index]->tensors.size();
    for (const auto* maps : {&signature->inputs, &signature->outputs}) {
      for (const auto& map : *maps) NPU_RETURN_IF_ERROR(check(map->tensor_index, tensors, "signature: tensor_index"));
    }
  }
  for (const auto& graph : model.subgraphs) {
    const size_t tensors = graph->tensors.size();
    for (const auto& op : graph->operators) {
      for (const int tensor : op->intermediates) NPU_RETURN_IF_ERROR(check(tensor, tensors, "operator: intermediates"));
    }
    for (const auto& tensor : graph->tensors) {
      NPU_RETURN_IF_ERROR(check(tensor->buffer, model.buffers.size(), "tensor: buffer"));
      if (tensor->quantization == nullptr) continue;
      const auto scheme = [&](const auto* details) -> Status {
        return details == nullptr
                   ? Status()
                   : check(std::max(details->scales, details->zero_points), tensors, "quantization: scales or zero_points");
      };
      NPU_RETURN_IF_ERROR(scheme(tensor->quantization->details.AsBlockwiseQuantization()));
      NPU_RETURN_IF_ERROR(scheme(tensor->quantization->details.AsMultiAxisQuantization()));
    }
  }
  return {};
}

// A range behind the flatbuffer, and the fields that point to it.
struct Outside {
  uint64_t* offset;
  uint64_t old_offset, size;
};

std::vector<Outside> FindOutside(fbs::ModelT& model) {
  std::vector<Outside> ranges;
  const auto add = [&](uint64_t& offset, uint64_t size) {
    if (offset > 1) ranges.push_back({&offset, offset, size});
  };
  for (const auto& buffer : model.buffers) add(buffer->offset, buffer->size);
  for (const auto& graph : model.subgraphs) {
    for (const auto& op : graph->operators) add(op->large_custom_options_offset, op->large_custom_options_size);
  }
  return ranges;
}

std::vector<std::byte> Pack(const fbs::ModelT& model) {
  flatbuffers::FlatBufferBuilder builder;
  fbs::FinishModelBuffer(builder, fbs::Model::Pack(builder, &model));
  const auto* begin = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {begin, begin + builder.GetSize()};
}

void PadTo(std::vector<std::byte>& bytes, size_t size) {
  if (bytes.size() < size) bytes.resize(size);
}

}  // namespace

Result<ModelFile> ReadModelFile(const std::string& path) {
  // For its words on directories, empty files and the like; what is edited are the bytes read (and checked) below.
  npu_model* opened = nullptr;
  NPU_RETURN_IF_ERROR(Check(npu_model_open_file(path.c_str(), &opened)));
  npu_model_destroy(opened);
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  std::vector<std::byte> bytes(stream ? static_cast<size_t>(stream.tellg()) : 0);
  stream.seekg(0);
  if (!stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()))) {
    return Fail(ErrorCode::kIo, path + ": cannot read");
  }
  auto file = ParseModel(std::move(bytes));
  if (!file) return tl::unexpected<npu::Error>(file.error().WithContext(path));
  return file;
}

Result<ModelFile> ParseModel(std::vector<std::byte> bytes) {
  NPU_RETURN_IF_ERROR(OpenMemory(bytes));
  ModelFile file;
  file.bytes = std::move(bytes);
  const fbs::Model& model = *fbs::GetModel(file.bytes.data());
  NPU_RETURN_IF_ERROR(CheckWhole(model, file.bytes.size()));
  file.archive = FindArchive(file.bytes);
  file.model.reset(model.UnPack());
  NPU_RETURN_IF_ERROR(CheckUnions(*file.model));
  NPU_RETURN_IF_ERROR(CheckIndices(*file.model));
  return file;
}

Result<std::vector<std::byte>> Serialize(ModelFile& file) {
  uint64_t inside = 0;
  for (const auto& buffer : file.model->buffers) inside += buffer->data.size();
  if (inside > kMostInside) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("the file would hold {} bytes of constants; a .tflite file takes {}", inside, kMostInside));
  }
  const std::vector<Outside> ranges = FindOutside(*file.model);
  // The fields are there in both passes, so that both give the same size.
  for (const Outside& range : ranges) *range.offset = 1;
  uint64_t end = ranges.empty() ? 0 : Pack(*file.model).size();
  for (const Outside& range : ranges) {
    *range.offset = (end + kAlignment - 1) / kAlignment * kAlignment;
    end = *range.offset + range.size;
  }
  std::vector<std::byte> bytes = Pack(*file.model);
  for (const Outside& range : ranges) {
    PadTo(bytes, *range.offset);
    const auto from = file.bytes.begin() + static_cast<ptrdiff_t>(range.old_offset);
    bytes.insert(bytes.end(), from, from + static_cast<ptrdiff_t>(range.size));
    *range.offset = range.old_offset;
  }
  if (file.archive < file.bytes.size()) {
    // Its offsets count from the file's start: it stays in its place where it can. Readers of zip archives find one that
    // moved towards the end, not one that moved to the front.
    PadTo(bytes, file.archive);
    bytes.insert(bytes.end(), file.bytes.begin() + static_cast<ptrdiff_t>(file.archive), file.bytes.end());
  }
  auto status = OpenMemory(bytes);
  if (!status)
    return tl::unexpected<npu::Error>({ErrorCode::kInternal, "the edited model is wrong: " + status.error().text});
  return bytes;
}

}  // namespace model_edit
