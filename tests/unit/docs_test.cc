// docs/options.md and docs/operators.md are made from the tables the code runs on: this test says when they
// are out of date. NPU_UPDATE_DOCS=1 docs_test writes them anew.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "partitioner/options.h"
#include "partitioner/report.h"

namespace npu {
namespace {

void ExpectFile(const std::string& name, const std::string& expected) {
  const std::string path = std::string(NPU_SOURCE_DIR) + "/docs/" + name;
  if (std::getenv("NPU_UPDATE_DOCS") != nullptr) {
    std::ofstream(path) << expected;
    return;
  }
  std::ifstream file(path);
  std::stringstream found;
  found << file.rdbuf();
  EXPECT_EQ(found.str(), expected) << "run: NPU_UPDATE_DOCS=1 build/release/bin/docs_test";
}

TEST(Docs, OptionsAreCurrent) { ExpectFile("options.md", OptionsMarkdown()); }
TEST(Docs, OperatorsAreCurrent) { ExpectFile("operators.md", OperatorsMarkdown()); }

}  // namespace
}  // namespace npu
