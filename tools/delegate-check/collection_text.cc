// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/collection_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;
using Fit = Table::Fit;

// "99.9 %" and "0.1 %" where rounding would say all or nothing.
std::string Share(const Json& summary) {
  const double share = 100.0 * summary["npu_mac_share"].get<double>();
  if (share > 99.9 && share < 100) return "99.9 %";
  if (share > 0 && share < 0.1) return "0.1 %";
  return fmt::format("{:.4g} %", share < 10 ? std::max(0.0, share) : share);
}

// The code of the rule that keeps most MACs off the NPU, then most operators; what only stands beside them is left out.
std::string BiggestCause(const Json& report) {
  std::map<std::string, std::pair<int64_t, int64_t>> lost;  // by code: MACs, operators
  for (const Json& op : report["ops"]) {
    if (op["placement"] != "host") continue;
    for (const Json& reason : op["reasons"]) {
      if (reason["kind"] == "neighbour") continue;
      auto& [macs, ops] = lost[reason["code"].get<std::string>()];
      macs += op["macs"].get<int64_t>();
      ++ops;
    }
  }
  const auto most = std::max_element(lost.begin(), lost.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == lost.end() ? "" : most->first;
}

// "input type" for UNSUPPORTED_INPUT_TYPE: the column is narrow, and says that it is a cause.
std::string Words(std::string code) {
  for (const std::string_view prefix : {"UNSUPPORTED_", "NPU_"}) {
    if (code.starts_with(prefix)) code.erase(0, prefix.size());
  }
  for (char& c : code) c = c == '_' ? ' ' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return code;
}

std::vector<Table::Cell> Row(const Json& entry) {
  const std::string file = entry["file"];
  if (entry.contains("error")) return {{file}, {"error", Ink::kCause}, {}, {}, {}, {Words(entry["error"]["code"]), Ink::kCause}};
  const Json& summary = entry["summary"];
  const int64_t host = summary["host"], ops = summary["ops"], partitions = summary["partitions"];
  return {{file},
          {entry["model"]["kind"]},
          {ops == 0 ? "-" : Share(summary), host == 0 ? Ink::kGood : Ink::kPlain},
          {fmt::format("{}/{}", host, ops)},
          {std::to_string(partitions)},
          {Words(BiggestCause(entry)), Ink::kCause}};
}

std::string Totals(const Json& summary, const Style& style) {
  const int64_t models = summary["models"], errors = summary["errors"];
  std::string text = fmt::format("\n{}: {} wholly in the delegate, {} partly, {} not at all", Count(models, "model"),
                                 summary["full_npu"].get<int64_t>(), summary["partly"].get<int64_t>(),
                                 summary["none"].get<int64_t>());
  if (errors > 0) text += fmt::format("; {}", Count(errors, "error"));
  text += "\n";
  if (summary["ops"] == 0) return text;
  text += fmt::format("NPU: {} of {} operators, {} of {} MACs; delegate-cpu: {}; host: {}\n",
                      summary["npu"].get<int64_t>(), summary["ops"].get<int64_t>(), Share(summary),
                      Human(summary["macs"].get<int64_t>()), summary["delegate_cpu"].get<int64_t>(),
                      summary["host"].get<int64_t>());
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : summary["kinds"].items()) kinds.push_back(fmt::format("{} {}", kind, count.get<int64_t>()));
  if (!kinds.empty()) text += Wrap(fmt::format("kinds: {}", fmt::join(kinds, ", ")), 0, style);
  return text;
}

}  // namespace

std::string CollectionText(Json collection, const Arguments& arguments) {
  const Style style = StyleOf(arguments);
  MakeShowable(collection, !style.utf8);
  Table table({{"file", Fit::kCutFront}, {"kind"}, {"NPU", Fit::kRight}, {"host", Fit::kRight},
               {"parts", Fit::kRight}, {"biggest cause", Fit::kCut}});
  for (const Json& entry : collection["models"]) table.Add(Row(entry));
  return table.Text(style, 0) + Totals(collection["summary"], style);
}

}  // namespace delegate_check
