// Why an operator may or may not run somewhere: a Verdict holds every failed rule, not the first.
// Each Reason names the rule (closed vocabulary of reasons.def), what was found and what is allowed.
// An empty Verdict means: eligible. "Not eligible" is never an Error.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace npu {

enum class ReasonCode {
#define NPU_REASON(enumerator, code, kind, sentence) enumerator,
#include "backends/reasons.def"
};

std::string_view ReasonCodeName(ReasonCode code);      // "UNSUPPORTED_INPUT_TYPE"
std::string_view ReasonCodeSentence(ReasonCode code);  // the rule in general words
std::string_view ReasonKindName(ReasonCode code);      // "own", "neighbour" or "policy": see reasons.def

struct Reason {
  ReasonCode code;
  std::string text;     // which operand or parameter: "input 1 (weights) element type"
  std::string actual;   // "FLOAT32"
  std::string allowed;  // "INT8 or UINT8"
};

class Verdict {
 public:
  bool eligible() const { return reasons_.empty(); }
  const std::vector<Reason>& reasons() const { return reasons_; }
  void Add(ReasonCode code, std::string text, std::string actual, std::string allowed) {
    reasons_.push_back({code, std::move(text), std::move(actual), std::move(allowed)});
  }

 private:
  std::vector<Reason> reasons_;
};

}  // namespace npu
