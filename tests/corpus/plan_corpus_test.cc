// The plan of every model in the shared corpus: the promises of plan.h hold for all, 8-bit models made of
// supported operators are ours from end to end in one partition, and the diagnosis agrees with the corpus'
// own classification. Skipped where the corpus is not there.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "partitioner/diagnosis.h"
#include "partitioner/plan.h"
#include "partitioner/report.h"
#include "schema/reader.h"
#include "tests/partition/partition_invariants.h"

namespace npu {
namespace {

struct Row {
  std::string path, qclass, histogram;
  int subgraphs = 0;
};

const std::filesystem::path kModels = std::filesystem::path(NPU_SHARED_DIR) / "models";

std::vector<std::string> SplitText(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::string part;
  std::istringstream stream(text);
  while (std::getline(stream, part, separator)) parts.push_back(part);
  return parts;
}

std::vector<Row> ReadIndex() {
  std::ifstream file(kModels / "INDEX.tsv");
  std::string line;
  std::getline(file, line);
  std::map<std::string, size_t> column;
  for (const std::string& name : SplitText(line, '\t')) column.emplace(name, column.size());
  std::vector<Row> rows;
  while (std::getline(file, line)) {
    const auto cells = SplitText(line, '\t');
    rows.push_back({cells.at(column.at("path")), cells.at(column.at("qclass")),
                    cells.at(column.at("op_histogram")), std::stoi(cells.at(column.at("subgraphs")))});
  }
  return rows;
}

// The operators that the first release runs on the NPU, or evaluates when the plan is made.
const std::set<std::string> kSupported = {"CONV_2D",
                                          "DEPTHWISE_CONV_2D",
                                          "FULLY_CONNECTED",
                                          "ADD",
                                          "SUB",
                                          "MUL",
                                          "AVERAGE_POOL_2D",
                                          "MAX_POOL_2D",
                                          "MEAN",
                                          "PAD",
                                          "PADV2",
                                          "RESHAPE",
                                          "SQUEEZE",
                                          "EXPAND_DIMS",
                                          "CONCATENATION",
                                          "SOFTMAX",
                                          "LOGISTIC",
                                          "TANH",
                                          "RELU",
                                          "RELU6",
                                          "RELU_N1_TO_1",
                                          "LEAKY_RELU",
                                          "HARD_SWISH",
                                          "QUANTIZE",
                                          "DEQUANTIZE",
                                          "RESIZE_NEAREST_NEIGHBOR",
                                          "RESIZE_BILINEAR",
                                          "TRANSPOSE",
                                          "STRIDED_SLICE",
                                          "SLICE",
                                          "SPLIT",
                                          "SHAPE",
                                          "PACK"};

bool OnlySupportedOps(const Row& row) {
  for (const std::string& item : SplitText(row.histogram, ';')) {
    if (!kSupported.count(item.substr(0, item.rfind(':')))) return false;
  }
  return true;
}

// Models that are not ours from end to end; the files say why that is right (corpus.py reads them, too).
std::set<std::string> ReadExceptions() {
  std::set<std::string> paths;
  std::ifstream exceptions(std::string(NPU_SOURCE_DIR) + "/tests/corpus/exceptions.tsv");
  for (std::string line; std::getline(exceptions, line);) paths.insert(line.substr(0, line.find('\t')));
  std::ifstream file(std::string(NPU_SOURCE_DIR) + "/tests/conformance.tsv");
  std::stringstream table;
  table << file.rdbuf();
  const std::string text = table.str();
  for (const ConformanceRow& row : ReadConformance(text)) {
    if (row.models.find('*') == std::string_view::npos) paths.emplace(row.models);
  }
  return paths;
}

// The first lines of a long story.
std::string Head(const std::string& text, int lines) {
  size_t end = 0;
  for (int i = 0; i < lines && end != std::string::npos; ++i) end = text.find('\n', end == 0 ? 0 : end + 1);
  return end == std::string::npos ? text : text.substr(0, end) + "\n  ...\n";
}

class PlanCorpus : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kModels / "INDEX.tsv")) GTEST_SKIP() << "no shared models at " << kModels;
    rows_ = ReadIndex();
    ASSERT_GT(rows_.size(), 1000u);
  }
  std::vector<Row> rows_;
};

TEST_F(PlanCorpus, EveryPlanHolds) {
  int planned = 0;
  for (const Row& row : rows_) {
    SCOPED_TRACE(row.path);
    const auto model = ReadModelFile((kModels / row.path).string());
    if (!model) continue;  // the reader's tests judge that
    for (const auto& graph : model->subgraphs) {
      const auto plan = MakePlan(std::make_shared<Graph>(*graph), {});
      ASSERT_TRUE(plan) << plan.error().text;
      // The sweeps that test a plan know nothing of side effects.
      const bool resources = row.histogram.find("VAR_HANDLE") != std::string::npos ||
                             row.histogram.find("CALL_ONCE") != std::string::npos ||
                             row.histogram.find("HASHTABLE") != std::string::npos ||
                             row.histogram.find("WHILE") != std::string::npos ||
                             row.histogram.find("IF:") != std::string::npos;
      if (!resources) test::ExpectPlanHolds(*plan);
      const auto again = MakePlan(std::make_shared<Graph>(*graph), {});
      EXPECT_EQ(ReportJson(*plan), ReportJson(*again));
      ++planned;
    }
  }
  std::cout << planned << " graphs planned\n";
  EXPECT_GT(planned, 1000);
}

TEST_F(PlanCorpus, HostileModelsThatCanBeReadHaveAPlanThatHolds) {
  int planned = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kModels / "hostile")) {
    if (entry.path().extension() != ".tflite") continue;
    SCOPED_TRACE(entry.path());
    const auto model = ReadModelFile(entry.path().string());
    if (!model) continue;
    for (const auto& graph : model->subgraphs) {
      const auto plan = MakePlan(std::make_shared<Graph>(*graph), {});
      ASSERT_TRUE(plan) << plan.error().text;
      test::ExpectPlanHolds(*plan);
      EXPECT_FALSE(ReportJson(*plan).empty());
      ++planned;
    }
  }
  std::cout << planned << " hostile graphs planned\n";
  EXPECT_GT(planned, 20);
}

TEST_F(PlanCorpus, EightBitModelsAreOursInOnePartition) {
  const std::set<std::string> exceptions = ReadExceptions();
  std::map<std::string, int> causes;
  int judged = 0, right = 0;
  for (const Row& row : rows_) {
    if ((row.qclass != "int8-full" && row.qclass != "uint8-full") || row.subgraphs != 1 ||
        !OnlySupportedOps(row)) {
      continue;
    }
    ++judged;
    std::ostringstream problems;
    const auto model = ReadModelFile((kModels / row.path).string());
    if (!model) {
      problems << "  not read: " << model.error().text << "\n";
      ++causes["not read"];
    } else {
      const auto plan = MakePlan(std::make_shared<Graph>(*model->subgraphs[0]), {});
      ASSERT_TRUE(plan) << row.path;
      const bool conversion_only = Diagnose(*plan->graph).kind == ModelKind::kConversionOnly;
      for (size_t i = 0; i < plan->ops.size(); ++i) {
        const OpPlan& op = plan->ops[i];
        const OpKind kind = plan->graph->ops[i].kind;
        const bool border = op.placement == Placement::kDelegateCpu &&
                            (kind == OpKind::kQuantize || kind == OpKind::kDequantize);
        if (op.placement == Placement::kNpu || border) continue;
        problems << "  " << DescribeOp(*plan->graph, static_cast<int>(i)) << " on "
                 << PlacementName(op.placement) << "\n";
        for (const Reason& reason : op.reasons) {
          problems << "    " << ReasonCodeName(reason.code) << " " << reason.text << ": " << reason.actual
                   << "; allowed: " << reason.allowed << "\n";
          ++causes[std::string(OpName(plan->graph->ops[i])) + " " + std::string(ReasonCodeName(reason.code))];
        }
      }
      if (plan->partitions.size() != 1 && !conversion_only) {
        problems << "  " << plan->partitions.size() << " partitions\n";
      }
    }
    const bool excepted = exceptions.count(row.path) > 0;
    if (problems.str().empty()) {
      ++right;
      EXPECT_FALSE(excepted) << row.path << " needs no exception any more";
    } else if (!excepted) {
      ADD_FAILURE() << row.path << "\n" << Head(problems.str(), 8);
    }
  }
  std::cout << right << " of " << judged << " models are ours from end to end, " << exceptions.size()
            << " exceptions; failed rules:\n";
  for (const auto& [cause, count] : causes) std::cout << "  " << count << " x " << cause << "\n";
  EXPECT_GT(judged, 400);
}

// The corpus' names for the kinds; several of ours share one where the corpus does not look at the border.
std::string CorpusClass(ModelKind kind) {
  switch (kind) {
    case ModelKind::kInt8:
    case ModelKind::kInt8FloatIo:
    case ModelKind::kInt8MixedIo: return "int8-full";
    case ModelKind::kUint8: return "uint8-full";
    case ModelKind::kMixed: return "mixed-int+float";
    case ModelKind::kConversionOnly: return "quantize/dequantize-only";
    case ModelKind::kEmpty: return "no-ops";
    default: return std::string(ModelKindCode(kind));
  }
}

TEST_F(PlanCorpus, DiagnosisAgreesWithTheCorpus) {
  std::map<std::string, int> differences;
  int judged = 0, same = 0;
  for (const Row& row : rows_) {
    const auto model = ReadModelFile((kModels / row.path).string());
    if (!model) continue;
    const Diagnosis diagnosis = Diagnose(*model->subgraphs[0]);
    EXPECT_FALSE(diagnosis.sentence.empty());
    ++judged;
    // Two kinds that the corpus does not know: it looks at tensors alone, not at custom operators.
    const bool finer = diagnosis.kind == ModelKind::kPrecompiled || diagnosis.kind == ModelKind::kBinary;
    if (CorpusClass(diagnosis.kind) == row.qclass || finer) {
      ++same;
    } else {
      ++differences[row.qclass + " is " + std::string(diagnosis.code)];
      std::cout << "  " << row.path << ": " << row.qclass << " is " << diagnosis.code << "\n";
    }
  }
  std::cout << same << " of " << judged << " models agree, " << rows_.size() - judged << " cannot be read\n";
  for (const auto& [what, count] : differences) std::cout << "  " << count << " x " << what << "\n";
  EXPECT_EQ(same, judged);
}

}  // namespace
}  // namespace npu
