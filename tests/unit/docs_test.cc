// docs/options.md and docs/operators.md are made from the tables the code runs on: this test says when they
// are out of date. NPU_UPDATE_DOCS=1 docs_test writes them anew.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "backends/ops/refusals.h"
#include "backends/ops/room.h"
#include "partitioner/advice.h"
#include "partitioner/options.h"
#include "partitioner/report.h"
#include "partitioner/selection.h"

namespace npu {
namespace {

std::string ReadFile(const std::string& name) {
  std::ifstream file(std::string(NPU_SOURCE_DIR) + "/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void ExpectFile(const std::string& name, const std::string& expected) {
  const std::string path = std::string(NPU_SOURCE_DIR) + "/docs/" + name;
  if (std::getenv("NPU_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << expected;
    return;
  }
  EXPECT_EQ(ReadFile("docs/" + name), expected) << "run: NPU_UPDATE_DOCS=1 build/release/bin/docs_test";
}

TEST(Docs, OptionsAreCurrent) { ExpectFile("options.md", OptionsMarkdown()); }
TEST(Docs, OperatorsAreCurrent) {
  ExpectFile("operators.md", OperatorsMarkdown(ReadFile("tests/conformance.tsv")));
}

// Every advice has its section of docs/advice.md, in the order of the table, and no section is about anything else.
TEST(Docs, EveryAdviceHasItsSection) {
  std::vector<std::string> sections, ids;
  std::set<std::string> with_text;
  std::istringstream text(ReadFile("docs/advice.md"));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("## ")) {
      sections.push_back(line.substr(3));
    } else if (!line.empty() && !line.starts_with("#") && !sections.empty()) {
      with_text.insert(sections.back());
    }
  }
  EXPECT_EQ(with_text.size(), sections.size()) << "a section is empty, or there twice";
  for (const AdviceText& advice : AllAdvice()) ids.emplace_back(advice.name);
  EXPECT_EQ(sections, ids);
}

// The closed vocabularies in docs/report.schema.json are those of the code, in the same order.
TEST(Docs, SchemaHasTheVocabularies) {
  const auto schema = nlohmann::json::parse(ReadFile("docs/report.schema.json"), nullptr, false);
  ASSERT_FALSE(schema.is_discarded());
  nlohmann::json ids = nlohmann::json::array(), codes = ids, types = ids;
  for (const AdviceText& advice : AllAdvice()) ids.push_back(advice.name);
#define NPU_REASON(enumerator, code, kind, sentence) codes.push_back(code);
#include "backends/reasons.def"
  for (int type = 0; type < kDataTypeCount; ++type) types.push_back(DataTypeName(static_cast<DataType>(type)));
  EXPECT_EQ(schema["$defs"]["advice_id"]["enum"], ids);
  EXPECT_EQ(schema["$defs"]["reason_code"]["enum"], codes);
  EXPECT_EQ(schema["$defs"]["element_type"]["enum"], types);
}

// The table and the rooms are one description: what has no room is in the table, as a whole, and what has one
// is not.
TEST(Conformance, EveryOperatorHasARoomOrARow) {
  const std::string table = ReadFile("tests/conformance.tsv");
  std::set<std::string> whole;
  for (const ConformanceRow& row : ReadConformance(table)) {
    SCOPED_TRACE(std::string(row.op) + " " + std::string(row.models));
    EXPECT_TRUE(row.status == "unsupported" || row.status == "expected-failure") << row.status;
    EXPECT_TRUE(row.backend == "*" || row.backend == "opencl" || row.backend == "reference") << row.backend;
    EXPECT_FALSE(row.models.empty());
    EXPECT_FALSE(row.reason.empty());
    if (row.models == "*") {
      EXPECT_TRUE(whole.emplace(row.op).second) << "twice";
    }
  }
  std::set<std::string> used;
  const auto check = [&](std::string_view name, bool has_room) {
    const auto row = std::find_if(whole.begin(), whole.end(),
                                  [&](const std::string& pattern) { return GlobMatches(pattern, name); });
    if (row != whole.end()) used.insert(*row);
    EXPECT_EQ(row != whole.end(), !has_room)
        << name << (has_room ? " has a room: delete its row" : " has neither a room nor a row")
        << " in tests/conformance.tsv";
  };
#define NPU_OP(kind, code, name, version, params, room) check(name, FindRoom(OpKind::kind) != nullptr);
#define NPU_CUSTOM_OP(kind, name, params, room) check(name, FindRoom(OpKind::kind) != nullptr);
#include "schema/ops.def"
  EXPECT_EQ(used, whole) << "a row names no operator";
  for (const ConformanceRow& row : ReadConformance(table)) {
    const auto kind = FindOpByName(row.op);
    if (kind && !RefusalOf(*kind).empty()) {
      EXPECT_EQ(row.status, "unsupported") << row.op << " is refused for good";
    }
  }
}

}  // namespace
}  // namespace npu
