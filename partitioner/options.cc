// SPDX-License-Identifier: Apache-2.0
#include "partitioner/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "base/nearest.h"
#include "partitioner/fold.h"

namespace npu {
namespace {

struct OptionRow {
  std::string_view key, kind, default_value, help;
};

constexpr OptionRow kOptions[] = {
#define NPU_OPTION(key, kind, default_value, help) {#key, kind, default_value, help},
#include "partitioner/options.def"
};

// More threads than any CPU has: a larger number is a typing mistake.
constexpr int64_t kMaxThreads = 1024;

// A day: whoever means "for ever" gets as good as that.
constexpr int64_t kMaxTimeoutMs = 24 * 3600 * 1000;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

tl::unexpected<Error> BadValue(std::string_view key, std::string_view value, std::string_view allowed) {
  return Fail(ErrorCode::kInvalidOption,
              fmt::format("option {}: value \"{}\" is not {}", key, value, allowed));
}

Result<int64_t> ParseNumber(std::string_view key, std::string_view value, int64_t min, int64_t max) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (value.empty() || error != std::errc() || end != value.data() + value.size() || number < min ||
      number > max) {
    return BadValue(key, value, fmt::format("a whole number from {} to {}", min, max));
  }
  return number;
}

Result<bool> ParseFlag(std::string_view key, std::string_view value) {
  for (std::string_view word : {"true", "1", "on", "yes"}) {
    if (EqualIgnoringCase(value, word)) return true;
  }
  for (std::string_view word : {"false", "0", "off", "no"}) {
    if (EqualIgnoringCase(value, word)) return false;
  }
  return BadValue(key, value, "true or false (also 1/0, on/off, yes/no)");
}

// The position of `value` among the choices.
template <size_t kCount>
Result<size_t> ParseChoice(std::string_view key, std::string_view value,
                           const std::array<std::string_view, kCount>& choices) {
  for (size_t i = 0; i < kCount; ++i) {
    if (EqualIgnoringCase(value, choices[i])) return i;
  }
  return BadValue(key, value,
                  fmt::format("one of {}{}", fmt::join(choices, ", "), DidYouMean(value, choices)));
}

std::vector<std::string> ParseList(std::string_view value) {
  std::vector<std::string> items;
  while (!value.empty()) {
    const size_t plus = value.find('+');
    const std::string_view item = Trim(value.substr(0, plus));
    if (!item.empty()) items.emplace_back(item);
    value = plus == std::string_view::npos ? std::string_view() : value.substr(plus + 1);
  }
  return items;
}

// One setter per row of options.def: a row without one does not link.
Status Set_device(Options& options, std::string_view value) {
  if (value.empty())
    return BadValue("device", value, "auto, reference, a number or a part of a device's name");
  options.device = value;
  return {};
}

Status Set_threads(Options& options, std::string_view value) {
  NPU_ASSIGN_OR_RETURN(const int64_t number, ParseNumber("threads", value, 0, kMaxThreads));
  options.compute.threads = static_cast<int>(number);
  return {};
}

Status Set_deny(Options& options, std::string_view value) {
  options.plan.deny = ParseList(value);
  return {};
}

Status Set_allow(Options& options, std::string_view value) {
  options.plan.allow = ParseList(value);
  return {};
}

Status Set_min_segment_macs(Options& options, std::string_view value) {
  NPU_ASSIGN_OR_RETURN(options.plan.min_segment_macs,
                       ParseNumber("min_segment_macs", value, 0, std::numeric_limits<int64_t>::max()));
  return {};
}

Status Set_min_segment_ops(Options& options, std::string_view value) {
  NPU_ASSIGN_OR_RETURN(options.plan.min_segment_ops,
                       ParseNumber("min_segment_ops", value, 1, std::numeric_limits<int64_t>::max()));
  return {};
}

Status Set_placement(Options& options, std::string_view value) {
  constexpr std::array<std::string_view, 2> kChoices = {"all", "auto"};
  NPU_ASSIGN_OR_RETURN(const size_t choice, ParseChoice("placement", value, kChoices));
  options.plan.placement = static_cast<PlacementRule>(choice);
  return {};
}

Status Set_folds(Options& options, std::string_view value) {
  if (EqualIgnoringCase(value, "all")) {
    options.plan.folds.reset();
    return {};
  }
  std::vector<std::string> wanted;
  if (!EqualIgnoringCase(value, "none")) {
    const std::vector<std::string_view> names = FoldNames();
    wanted = ParseList(value);
    if (wanted.empty()) return BadValue("folds", value, "all, none, or names of folds joined by +");
    // "all+float-math": what is applied by default, and one more.
    const auto all = std::find_if(wanted.begin(), wanted.end(),
                                  [](const std::string& item) { return EqualIgnoringCase(item, "all"); });
    if (all != wanted.end()) {
      wanted.erase(all);
      for (std::string_view name : names) {
        if (!IsFoldOnRequest(name)) wanted.emplace_back(name);
      }
    }
    for (std::string& item : wanted) {
      const auto name = std::find_if(names.begin(), names.end(),
                                     [&](std::string_view n) { return EqualIgnoringCase(item, n); });
      if (name == names.end()) {
        return BadValue("folds", item, fmt::format("all, none, or names of folds joined by +{} (folds: {})",
                                                   DidYouMean(item, names), fmt::join(names, ", ")));
      }
      item = *name;
    }
  }
  options.plan.folds = std::move(wanted);
  return {};
}

Status Set_input_uint8(Options& options, std::string_view value) {
  options.plan.input_uint8 = ParseList(value);
  return {};
}

Status Set_fc_rounding(Options& options, std::string_view value) {
  constexpr std::array<std::string_view, 2> kChoices = {"single", "double"};
  NPU_ASSIGN_OR_RETURN(const size_t choice, ParseChoice("fc_rounding", value, kChoices));
  options.compute.fc_rounding = choice == 0 ? FcRounding::kSingle : FcRounding::kDouble;
  return {};
}

Status Set_requantize(Options& options, std::string_view value) {
  constexpr std::array<std::string_view, 2> kChoices = {"exact", "float"};
  NPU_ASSIGN_OR_RETURN(const size_t choice, ParseChoice("requantize", value, kChoices));
  options.compute.requantize = choice == 0 ? Requantize::kExact : Requantize::kFloat;
  return {};
}

Status Set_frame_timeout_ms(Options& options, std::string_view value) {
  NPU_ASSIGN_OR_RETURN(const int64_t number, ParseNumber("frame_timeout_ms", value, 0, kMaxTimeoutMs));
  options.frame_timeout = std::chrono::milliseconds(number);
  return {};
}

Status Set_log_level(Options& options, std::string_view value) {
  constexpr std::array<std::string_view, 6> kChoices = {"trace", "debug", "info", "warning", "error", "off"};
  NPU_ASSIGN_OR_RETURN(const size_t choice, ParseChoice("log_level", value, kChoices));
  options.log_level = static_cast<LogLevel>(choice);
  return {};
}

Status Set_cache_dir(Options& options, std::string_view value) {
  options.cache_dir = value;
  return {};
}

Status Set_report(Options& options, std::string_view value) {
  options.report_path = value;
  return {};
}

Status Set_profile(Options& options, std::string_view value) {
  options.profile_path = value;
  return {};
}

Status Set_help(Options& options, std::string_view value) {
  NPU_ASSIGN_OR_RETURN(options.help, ParseFlag("help", value));
  return {};
}

Status SetOption(Options& options, std::string_view key, std::string_view value) {
#define NPU_OPTION(name, kind, default_value, help) \
  if (key == #name) return Set_##name(options, value);
#include "partitioner/options.def"
  std::vector<std::string_view> keys;
  for (const OptionRow& row : kOptions) keys.push_back(row.key);
  return Fail(ErrorCode::kInvalidOption, fmt::format("unknown option \"{}\"{} (valid options: {})", key,
                                                     DidYouMean(key, keys), fmt::join(keys, ", ")));
}

}  // namespace

Result<Options> ParseOptions(const KeyValues& key_values) {
  Options options;
  for (const auto& [key, value] : key_values) {
    NPU_RETURN_IF_ERROR(SetOption(options, Trim(key), Trim(value)));
  }
  return options;
}

Result<KeyValues> SplitOptionString(std::string_view text) {
  KeyValues pairs;
  while (!text.empty()) {
    const size_t semicolon = text.find(';');
    const std::string_view item = Trim(text.substr(0, semicolon));
    text = semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon + 1);
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return Fail(ErrorCode::kInvalidOption,
                  fmt::format("option \"{}\" has no value; expected key=value;key=value, for example "
                              "device=auto;log_level=info",
                              item));
    }
    pairs.emplace_back(Trim(item.substr(0, equals)), Trim(item.substr(equals + 1)));
  }
  return pairs;
}

std::string OptionsHelp() {
  std::string text;
  for (const OptionRow& row : kOptions) {
    text += fmt::format("  {:<17} {:<7} {} (default: {})\n", row.key, row.kind, row.help,
                        row.default_value.empty() ? "none" : row.default_value);
  }
  return text;
}

std::string OptionsMarkdown() {
  std::string text =
      "# Options\n\n"
      "Made from the table that the parser uses; do not edit. The plug-in takes them as key/value strings, "
      "the "
      "C API as `npu_option`, delegate-check as flags. Hosts that pass none read\n"
      "`NPU_DELEGATE_OPTIONS=\"key=value;key=value\"`; what a host passes wins. Flags take true, 1, on, yes "
      "and "
      "their opposites in any case.\n"
      "An unknown key or a bad value is refused with a message that lists the valid ones.\n\n"
      "| Option | Kind | Default | Meaning |\n|---|---|---|---|\n";
  for (const OptionRow& row : kOptions) {
    const std::string shown = row.default_value.empty() ? "none" : fmt::format("`{}`", row.default_value);
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.key, row.kind, shown, row.help);
  }
  text +=
      "\n# Folds\n\n"
      "A fold lets one operator compute what several say, with the same bytes; the report shows each one and why "
      "it is exact. All its operators are on the NPU in one partition, or it is not applied.\n\n" +
      FoldsMarkdown();
  return text;
}

}  // namespace npu
