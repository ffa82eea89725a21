// What kind of model this is, in one sentence: float32, full int8, uint8 (TF1), dynamic range, int16x8 ...
// Judged from what the operators compute: element types of their results (QUANTIZE and DEQUANTIZE aside),
// of larger constants, and of weights against their activations. Says nothing of single operators: that is
// the plan's. Never fails.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "schema/graph.h"

namespace npu {

enum class ModelKind : uint8_t {
  kEmpty, kFloat32, kFloat16Weights, kDynamicRange, kInt8, kUint8, kInt8FloatIo, kInt8MixedIo,
  kInt16x8, kInt4Weights, kMixed, kBinary, kPrecompiled, kOther,
  kInt2Weights, kWeightOnlyInt8, kConversionOnly,
};

struct Diagnosis {
  ModelKind kind = ModelKind::kOther;
  std::string_view code;  // "int8", "float32", "dynamic-range", ... stable, for JSON
  std::string sentence;   // "full int8, int8 input and output: fits an NPU as it is"
};

std::string_view ModelKindCode(ModelKind kind);

Diagnosis Diagnose(const Graph& graph);

// The device that a vendor's compiler made this custom operator for ("an Arm Ethos-U"); empty: none that is known.
std::string_view CompiledForDevice(std::string_view custom_name);

}  // namespace npu
