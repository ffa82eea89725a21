// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/operators_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tools/delegate-check/report_words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;
using Fit = Table::Fit;

// Of each list without --verbose.
constexpr size_t kShownTypes = 10, kShownSegments = 6, kShownSubgraphs = 4;
// Causes of one boundary.
constexpr size_t kShownCauses = 4;

std::string Number(int64_t number) { return number == 0 ? "-" : std::to_string(number); }

std::string TensorList(const Json& tensors) {
  std::vector<std::string> names;
  for (const Json& tensor : tensors) names.push_back(tensor == -1 ? "none" : fmt::format("T#{}", tensor.get<int>()));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string Boundaries(const Json& report, const Style& style) {
  const Json& boundaries = report["boundaries"];
  if (boundaries.empty()) return "";
  const auto side = [](int partition) { return partition < 0 ? std::string("host") : fmt::format("partition {}", partition); };
  std::string text = Heading("Boundaries: where the network is cut, and why", style);
  for (const Json& boundary : boundaries) {
    text += Wrap(fmt::format("{} -> {}: {}, {}; {} and {} MACs stay off the NPU", side(boundary["from"]), side(boundary["to"]),
                             Count(static_cast<int64_t>(boundary["tensors"].size()), "tensor"), HumanBytes(boundary["bytes"]),
                             Count(boundary["host_ops"], "op"), Human(boundary["host_macs"])),
                 6, style, fmt::format("  {:<4}", boundary["index"].get<int>()));
    const Json& causes = boundary["causes"];
    for (size_t i = 0; i < causes.size() && i < kShownCauses; ++i) {
      const Json& op = report["ops"][causes[i].get<size_t>()];
      std::vector<std::string> codes;
      for (const Json& reason : op["reasons"]) {
        if (std::find(codes.begin(), codes.end(), reason["code"]) == codes.end()) codes.push_back(reason["code"]);
      }
      text += Wrap(fmt::format("because of {}: {}", OpName(op), fmt::join(codes, ", ")), 8, style);
    }
    if (causes.size() > kShownCauses) text += fmt::format("        and {} more\n", causes.size() - kShownCauses);
  }
  return text;
}

std::string Folds(const Json& report, const Style& style) {
  const auto named = [&](const Json& index) { return OpName(report["ops"][index.get<size_t>()]); };
  const auto all = [&](const Json& indices) {
    std::vector<std::string> names;
    for (const Json& index : indices) names.push_back(named(index));
    return fmt::format("{}", fmt::join(names, ", "));
  };
  std::string text;
  if (!report["folds"].empty()) text += Heading("Folds: operators that another one computes along the way", style);
  for (const Json& fold : report["folds"]) {
    std::string what = all(fold["absorbed"]);
    if (!fold["rewritten"].empty()) what += fmt::format("{}with {} on bytes", what.empty() ? "" : ", ", all(fold["rewritten"]));
    if (!fold["bypassed"].empty()) what += fmt::format("{}past {}", what.empty() ? "" : ", ", all(fold["bypassed"]));
    text += Wrap(fmt::format("{}: {} into {}", fold["name"].get<std::string>(), what, named(fold["into"])), 2, style);
    text += Wrap(fold["why"].get<std::string>(), 4, style);
  }
  if (!report["declined_folds"].empty()) text += Heading("Folds that look possible and are not made", style);
  for (const Json& fold : report["declined_folds"]) {
    text += Wrap(fmt::format("{}: into {}", fold["name"].get<std::string>(), named(fold["into"])), 2, style);
    text += Wrap(fold["why"].get<std::string>(), 4, style);
  }
  return text;
}

std::string EveryOperator(const Json& report, const Style& style) {
  if (report["ops"].empty()) return "";
  std::string text = Heading("Operators, in the order they run", style);
  for (const Json& op : report["ops"]) {
    const std::string placement = op["placement"];
    text += PaintWord(Wrap(CallText(op), 6, style, "  "), OpName(op), InkOfPlacement(placement), style);
    text += Wrap(PlaceText(op), 6, style);
    for (const Json& note : op["notes"]) text += Wrap(note.get<std::string>(), 8, style, "      - ");
    if (placement != "npu") text += ReasonLines(op["reasons"], 8, style, "      - ");
  }
  return text;
}

}  // namespace

std::string CallText(const Json& op) {
  return fmt::format("{}({}) -> [{}]", OpName(op), TensorList(op["inputs"]), TensorList(op["outputs"]));
}

std::string PlaceText(const Json& op) {
  std::string text = op["placement"];
  if (op["evaluated"].get<bool>()) text += ", computed when the plan was made";
  else if (op["segment"] != -1) text += fmt::format(", segment {} of partition {}", op["segment"].get<int>(), op["partition"].get<int>());
  if (op["macs"] != 0) text += fmt::format(", {} MACs", Human(op["macs"]));
  return text;
}

std::string SegmentsText(const Json& report, bool verbose, const Style& style) {
  const Json& segments = report["segments"];
  if (segments.empty()) return "";
  Table table({{"#", Fit::kRight}, {"placement"}, {"partition", Fit::kRight}, {"ops", Fit::kRight}, {"which", Fit::kCut},
               {"MACs", Fit::kRight}, {"in", Fit::kRight}, {"out", Fit::kRight}});
  const size_t shown = verbose ? segments.size() : std::min(segments.size(), kShownSegments);
  for (size_t i = 0; i < shown; ++i) {
    const Json& segment = segments[i];
    const std::string placement = segment["placement"];
    table.Add({{std::to_string(i)}, {placement, InkOfPlacement(placement)}, {fmt::format("{}", segment["partition"].get<int>())},
               {std::to_string(segment["ops"].size())}, {Ranges(segment["ops"])},
               {segment["macs"] == 0 ? "-" : Human(segment["macs"])}, {std::to_string(segment["inputs"].size())},
               {std::to_string(segment["outputs"].size())}});
  }
  return Heading("Segments, in the order they run", style) + table.Text(style) + AndMore(segments.size(), shown);
}

std::string TypesText(const Json& report, bool verbose, const Style& style) {
  struct Type {
    std::string name;
    int64_t npu = 0, cpu = 0, host = 0, macs = 0;
  };
  std::vector<Type> types;
  std::map<std::string, size_t> index;
  for (const Json& op : report["ops"]) {
    const std::string name = op["op"], placement = op["placement"];
    const size_t at = index.try_emplace(name, types.size()).first->second;
    if (at == types.size()) types.push_back({name});
    ++(placement == "npu" ? types[at].npu : placement == "delegate-cpu" ? types[at].cpu : types[at].host);
    types[at].macs += op["macs"].get<int64_t>();
  }
  if (types.empty()) return "";
  // What is not on the NPU first, then what computes most.
  std::stable_sort(types.begin(), types.end(), [](const Type& a, const Type& b) {
    return (a.host > 0) != (b.host > 0) ? a.host > 0 : a.macs > b.macs;
  });
  Table table({{"operator", Fit::kCut}, {"count", Fit::kRight}, {"npu", Fit::kRight}, {"delegate-cpu", Fit::kRight},
               {"host", Fit::kRight}, {"MACs", Fit::kRight}});
  const size_t shown = verbose ? types.size() : std::min(types.size(), kShownTypes);
  for (size_t i = 0; i < shown; ++i) {
    const Type& type = types[i];
    table.Add({{type.name, type.host > 0 ? Ink::kCause : Ink::kPlain}, {std::to_string(type.npu + type.cpu + type.host)},
               {Number(type.npu)}, {Number(type.cpu)}, {Number(type.host)}, {type.macs == 0 ? "-" : Human(type.macs)}});
  }
  return Heading("Operators by type", style) + table.Text(style) + AndMore(types.size(), shown);
}

std::string SubgraphsText(const Json& report, bool verbose, const Style& style) {
  const Json& subgraphs = report["subgraphs"];
  if (subgraphs.empty()) return "";
  std::string text = Heading("Other subgraphs, which hosts hand to the plug-in as graphs of their own", style);
  const size_t shown = verbose ? subgraphs.size() : std::min(subgraphs.size(), kShownSubgraphs);
  for (size_t i = 0; i < shown; ++i) {
    const Json& subgraph = subgraphs[i];
    std::string what = fmt::format("\"{}\": ", subgraph["name"].get<std::string>());
    if (subgraph.contains("error")) {
      what += subgraph["error"].get<std::string>();
    } else {
      const Json& summary = subgraph["summary"];
      what += fmt::format("NPU: {} of {} operators, {} of {} MACs; {}", summary["npu"].get<int>(), summary["ops"].get<int>(),
                          Percent(summary["npu_mac_share"]), Human(summary["macs"]), Count(summary["partitions"], "partition"));
    }
    text += Wrap(what, 6, style, fmt::format("  {:<4}", subgraph["index"].get<int>()));
  }
  return text + AndMore(subgraphs.size(), shown);
}

std::string DetailsText(const Json& report, const Style& style) {
  return Boundaries(report, style) + Folds(report, style) + EveryOperator(report, style);
}

}  // namespace delegate_check
