// --format model-explorer: files that colour a model's operators in Model Explorer (node data, one file per
// view):
//   placement.json  where each operator runs, in words and colours
//   macs.json       multiply-accumulates
//   reasons.json    how many rules keep it off the NPU
//   time_us.json    after --profile: median microseconds
//   max_diff.json   after --verify-layers: the largest difference from the reference
//   delegate-check -o DIR --format model-explorer m.tflite
//   model-explorer m.tflite --node_data_paths=DIR/placement.json,DIR/macs.json
// Operators are named by their index, as Model Explorer's own converter numbers them. Of the first subgraph
// only. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "tools/delegate-check/options.h"
#include "tools/delegate-check/output.h"

namespace delegate_check {

std::vector<NamedText> ModelExplorerFiles(nlohmann::ordered_json report, const Arguments& arguments);

}  // namespace delegate_check
