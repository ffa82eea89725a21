// What a file is that is no .tflite file, judged by its first bytes: another model format, a download that went wrong, a
// picture. Reads nothing outside `bytes`, allocates nothing, never fails.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace npu {

// "an ONNX model; convert it to .tflite with onnx2tf, or export .tflite from the training framework": what it is and what
// to do. Empty: not known.
std::string_view ForeignFile(std::span<const std::byte> bytes);

}  // namespace npu
