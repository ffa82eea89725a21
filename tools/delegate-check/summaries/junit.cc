// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/summaries/junit.h"

#include <fmt/format.h>

#include <vector>

#include "tools/delegate-check/graph/op_class.h"
#include "tools/delegate-check/showable.h"
#include "tools/delegate-check/summaries/words.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

struct Counts {
  int tests = 0, failures = 0, skipped = 0, errors = 0;
};

class Suite {
 public:
  explicit Suite(std::string file) : file_(std::move(file)) {}

  // outcome: "failure", "error", "skipped", or null for a test that passed.
  void Case(const std::string& group, const std::string& name, const char* outcome = nullptr,
            const std::string& type = {}, const std::string& message = {}, const std::string& text = {}) {
    ++counts_.tests;
    body_ += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", Xml(file_ + "." + group), Xml(name));
    if (outcome == nullptr) {
      body_ += "/>\n";
      return;
    }
    const std::string_view what = outcome;
    ++(what == "failure" ? counts_.failures : what == "error" ? counts_.errors : counts_.skipped);
    const std::string type_attribute = type.empty() ? "" : fmt::format(" type=\"{}\"", Xml(type));
    body_ += fmt::format(">\n      <{0}{1} message=\"{2}\">{3}</{0}>\n    </testcase>\n", outcome,
                         type_attribute, Xml(message), Xml(text));
  }

  std::string Text() const {
    return fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n{}  "
        "</testsuite>\n",
        Xml(file_), counts_.tests, counts_.failures, counts_.errors, counts_.skipped, body_);
  }
  const Counts& counts() const { return counts_; }

 private:
  std::string file_;
  std::string body_;
  Counts counts_;
};

Suite ErrorSuite(const std::string& file, const Json& error) {
  Suite suite(file);
  suite.Case("model", "model", "error", error["code"], error["text"]);
  return suite;
}

Suite ModelSuite(const std::string& file, const Json& report) {
  Suite suite(file);
  suite.Case("model", "model");
  for (const Json& gate : report.value("gates", Json::array())) {
    const bool passed = gate["passed"];
    suite.Case("gates", gate["gate"], passed ? nullptr : "failure", "gate",
               fmt::format("{}; allowed: {}", gate["actual"].get<std::string>(),
                           gate["allowed"].get<std::string>()));
  }
  if (report.contains("verify")) {
    const std::string failure = VerifyFailure(report);
    suite.Case("verify", "verify", failure.empty() ? nullptr : "failure", "verify", failure);
  }
  if (report.contains("verify_layers")) {
    const std::string failure = LayersFailure(report);
    suite.Case("verify", "verify-layers", failure.empty() ? nullptr : "failure", "verify", failure);
  }
  for (const Json& op : report["ops"]) {
    if (op["placement"] == "npu") continue;
    std::vector<std::string> reasons;
    for (const Json& reason : op["reasons"]) reasons.push_back(ReasonSentence(reason));
    suite.Case("operators",
               fmt::format("Op#{} {} {}", op["index"].get<int>(), op["op"].get<std::string>(),
                           op["name"].get<std::string>()),
               "skipped", {},
               fmt::format("{}{}{}", ClassOf(op).label, reasons.empty() ? "" : ": ",
                           reasons.empty() ? "" : reasons[0]),
               fmt::format("{}", fmt::join(reasons, "\n")));
  }
  return suite;
}

std::string Document(const std::vector<Suite>& suites) {
  Counts all;
  std::string body;
  for (const Suite& suite : suites) {
    all.tests += suite.counts().tests;
    all.failures += suite.counts().failures;
    all.errors += suite.counts().errors;
    all.skipped += suite.counts().skipped;
    body += suite.Text();
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"delegate-check\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
      "skipped=\"{}\">\n{}</testsuites>\n",
      all.tests, all.failures, all.errors, all.skipped, body);
}

}  // namespace

std::string JunitReport(Json report, const Arguments&) {
  MakeShowable(report);
  return Document({ModelSuite(report["model"].value("file", "model"), report)});
}

std::string JunitCollection(Json collection, const Arguments&) {
  MakeShowable(collection);
  std::vector<Suite> suites;
  for (const Json& entry : collection["models"]) {
    const std::string file = entry["file"];
    suites.push_back(entry.contains("error") ? ErrorSuite(file, entry["error"]) : ModelSuite(file, entry));
  }
  return Document(suites);
}

std::string JunitError(Json error, const Arguments&) {
  MakeShowable(error);
  return Document({ErrorSuite(error.value("file", "delegate-check"), error)});
}

}  // namespace delegate_check
