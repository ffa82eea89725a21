// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/json_shape.h"

#include <fmt/format.h>

#include <limits>

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// How much of a value that does not fit is quoted.
constexpr size_t kQuoted = 40;

std::string Quote(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kQuoted) text = text.substr(0, kQuoted - 3) + "...";
  return text;
}

bool IsInteger(const Json& value) {
  if (!value.is_number_integer()) return false;
  return !value.is_number_unsigned() ||
         value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()};
}

class Walk {
 public:
  explicit Walk(const Json& document) {
    if (const auto ops = document.find("ops"); ops != document.end() && ops->is_array()) ops_ = ops->size();
  }

  std::optional<std::string> operator()(const Json& value, const Json& shape,
                                        const std::string& where) const {
    if (shape.is_string()) return Leaf(value, shape.get_ref<const std::string&>(), where);
    if (shape.is_array()) {
      if (!value.is_array()) return fmt::format("{} is {}; expected a list", where, Quote(value));
      for (size_t i = 0; i < value.size(); ++i) {
        if (auto misfit = (*this)(value[i], shape[0], fmt::format("{}[{}]", where, i))) return misfit;
      }
      return std::nullopt;
    }
    if (!value.is_object()) {
      return fmt::format("{} is {}; expected an object", where.empty() ? "the document" : where,
                         Quote(value));
    }
    for (const auto& [key, inner] : shape.items()) {
      const bool optional = key[0] == '?';
      const std::string name = optional ? key.substr(1) : key;
      const std::string path = where.empty() ? name : where + "." + name;
      const auto found = value.find(name);
      if (found == value.end() || (optional && found->is_null())) {
        if (optional) continue;
        return fmt::format("{} is missing", path);
      }
      if (auto misfit = (*this)(*found, inner, path)) return misfit;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> Leaf(const Json& value, const std::string& type,
                                  const std::string& where) const {
    bool fits = false;
    std::string expected = type;
    if (type == "any") {
      fits = true;
    } else if (type == "text") {
      fits = value.is_string();
      expected = "a text";
    } else if (type == "number") {
      fits = value.is_number();
      expected = "a number";
    } else if (type == "integer") {
      fits = IsInteger(value);
      expected = "an integer";
    } else if (type == "bool") {
      fits = value.is_boolean();
      expected = "true or false";
    } else if (type == "op" || type == "op?") {
      const int64_t least = type == "op" ? 0 : -1;
      fits = IsInteger(value) && value.get<int64_t>() >= least &&
             value.get<int64_t>() < static_cast<int64_t>(ops_);
      expected = fmt::format("the index of an operator, {} to {}", least, static_cast<int64_t>(ops_) - 1);
    } else if (type == "placement") {
      fits = value == "npu" || value == "delegate-cpu" || value == "host";
      expected = "npu, delegate-cpu or host";
    }
    if (fits) return std::nullopt;
    return fmt::format("{} is {}; expected {}", where, Quote(value), expected);
  }

  size_t ops_ = 0;
};

}  // namespace

std::optional<std::string> Misfit(const Json& document, const Json& shape) {
  return Walk(document)(document, shape, "");
}

}  // namespace delegate_check
