// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/summaries/github.h"

#include <fmt/format.h>

#include <string_view>
#include <vector>

#include "tools/delegate-check/showable.h"
#include "tools/delegate-check/summaries/words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// A workflow command is one line; its message keeps what would end it in percent form, its properties also
// what would end them.
std::string Escaped(std::string_view text, bool property) {
  std::string escaped;
  for (const char c : text) {
    const bool special = c == '%' || c == '\r' || c == '\n' || (property && (c == ':' || c == ','));
    escaped += special ? fmt::format("%{:02X}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  return escaped;
}

std::string Line(const char* level, const std::string& file, const std::string& title,
                 const std::string& message) {
  return fmt::format("::{} {}title={}::{}\n", level,
                     file.empty() ? "" : fmt::format("file={},", Escaped(file, true)), Escaped(title, true),
                     Escaped(message, false));
}

std::string BlockerMessage(const Json& report, const Json& blocker) {
  std::vector<std::string> lines;
  for (const Json& reason : blocker["reasons"]) lines.push_back(ReasonSentence(reason));
  lines.push_back("Costs " + BlockerCost(blocker) + ".");
  for (const Json& id : blocker["advice"]) {
    if (const Json* advice = FindAdvice(report, id)) {
      lines.push_back(
          fmt::format("{}: {}", (*advice)["title"].get<std::string>(), (*advice)["text"].get<std::string>()));
    }
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string ModelLines(const std::string& file, const Json& report) {
  std::string text;
  for (const Json& gate : report.value("gates", Json::array())) {
    if (gate["passed"].get<bool>()) continue;
    text += Line("error", file, "gate " + gate["gate"].get<std::string>(),
                 fmt::format("is {}; allowed: {}", gate["actual"].get<std::string>(),
                             gate["allowed"].get<std::string>()));
  }
  if (const std::string failure = VerifyFailure(report); !failure.empty())
    text += Line("error", file, "verify", failure);
  if (const std::string failure = LayersFailure(report); !failure.empty())
    text += Line("error", file, "verify-layers", failure);
  for (const Json& blocker : report["blockers"]) {
    const size_t more = blocker["ops"].size() - 1;
    text += Line(
        "warning", file,
        fmt::format("Op#{} {}{} not on the NPU", blocker["ops"][0].get<int>(),
                    blocker["op"].get<std::string>(), more == 0 ? "" : fmt::format(" and {} more", more)),
        BlockerMessage(report, blocker));
  }
  return text + Line("notice", file, "NPU placement", VerdictSentence(report["summary"]));
}

std::string ErrorLine(const std::string& file, const Json& error) {
  return Line("error", file, error["code"], error["text"]);
}

}  // namespace

std::string GithubReport(Json report, const Arguments& arguments) {
  MakeShowable(report);
  // Annotations belong to a file of the repository, so they need its path and not its name alone.
  Json file =
      arguments.models.empty() ? Json(report["model"].value("file", "")) : Json(arguments.models.front());
  MakeShowable(file);
  return ModelLines(file, report);
}

std::string GithubCollection(Json collection, const Arguments&) {
  MakeShowable(collection);
  std::string text;
  for (const Json& entry : collection["models"]) {
    const std::string file = entry["file"];
    text += entry.contains("error") ? ErrorLine(file, entry["error"]) : ModelLines(file, entry);
  }
  return text;
}

std::string GithubError(Json error, const Arguments&) {
  MakeShowable(error);
  return ErrorLine(error.value("file", ""), error);
}

}  // namespace delegate_check
