// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/html/page.h"

#include <fmt/format.h>

#include <cctype>
#include <string_view>
#include <utility>

#include "tools/delegate-check/graph/layout.h"
#include "tools/delegate-check/graph/op_class.h"
#include "tools/delegate-check/graph/svg.h"
#include "tools/delegate-check/html/page_files.h"
#include "tools/delegate-check/showable.h"
#include "tools/delegate-check/summaries/words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

std::string FileText(std::string_view name) {
  for (const PageFile* file = kPageFiles; file->name != nullptr; ++file) {
    if (file->name == name) return file->text;
  }
  return {};
}

// All files of one kind, in their order.
std::string FilesText(std::string_view suffix) {
  std::string text;
  for (const PageFile* file = kPageFiles; file->name != nullptr; ++file) {
    const std::string_view name = file->name;
    if (name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix) text += file->text;
  }
  return text;
}

// JSON inside a script element: without "<", nothing in it can end the element or start a comment.
std::string ScriptJson(const Json& json) {
  std::string safe;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace)) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

// What the page shows of one model: {report, op_classes[], verdict, layout_note}; the drawing is an element
// of its own.
void AddModel(std::string& data, size_t index, Json report, const Arguments& arguments, size_t& ops_left) {
  Json model = Json::object();
  std::string svg;
  if (!report.contains("error")) {
    Json classes = Json::array();
    for (const Json& op : report["ops"]) classes.push_back(ClassOf(op).id);
    model["op_classes"] = std::move(classes);
    const size_t ops = report["ops"].size();
    std::string verdict = VerdictSentence(report["summary"]);
    verdict[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(verdict[0])));
    model["verdict"] = std::move(verdict);
    if (ops <= ops_left) {
      ops_left -= ops;
      const ModelGraph graph = MakeModelGraph(report);
      const Layout layout = MakeLayout(graph, report, arguments.layout_seconds);
      model["layout_note"] = layout.note;
      svg = SvgText(graph, layout, report, false);
    }
  }
  model["report"] = std::move(report);
  data += fmt::format("<script type=\"application/json\" id=\"model-{}\">{}</script>\n", index,
                      ScriptJson(model));
  if (!svg.empty()) data += fmt::format("<template id=\"graph-{}\">{}</template>\n", index, svg);
}

std::string Page(const std::string& title, std::string data) {
  Json classes = Json::array();
  for (const OpClass& row : kOpClasses) {
    classes.push_back(
        {{"id", row.id}, {"label", row.label}, {"tag", row.tag}, {"fill", row.fill}, {"text", row.text}});
  }
  data +=
      fmt::format("<script type=\"application/json\" id=\"op-classes\">{}</script>\n", ScriptJson(classes));
  const std::pair<std::string_view, std::string> values[] = {{"title", Xml(title)},
                                                             {"graph-style", GraphCss()},
                                                             {"style", FilesText(".css")},
                                                             {"data", std::move(data)},
                                                             {"script", FilesText(".js")}};
  std::string page;
  const std::string skeleton = FileText("page.html");
  std::string_view rest = skeleton;
  for (size_t open; (open = rest.find("{{")) != std::string_view::npos;) {
    page += rest.substr(0, open);
    rest.remove_prefix(open + 2);
    const size_t close = rest.find("}}");
    for (const auto& [name, value] : values) {
      if (name == rest.substr(0, close)) page += value;
    }
    rest.remove_prefix(close + 2);
  }
  return page.append(rest);
}

}  // namespace

std::string HtmlReport(Json report, const Arguments& arguments) {
  MakeShowable(report);
  const std::string title = report["model"].value("file", "model");
  std::string data;
  size_t ops_left = report["ops"].size();
  AddModel(data, 0, std::move(report), arguments, ops_left);
  return Page(title, std::move(data));
}

std::string HtmlCollection(Json collection, const Arguments& arguments) {
  MakeShowable(collection);
  std::string data;
  size_t ops_left = kMaxPageOps, index = 0;
  for (Json& model : collection["models"]) AddModel(data, index++, std::move(model), arguments, ops_left);
  return Page(fmt::format("{} models", index), std::move(data));
}

}  // namespace delegate_check
