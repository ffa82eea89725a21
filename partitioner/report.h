// A Plan as JSON: the one report format, written by the plug-in's `report` option and by the C API, from
// which delegate-check makes its text. Keys are sorted, numbers are exact, nothing depends on the time
// or the machine, so that two reports of the same plan are equal byte for byte.
// Schema (version 1): {schema_version, model{kind, description, inputs[], outputs[], ops, size_bytes},
//   summary{ops, npu, delegate_cpu, host, macs, npu_macs, npu_mac_share, partitions, segments},
//   partitions[{index, ops[], inputs[], outputs[], macs}],
//   segments[{index, partition, placement, ops[], inputs[], outputs[], macs}],
//   ops[{index, op, version, name, inputs[], outputs[], macs, placement, segment, partition, evaluated,
//        reasons[{code, text, actual, allowed}]}]}
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "partitioner/plan.h"

namespace npu {

struct ReportContext {
  int64_t model_size_bytes = 0;  // 0: not known (inside a host)
  std::string model_description;
};

std::string ReportJson(const Plan& plan, const ReportContext& context = {});

// docs/operators.md: every operator with a room, its rules in words, and the reason vocabulary.
std::string OperatorsMarkdown();

}  // namespace npu
