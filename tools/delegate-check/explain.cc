// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "tools/delegate-check/api.h"
#include "tools/delegate-check/operators_text.h"
#include "tools/delegate-check/report_words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void Refuse(const std::string& text) {
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", fmt::format("--explain {}", text));
}

// The digits behind a prefix like "Op#", upper and lower case being equal.
std::optional<std::string_view> Digits(std::string_view text, std::string_view prefix) {
  if (text.size() <= prefix.size() || !npu::EqualIgnoringCase(text.substr(0, prefix.size()), prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::optional(text) : std::nullopt;
}

int64_t Number(std::string_view digits) {
  int64_t number = -1;  // stays so where it is too large to be one
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

const Json* FindTensor(const Json& report, int64_t index) {
  for (const Json& tensor : report["tensors"]) {
    if (tensor["index"] == index) return &tensor;
  }
  return nullptr;
}

std::vector<const Json*> OpsWith(const Json& report, const char* side, int64_t tensor) {
  std::vector<const Json*> found;
  for (const Json& op : report["ops"]) {
    const Json& tensors = op[side];
    if (std::find(tensors.begin(), tensors.end(), Json(tensor)) != tensors.end()) found.push_back(&op);
  }
  return found;
}

bool IsBorder(const Json& tensors, int64_t index) {
  return std::any_of(tensors.begin(), tensors.end(), [&](const Json& tensor) { return tensor["index"] == index; });
}

std::string Joined(const std::vector<const Json*>& ops) {
  std::string text;
  for (const Json* op : ops) text += fmt::format("{}{}", text.empty() ? "" : ", ", OpName(*op));
  return text;
}

std::string Maker(const Json& report, const Json& tensor) {
  const int64_t index = tensor["index"];
  if (tensor["constant"].get<bool>()) return "a constant";
  if (tensor["variable"].get<bool>()) return "a variable: kept from one invocation to the next";
  if (const auto makers = OpsWith(report, "outputs", index); !makers.empty()) return "made by " + Joined(makers);
  return IsBorder(report["model"]["inputs"], index) ? "an input of the model" : "made by nothing";
}

std::string Readers(const Json& report, const Json& tensor) {
  const int64_t index = tensor["index"];
  const auto readers = OpsWith(report, "inputs", index);
  std::string text = readers.empty() ? "read by no operator" : "read by " + Joined(readers);
  if (IsBorder(report["model"]["outputs"], index)) text += "; an output of the model";
  return text;
}

std::string TensorText(const Json& report, const Json& tensor, size_t indent, const Style& style) {
  std::string text = Wrap(DescribeTensor(tensor), indent + 2, style, std::string(indent, ' '));
  if (!tensor["bytes"].is_null()) text += Wrap(HumanBytes(tensor["bytes"]), indent + 2, style);
  text += Wrap(Maker(report, tensor), indent + 2, style);
  return text + Wrap(Readers(report, tensor), indent + 2, style);
}

std::string Operands(const Json& report, const Json& op, const char* side, const Style& style) {
  std::string text = Paint(fmt::format("  {}\n", side), Ink::kBold, style);
  for (const Json& index : op[side]) {
    const Json* tensor = index == -1 ? nullptr : FindTensor(report, index);
    text += tensor == nullptr ? "    none\n" : TensorText(report, *tensor, 4, style);
  }
  return op[side].empty() ? "" : text;
}

std::string Folds(const Json& report, const Json& op, const Style& style) {
  std::string text;
  for (const char* list : {"folds", "declined_folds"}) {
    for (const Json& fold : report[list]) {
      bool concerned = fold["into"] == op["index"];
      for (const char* part : {"absorbed", "bypassed", "rewritten"}) {
        const Json ops = fold.value(part, Json::array());
        concerned = concerned || std::find(ops.begin(), ops.end(), op["index"]) != ops.end();
      }
      if (!concerned) continue;
      const bool made = std::string_view(list) == "folds";
      text += Wrap(fmt::format("{} {}: {}", made ? "fold" : "no fold", fold["name"].get<std::string>(),
                               fold["why"].get<std::string>()), 4, style, "  - ");
    }
  }
  return text;
}

std::string OpText(const Json& report, const Json& op, const Style& style) {
  const std::string placement = op["placement"];
  std::string text = PaintWord(Hang(fmt::format("{} version {}  \"{}\"", OpName(op), op["version"].get<int>(),
                                                op["name"].get<std::string>()), 2, style),
                               OpName(op), Ink::kBold, style);
  text += PaintWord(Wrap(PlaceText(op), 2, style), placement, InkOfPlacement(placement), style);
  for (const Json& note : op["notes"]) text += Wrap(note.get<std::string>(), 4, style, "  - ");
  text += Folds(report, op, style);
  text += Operands(report, op, "inputs", style) + Operands(report, op, "outputs", style);
  if (op["reasons"].empty()) return text;
  text += Paint("  why it is not on the NPU\n", Ink::kBold, style) + ReasonLines(op["reasons"], 4, style);
  for (const Json& advice : report["advice"]) {
    const bool its = std::any_of(op["reasons"].begin(), op["reasons"].end(),
                                 [&](const Json& reason) { return reason["advice"] == advice["id"]; });
    if (!its) continue;
    text += Wrap(fmt::format("what to do: {}. {} [{}: {}]", advice["title"].get<std::string>(), advice["text"].get<std::string>(),
                             advice["id"].get<std::string>(), advice["url"].get<std::string>()), 4, style, "  ");
  }
  return text;
}

std::string ByName(const Json& report, const std::string& what, const Style& style) {
  std::string text;
  std::vector<std::string_view> names;
  for (const Json& op : report["ops"]) {
    const std::string_view type = op["op"].get_ref<const std::string&>(), name = op["name"].get_ref<const std::string&>();
    if (npu::EqualIgnoringCase(type, what) || name == what) text += fmt::format("{}{}", text.empty() ? "" : "\n", OpText(report, op, style));
    names.push_back(type);
  }
  if (!text.empty()) return text;
  for (const Json& tensor : report["tensors"]) {
    const std::string_view name = tensor["name"].get_ref<const std::string&>();
    if (name == what) return TensorText(report, tensor, 0, style);
    names.push_back(name);
  }
  Refuse(fmt::format("{}: neither an operator nor a tensor of this model{}", what, npu::DidYouMean(what, names)));
}

}  // namespace

std::string ExplainText(const Json& report, const std::string& what, const Style& style) {
  const int64_t ops = static_cast<int64_t>(report["ops"].size());
  for (const char* prefix : {"", "#", "Op#"}) {
    const auto digits = Digits(what, prefix);
    if (!digits) continue;
    const int64_t index = Number(*digits);
    if (ops == 0) Refuse(what + ": the model has no operators");
    if (index < 0 || index >= ops) Refuse(fmt::format("{}: the model has Op#0 to Op#{}", what, ops - 1));
    return OpText(report, report["ops"][static_cast<size_t>(index)], style);
  }
  if (const auto digits = Digits(what, "T#")) {
    if (const Json* tensor = FindTensor(report, Number(*digits))) return TensorText(report, *tensor, 0, style);
    if (report["tensors"].empty()) Refuse(what + ": the model has no tensors that anything names");
    Refuse(fmt::format("{}: no operator names such a tensor; they are T#{} to T#{}", what,
                       report["tensors"].front()["index"].get<int>(), report["tensors"].back()["index"].get<int>()));
  }
  return ByName(report, what, style);
}

}  // namespace delegate_check
