// Options as hosts give them: key/value strings. One parser for the plug-in, the C API and the tools.
// Values never need ':' ';' ',' or '#' at their start to work, because hosts cut option strings there:
// list items are joined by '+', and "#3" may also be written "op3".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends/backend.h"
#include "base/log.h"
#include "base/result.h"

namespace npu {

enum class PlacementRule : uint8_t {
  kAll,   // every partition that can run on the NPU
  kAuto,  // where it is estimated to be no slower there (placement_cost.h)
};

// What decides a plan.
struct PlanOptions {
  std::vector<std::string> deny;   // NAME, #index or tensor-name glob
  std::vector<std::string> allow;  // empty: everything
  int64_t min_segment_macs = 0;
  int64_t min_segment_ops = 2;  // of partitions without MACs
  PlacementRule placement = PlacementRule::kAll;
  std::optional<std::vector<std::string>> folds{};  // names of FoldNames(); nullopt: all
  std::vector<std::string> input_uint8{};  // tensor-name globs or #index (uint8_inputs.h)
};

struct Options {
  PlanOptions plan;
  ComputeOptions compute;
  std::string device = "auto";  // "reference": CPU reference instead of OpenCL
  std::chrono::milliseconds frame_timeout{1000};  // of fences
  LogLevel log_level = LogLevel::kWarning;
  std::string cache_dir;    // of compiled programs; empty: none
  std::string report_path;  // empty: none
  std::string profile_path;  // empty: nothing is measured
  bool help = false;
};

using KeyValues = std::vector<std::pair<std::string, std::string>>;

// Later entries win. kInvalidOption for an unknown key (the text lists the valid ones and suggests the
// nearest) or a bad value (the text says what is allowed).
Result<Options> ParseOptions(const KeyValues& key_values);

// "k=v;k=v" (the environment variable NPU_DELEGATE_OPTIONS) into pairs. Empty items are skipped.
Result<KeyValues> SplitOptionString(std::string_view text);

// The help text: one line per option with its default.
std::string OptionsHelp();
// docs/options.md's table.
std::string OptionsMarkdown();

}  // namespace npu
