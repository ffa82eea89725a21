// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/text_report.h"

#include <fmt/format.h>

#include "tools/delegate-check/accuracy.h"
#include "tools/delegate-check/blockers_text.h"
#include "tools/delegate-check/explain.h"
#include "tools/delegate-check/layers.h"
#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/operators_text.h"
#include "tools/delegate-check/overview_text.h"
#include "tools/delegate-check/profile_text.h"
#include "tools/delegate-check/report_words.h"
#include "tools/delegate-check/run.h"
#include "tools/delegate-check/showable.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

std::string Verification(const Json& verify, const Style& style) {
  std::string text = Heading(fmt::format("Verified on {} against the CPU reference: {}", verify["device"].get<std::string>(),
                                         !Agrees(verify)                ? "DIFFERENT"
                                         : verify.contains("operators") ? "every operator within 1, as requantize=float may"
                                                                        : "every byte equal"),
                             style);
  if (verify.contains("operators")) {
    const Json& operators = verify["operators"];
    text += Wrap(fmt::format("operators one by one: {}, {} differ, max difference {:g}; whole segments:",
                             Count(operators["elements"], "element"), operators["differing"].get<int64_t>(),
                             operators["max_difference"].get<double>()), 4, style, "  ");
  }
  const auto outputs = [&](const Json& list, const std::string& prefix) {
    for (const Json& output : list) {
      text += Wrap(fmt::format("{}{}: {}, {} differ, max difference {:g}", prefix, output["name"].get<std::string>(),
                               Count(output["elements"], "element"), output["differing"].get<int64_t>(),
                               output["max_difference"].get<double>()), 4, style, "  ");
    }
  };
  if (verify.contains("outputs")) outputs(verify["outputs"], "");
  if (verify.contains("segments")) {
    for (const Json& segment : verify["segments"]) {
      outputs(segment["outputs"], fmt::format("segment {} ", segment["index"].get<int>()));
    }
  }
  return text;
}

std::string Run(const Json& run, const Style& style) {
  std::string text = Heading(fmt::format("Ran on {} with {} input", run["device"].get<std::string>(),
                                         run["input"].get<std::string>()), style);
  for (const Json& output : run["outputs"]) {
    std::string line = fmt::format("{}: {}, largest:", output["name"].get<std::string>(), Count(output["elements"], "element"));
    for (const Json& entry : output["largest"]) {
      line += fmt::format(" [{}] {:g}", entry["index"].get<int64_t>(), entry["value"].get<double>());
    }
    text += Wrap(line, 4, style, "  ");
  }
  return text;
}

std::string Gates(const Json& gates, const Style& style) {
  std::string text = "\n";
  for (const Json& gate : gates) {
    const bool passed = gate["passed"];
    text += PaintWord(Hang(fmt::format("Gate {}: {} (is {}, allowed {})", gate["gate"].get<std::string>(),
                                       passed ? "passed" : "FAILED", gate["actual"].get<std::string>(),
                                       gate["allowed"].get<std::string>()), 2, style),
                      passed ? "passed" : "FAILED", passed ? Ink::kGood : Ink::kCause, style);
  }
  return text;
}

}  // namespace

std::string TextReport(Json report, const Arguments& arguments) {
  const Style style = StyleOf(arguments);
  MakeShowable(report, !style.utf8);
  if (!arguments.explain.empty()) return ExplainText(report, arguments.explain, style);
  const bool verbose = arguments.verbose;
  std::string text = OverviewText(report, style) + BlockersText(report, verbose, style) +
                     SegmentsText(report, verbose, style) + TypesText(report, verbose, style) +
                     SubgraphsText(report, verbose, style);
  if (verbose) text += DetailsText(report, style);
  if (report.contains("verify")) text += Verification(report["verify"], style);
  if (report.contains("verify_layers")) text += LayersText(report["verify_layers"], style);
  if (report.contains("accuracy")) text += AccuracyText(report["accuracy"], style);
  if (report.contains("run")) text += Run(report["run"], style);
  if (report.contains("profile")) text += ProfileText(report["profile"]);
  if (report.contains("gates")) text += Gates(report["gates"], style);
  return text;
}

}  // namespace delegate_check
