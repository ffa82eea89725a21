// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/diff_text.h"

#include <fmt/format.h>

#include <vector>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// A name longer than this would leave no room for what happened to its operator.
constexpr size_t kNameWidth = 44;

std::string Short(const std::string& name) {
  return name.size() <= kNameWidth ? name : "..." + name.substr(name.size() - kNameWidth + 3);
}

void Row(std::string& text, const char* what, const std::string& before, const std::string& after) {
  if (before != after) text += fmt::format("  {:<13} {} -> {}\n", what, before, after);
}

void Summaries(std::string& text, const Json& before, const Json& after) {
  const Json &b = before["summary"], &a = after["summary"];
  const auto number = [](const Json& summary, const char* key) {
    return std::to_string(summary[key].get<int64_t>());
  };
  const auto share = [](const Json& summary) {
    return fmt::format("{:.2f} % of {}", 100 * summary["npu_mac_share"].get<double>(),
                       Human(summary["macs"].get<int64_t>()));
  };
  Row(text, "kind", before["kind"], after["kind"]);
  for (const auto& [what, key] :
       {std::pair("operators", "ops"), std::pair("npu", "npu"), std::pair("delegate-cpu", "delegate_cpu"),
        std::pair("host", "host"), std::pair("partitions", "partitions")}) {
    Row(text, what, number(b, key), number(a, key));
  }
  Row(text, "MACs on NPU", share(b), share(a));
}

void Judged(std::string& text, const char* title, const Json& list) {
  if (list.empty()) return;
  text += fmt::format("\n{}\n", title);
  for (const Json& entry : list)
    text += fmt::format("  {}: {}\n", entry["code"].get<std::string>(), entry["text"].get<std::string>());
}

void Reasons(std::string& text, const char* what, const Json& reasons) {
  for (const Json& reason : reasons) {
    text += fmt::format("    {} {}: is {}; allowed: {}\n", what, reason["code"].get<std::string>(),
                        reason["actual"].get<std::string>(), reason["allowed"].get<std::string>());
  }
}

std::string Title(const Json& op) {
  const Json &b = op["before"], &a = op["after"];
  const Json& shown = a.is_null() ? b : a;
  std::string title = fmt::format("Op#{} {}", shown["index"].get<int>(), shown["op"].get<std::string>());
  if (!a.is_null() && !b.is_null()) {
    std::vector<std::string> was;
    if (b["op"] != a["op"]) was.push_back(b["op"]);
    if (b["index"] != a["index"]) was.insert(was.begin(), fmt::format("Op#{}", b["index"].get<int>()));
    if (!was.empty()) title += fmt::format(" (was {})", fmt::join(was, " "));
  }
  return title;
}

void Op(std::string& text, const Json& op) {
  const Json &b = op["before"], &a = op["after"];
  text += fmt::format("  {}: ", Title(op));
  if (b.is_null()) {
    text += "new, on " + a["placement"].get<std::string>();
  } else if (a.is_null()) {
    text += "gone, was on " + b["placement"].get<std::string>();
  } else if (b["placement"] != a["placement"]) {
    text += fmt::format("{} -> {}", b["placement"].get<std::string>(), a["placement"].get<std::string>());
  } else {
    text += "stays on " + a["placement"].get<std::string>();
  }
  text += fmt::format("\n    \"{}\"\n", Short(op["name"]));
  for (const Json& change : op["changes"]) {
    if (change == "version")
      text += fmt::format("    version {} -> {}\n", b["version"].get<int>(), a["version"].get<int>());
    if (change == "folded") text += "    folded into another operator, or no longer\n";
  }
  Reasons(text, "no longer", op["reasons_lost"]);
  Reasons(text, "because of", op["reasons_gained"]);
  for (const Json& tensor : op["tensors"]) {
    text += fmt::format("    {}: {} -> {}\n", tensor["operand"].get<std::string>(),
                        tensor["before"].get<std::string>(), tensor["after"].get<std::string>());
  }
}

bool Moved(const Json& op) {
  const Json &b = op["before"], &a = op["after"];
  return b.is_null() || a.is_null() || b["placement"] != a["placement"];
}

void Ops(std::string& text, const Json& ops, bool moved, const char* title) {
  bool any = false;
  for (const Json& op : ops) {
    if (Moved(op) != moved) continue;
    if (!any) text += fmt::format("\n{}\n", title);
    any = true;
    Op(text, op);
  }
}

}  // namespace

std::string ComparisonText(Json comparison) {
  MakeShowable(comparison);
  const Json &before = comparison["before"], &after = comparison["after"], &ops = comparison["ops"];
  const std::string verdict = comparison["verdict"];
  std::string text =
      fmt::format("{} -> {}: {}\n", before["source"].get<std::string>(), after["source"].get<std::string>(),
                  verdict == "equal"     ? "nothing changed"
                  : verdict == "changed" ? "changed, placement neither better nor worse"
                                         : "placement is " + verdict);
  text += fmt::format("  {} of {} and {} operators are the same, {} unchanged\n",
                      comparison["matched"].get<int64_t>(), before["summary"]["ops"].get<int64_t>(),
                      after["summary"]["ops"].get<int64_t>(), comparison["unchanged"].get<int64_t>());
  Summaries(text, before, after);
  for (const auto& [what, key] : {std::pair("input", "inputs"), std::pair("output", "outputs")}) {
    for (const Json& end : comparison[key]) {
      const auto side = [&](const char* which) {
        return end[which].is_null() ? "none" : end[which].get<std::string>();
      };
      Row(text, fmt::format("{} {}", what, end["index"].get<int>()).c_str(), side("before"), side("after"));
    }
  }
  Judged(text, "Worse", comparison["worse"]);
  Judged(text, "Better", comparison["better"]);
  Ops(text, ops, true, "Operators that moved, and why");
  Ops(text, ops, false, "Operators that changed where they are");
  return text;
}

}  // namespace delegate_check
