// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/text_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/profile_text.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kNameWidth = 24;

std::string Dims(const Json& shape) {
  if (shape.is_null()) return "[?]";
  return fmt::format("[{}]", fmt::join(shape.get<std::vector<int64_t>>(), ","));
}

std::string DescribeTensor(const Json& tensor) {
  std::string text = fmt::format("{} {}", tensor["type"].get<std::string>(),
                                 Dims(tensor.value("shape", Json())));
  if (tensor.contains("scale")) {
    text += fmt::format("  scale {:.6g}  zero point {}", tensor["scale"].get<double>(),
                        tensor["zero_point"].get<int64_t>());
  }
  return text + "  " + tensor["name"].get<std::string>();
}

void Tensors(std::string& text, const char* title, const Json& tensors) {
  for (const Json& tensor : tensors) text += fmt::format("  {:<7} {}\n", title, DescribeTensor(tensor));
}

std::string Verdict(const Json& summary) {
  const int ops = summary["ops"], host = summary["host"];
  if (ops == 0) return "nothing to run";
  if (host == 0) return "the whole model runs in the delegate";
  if (host == ops) return "nothing runs on the NPU";
  return fmt::format("{} of {} operators stay with the host", host, ops);
}

void Memory(std::string& text, const Json& memory) {
  if (memory.contains("error")) {
    text += fmt::format("Memory: not known: {}\n\n", memory["error"].get<std::string>());
    return;
  }
  text += fmt::format("Memory: tensors {}, packed weights and tables {}\n\n", HumanBytes(memory["arena_bytes"]),
                      HumanBytes(memory["constant_bytes"]));
}

// Operators by type, in order of first appearance.
void TypeTable(std::string& text, const Json& ops) {
  struct Row {
    int npu = 0, cpu = 0, host = 0;
    int64_t macs = 0;
  };
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  for (const Json& op : ops) {
    const std::string name = op["op"];
    if (rows.find(name) == rows.end()) order.push_back(name);
    Row& row = rows[name];
    const std::string placement = op["placement"];
    ++(placement == "npu" ? row.npu : placement == "delegate-cpu" ? row.cpu : row.host);
    row.macs += op["macs"].get<int64_t>();
  }
  text += fmt::format("\n{:<{}} {:>6} {:>6} {:>13} {:>6} {:>9}\n", "Operator", kNameWidth, "count", "npu",
                      "delegate-cpu", "host", "MACs");
  for (const std::string& name : order) {
    const Row& row = rows[name];
    text += fmt::format("{:<{}} {:>6} {:>6} {:>13} {:>6} {:>9}\n", name, kNameWidth,
                        row.npu + row.cpu + row.host, row.npu, row.cpu, row.host,
                        row.macs == 0 ? "-" : Human(row.macs));
  }
}

void Segments(std::string& text, const Json& report) {
  if (report["segments"].empty()) return;
  text += "\nSegments, in the order they run\n";
  for (const Json& segment : report["segments"]) {
    text += fmt::format("  {:<3} {:<13} partition {}  {} ops ({})  {} MACs  {} in, {} out\n",
                        segment["index"].get<int>(), segment["placement"].get<std::string>(),
                        segment["partition"].get<int>(), segment["ops"].size(), Ranges(segment["ops"]),
                        Human(segment["macs"].get<int64_t>()), segment["inputs"].size(),
                        segment["outputs"].size());
  }
}

// How many causes of one boundary are shown.
constexpr size_t kShownCauses = 4;

void Boundaries(std::string& text, const Json& report) {
  const Json& boundaries = report["boundaries"];
  if (boundaries.empty()) return;
  const auto side = [](int partition) {
    return partition < 0 ? std::string("host") : fmt::format("partition {}", partition);
  };
  text += "\nBoundaries: where the network is cut, and why\n";
  for (const Json& boundary : boundaries) {
    const size_t tensors = boundary["tensors"].size();
    const int64_t bytes = boundary["bytes"], host_ops = boundary["host_ops"];
    text += fmt::format("  {:<3} {} -> {}: {} tensor{}, {}; {} op{} and {} MACs stay off the NPU\n",
                        boundary["index"].get<int>(), side(boundary["from"]), side(boundary["to"]), tensors,
                        tensors == 1 ? "" : "s", HumanBytes(bytes), host_ops,
                        host_ops == 1 ? "" : "s", Human(boundary["host_macs"].get<int64_t>()));
    const Json& causes = boundary["causes"];
    for (size_t i = 0; i < causes.size() && i < kShownCauses; ++i) {
      const Json& op = report["ops"][causes[i].get<size_t>()];
      std::vector<std::string> codes;
      for (const Json& reason : op["reasons"]) {
        std::string code = reason["code"];
        if (std::find(codes.begin(), codes.end(), code) == codes.end()) codes.push_back(std::move(code));
      }
      text += fmt::format("      because of Op#{} {}: {}\n", op["index"].get<int>(), op["op"].get<std::string>(),
                          fmt::join(codes, ", "));
    }
    if (causes.size() > kShownCauses) text += fmt::format("      and {} more\n", causes.size() - kShownCauses);
  }
}

void Folds(std::string& text, const Json& report) {
  const auto named = [&](const Json& index) {
    return fmt::format("Op#{} {}", index.get<int>(), report["ops"][index.get<size_t>()]["op"].get<std::string>());
  };
  if (!report["folds"].empty()) text += "\nFolds: operators that another one computes along the way\n";
  for (const Json& fold : report["folds"]) {
    std::vector<std::string> absorbed, bypassed, rewritten;
    for (const Json& op : fold["absorbed"]) absorbed.push_back(named(op));
    for (const Json& op : fold["bypassed"]) bypassed.push_back(named(op));
    for (const Json& op : fold["rewritten"]) rewritten.push_back(named(op));
    std::string what = fmt::format("{}", fmt::join(absorbed, ", "));
    if (!rewritten.empty()) {
      what += fmt::format("{}with {} on bytes", what.empty() ? "" : ", ", fmt::join(rewritten, ", "));
    }
    if (!bypassed.empty()) {
      what += fmt::format("{}past {}", what.empty() ? "" : ", ", fmt::join(bypassed, ", "));
    }
    text += fmt::format("  {}: {} into {}\n    {}\n", fold["name"].get<std::string>(), what, named(fold["into"]),
                        fold["why"].get<std::string>());
  }
  if (!report["declined_folds"].empty()) text += "\nFolds that look possible and are not made\n";
  for (const Json& fold : report["declined_folds"]) {
    text += fmt::format("  {}: into {}\n    {}\n", fold["name"].get<std::string>(), named(fold["into"]),
                        fold["why"].get<std::string>());
  }
}

void Findings(std::string& text, const Json& report) {
  if (!report["findings"].empty()) text += "\nWhat stands out in this model\n";
  for (const Json& finding : report["findings"]) {
    text += fmt::format("  Op#{} {}: {}\n", finding["op"].get<int>(), finding["code"].get<std::string>(),
                        finding["text"].get<std::string>());
  }
}

void Reasons(std::string& text, const Json& report) {
  bool title = false;
  for (const Json& op : report["ops"]) {
    if (op["placement"] == "npu") continue;
    if (!title) text += "\nNot on the NPU, and why\n";
    title = true;
    text += fmt::format("  Op#{} {} \"{}\": {}\n", op["index"].get<int>(), op["op"].get<std::string>(),
                        op["name"].get<std::string>(), op["placement"].get<std::string>());
    for (const Json& reason : op["reasons"]) {
      text += fmt::format("    - {}: {}\n      is {}; allowed: {}\n", reason["code"].get<std::string>(),
                          reason["text"].get<std::string>(), reason["actual"].get<std::string>(),
                          reason["allowed"].get<std::string>());
    }
  }
}

void Subgraphs(std::string& text, const Json& report) {
  if (report["subgraphs"].empty()) return;
  text += "\nOther subgraphs, which hosts hand to the plug-in as graphs of their own\n";
  for (const Json& subgraph : report["subgraphs"]) {
    text += fmt::format("  {:<3} \"{}\": ", subgraph["index"].get<int>(), subgraph["name"].get<std::string>());
    if (subgraph.contains("error")) {
      text += subgraph["error"].get<std::string>() + "\n";
      continue;
    }
    const Json& summary = subgraph["summary"];
    text += fmt::format("NPU: {} of {} operators, {:.1f} % of {} MACs; {} partition{}\n", summary["npu"].get<int>(),
                        summary["ops"].get<int>(), 100.0 * summary["npu_mac_share"].get<double>(),
                        Human(summary["macs"].get<int64_t>()), summary["partitions"].get<int>(),
                        summary["partitions"].get<int>() == 1 ? "" : "s");
  }
}

void Verification(std::string& text, const Json& verify) {
  text += fmt::format("\nVerified on {} against the CPU reference: {}\n", verify["device"].get<std::string>(),
                      verify["max_difference"].get<double>() == 0 ? "every byte equal" : "DIFFERENT");
  const auto outputs = [&](const Json& list, const std::string& prefix) {
    for (const Json& output : list) {
      text += fmt::format("  {}{}: {} elements, {} differ, max difference {:g}\n", prefix,
                          output["name"].get<std::string>(), output["elements"].get<int64_t>(),
                          output["differing"].get<int64_t>(), output["max_difference"].get<double>());
    }
  };
  if (verify.contains("outputs")) outputs(verify["outputs"], "");
  if (verify.contains("segments")) {
    for (const Json& segment : verify["segments"]) {
      outputs(segment["outputs"], fmt::format("segment {} ", segment["index"].get<int>()));
    }
  }
}

void Run(std::string& text, const Json& run) {
  text += fmt::format("\nRan on {} with {} input\n", run["device"].get<std::string>(),
                      run["input"].get<std::string>());
  for (const Json& output : run["outputs"]) {
    text += fmt::format("  {}: {} elements, largest:", output["name"].get<std::string>(),
                        output["elements"].get<int64_t>());
    for (const Json& entry : output["largest"]) {
      text += fmt::format(" [{}] {:g}", entry["index"].get<int64_t>(), entry["value"].get<double>());
    }
    text += "\n";
  }
}

}  // namespace

std::string TextReport(Json report, const Arguments& arguments) {
  MakeShowable(report, !StyleOf(arguments).utf8);
  const Json& model = report["model"];
  const Json& summary = report["summary"];
  std::string text;
  const std::string file = model.value("file", std::string());
  if (!file.empty()) {
    text += file;
    if (model.value("size_bytes", int64_t{0}) > 0) {
      text += fmt::format(" ({})", HumanBytes(model["size_bytes"]));
    }
    text += ": ";
  }
  text += model["kind_sentence"].get<std::string>() + "\n";
  text += fmt::format("NPU: {} of {} operators, {:.1f} % of {} MACs; delegate-cpu: {}; host: {}\n",
                      summary["npu"].get<int>(), summary["ops"].get<int>(),
                      100.0 * summary["npu_mac_share"].get<double>(), Human(summary["macs"].get<int64_t>()),
                      summary["delegate_cpu"].get<int>(), summary["host"].get<int>());
  text += fmt::format("Verdict: {}, {} partition{}\n", Verdict(summary), summary["partitions"].get<int>(),
                      summary["partitions"].get<int>() == 1 ? "" : "s");
  Memory(text, report["memory"]);
  Tensors(text, "input", model["inputs"]);
  Tensors(text, "output", model["outputs"]);
  Segments(text, report);
  Boundaries(text, report);
  TypeTable(text, report["ops"]);
  Folds(text, report);
  Findings(text, report);
  Reasons(text, report);
  Subgraphs(text, report);
  if (report.contains("verify")) Verification(text, report["verify"]);
  if (report.contains("run")) Run(text, report["run"]);
  if (report.contains("profile")) text += ProfileText(report["profile"]);
  if (report.contains("gates")) {
    text += "\n";
    for (const Json& gate : report["gates"]) {
      text += fmt::format("Gate {}: {} (is {}, allowed {})\n", gate["gate"].get<std::string>(),
                          gate["passed"].get<bool>() ? "passed" : "FAILED", gate["actual"].get<std::string>(),
                          gate["allowed"].get<std::string>());
    }
  }
  return text;
}

}  // namespace delegate_check
