// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/graph/op_class.h"

#include <string_view>

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

enum Row { kNpu, kFolded, kEvaluated, kDelegateCpu, kHostOwn, kHostNeighbour, kHostPolicy, kHost };

bool HasReason(const Json& op, std::string_view kind) {
  for (const Json& reason : op["reasons"]) {
    if (reason["kind"] == kind) return true;
  }
  return false;
}

Row RowOf(const Json& op) {
  if (op["evaluated"].get<bool>()) return kEvaluated;
  if (op["folded_into"].get<int>() >= 0) return kFolded;
  if (op["placement"] == "npu") return kNpu;
  if (op["placement"] == "delegate-cpu") return kDelegateCpu;
  // An operator with a cause of its own would stay off whatever its neighbours do.
  if (HasReason(op, "own")) return kHostOwn;
  if (HasReason(op, "policy")) return kHostPolicy;
  return HasReason(op, "neighbour") ? kHostNeighbour : kHost;
}

}  // namespace

const OpClass kOpClasses[8] = {
    {"npu", "NPU", "", "#0072b2", "#ffffff", ""},
    {"folded", "folded into another operator", "folded", "#56b4e9", "#000000", ""},
    {"evaluated", "computed when the plan is made", "constant", "#d6dce1", "#000000", "2 2"},
    {"delegate-cpu", "delegate's CPU backend", "delegate-cpu", "#009e73", "#ffffff", ""},
    {"host-own", "host: own cause", "host: own cause", "#d55e00", "#ffffff", ""},
    {"host-neighbour", "host: because of its neighbours", "host: neighbours", "#f0c24b", "#000000", "6 3"},
    {"host-policy", "host: an option asks for it", "host: option", "#8a8f94", "#000000", "1 3"},
    {"host", "host", "host", "#b0b5b9", "#000000", ""},
};

const OpClass& ClassOf(const Json& op) { return kOpClasses[RowOf(op)]; }

std::string Xml(std::string_view text) {
  std::string xml;
  xml.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '<': xml += "&lt;"; break;
      case '>': xml += "&gt;"; break;
      case '&': xml += "&amp;"; break;
      case '"': xml += "&quot;"; break;
      case '\'': xml += "&#39;"; break;
      case '\n':
      case '\t': xml += c; break;
      default: xml += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
  }
  return xml;
}

}  // namespace delegate_check
