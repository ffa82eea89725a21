// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/blockers_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tools/delegate-check/report_words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Of each list without --verbose; of findings one of each code.
constexpr size_t kShownBlockers = 4, kShownReasons = 3, kShownAdvice = 3, kShownFindings = 2;
// Column of the text behind "why" and its like.
constexpr size_t kIndent = 10;

size_t Shown(const Json& list, size_t most, bool verbose) { return verbose ? list.size() : std::min(list.size(), most); }

// "Op#0-2, 7".
std::string Numbers(const Json& ops, bool verbose) {
  const std::string ranges = Ranges(ops);
  return fmt::format("Op#{}", verbose ? ranges : Cut(ranges, 40));
}

// "Op#3 CONV_2D "name"", "4 CONV_2D (Op#0-2, 7)".
std::string What(const Json& report, const Json& blocker, bool verbose) {
  const Json& ops = blocker["ops"];
  const std::string type = blocker["op"];
  if (ops.size() > 1) return fmt::format("{} {} ({})", ops.size(), type, Numbers(ops, verbose));
  const Json& op = report["ops"][ops[0].get<size_t>()];
  return fmt::format("{} \"{}\"", OpName(op), op["name"].get<std::string>());
}

std::string Consequence(const Json& blocker, bool verbose) {
  const int64_t victims = static_cast<int64_t>(blocker["victims"].size()), macs = blocker["macs"];
  std::string text = fmt::format("{} MACs {}", macs == 0 ? "no" : Human(macs),
                                 blocker["placement"] == "host" ? "on the host" : "on the delegate's CPU kernels");
  if (victims > 0) {
    const char* them = blocker["ops"].size() > 1 ? "them" : "it";
    text += fmt::format("; {} beside {} ({}) {} with {}", Count(victims, "operator"), them, Numbers(blocker["victims"], verbose),
                        victims == 1 ? "goes" : "go", them);
    if (blocker["victim_macs"] != 0) text += fmt::format(" ({} MACs)", Human(blocker["victim_macs"]));
  }
  if (const int64_t bytes = blocker["bytes"]; bytes > 0) {
    const int64_t boundaries = blocker["boundaries"];
    text += fmt::format("; {} cross {} at every invocation", HumanBytes(bytes),
                        boundaries == 1 ? "a boundary" : fmt::format("{} boundaries", boundaries));
  }
  if (const Json& extra = blocker["extra_partitions"]; !extra.is_null() && extra != 0) {
    text += fmt::format("; {} more {}", extra.get<int>(), extra == 1 ? "partition" : "partitions");
  }
  return text;
}

// The text of an advice the first time, afterwards its name alone.
std::string AdviceLines(const Json& advice, const Style& style, const std::string& label, std::set<std::string>& told) {
  const std::string id = advice["id"];
  if (!told.insert(id).second) return Wrap(fmt::format("{} (as above)", advice["title"].get<std::string>()), kIndent, style, label);
  return Wrap(advice["title"].get<std::string>() + ".", kIndent, style, label) +
         Wrap(advice["text"].get<std::string>(), kIndent, style) +
         Wrap(fmt::format("[{}: {}]", id, advice["url"].get<std::string>()), kIndent, style);
}

const Json* FindAdvice(const Json& report, const std::string& id) {
  for (const Json& advice : report["advice"]) {
    if (advice["id"] == id) return &advice;
  }
  return nullptr;
}

std::string Blocker(const Json& report, size_t index, bool verbose, const Style& style, std::set<std::string>& told) {
  const Json& blocker = report["blockers"][index];
  const std::string rank = fmt::format("{:>2}. ", index + 1);
  const std::string what = What(report, blocker, verbose);
  std::string text = Wrap(verbose ? what : Cut(what, style.width - rank.size()), 4, style, rank);
  const Json& reasons = blocker["reasons"];
  const size_t shown = Shown(reasons, kShownReasons, verbose);
  text += ReasonLines(Json(std::vector<Json>(reasons.begin(), reasons.begin() + static_cast<ptrdiff_t>(shown))), kIndent,
                      style, "    why   ");
  text += AndMore(reasons.size(), shown, kIndent);
  text += Wrap(Consequence(blocker, verbose), kIndent, style, "    costs ");
  for (const Json& id : blocker["advice"]) {
    if (const Json* advice = FindAdvice(report, id)) text += AdviceLines(*advice, style, "    do    ", told);
  }
  return text;
}

// Some concern the model's border alone, and those whose blockers are not shown come after them.
std::string OtherAdvice(const Json& report, bool verbose, const Style& style, std::set<std::string>& told) {
  std::string text;
  size_t all = 0, shown = 0;
  for (const Json& advice : report["advice"]) {
    if (told.count(advice["id"]) > 0) continue;
    if (++all > kShownAdvice && !verbose) continue;
    ++shown;
    text += AdviceLines(advice, style, "  advice  ", told);
  }
  return text.empty() ? "" : Heading(report["blockers"].empty() ? "What could be better" : "What else could be better", style) +
                                 text + AndMore(all, shown);
}

std::string Findings(const Json& report, bool verbose, const Style& style) {
  const Json& findings = report["findings"];
  if (findings.empty()) return "";
  std::string text = Heading("What stands out in this model", style);
  size_t shown = 0;
  std::set<std::string> codes;
  for (size_t i = 0; i < findings.size(); ++i) {
    if (!codes.insert(findings[i]["code"]).second && !verbose) continue;
    if (!verbose && shown == kShownFindings) break;
    ++shown;
    text += Wrap(fmt::format("Op#{} {}: {}", findings[i]["op"].get<int>(), findings[i]["code"].get<std::string>(),
                             findings[i]["text"].get<std::string>()), 4, style, "  - ");
  }
  return text + AndMore(findings.size(), shown);
}

}  // namespace

std::string BlockersText(const Json& report, bool verbose, const Style& style) {
  std::string text;
  std::set<std::string> told;
  const Json& blockers = report["blockers"];
  if (!blockers.empty()) text += Heading("What keeps operators off the NPU, the costliest first", style);
  const size_t shown = Shown(blockers, kShownBlockers, verbose);
  for (size_t i = 0; i < shown; ++i) text += Blocker(report, i, verbose, style, told);
  text += AndMore(blockers.size(), shown);
  return text + OtherAdvice(report, verbose, style, told) + Findings(report, verbose, style);
}

}  // namespace delegate_check
