// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/model_explorer/overlays.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "tools/delegate-check/graph/op_class.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWhite = "#ffffff";

// Model Explorer's name for the graph: the subgraph's, its signature's (the report has that already), or
// "main".
std::string GraphId(const Json& report) {
  const std::string name = report["model"].value("subgraph_name", "");
  return name.empty() ? "main" : name;
}

bool IsIndexBelow(const std::string& name, size_t count) {
  if (name.empty() || name.size() > 9 || name.find_first_not_of("0123456789") != std::string::npos)
    return false;
  return std::stoul(name) < count;
}

// The key of each operator, empty where it has none. Normally its index; but Model Explorer takes a key for a
// tensor's name first, and models from other frameworks call tensors "12". There operators have names of
// their outputs that no other tensor has.
std::vector<std::string> Keys(const Json& report) {
  const Json& ops = report["ops"];
  std::map<int, std::string> names;
  std::map<std::string, int> uses;
  for (const Json& tensor : report["tensors"]) {
    names[tensor["index"].get<int>()] = tensor["name"];
    ++uses[tensor["name"].get<std::string>()];
  }
  bool numbers_are_names = false;
  for (const Json& op : ops) {
    for (const Json& output : op["outputs"]) {
      numbers_are_names = numbers_are_names || IsIndexBelow(names[output.get<int>()], ops.size());
    }
  }
  std::vector<std::string> keys(ops.size());
  for (size_t i = 0; i < ops.size(); ++i) {
    keys[i] = std::to_string(i);
    if (!numbers_are_names) continue;
    std::string unique;
    for (const Json& output : ops[i]["outputs"]) {
      const std::string& name = names[output.get<int>()];
      if (unique.empty() && !name.empty() && uses[name] == 1) unique = name;
    }
    // An index that no tensor has for a name is still good.
    keys[i] = !unique.empty() ? unique : uses.count(keys[i]) == 0 ? keys[i] : "";
  }
  return keys;
}

std::string Document(const Json& report, const char* name, Json results, Json settings) {
  Json data{{"name", std::string("npu-delegate: ") + name}, {"results", std::move(results)}};
  data.update(settings);
  return Dump(Json{{GraphId(report), std::move(data)}});
}

// "host: own cause: UNSUPPORTED_INPUT_TYPE (is FLOAT32, allowed INT8)", the first failed rule of its own
// where it has one.
std::string PlacementText(const Json& op, const OpClass& op_class) {
  std::string text = op_class.label;
  const Json* told = nullptr;
  for (const Json& reason : op["reasons"]) {
    if (told == nullptr || ((*told)["kind"] != "own" && reason["kind"] == "own")) told = &reason;
  }
  if (told != nullptr) {
    text += ": " + (*told)["code"].get<std::string>() + " (is " + (*told)["actual"].get<std::string>() +
            ", allowed " + (*told)["allowed"].get<std::string>() + ")";
  }
  return text;
}

// Numbers are coloured from white to `color`; where they are all the same there is nothing to tell apart.
NamedText Numbers(const Json& report, const std::vector<std::string>& keys, const char* file,
                  const char* name, const std::map<size_t, Json>& values, const char* color) {
  Json results = Json::object();
  for (const auto& [op, value] : values) {
    if (op < keys.size() && !keys[op].empty()) results[keys[op]] = {{"value", value}};
  }
  const Json gradient = Json::array({{{"stop", 0}, {"bgColor", kWhite}}, {{"stop", 1}, {"bgColor", color}}});
  return {file, Document(report, name, std::move(results), {{"gradient", gradient}})};
}

// Per operator, of --verify-layers: the largest difference of what it makes from the reference's inputs.
std::map<size_t, Json> LayerDifferences(const Json& report) {
  std::map<size_t, Json> values;
  for (const Json& op : report["verify_layers"]["ops"]) {
    for (const Json& output : op.value("outputs", Json::array())) {
      const Json& alone = output["isolated"];
      if (alone.is_null()) continue;
      Json& value = values[op["index"].get<size_t>()];
      if (value.is_null() || value < alone["max_difference"]) value = alone["max_difference"];
    }
  }
  return values;
}

}  // namespace

std::vector<NamedText> ModelExplorerFiles(Json report, const Arguments&) {
  // Values are shown in a browser by Model Explorer; keys and graph ids must stay what the model says.
  const std::vector<std::string> keys = Keys(report);
  Json placement = Json::object();
  std::map<size_t, Json> macs, reasons, times;
  for (size_t i = 0; i < keys.size(); ++i) {
    Json op = report["ops"][i];
    MakeShowable(op);
    const OpClass& op_class = ClassOf(op);
    if (!keys[i].empty()) {
      placement[keys[i]] = {
          {"value", PlacementText(op, op_class)}, {"bgColor", op_class.fill}, {"textColor", op_class.text}};
    }
    macs[i] = op["macs"];
    reasons[i] = op["reasons"].size();
  }
  std::vector<NamedText> files;
  files.push_back({"placement.json", Document(report, "placement", std::move(placement),
                                              {{"showExpandedSummaryOnGroupNode", true},
                                               {"showLabelCountColumnsInChildrenStatsTable", true}})});
  files.push_back(Numbers(report, keys, "macs.json", "MACs", macs, "#0072b2"));
  files.push_back(Numbers(report, keys, "reasons.json", "reasons against the NPU", reasons, "#d55e00"));
  if (report.contains("profile")) {
    for (const Json& op : report["profile"]["ops"]) {
      if (!op["us"].is_null()) times[op["index"].get<size_t>()] = op["us"]["median"];
    }
    files.push_back(Numbers(report, keys, "time_us.json", "microseconds (median)", times, "#d55e00"));
  }
  if (report.contains("verify_layers")) {
    files.push_back(Numbers(report, keys, "max_diff.json",
                            "largest difference from the reference, operator alone", LayerDifferences(report),
                            "#d55e00"));
  }
  return files;
}

}  // namespace delegate_check
