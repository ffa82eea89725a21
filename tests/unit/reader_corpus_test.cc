// The reader over the shared corpus: whatever a host runs must be read; whatever a host refuses at load time
// is refused here, too, with the exceptions named below.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "schema/reader.h"
#include "tests/support/model_promises.h"

namespace npu::test {
namespace {

const std::filesystem::path kModels = std::filesystem::path(NPU_SHARED_DIR) / "models";

struct Row {
  std::string path, verdict;
};

// The `path` column and the column named `verdict` of a table with a header line.
std::vector<Row> ReadTable(const std::filesystem::path& table, const std::string& verdict) {
  std::vector<Row> rows;
  std::ifstream file(table);
  int verdict_column = -1;
  for (std::string line; std::getline(file, line);) {
    std::istringstream stream(line);
    std::vector<std::string> columns;
    for (std::string column; std::getline(stream, column, '\t');) columns.push_back(column);
    if (verdict_column < 0) {
      verdict_column = static_cast<int>(std::ranges::find(columns, verdict) - columns.begin());
    } else if (verdict_column < static_cast<int>(columns.size())) {
      rows.push_back({columns[0], columns[verdict_column]});
    }
  }
  return rows;
}

// Models that LiteRT refuses or cannot load: real faults of the file, each with what our error names.
const std::pair<const char*, const char*> kRefused[] = {
    {"real/google-ai-edge+LiteRT/tflite/converter/quantization/lite/testdata/lstm_calibrated2.tflite",
     "T#23 \"output_gate_ln_weights-1\": shape[0] is -1"},
    {"real/google-ai-edge+LiteRT/tflite/converter/quantization/lite/testdata/lstm_quantized2.tflite",
     "T#23 \"output_gate_ln_weights-1\": shape[0] is -1"},
    {"real/google-ai-edge+LiteRT/tflite/converter/quantization/lite/testdata/transpose.tflite",
     "version is 2"},
    {"real/google-ai-edge+LiteRT/tflite/testdata/add_shared_tensors.tflite",
     "T#1 \"input\" is written by Op#0"},
    {"real/tensorflow+tflite-micro/models/person_detect.tflite", "quantized_dimension is 3"},
};

TEST(ReaderCorpus, ReadsWhatHostsRun) {
  if (!std::filesystem::exists(kModels / "INDEX.tsv")) GTEST_SKIP() << kModels << " is not there";
  const auto rows = ReadTable(kModels / "INDEX.tsv", "litert_2.3.0");
  ASSERT_GT(rows.size(), 1000u);
  int params_errors = 0;
  for (const Row& row : rows) {
    const auto model = ReadModelFile(kModels / row.path);
    const auto* refused = std::ranges::find_if(kRefused, [&](const auto& r) { return row.path == r.first; });
    if (refused != std::end(kRefused)) {
      EXPECT_NE(row.verdict, "ok") << row.path;
      ASSERT_FALSE(model) << row.path;
      EXPECT_NE(model.error().text.find(refused->second), std::string::npos) << model.error().text;
      continue;
    }
    ASSERT_TRUE(model) << model.error().text << " (host: " << row.verdict << ")";
    EXPECT_EQ(BrokenPromise(*model), "") << row.path;
    for (const auto& graph : model->subgraphs) {
      for (const Op& op : graph->ops) params_errors += !op.params_error.empty();
    }
  }
  EXPECT_EQ(params_errors, 0) << "every operator of a real model has readable parameters";
}

// Hosts refuse these when they look for a kernel; the files themselves are in order.
const std::set<std::string> kNoKernel = {"segment_sum_invalid_buffer.tflite", "d2s_block_max.tflite",
                                         "d2s_block_neg.tflite", "d2s_block_zero.tflite",
                                         "op_version_4096.tflite"};

TEST(ReaderCorpus, RefusesWhatHostsCannotLoad) {
  if (!std::filesystem::exists(kModels / "hostile/HOSTILE.tsv")) GTEST_SKIP() << kModels << " is not there";
  const auto rows = ReadTable(kModels / "hostile/HOSTILE.tsv", "litert_2.3.0_BUILTIN_REF");
  ASSERT_GT(rows.size(), 300u);
  int read = 0;
  for (const Row& row : rows) {
    const std::filesystem::path path = kModels / row.path;
    const auto model = ReadModelFile(path);
    if (model) {
      ++read;
      EXPECT_EQ(BrokenPromise(*model), "") << row.path;
    } else {
      EXPECT_NE(model.error().text, "") << row.path;
    }
    if (row.verdict.starts_with("REJECT-LOAD")) {
      EXPECT_EQ(model.has_value(), kNoKernel.contains(path.filename())) << row.path << ": " << row.verdict;
    }
  }
  EXPECT_GT(read, 100) << "models with bad parameters but sound structure are for Check to judge";
}

}  // namespace
}  // namespace npu::test
