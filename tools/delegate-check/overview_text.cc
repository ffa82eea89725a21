// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/overview_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tools/delegate-check/report_words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Of the bar, whatever the legend behind it leaves.
constexpr size_t kNarrowestBar = 12, kWidestBar = 40;

// "full int8, int8 input and int8 output" and "fits an NPU as it is" of the kind's sentence.
std::pair<std::string, std::string> SplitKind(const std::string& sentence) {
  const size_t colon = sentence.find(": ");
  if (colon == std::string::npos) return {sentence, ""};
  return {sentence.substr(0, colon), sentence.substr(colon + 2)};
}

std::string FileName(const Json& model) {
  const std::string file = model.value("file", std::string());
  const int64_t bytes = model.value("size_bytes", int64_t{0});
  if (file.empty()) return "";
  return CutFront(file == "-" ? "standard input" : file, 40) + (bytes > 0 ? fmt::format(" ({})", HumanBytes(bytes)) : "") + ": ";
}

std::string Verdict(const Json& report) {
  const Json& summary = report["summary"];
  const int64_t ops = summary["ops"], host = summary["host"], npu = summary["npu"];
  if (ops == 0) return "there is nothing to run";
  std::string verdict = host == 0     ? "the whole model runs in the delegate"
                        : host == ops ? "nothing runs on the NPU"
                                      : fmt::format("{} of {} operators on the host", host, ops);
  if (host == 0 && npu == 0) verdict += ", nothing of it on the NPU";
  if (report["blockers"].empty() || (host == 0 && npu > 0)) return verdict;
  // The costliest of those that the verdict speaks of.
  const auto blocker = std::find_if(report["blockers"].begin(), report["blockers"].end(),
                                    [&](const Json& b) { return host == 0 || b["placement"] == "host"; });
  if (blocker == report["blockers"].end()) return verdict;
  return fmt::format("{}: {}, {}", verdict, (*blocker)["op"].get<std::string>(),
                     Words((*blocker)["reasons"][0]["code"].get<std::string>()));
}

// "Fits an NPU as it is."
std::string Sentence(std::string text) {
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ".";
}

// A part of the bar: how much, and its blocks in each character set.
struct Share {
  const char* name;
  int64_t amount;
  const char *utf8, *ascii;
  Ink ink;
};

using Shares = std::array<Share, 3>;

// At least one block for what is not nothing; the largest part, at least a third of the bar, gives up what that takes.
std::array<size_t, 3> Blocks(const Shares& shares, int64_t total, size_t width) {
  std::array<size_t, 3> blocks{};
  size_t used = 0, largest = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    const double exact = static_cast<double>(width) * static_cast<double>(shares[i].amount) / static_cast<double>(total);
    blocks[i] = std::max<size_t>(static_cast<size_t>(std::floor(exact)), shares[i].amount > 0 ? 1 : 0);
    used += blocks[i];
    if (shares[i].amount > shares[largest].amount) largest = i;
  }
  blocks[largest] += width - used;
  return blocks;
}

std::string Legend(const Shares& shares, const auto& say, const Style& style) {
  std::string legend;
  for (const Share& share : shares) {
    if (share.amount == 0) continue;
    legend += fmt::format("{}{} {} {}", legend.empty() ? "" : "  ", style.utf8 ? share.utf8 : share.ascii, share.name,
                          say(share.amount));
  }
  return legend;
}

std::string Bar(const Shares& shares, int64_t total, size_t width, const Style& style) {
  const std::array<size_t, 3> blocks = Blocks(shares, total, width);
  std::string bar;
  for (size_t i = 0; i < shares.size(); ++i) {
    std::string part;
    for (size_t k = 0; k < blocks[i]; ++k) part += style.utf8 ? shares[i].utf8 : shares[i].ascii;
    bar += Paint(part, shares[i].ink, style);
  }
  return bar;
}

Shares SharesOf(int64_t npu, int64_t cpu, int64_t host) {
  return {Share{"npu", npu, "█", "#", Ink::kGood}, Share{"delegate-cpu", cpu, "▒", "+", Ink::kPlain},
          Share{"host", host, "░", ".", Ink::kCause}};
}

std::string Bars(const Json& report, const Style& style) {
  std::array<int64_t, 3> macs{}, ops{};
  for (const Json& op : report["ops"]) {
    const std::string placement = op["placement"];
    const size_t where = placement == "npu" ? 0 : placement == "delegate-cpu" ? 1 : 2;
    macs[where] += op["macs"].get<int64_t>();
    ++ops[where];
  }
  const int64_t all_macs = macs[0] + macs[1] + macs[2], all_ops = ops[0] + ops[1] + ops[2];
  if (all_ops == 0) return "";
  const Shares mac_shares = SharesOf(macs[0], macs[1], macs[2]), op_shares = SharesOf(ops[0], ops[1], ops[2]);
  const std::string mac_legend = Legend(mac_shares, [&](int64_t amount) {
    return Percent(static_cast<double>(amount) / static_cast<double>(all_macs));
  }, style);
  const std::string op_legend = Legend(op_shares, [](int64_t amount) { return std::to_string(amount); }, style);
  // "  operators  " before the bar, two blanks behind it; where that is too narrow the legend has its own lines.
  const size_t others = 15 + std::max(Columns(mac_legend), Columns(op_legend));
  const bool beside = others + kNarrowestBar <= style.width;
  const size_t width = std::clamp(style.width - (beside ? others : 15), kNarrowestBar, kWidestBar);
  const auto line = [&](const char* title, const Shares& shares, int64_t total, const std::string& legend) {
    const std::string bar = fmt::format("  {:<9}  {}", title, Bar(shares, total, width, style));
    return beside ? fmt::format("{}  {}\n", bar, legend) : fmt::format("{}\n{}", bar, Wrap(legend, 13, style));
  };
  std::string text = "\n";
  if (all_macs > 0) text += line("MACs", mac_shares, all_macs, mac_legend);
  return text + line("operators", op_shares, all_ops, op_legend);
}

std::string Borders(const Json& model, const Style& style) {
  std::string text = "\n";
  for (const char* side : {"input", "output"}) {
    for (const Json& tensor : model[fmt::format("{}s", side)]) {
      text += "  " + Cut(fmt::format("{:<7} {}", side, DescribeTensor(tensor)), style.width - 2) + "\n";
    }
  }
  for (const Json& note : model.value("io_notes", Json::array())) text += Wrap(note.get<std::string>(), 4, style, "  - ");
  return text;
}

std::string Memory(const Json& memory, const Style& style) {
  if (memory.contains("error")) return Wrap("memory: not known: " + memory["error"].get<std::string>(), 2, style);
  return fmt::format("  memory  tensors {}, packed weights and tables {}\n", HumanBytes(memory["arena_bytes"]),
                     HumanBytes(memory["constant_bytes"]));
}

}  // namespace

std::string OverviewText(const Json& report, const Style& style) {
  const Json& model = report["model"];
  const Json& summary = report["summary"];
  const auto [kind, meaning] = SplitKind(model["kind_sentence"]);
  const std::string file = FileName(model);
  std::string text = PaintWord(Hang(file + kind, 2, style), file, Ink::kBold, style);
  text += Hang(fmt::format("NPU: {} of {} MACs, {} of {} operators, {}", Percent(summary["npu_mac_share"]),
                           Human(summary["macs"]), summary["npu"].get<int64_t>(), summary["ops"].get<int64_t>(),
                           Count(summary["partitions"], "partition")), 2, style);
  text += PaintWord(Hang("Verdict: " + Verdict(report), 2, style), "Verdict", Ink::kBold, style);
  if (!meaning.empty()) text.append("\n").append(Wrap(Sentence(meaning), 2, style));
  return text + Bars(report, style) + Borders(model, style) + Memory(report["memory"], style);
}

}  // namespace delegate_check
