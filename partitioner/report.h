// A Plan as JSON: the one report format, written by the plug-in's `report` option and by the C API, from
// which delegate-check makes its text. Keys are sorted, numbers are exact, nothing depends on the time
// or the machine, so that two reports of the same plan are equal byte for byte.
// Schema (version 1): {schema_version,
//   model{kind, kind_sentence, description, subgraph_name, io_notes[], inputs[], outputs[], ops, size_bytes},
//   summary{ops, npu, delegate_cpu, host, macs, npu_macs, npu_mac_share, partitions, segments},
//   partitions[{index, ops[], inputs[], outputs[], macs, estimate{npu_us, host_us}? (placement=auto)}],
//   segments[{index, partition, placement, ops[], inputs[], outputs[], macs}],
//   memory{arena_bytes, constant_bytes, uncopied_bytes, partitions[{index, and the same}], segments[likewise]}
//          or memory{error},
//   boundaries[{index, from, to, tensors[], bytes, causes[], host_ops, host_macs}],
//   ops[{index, op, version, name, inputs[], outputs[], macs, placement, segment, partition, evaluated,
//        folded_into, notes[], reasons[{code, kind, text, actual, allowed, advice}]}],
//   blockers[{op, ops[], placement, reasons[as in ops], advice[], macs, victims[], victim_macs, bytes, boundaries,
//             extra_partitions}],
//   advice[{id, title, text, ops[], macs, url}], findings[{code, op, text, advice}],
//   tensors[{index, name, type, shape, scale?, zero_point?, per_channel{axis, count, min_scale, max_scale}?, bytes,
//            constant, variable}],
//   folds[{name, into, absorbed[], bypassed[], rewritten[], why}], declined_folds[{name, into, why}],
//   subgraphs[{index, name, summary{as above} or error}]}
// model.inputs/outputs are {index, name, type, shape, scale?, zero_point?}, shape null when unknown; all
// other inputs/outputs are tensor indices, -1 for an absent operand. tensors are those that anything names; bytes is
// null when unknown. A reason's kind is own, neighbour or policy (reasons.def). An op's name is its first output
// tensor's. A boundary's from and to are partitions, -1 the host; causes are operators of the host
// (fragmentation.h). Blockers are ranked, and their figures defined, in blockers.h; reasons are those of the first of ops;
// extra_partitions is null when not counted. An advice id is one of advice.def, null where nothing certain can be done;
// advice[] is ranked by effect (advice.h). io_notes say what the types at the border mean (io_notes.h). A subgraph_name is the first signature's key where the subgraph has none. npu_mac_share is 0 to 1;
// without any MACs it is 1 if the host has nothing to do, else 0.
// memory is what compiling takes on a device that shares the host's memory (plan_memory.h); delegate-cpu packs weights as
// the processor wants, so that its constant_bytes alone may differ between machines.
// Text that is not UTF-8 is repaired. Later versions only add keys.
// Operators and tensors are those of the model. folds are what partitioner/fold.h made of them: `into` runs for
// the operators `absorbed`, whose folded_into names it (-1: the operator runs itself); those have its segment but
// are not in that segment's ops; `rewritten` run on other operands. declined_folds look possible and are not made.
// notes say in words what an operator on the NPU really costs: folded, a view, or more than its MACs (op_notes.h).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "partitioner/plan.h"

namespace npu {

// Another subgraph of the model: a body of control flow or another entry. Hosts hand each to the plug-in as a
// graph of its own.
struct SubgraphPlan {
  std::string name;
  Result<Plan> plan;
};

struct ReportContext {
  int64_t model_size_bytes = 0;  // 0: not known (inside a host)
  std::string model_description;
  std::vector<SubgraphPlan> subgraphs = {};  // from 1 on; inside a host none, since each has its own report
};

// Two-space indent, newline at the end.
std::string ReportJson(const Plan& plan, const ReportContext& context = {});

// A row of tests/conformance.tsv: an operator, or some models of it, that does not give the reference bytes.
struct ConformanceRow {
  std::string_view op;       // "CONV_2D"; "*": any
  std::string_view backend;  // "opencl", "reference"; "*": any
  std::string_view status;   // "unsupported" or "expected-failure"; empty: the line has not five columns
  std::string_view models;   // glob of corpus paths; "*": all
  std::string_view reason;
};
// Views into `table`; comments and empty lines are skipped.
std::vector<ConformanceRow> ReadConformance(std::string_view table);

// docs/operators.md: every operator with a room, its rules in words, the reason vocabulary, and the table
// `conformance` (tests/conformance.tsv), whose section is left out when it has no rows.
std::string OperatorsMarkdown(std::string_view conformance);

}  // namespace npu
