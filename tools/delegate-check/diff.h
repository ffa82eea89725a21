// Two reports side by side: which operators are the same, what moved, why, and whether placement got worse.
// The document (docs/report.schema.json, "comparison"):
//   {verdict, before{source, kind, summary}, after{...}, matched, unchanged,
//    worse[{code, text, before, after, ops[]}], better[...],
//    inputs[{index, before, after}], outputs[...],
//    ops[{before{index, op, version, placement, macs} or null, after{...} or null, name, matched_by,
//    changes[],
//         reasons_lost[], reasons_gained[], tensors[{operand, before, after}]}]}
// verdict: "worse" if there is a `worse`, else "better" if there is a `better`, else "changed" if anything
// differs that is listed here, else "equal". What counts as worse is in docs/delegate-check.md.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tools/delegate-check/check_model.h"
#include "tools/delegate-check/options.h"

namespace delegate_check {

// before, after: reports (npu_plan_json, or ReadReportFile), called by their names in messages.
nlohmann::ordered_json CompareReports(const nlohmann::ordered_json& before, const std::string& before_name,
                                      const nlohmann::ordered_json& after, const std::string& after_name);

// --diff A B, each a model or a report: {"schema_version", "comparison"}.
nlohmann::ordered_json Diff(const std::string& before, const std::string& after, const Arguments& arguments);

// --baseline: adds "comparison" with the report of that file, and the gate, to those of the model.
void CompareWithBaseline(const std::string& baseline, CheckedModel& checked);

}  // namespace delegate_check
