// SPDX-License-Identifier: Apache-2.0
#include "partitioner/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/nearest.h"

namespace npu {
namespace {

constexpr OpKind kAllKinds[] = {
#define NPU_OP(kind, code, name, version, params, room) OpKind::kind,
#define NPU_CUSTOM_OP(kind, name, params, room) OpKind::kind,
#include "schema/ops.def"
};

bool IsDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The digits of "#3" or "op3".
std::optional<std::string_view> IndexText(std::string_view item) {
  if (item.starts_with('#')) return item.substr(1);
  if (item.size() > 2 && EqualIgnoringCase(item.substr(0, 2), "op") && IsDigits(item.substr(2)))
    return item.substr(2);
  return std::nullopt;
}

Status SelectIndex(const Graph& graph, std::string_view option, std::string_view item,
                   std::string_view digits, std::vector<bool>& selected) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (!IsDigits(digits) || error != std::errc() || index >= graph.ops.size()) {
    return Fail(ErrorCode::kInvalidOption,
                graph.ops.empty() ? fmt::format("option {}: \"{}\": the model has no operators", option, item)
                                  : fmt::format("option {}: \"{}\" is no operator index; expected #0 to #{}",
                                                option, item, graph.ops.size() - 1));
  }
  selected[index] = true;
  return {};
}

// Returns whether `item` is an operator name, here or anywhere.
bool SelectName(const Graph& graph, std::string_view item, std::vector<bool>& selected) {
  bool known = std::any_of(std::begin(kAllKinds), std::end(kAllKinds),
                           [&](OpKind kind) { return EqualIgnoringCase(item, GetOpInfo(kind).name); });
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const Op& op = graph.ops[i];
    if (EqualIgnoringCase(item, OpName(op)) || EqualIgnoringCase(item, GetOpInfo(op.kind).name)) {
      selected[i] = true;
      known = true;
    }
  }
  return known;
}

bool SelectTensorName(const Graph& graph, std::string_view item, std::vector<bool>& selected) {
  bool found = false;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int tensor : graph.ops[i].outputs) {
      if (tensor == kNoTensor || !GlobMatches(item, graph.tensors[tensor].name)) continue;
      selected[i] = true;
      found = true;
    }
  }
  return found;
}

tl::unexpected<Error> NamesNothing(const Graph& graph, std::string_view option, std::string_view item) {
  std::vector<std::string_view> known;
  for (OpKind kind : kAllKinds) known.push_back(GetOpInfo(kind).name);
  for (const Op& op : graph.ops) known.push_back(OpName(op));
  for (const Op& op : graph.ops) {
    for (int tensor : op.outputs) {
      if (tensor != kNoTensor) known.push_back(graph.tensors[tensor].name);
    }
  }
  return Fail(
      ErrorCode::kInvalidOption,
      fmt::format("option {}: \"{}\" is no operator name and matches no tensor that an operator writes{} "
                  "(expected an operator name like CONV_2D, #index, or a tensor name with * and ?)",
                  option, item, DidYouMean(item, known)));
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  // Where to go on when what follows the last * does not match: one letter more for that *.
  size_t after_star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::vector<bool>> SelectOps(const Graph& graph, std::string_view option,
                                    const std::vector<std::string>& items) {
  std::vector<bool> selected(graph.ops.size(), false);
  for (const std::string& item : items) {
    if (const auto digits = IndexText(item)) {
      NPU_RETURN_IF_ERROR(SelectIndex(graph, option, item, *digits, selected));
    } else if (!SelectName(graph, item, selected) && !SelectTensorName(graph, item, selected)) {
      return NamesNothing(graph, option, item);
    }
  }
  return selected;
}

}  // namespace npu
