// docs/operators.md, made from the rooms, the reason vocabulary and the table of what does not conform.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <limits>
#include <vector>

#include "backends/ops/room.h"
#include "partitioner/report.h"

namespace npu {
namespace {

constexpr OpKind kAllKinds[] = {
#define NPU_OP(kind, code, name, version, params, room) OpKind::kind,
#define NPU_CUSTOM_OP(kind, name, params, room) OpKind::kind,
#include "schema/ops.def"
};

constexpr OpKind kFoldedKinds[] = {
#define NPU_OP(kind, code, name, version, params, room)
#define NPU_FOLDED_OP(kind, name, params, room) OpKind::kind,
#include "schema/ops.def"
};

constexpr ReasonCode kAllReasons[] = {
#define NPU_REASON(enumerator, code, kind, sentence) ReasonCode::enumerator,
#include "backends/reasons.def"
};

std::string Placements(const OpRoom& room) {
  std::vector<std::string_view> names;
  if (room.lower != nullptr) names.push_back("npu");
  if (room.check_cpu != nullptr) names.push_back("delegate-cpu");
  // What nothing here computes has rules for the sake of its reasons.
  if (names.empty()) names.push_back(room.reference != nullptr ? "plan time" : "host; sessions");
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string Range(int min, int max) {
  if (max == std::numeric_limits<int>::max()) return fmt::format("{} or more", min);
  return min == max ? std::to_string(min) : fmt::format("{} to {}", min, max);
}

// A bar would end a table's cell.
std::string Escape(std::string_view text) {
  std::string escaped;
  for (char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::vector<std::string_view> Cells(std::string_view line) {
  std::vector<std::string_view> cells;
  while (true) {
    const size_t tab = line.find('\t');
    cells.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

std::vector<ConformanceRow> ReadConformance(std::string_view table) {
  constexpr size_t kColumns = 5;
  std::vector<ConformanceRow> rows;
  while (!table.empty()) {
    const size_t end = table.find('\n');
    const std::string_view line = table.substr(0, end);
    table = end == std::string_view::npos ? std::string_view() : table.substr(end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::vector<std::string_view> cells = Cells(line);
    ConformanceRow row{cells[0], {}, {}, {}, {}};
    if (cells.size() == kColumns) row = {cells[0], cells[1], cells[2], cells[3], cells[4]};
    rows.push_back(row);
  }
  return rows;
}

std::string OperatorsMarkdown(std::string_view conformance) {
  // Rooms in the order of their first operator.
  std::vector<const OpRoom*> rooms;
  std::vector<std::vector<OpKind>> members;
  for (OpKind kind : kAllKinds) {
    const OpRoom* room = FindRoom(kind);
    if (room == nullptr) continue;
    size_t i = 0;
    while (i < rooms.size() && rooms[i] != room) ++i;
    if (i == rooms.size()) {
      rooms.push_back(room);
      members.emplace_back();
    }
    members[i].push_back(kind);
  }

  std::string text =
      "# Operators\n\n"
      "Made from the rules that the plug-in obeys and delegate-check prints; do not edit.\n"
      "`npu`: runs on the OpenCL device. `delegate-cpu`: runs inside the plug-in, beside operators on the "
      "NPU.\n"
      "`plan time`: computed once, when the plan is made. `host; sessions`: left to a host, done by the C API's "
      "sessions. Operators that are not listed stay with the host.\n\n"
      "| Operator | Newest version | Inputs | Outputs | Placements | Rules |\n|---|---|---|---|---|---|\n";
  for (OpKind kind : kAllKinds) {
    const OpRoom* room = FindRoom(kind);
    if (room == nullptr) continue;
    const OpInfo& info = GetOpInfo(kind);
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", info.name,
                        info.max_version > 0 ? std::to_string(info.max_version) : "any",
                        Range(room->min_inputs, room->max_inputs),
                        Range(room->min_outputs, room->max_outputs), Placements(*room), room->name);
  }

  text +=
      "\n# Rules\n\n"
      "For every operator: its version is known, its operands are there, their shapes are known before the "
      "model "
      "runs, no tensor is sparse, quantized blockwise, or a variable other than an operator's own state.\n";
  for (size_t i = 0; i < rooms.size(); ++i) {
    std::vector<std::string_view> names;
    for (OpKind kind : members[i]) names.push_back(GetOpInfo(kind).name);
    text += fmt::format("\n## {}\n\n{}\n\n", rooms[i]->name, fmt::join(names, ", "));
    for (std::string_view rule : rooms[i]->rules) text += fmt::format("- {}\n", rule);
  }

  text += "\n# Operators that folds make\n\nNo model has them: they run instead of operators that were folded.\n";
  for (OpKind kind : kFoldedKinds) {
    text += fmt::format("\n## {}\n\n", GetOpInfo(kind).name);
    for (std::string_view rule : FindRoom(kind)->rules) text += fmt::format("- {}\n", rule);
  }

  const std::vector<ConformanceRow> rows = ReadConformance(conformance);
  if (!rows.empty()) {
    text +=
        "\n# What does not conform\n\n"
        "Every other operator, and every other model of that operator, gives LiteRT's reference bytes on the "
        "OpenCL device and on the CPU reference. `unsupported` is for good; an `expected-failure` is work to "
        "come, "
        "and its test fails as soon as it passes.\n\n"
        "| Operator | Backend | Status | Models | Reason |\n|---|---|---|---|---|\n";
  }
  for (const ConformanceRow& row : rows) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", row.op == "*" ? "any" : row.op,
                        row.backend == "*" ? "any" : row.backend, row.status,
                        row.models == "*" ? "all" : fmt::format("`{}`", row.models), Escape(row.reason));
  }

  text += "\n# Reasons\n\n| Code | Rule |\n|---|---|\n";
  for (ReasonCode code : kAllReasons) {
    text += fmt::format("| {} | {} |\n", ReasonCodeName(code), Escape(ReasonCodeSentence(code)));
  }
  return text;
}

}  // namespace npu
