// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/collection_text.h"

#include <fmt/format.h>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/report_words.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;
using Fit = Table::Fit;

// The first failed rule of the costliest blocker.
std::string BiggestCause(const Json& report) {
  const Json& blockers = report["blockers"];
  return blockers.empty() ? "" : Words(blockers[0]["reasons"][0]["code"].get<std::string>());
}

std::vector<Table::Cell> Row(const Json& entry) {
  const std::string file = entry["file"];
  if (entry.contains("error")) return {{file}, {"error", Ink::kCause}, {}, {}, {}, {Words(entry["error"]["code"].get<std::string>()), Ink::kCause}};
  const Json& summary = entry["summary"];
  const int64_t host = summary["host"], ops = summary["ops"], partitions = summary["partitions"];
  return {{file},
          {entry["model"]["kind"]},
          {ops == 0 ? "-" : Percent(summary["npu_mac_share"]), host == 0 ? Ink::kGood : Ink::kPlain},
          {fmt::format("{}/{}", host, ops)},
          {std::to_string(partitions)},
          {BiggestCause(entry), Ink::kCause}};
}

std::string Totals(const Json& summary, const Style& style) {
  const int64_t models = summary["models"], errors = summary["errors"];
  std::string text = fmt::format("{}: {} wholly in the delegate, {} partly, {} not at all", Count(models, "model"),
                                 summary["full_npu"].get<int64_t>(), summary["partly"].get<int64_t>(),
                                 summary["none"].get<int64_t>());
  if (errors > 0) text += fmt::format("; {}", Count(errors, "error"));
  text = fmt::format("\n{}", Hang(text, 2, style));
  if (summary["ops"] == 0) return text;
  text += Hang(fmt::format("NPU: {} of {} MACs, {} of {} operators; delegate-cpu: {}; host: {}",
                           Percent(summary["npu_mac_share"]), Human(summary["macs"]), summary["npu"].get<int64_t>(),
                           summary["ops"].get<int64_t>(), summary["delegate_cpu"].get<int64_t>(),
                           summary["host"].get<int64_t>()), 2, style);
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : summary["kinds"].items()) kinds.push_back(fmt::format("{} {}", kind, count.get<int64_t>()));
  if (!kinds.empty()) text += Hang(fmt::format("kinds: {}", fmt::join(kinds, ", ")), 2, style);
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
