// What the element types of a model's inputs and outputs mean for who feeds and reads it: a camera's bytes, class scores,
// an embedding. One sentence each, for models with 8-bit, 16-bit or float tensors at the border. Pure.
// What an output is for is judged by the operator that makes it; where that says nothing, the sentence says so.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schema/graph.h"

namespace npu {

// What makes an output, conversions and reshapes aside.
enum class Head : uint8_t {
  kScores,     // SOFTMAX, LOG_SOFTMAX or LOGISTIC: a probability each
  kChoice,     // ARG_MAX, ARG_MIN, TOPK_V2 and their like: an index
  kDetection,  // boxes of a detection operator
  kMap,        // a picture of values: [N, H, W, C] with H or W above 1
  kVector,     // up to two dimensions, anything else: an embedding, a regression or scores before SOFTMAX
  kOther,
};
// Per output of the graph.
std::vector<Head> HeadsOf(const Graph& graph);

// Whether any operator but QUANTIZE and DEQUANTIZE makes 8-bit or INT16 numbers.
bool ComputesInIntegers(const Graph& graph);

// Inputs first, then outputs, each in the graph's order; those about which there is nothing to say have no sentence.
std::vector<std::string> IoNotes(const Graph& graph);

}  // namespace npu
