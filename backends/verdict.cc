// SPDX-License-Identifier: Apache-2.0
#include "backends/verdict.h"

namespace npu {

std::string_view ReasonCodeName(ReasonCode code) {
  switch (code) {
#define NPU_REASON(enumerator, code, kind, sentence) \
  case ReasonCode::enumerator: return code;
#include "backends/reasons.def"
  }
  return "";
}

std::string_view ReasonCodeSentence(ReasonCode code) {
  switch (code) {
#define NPU_REASON(enumerator, code, kind, sentence) \
  case ReasonCode::enumerator: return sentence;
#include "backends/reasons.def"
  }
  return "";
}

std::string_view ReasonKindName(ReasonCode code) {
  switch (code) {
#define NPU_REASON(enumerator, code, kind, sentence) \
  case ReasonCode::enumerator: return #kind;
#include "backends/reasons.def"
  }
  return "";
}

}  // namespace npu
