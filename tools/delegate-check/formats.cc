// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/formats.h"

#include "tools/delegate-check/collection_text.h"
#include "tools/delegate-check/graph/graph_formats.h"
#include "tools/delegate-check/html/page.h"
#include "tools/delegate-check/model_explorer/overlays.h"
#include "tools/delegate-check/output.h"
#include "tools/delegate-check/summaries/github.h"
#include "tools/delegate-check/summaries/junit.h"
#include "tools/delegate-check/summaries/markdown.h"
#include "tools/delegate-check/text_report.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

std::string WriteJson(Json document, const Arguments&) { return Dump(document); }

std::string JsonError(Json error, const Arguments&) {
  return Dump(Json{{"schema_version", 1}, {"error", std::move(error)}});
}

constexpr Format kFormats[] = {
    {"text", "what a person reads", TextReport, CollectionText},
    {"json", "docs/c-api.md", WriteJson, WriteJson, JsonError},
    {"html", "a page with the graph drawn", HtmlReport, HtmlCollection, nullptr, nullptr, true},
    {"svg", "the graph", SvgReport, nullptr, nullptr, nullptr, true},
    {"dot", "the graph in graphviz' language", DotReport, nullptr},
    {"model-explorer", "overlays for Model Explorer, in the directory -o", nullptr, nullptr, nullptr, ModelExplorerFiles},
    {"markdown", "tables for a pull request", MarkdownReport, MarkdownCollection, MarkdownError},
    {"junit", "test results for CI", JunitReport, JunitCollection, JunitError},
    {"github", "annotations of GitHub Actions", GithubReport, GithubCollection, GithubError},
};

}  // namespace

std::vector<std::string> FormatNames() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

std::string FormatList() {
  std::string list;
  for (const Format& format : kFormats) {
    if (!list.empty()) list += "; ";
    list.append(format.name).append(": ").append(format.what);
  }
  return list;
}

const Format& FindFormat(std::string_view name) {
  for (const Format& format : kFormats) {
    if (format.name == name) return format;
  }
  return kFormats[0];
}

}  // namespace delegate_check
