// A Plan as JSON: the one report format, written by the plug-in's `report` option and by the C API, from
// which delegate-check makes its text. Keys are sorted, numbers are exact, nothing depends on the time
// or the machine, so that two reports of the same plan are equal byte for byte.
// Schema (version 1): {schema_version,
//   model{kind, kind_sentence, description, inputs[], outputs[], ops, size_bytes},
//   summary{ops, npu, delegate_cpu, host, macs, npu_macs, npu_mac_share, partitions, segments},
//   partitions[{index, ops[], inputs[], outputs[], macs}],
//   segments[{index, partition, placement, ops[], inputs[], outputs[], macs}],
//   ops[{index, op, version, name, inputs[], outputs[], macs, placement, segment, partition, evaluated,
//        reasons[{code, text, actual, allowed}]}]}
// model.inputs/outputs are {index, name, type, shape, scale?, zero_point?}, shape null when unknown; all other
// inputs/outputs are tensor indices, -1 for an absent operand. An op's name is its first output tensor's.
// npu_mac_share is 0 to 1; without any MACs it is 1 if the host has nothing to do, else 0. Text that is not
// UTF-8 is repaired. Later versions only add keys.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "partitioner/plan.h"

namespace npu {

struct ReportContext {
  int64_t model_size_bytes = 0;  // 0: not known (inside a host)
  std::string model_description;
};

// Two-space indent, newline at the end.
std::string ReportJson(const Plan& plan, const ReportContext& context = {});

// docs/operators.md: every operator with a room, its rules in words, and the reason vocabulary.
std::string OperatorsMarkdown();

}  // namespace npu
