// Model bytes → Model. Every byte is treated as hostile: the flatbuffer is verified (depth, table count),
// then every index, size, shape product, buffer range, quantization array, enum and operator parameter is
// checked. The only outcomes are a Model that satisfies graph.h's promises, or an Error that names the
// tensor or operator, the field, the found value and what was expected.
// Constants of the Model are views into `bytes` and share ownership of `owner`; one whose address is not
// aligned for its type is a copy. A file over 2 GiB may hold its weights behind the flatbuffer.
// Options that do not fit their operator are no error: see Op::params_error. Quantization of tensors that
// hold no integers (floats, strings) is kept only when it is right.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "schema/graph.h"

namespace npu {

// `bytes` must stay valid as long as `owner` lives (null owner: as long as the Model is used). A base
// address that is not 16-byte aligned is copied, since flatbuffers align relative to the start.
Result<Model> ReadModel(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

// Maps the file read-only (so that memory stays near the file's size) and reads it. kIo with the
// system's reason; directories, empty files and Git LFS pointers are named as what they are.
Result<Model> ReadModelFile(const std::string& path);

}  // namespace npu
