// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/summaries/markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/showable.h"
#include "tools/delegate-check/summaries/words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Comments are read at a glance, and GitHub takes 65,536 characters.
constexpr size_t kShownBlockers = 10, kShownOps = 6, kShownReasons = 4;
constexpr size_t kMostBytes = 60000;

// Text between others: punctuation is escaped, and what would name a person or an issue no longer does.
std::string Plain(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    switch (c) {
      case '<': plain += "&lt;"; break;
      case '>': plain += "&gt;"; break;
      case '&': plain += "&amp;"; break;
      case '@': plain += "@\u200b"; break;
      case '\\':
      case '`':
      case '*':
      case '_':
      case '[':
      case ']':
      case '|':
      case '~':
      case '#':
      case '$':
        plain += '\\';
        plain += c;
        break;
      case '\n': plain += ' '; break;
      default: plain += c;
    }
  }
  // Addresses would become links.
  for (size_t at = 0; (at = plain.find("://", at)) != std::string::npos; at += 6)
    plain.insert(at + 1, "\u200b");
  return plain;
}

// A code span, in a table, too: fenced by more backticks than it holds.
std::string Code(std::string_view text) {
  size_t longest = 0, run = 0;
  std::string inner;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    if (c == '|') inner += '\\';
    inner += c == '\n' ? ' ' : c;
  }
  if (inner.empty()) return "";
  const std::string fence(longest + 1, '`');
  const char* pad = longest > 0 ? " " : "";
  return fence + pad + inner + pad + fence;
}

std::string Share(int64_t part, int64_t whole) {
  return whole == 0
             ? ""
             : fmt::format(" ({:.1f} %)", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void Placement(std::string& text, const Json& report) {
  const Json& summary = report["summary"];
  int64_t macs[3] = {};
  for (const Json& op : report["ops"]) {
    macs[op["placement"] == "npu"            ? 0
         : op["placement"] == "delegate-cpu" ? 1
                                             : 2] += op["macs"].get<int64_t>();
  }
  const int64_t ops = summary["ops"], all_macs = summary["macs"];
  text += "\n| runs on | operators | MACs |\n|---|--:|--:|\n";
  const char* keys[] = {"npu", "delegate_cpu", "host"};
  const char* names[] = {"NPU", "delegate's CPU backend", "host"};
  for (size_t i = 0; i < 3; ++i) {
    const int64_t here = summary[keys[i]];
    text += fmt::format("| {} | {}{} | {}{} |\n", names[i], here, Share(here, ops), Human(macs[i]),
                        Share(macs[i], all_macs));
  }
}

void Gates(std::string& text, const Json& report) {
  if (!report.contains("gates") || report["gates"].empty()) return;
  text += "\n| gate | result | is | allowed |\n|---|---|---|---|\n";
  for (const Json& gate : report["gates"]) {
    text += fmt::format("| {} | {} | {} | {} |\n", Code(gate["gate"].get<std::string>()),
                        gate["passed"].get<bool>() ? ":white_check_mark: passed" : ":x: **not met**",
                        Plain(gate["actual"].get<std::string>()), Plain(gate["allowed"].get<std::string>()));
  }
}

std::string Ops(const Json& blocker) {
  std::vector<std::string> ops;
  const Json& indices = blocker["ops"];
  for (size_t i = 0; i < std::min(indices.size(), kShownOps); ++i)
    ops.push_back(fmt::format("Op\\#{}", indices[i].get<int>()));
  std::string text = fmt::format("{}<br>{}", Code(blocker["op"].get<std::string>()), fmt::join(ops, ", "));
  if (indices.size() > kShownOps) text += fmt::format(" and {} more", indices.size() - kShownOps);
  return text;
}

std::string Why(const Json& blocker) {
  std::vector<std::string> reasons;
  for (const Json& reason : blocker["reasons"]) {
    if (reasons.size() == kShownReasons) {
      reasons.push_back(fmt::format("and {} more", blocker["reasons"].size() - kShownReasons));
      break;
    }
    const std::string code = reason["code"];
    reasons.push_back(Code(code) + Plain(ReasonSentence(reason).substr(code.size())));
  }
  return fmt::format("{}", fmt::join(reasons, "<br>"));
}

std::string Advice(const Json& report, const Json& blocker) {
  std::vector<std::string> titles;
  for (const Json& id : blocker["advice"]) {
    const Json* advice = FindAdvice(report, id);
    titles.push_back(advice == nullptr ? Code(id.get<std::string>())
                                       : fmt::format("{} ({})", Plain((*advice)["title"].get<std::string>()),
                                                     Code(id.get<std::string>())));
  }
  return fmt::format("{}", fmt::join(titles, "<br>"));
}

void Blockers(std::string& text, const Json& report) {
  const Json& blockers = report["blockers"];
  if (blockers.empty()) return;
  text +=
      "\nWhat keeps operators off the NPU, the costliest first:\n\n| operators | why | costs | what to do "
      "|\n|---|---|---|---|\n";
  for (size_t i = 0; i < std::min(blockers.size(), kShownBlockers); ++i) {
    text += fmt::format("| {} | {} | {} | {} |\n", Ops(blockers[i]), Why(blockers[i]),
                        BlockerCost(blockers[i]), Advice(report, blockers[i]));
  }
  if (blockers.size() > kShownBlockers)
    text += fmt::format("\n... and {} more causes.\n", blockers.size() - kShownBlockers);
}

constexpr const char* kWithinOne =
    "Verified: every operator is within 1 of the CPU reference, as requantize=float may.";

std::string Body(const Json& report) {
  std::string verdict = VerdictSentence(report["summary"]);
  std::string text = fmt::format("{}\n\n**Verdict:** {}.\n",
                                 Plain(report["model"]["kind_sentence"].get<std::string>()), verdict);
  const auto verified = [&](const char* key, const std::string& failure, const char* equal) {
    if (!report.contains(key)) return;
    const bool tolerant = report[key].value("tolerance", 0.0) > 0;
    text += failure.empty() ? fmt::format("\n:white_check_mark: {}\n", tolerant ? kWithinOne : equal)
                            : fmt::format("\n:x: **{}**\n", Plain(failure));
  };
  verified("verify", VerifyFailure(report),
           "Verified: every byte of the outputs equals the CPU reference's.");
  verified("verify_layers", LayersFailure(report),
           "Verified: every byte of every intermediate tensor equals the CPU reference's.");
  Gates(text, report);
  Placement(text, report);
  Blockers(text, report);
  return text;
}

std::string ErrorText(const Json& error) {
  return fmt::format(":x: {}\n", Plain(error["text"].get<std::string>()));
}

bool AllGatesMet(const Json& report) {
  for (const Json& gate : report.value("gates", Json::array())) {
    if (!gate["passed"].get<bool>()) return false;
  }
  return true;
}

std::string Row(const Json& entry) {
  const std::string file = Code(entry["file"].get<std::string>());
  if (entry.contains("error"))
    return fmt::format("| {} | :x: {} | | |\n", file, Plain(entry["error"]["text"].get<std::string>()));
  const Json& summary = entry["summary"];
  return fmt::format("| {} | {}{} | {}{} | {} |\n", file, AllGatesMet(entry) ? "" : ":x: a gate is not met; ",
                     VerdictSentence(summary), summary["npu"].get<int64_t>(),
                     Share(summary["npu"], summary["ops"]), summary["partitions"].get<int64_t>());
}

}  // namespace

std::string MarkdownReport(Json report, const Arguments&) {
  MakeShowable(report);
  return fmt::format("### {}\n{}", Code(report["model"].value("file", "model")), Body(report));
}

std::string MarkdownCollection(Json collection, const Arguments&) {
  MakeShowable(collection);
  const Json& models = collection["models"];
  std::string text =
      fmt::format("### {}\n\n| model | verdict | operators on the NPU | partitions |\n|---|---|--:|--:|\n",
                  Count(static_cast<int64_t>(models.size()), "model"));
  for (const Json& entry : models) text += Row(entry);
  // Details only of models with something to tell, folded away.
  for (const Json& entry : models) {
    if (entry.contains("error") || (entry["blockers"].empty() && AllGatesMet(entry))) continue;
    const std::string section = fmt::format("\n<details><summary>{}</summary>\n\n{}\n</details>\n",
                                            Plain(entry["file"].get<std::string>()), Body(entry));
    if (text.size() + section.size() > kMostBytes) {
      text +=
          "\nMore models have operators off the NPU: `delegate-check --format markdown` with one of them has "
          "its details.\n";
      break;
    }
    text += section;
  }
  return text;
}

std::string MarkdownError(Json error, const Arguments&) {
  MakeShowable(error);
  return fmt::format("### {}\n{}",
                     error.contains("file") ? Code(error["file"].get<std::string>()) : "delegate-check",
                     ErrorText(error));
}

}  // namespace delegate_check
