// A .tflite file to edit: read with the project's checked reader first, because flatbuffers' object API trusts what it
// reads. Writing keeps what the object API does not know of: buffers and options stored behind the flatbuffer, and a zip
// archive at the end (the associated files of TFLite's metadata).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tflite_generated.h"

namespace model_edit {

namespace fbs = npu::fbs;

struct ModelFile {
  std::vector<std::byte> bytes;        // as read; Buffer.offset of `model` still points in here
  size_t archive = 0;                  // where the zip archive at the end begins; bytes.size() without one
  std::unique_ptr<fbs::ModelT> model;  // what is edited
};

// kIo, kInvalidModel as the reader says it; kUnsupported for a file with options that this schema does not know.
npu::Result<ModelFile> ReadModelFile(const std::string& path);

// The same from bytes; for tests.
npu::Result<ModelFile> ParseModel(std::vector<std::byte> bytes);

// The file's new bytes, which the reader has accepted.
npu::Result<std::vector<std::byte>> Serialize(ModelFile& file);

}  // namespace model_edit
