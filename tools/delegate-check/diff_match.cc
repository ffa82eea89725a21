// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/diff_match.h"

#include <fmt/format.h>

#include <dtl/dtl.hpp>
#include <map>
#include <string>
#include <unordered_map>

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;
using Shapes = std::unordered_map<int64_t, std::string>;

Shapes TensorShapes(const Json& report) {
  Shapes shapes;
  if (!report.contains("tensors")) return shapes;
  for (const Json& tensor : report["tensors"]) {
    if (tensor.contains("shape")) shapes[tensor["index"].get<int64_t>()] = tensor["shape"].dump();
  }
  return shapes;
}

// Where each name is the first output of one operator alone. "tfl.quantize" and its like are what the
// converter calls tensors that it made up: they name nothing of the network.
std::unordered_map<std::string, int> UniqueNames(const Json& ops) {
  std::unordered_map<std::string, int> names;
  for (size_t i = 0; i < ops.size(); ++i) {
    const std::string name = ops[i]["name"];
    if (name.empty() || name.starts_with("tfl.")) continue;
    const auto [entry, added] = names.emplace(name, static_cast<int>(i));
    if (!added) entry->second = -1;
  }
  return names;
}

class Matcher {
 public:
  Matcher(const Json& before, const Json& after)
      : before_(before["ops"]),
        after_(after["ops"]),
        before_shapes_(TensorShapes(before)),
        after_shapes_(TensorShapes(after)),
        of_before_(before_.size()),
        of_after_(after_.size()) {}

  std::vector<OpMatch> Run() {
    ByName(true);
    ByOrder("structure", true);
    ByUniqueKey();
    ByOrder("type", false);
    ByName(false);
    std::vector<OpMatch> matches;
    for (size_t i = 0; i < of_after_.size(); ++i)
      matches.push_back({of_after_[i].other, static_cast<int>(i), of_after_[i].by});
    for (size_t i = 0; i < of_before_.size(); ++i) {
      if (of_before_[i].other < 0) matches.push_back({static_cast<int>(i), -1, ""});
    }
    return matches;
  }

 private:
  struct Side {
    int other = -1;
    const char* by = "";
  };

  void Match(int before, int after, const char* by) {
    of_before_[before] = {after, by};
    of_after_[after] = {before, by};
  }

  void ByName(bool same_type) {
    const auto names = UniqueNames(before_), after_names = UniqueNames(after_);
    for (size_t i = 0; i < after_.size(); ++i) {
      const auto found = names.find(after_[i]["name"].get<std::string>());
      if (of_after_[i].other >= 0 || found == names.end() || found->second < 0) continue;
      if (after_names.at(found->first) < 0 || of_before_[found->second].other >= 0) continue;
      if ((before_[found->second]["op"] == after_[i]["op"]) != same_type) continue;
      Match(found->second, static_cast<int>(i), same_type ? "name" : "replaced");
    }
  }

  // What an operator is, without its name.
  static std::string Key(const Json& op, const Shapes& shapes, bool with_shape) {
    std::string key = op["op"];
    for (const Json& output : op["outputs"]) {
      const auto shape = shapes.find(output.get<int64_t>());
      if (with_shape && shape != shapes.end()) key += shape->second;
    }
    return key;
  }

  // What is left and one of its kind on both sides, wherever it stands.
  void ByUniqueKey() {
    std::map<std::string, std::vector<int>> before, after;
    for (size_t i = 0; i < before_.size(); ++i) {
      if (of_before_[i].other < 0)
        before[Key(before_[i], before_shapes_, true)].push_back(static_cast<int>(i));
    }
    for (size_t i = 0; i < after_.size(); ++i) {
      if (of_after_[i].other < 0) after[Key(after_[i], after_shapes_, true)].push_back(static_cast<int>(i));
    }
    for (const auto& [key, ops] : before) {
      const auto found = after.find(key);
      if (ops.size() == 1 && found != after.end() && found->second.size() == 1)
        Match(ops[0], found->second[0], "structure");
    }
  }

  // The longest common subsequence of what both say of their operators, in which pairs that are known already
  // hold the others in their places.
  void ByOrder(const char* by, bool with_shape) {
    std::map<std::string, int> numbers;
    const auto sequence = [&](const Json& ops, const std::vector<Side>& sides, const Shapes& shapes,
                              bool is_after) {
      std::vector<int> keys;
      for (size_t i = 0; i < ops.size(); ++i) {
        const std::string key = sides[i].other < 0
                                    ? Key(ops[i], shapes, with_shape)
                                    : fmt::format("={}", is_after ? static_cast<int>(i) : sides[i].other);
        keys.push_back(numbers.emplace(key, static_cast<int>(numbers.size())).first->second);
      }
      return keys;
    };
    const std::vector<int> b = sequence(before_, of_before_, before_shapes_, false);
    const std::vector<int> a = sequence(after_, of_after_, after_shapes_, true);
    if (b.empty() || a.empty()) return;
    dtl::Diff<int> diff(b, a);
    diff.compose();
    const auto script = diff.getSes().getSequence();
    for (const auto& [key, where] : script) {
      if (where.type != dtl::SES_COMMON) continue;
      const auto i = static_cast<size_t>(where.beforeIdx - 1), j = static_cast<size_t>(where.afterIdx - 1);
      // The library gives up on very long edits and then counts from elsewhere: what it says is checked.
      if (i >= b.size() || j >= a.size() || b[i] != a[j]) continue;
      if (of_before_[i].other < 0 && of_after_[j].other < 0)
        Match(static_cast<int>(i), static_cast<int>(j), by);
    }
  }

  const Json& before_;
  const Json& after_;
  const Shapes before_shapes_, after_shapes_;
  std::vector<Side> of_before_, of_after_;
};

}  // namespace

std::vector<OpMatch> MatchOps(const Json& before, const Json& after) { return Matcher(before, after).Run(); }

}  // namespace delegate_check
