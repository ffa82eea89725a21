// What the rooms of Larq's binary operators (lce_*.cc) share. A binary tensor holds signs: +1 is the bit 0, -1 the
// bit 1; 32 neighbours of the last dimension (channels) are one INT32, channel c in bit c % 32 of word c / 32, and the
// bits past the last channel are 0.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "backends/ops/room.h"

namespace npu {

inline constexpr int32_t kSignsPerWord = 32;

// Words that `channels` >= 0 signs take.
inline int32_t PackedWords(int32_t channels) { return channels / kSignsPerWord + (channels % kSignsPerWord != 0); }

// Whether stock hosts do not know the operator: it runs in this plug-in or nowhere.
inline bool IsBinary(OpKind kind) {
  return kind == OpKind::kLceQuantize || kind == OpKind::kLceDequantize || kind == OpKind::kLceBconv2d ||
         kind == OpKind::kLceBMaxPool2d;
}

// How many signs the last dimension of a packed tensor holds, as the operators that make or read it say; 0 if it is not
// a packed tensor.
int32_t PackedChannels(const Graph& graph, int tensor);

// The reason that keeps every binary operator off the NPU.
inline void RefuseBinaryOnNpu(const OpView& op, Verdict& verdict) {
  verdict.Add(ReasonCode::kUnsupportedOperator, "operator", std::string(OpName(op.op)),
              "an operator on 8-bit numbers (binary ones run on delegate-cpu)");
}

}  // namespace npu
