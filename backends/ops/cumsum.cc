// CUMSUM: running sums along an axis. Never taken: no host has an 8-bit kernel for it, so there are no bytes
// to be equal to; converters put DEQUANTIZE and QUANTIZE around it and the sum runs in float.
// Source: LiteRT 2.3 kernel cumsum: INT32, INT64, FLOAT32, UINT16.
// SPDX-License-Identifier: Apache-2.0
#include "backends/ops/elementwise.h"

namespace npu {
namespace {

void Check(const OpView& op, Verdict& verdict) {
  if (op.input(0) == nullptr) return;
  verdict.Add(ReasonCode::kUnsupportedInputType, "input 0 element type",
              std::string(DataTypeName(op.input(0)->type)),
              "none: hosts compute CUMSUM on FLOAT32, INT32 and INT64 only, not on 8-bit types");
}

Status Reference(const ReferenceArgs&) { return Fail(ErrorCode::kUnsupported, "CUMSUM is left to the host"); }

constexpr std::string_view kRules[] = {
    "CUMSUM is left to the host: hosts have no 8-bit kernel, so it has no 8-bit meaning",
};

}  // namespace

extern const OpRoom kCumsumRoom;
const OpRoom kCumsumRoom = {
    .name = "cumsum",
    .infer = InferSameShape,
    .check = Check,
    .check_cpu = nullptr,
    .reference = Reference,
    .lower = nullptr,
    .macs = nullptr,
    .min_inputs = 2,
    .max_inputs = 2,
    .rules = kRules,
};

}  // namespace npu
