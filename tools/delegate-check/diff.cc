// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <unordered_map>
#include <vector>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/diff_match.h"
#include "tools/delegate-check/report_file.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// What less of the MACs' share than this is left of is the rounding of a division.
constexpr double kShareRounding = 1e-9;

int Rank(const Json& op) { return op["placement"] == "npu" ? 2 : op["placement"] == "delegate-cpu" ? 1 : 0; }

std::string Plural(size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

// "INT8[1,8,8,16]", "INT8[8,3,3,1] per channel". Scales and zero points differ in every export and are left
// out.
std::string Describe(const Json& tensor) {
  std::string text = tensor["type"].get<std::string>();
  text += tensor.contains("shape") && !tensor["shape"].is_null() ? tensor["shape"].dump() : "[?]";
  if (tensor.contains("per_channel")) text += " per channel";
  return text;
}

class Tensors {
 public:
  explicit Tensors(const Json& report) {
    if (!report.contains("tensors")) return;
    for (const Json& tensor : report["tensors"]) texts_[tensor["index"].get<int64_t>()] = Describe(tensor);
  }
  bool known() const { return !texts_.empty(); }
  std::string Text(const Json& list, size_t i) const {
    if (i >= list.size()) return "none";
    const auto found = texts_.find(list[i].get<int64_t>());
    return found == texts_.end() ? "none" : found->second;
  }

 private:
  std::unordered_map<int64_t, std::string> texts_;
};

// Of the reasons of `from`, those that `of` has not; each once.
Json Missing(const Json& from, const Json& of) {
  Json missing = Json::array();
  const auto same = [](const Json& a, const Json& b) {
    return a["code"] == b["code"] && a["actual"] == b["actual"] && a["allowed"] == b["allowed"];
  };
  const auto has = [&](const Json& list, const Json& reason) {
    return std::any_of(list.begin(), list.end(), [&](const Json& other) { return same(other, reason); });
  };
  for (const Json& reason : from) {
    if (!has(of, reason) && !has(missing, reason)) missing.push_back(reason);
  }
  return missing;
}

Json OpJson(const Json& op) {
  return {{"index", op["index"]},
          {"op", op["op"]},
          {"version", op["version"]},
          {"placement", op["placement"]},
          {"macs", op["macs"]}};
}

void Operands(Json& changed, const char* what, const Tensors& tensors_b, const Json& b,
              const Tensors& tensors_a, const Json& a) {
  for (size_t i = 0; i < std::max(b.size(), a.size()); ++i) {
    std::string before = tensors_b.Text(b, i), after = tensors_a.Text(a, i);
    if (before == after) continue;
    changed.push_back({{"operand", fmt::format("{} {}", what, i)},
                       {"before", std::move(before)},
                       {"after", std::move(after)}});
  }
}

// One entry of "ops"; its "changes" are empty if nothing did.
Json CompareOps(const OpMatch& match, const Json& before, const Tensors& tensors_b, const Json& after,
                const Tensors& tensors_a) {
  const Json none = Json::array();
  const Json* b = match.before < 0 ? nullptr : &before["ops"][static_cast<size_t>(match.before)];
  const Json* a = match.after < 0 ? nullptr : &after["ops"][static_cast<size_t>(match.after)];
  const Json &reasons_b = b ? (*b)["reasons"] : none, &reasons_a = a ? (*a)["reasons"] : none;
  Json lost = b && a ? Missing(reasons_b, reasons_a) : none, gained = Missing(reasons_a, reasons_b);
  Json changes = Json::array(), operands = Json::array();
  if (b == nullptr) changes.push_back("added");
  if (a == nullptr) changes.push_back("removed");
  if (b && a) {
    if ((*b)["placement"] != (*a)["placement"]) changes.push_back("placement");
    if ((*b)["op"] != (*a)["op"]) changes.push_back("type");
    if ((*b)["version"] != (*a)["version"]) changes.push_back("version");
    if (((*b)["folded_into"] >= 0) != ((*a)["folded_into"] >= 0)) changes.push_back("folded");
    if (!lost.empty() || !gained.empty()) changes.push_back("reasons");
    if (tensors_b.known() && tensors_a.known()) {
      Operands(operands, "input", tensors_b, (*b)["inputs"], tensors_a, (*a)["inputs"]);
      Operands(operands, "output", tensors_b, (*b)["outputs"], tensors_a, (*a)["outputs"]);
      if (!operands.empty()) changes.push_back("tensors");
    }
  }
  return {{"before", b ? OpJson(*b) : Json(nullptr)},
          {"after", a ? OpJson(*a) : Json(nullptr)},
          {"name", (a ? *a : *b)["name"]},
          {"matched_by", b && a ? Json(match.by) : Json(nullptr)},
          {"changes", std::move(changes)},
          {"reasons_lost", std::move(lost)},
          {"reasons_gained", std::move(gained)},
          {"tensors", std::move(operands)}};
}

Json CompareEnds(const Json& before, const Json& after) {
  Json changed = Json::array();
  for (size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    const Json b = i < before.size() ? Json(Describe(before[i])) : Json(nullptr);
    const Json a = i < after.size() ? Json(Describe(after[i])) : Json(nullptr);
    if (b != a) changed.push_back({{"index", i}, {"before", b}, {"after", a}});
  }
  return changed;
}

// "worse" and "better": the definition of docs/delegate-check.md.
class Judge {
 public:
  explicit Judge(Json& comparison) : comparison_(comparison) {
    comparison_["worse"] = Json::array();
    comparison_["better"] = Json::array();
  }

  void Ops() {
    Json left = Json::array(), joined = Json::array(), to_host = Json::array(), from_host = Json::array(),
         added = Json::array(), removed = Json::array();
    for (const Json& op : comparison_["ops"]) {
      const Json &b = op["before"], &a = op["after"];
      if (b.is_null()) {
        if (Rank(a) == 0) added.push_back(a["index"]);
      } else if (a.is_null()) {
        if (Rank(b) == 0) removed.push_back(b["index"]);
      } else if (Rank(b) == 2 && Rank(a) < 2) {
        left.push_back(a["index"]);
      } else if (Rank(b) < 2 && Rank(a) == 2) {
        joined.push_back(a["index"]);
      } else if (Rank(b) != Rank(a)) {
        (Rank(a) == 0 ? to_host : from_host).push_back(a["index"]);
      }
    }
    Count("worse", "OPS_LEFT_NPU", left, "left the NPU");
    Count("worse", "OPS_FELL_TO_HOST", to_host, "went from delegate-cpu to the host");
    Count("worse", "NEW_HOST_OPS", added, "new on the host");
    Count("better", "OPS_JOINED_NPU", joined, "came to the NPU");
    Count("better", "OPS_LEFT_HOST", from_host, "went from the host to delegate-cpu");
    Count("better", "HOST_OPS_GONE", removed, "of the host gone");
  }

  void Summaries(const Json& before, const Json& after) {
    const double b = before["npu_mac_share"], a = after["npu_mac_share"];
    // Without MACs the share is a convention.
    if (before["macs"] > 0 && after["macs"] > 0 && std::abs(a - b) > kShareRounding) {
      Add(a < b ? "worse" : "better", a < b ? "NPU_MACS_LOWER" : "NPU_MACS_HIGHER",
          fmt::format("{:.2f} % of the MACs on the NPU instead of {:.2f} %", 100 * a, 100 * b), b, a,
          Json::array());
    }
    const int64_t cuts_b = before["partitions"], cuts_a = after["partitions"];
    // From none to some, or from some to none, is what the operators say.
    if (cuts_b == cuts_a || cuts_b == 0 || cuts_a == 0) return;
    Add(cuts_a > cuts_b ? "worse" : "better", cuts_a > cuts_b ? "MORE_PARTITIONS" : "FEWER_PARTITIONS",
        fmt::format("{} instead of {}", Plural(static_cast<size_t>(cuts_a), "partition"), cuts_b), cuts_b,
        cuts_a, Json::array());
  }

 private:
  void Count(const char* list, const char* code, const Json& ops, const char* what) {
    if (!ops.empty())
      Add(list, code, fmt::format("{} {}", Plural(ops.size(), "operator"), what), nullptr, nullptr, ops);
  }
  void Add(const char* list, const char* code, std::string text, Json before, Json after, Json ops) {
    comparison_[list].push_back({{"code", code},
                                 {"text", std::move(text)},
                                 {"before", std::move(before)},
                                 {"after", std::move(after)},
                                 {"ops", std::move(ops)}});
  }

  Json& comparison_;
};

Json Side(const Json& report, const std::string& name) {
  return {{"source", name}, {"kind", report["model"]["kind"]}, {"summary", report["summary"]}};
}

Json Report(const std::string& path, const Arguments& arguments) {
  return LooksLikeJson(path) ? ReadReportFile(path) : CheckModel(path, arguments).report;
}

}  // namespace

Json CompareReports(const Json& before, const std::string& before_name, const Json& after,
                    const std::string& after_name) {
  Json comparison{{"verdict", ""}, {"before", Side(before, before_name)}, {"after", Side(after, after_name)}};
  const Tensors tensors_b(before), tensors_a(after);
  Json ops = Json::array();
  size_t matched = 0, unchanged = 0;
  for (const OpMatch& match : MatchOps(before, after)) {
    Json op = CompareOps(match, before, tensors_b, after, tensors_a);
    if (match.before >= 0 && match.after >= 0) ++matched;
    if (op["changes"].empty()) {
      ++unchanged;
    } else {
      ops.push_back(std::move(op));
    }
  }
  comparison["matched"] = matched;
  comparison["unchanged"] = unchanged;
  comparison["ops"] = std::move(ops);
  comparison["inputs"] = CompareEnds(before["model"]["inputs"], after["model"]["inputs"]);
  comparison["outputs"] = CompareEnds(before["model"]["outputs"], after["model"]["outputs"]);
  Judge judge(comparison);
  judge.Ops();
  judge.Summaries(before["summary"], after["summary"]);
  const bool same = comparison["ops"].empty() && comparison["inputs"].empty() &&
                    comparison["outputs"].empty() && before["summary"] == after["summary"] &&
                    before["model"]["kind"] == after["model"]["kind"];
  comparison["verdict"] = !comparison["worse"].empty()    ? "worse"
                          : !comparison["better"].empty() ? "better"
                          : same                          ? "equal"
                                                          : "changed";
  return comparison;
}

Json Diff(const std::string& before, const std::string& after, const Arguments& arguments) {
  const Json b = Report(before, arguments), a = Report(after, arguments);
  return {{"schema_version", 1}, {"comparison", CompareReports(b, before, a, after)}};
}

void CompareWithBaseline(const std::string& baseline, CheckedModel& checked) {
  const Json before = ReadReportFile(baseline);
  Json& report = checked.report;
  report["comparison"] = CompareReports(before, baseline, report, report["model"].value("file", std::string("this model")));
  // A copy: a key that is added below moves the others.
  const Json worse = report["comparison"]["worse"];
  std::vector<std::string> texts;
  for (const Json& entry : worse) texts.push_back(entry["text"].get<std::string>());
  const std::string actual = worse.empty() ? "not worse" : fmt::format("{}", fmt::join(texts, ", "));
  if (!report.contains("gates")) report["gates"] = Json::array();
  report["gates"].push_back({{"gate", "--baseline"},
                             {"passed", worse.empty()},
                             {"actual", actual},
                             {"allowed", "no worse than " + baseline}});
  if (worse.empty()) return;
  checked.exit_code = std::max(checked.exit_code, kGateFailed);
  checked.messages.push_back(
      fmt::format("gate --baseline is not met: {}; allowed: no worse than {}", actual, baseline));
}

}  // namespace delegate_check
