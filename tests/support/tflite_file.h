// Writes small .tflite files from the format's own structs (flatbuffers' object API), so that a test can
// break one field of a good model and see what the reader says. Not for product code: the object API is
// unsafe on hostile files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tflite_generated.h"

namespace npu::test {

// T#0 "input" INT8[1,4,4,2] -> CONV_2D (T#1 "weights" INT8[3,2,2,2] per channel, T#2 "bias" INT32[3]) ->
// T#3 "hidden" INT8[1,4,4,3] -> ADD (T#3 with itself) -> T#4 "output". Buffers: 1 weights, 2 bias.
std::unique_ptr<fbs::ModelT> SmallFileModel();

// A model of one operator with this options table; inputs T#0.. and output T#n are INT8[1,4,4,2].
std::unique_ptr<fbs::ModelT> OneOpFileModel(fbs::BuiltinOperator code, fbs::BuiltinOptionsUnion options,
                                            int inputs = 1);
std::unique_ptr<fbs::ModelT> CustomOpFileModel(const std::string& name, std::vector<uint8_t> options);

// The file's bytes, 16-byte aligned.
std::vector<std::byte> WriteFile(const fbs::ModelT& model);

}  // namespace npu::test
