// What is found in models whose conversion went wrong, on graphs made here and on the corpus.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/findings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "schema/reader.h"
#include "tests/support/graph_builder.h"

namespace npu::test {
namespace {

// q -> DEQUANTIZE -> ADD(constant) -> QUANTIZE -> DEQUANTIZE -> MUL(constant, or one of its own) -> QUANTIZE
std::shared_ptr<Graph> Islands(bool shared) {
  GraphBuilder b;
  const int q = b.Input(DataType::kInt8, {4}, 0.5f);
  const std::vector<float> zeros(4);
  const int constant = b.Constant(DataType::kFloat32, {4}, zeros);
  const int other = b.Constant(DataType::kFloat32, {4}, zeros);
  const int a = b.Tensor(DataType::kFloat32, {4}), sum = b.Tensor(DataType::kFloat32, {4});
  const int mid = b.Tensor(DataType::kInt8, {4}, 0.5f), c = b.Tensor(DataType::kFloat32, {4});
  const int product = b.Tensor(DataType::kFloat32, {4}), out = b.Tensor(DataType::kInt8, {4}, 0.5f);
  b.Op(OpKind::kDequantize, {q}, {a});
  b.Op(OpKind::kAdd, {a, constant}, {sum}, BinaryParams{});
  b.Op(OpKind::kQuantize, {sum}, {mid});
  b.Op(OpKind::kDequantize, {mid}, {c});
  b.Op(OpKind::kMul, {c, shared ? constant : other}, {product}, BinaryParams{});
  b.Op(OpKind::kQuantize, {product}, {out});
  return b.Build({out});
}

TEST(Findings, ConstantsSharedByFloatIslands) {
  const auto graph = Islands(true);
  const auto findings = FindProblems(*graph);
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].code, "SHARED_CONSTANT");
  EXPECT_EQ(findings[0].op, 1);
  EXPECT_EQ(findings[1].op, 4);
  EXPECT_NE(findings[0].text.find("T#1"), std::string::npos);
  EXPECT_NE(findings[0].text.find("ADD (Op#1), MUL (Op#4)"), std::string::npos) << findings[0].text;
  EXPECT_NE(findings[0].text.find("all zero"), std::string::npos);
}

TEST(Findings, FloatIslandsOfOtherCauses) {
  const auto findings = FindProblems(*Islands(false));
  ASSERT_EQ(findings.size(), 2u);
  for (const Finding& finding : findings) EXPECT_EQ(finding.code, "FLOAT_ISLAND");
  EXPECT_NE(findings[0].text.find("ADD (Op#1) in float"), std::string::npos) << findings[0].text;
  EXPECT_NE(findings[0].text.find("8-bit form, which the converter did not use"), std::string::npos);

  // Several operators one behind the other, one without an 8-bit form; what only leads to an output is no island.
  GraphBuilder b;
  const int q = b.Input(DataType::kInt8, {4}, 0.5f), a = b.Tensor(DataType::kFloat32, {4});
  const int down = b.Tensor(DataType::kFloat32, {4}), twice = b.Tensor(DataType::kFloat32, {4});
  const int end = b.Tensor(DataType::kFloat32, {4}), out = b.Tensor(DataType::kInt8, {4}, 0.5f);
  b.Op(OpKind::kDequantize, {q}, {a});
  b.Op(OpKind::kFloor, {a}, {down});
  b.Op(OpKind::kFloor, {down}, {twice});
  b.Op(OpKind::kQuantize, {twice}, {out});
  b.Op(OpKind::kFloor, {a}, {end});
  const auto chain = FindProblems(*b.Build({out, end}));
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_EQ(chain[0].code, "FLOAT_ISLAND");
  EXPECT_NE(chain[0].text.find("2 x FLOOR (Op#1, Op#2)"), std::string::npos) << chain[0].text;
  EXPECT_NE(chain[0].text.find("no 8-bit form"), std::string::npos);
  EXPECT_EQ(chain[1].code, "FLOAT_OUTPUT");
}

TEST(Findings, OutputsThatStayedFloatOrWereUnpacked) {
  GraphBuilder b;
  const int q = b.Input(DataType::kInt8, {2, 40}, 0.5f);
  const int bits = b.Tensor(DataType::kInt32, {2, 2}), signs = b.Tensor(DataType::kFloat32, {2, 40});
  const int doubled = b.Tensor(DataType::kFloat32, {2, 40});
  b.Op(OpKind::kLceQuantize, {q}, {bits});
  b.Op(OpKind::kLceDequantize, {bits}, {signs});
  b.Op(OpKind::kAdd, {signs, signs}, {doubled}, BinaryParams{});
  const auto findings = FindProblems(*b.Build({signs, doubled, bits}));
  ASSERT_EQ(findings.size(), 2u);
  EXPECT_EQ(findings[0].code, "PACKED_OUTPUT_UNPACKED");
  EXPECT_EQ(findings[0].op, 1);
  EXPECT_EQ(findings[1].code, "FLOAT_OUTPUT");
  EXPECT_EQ(findings[1].op, 2);
}

TEST(Findings, ModelsOfTheCorpus) {
  const std::string larq = std::string(NPU_SHARED_DIR) + "/models/larq/";
  if (!std::filesystem::exists(larq)) GTEST_SKIP() << "no models at " << larq;
  const auto codes = [&](const std::string& name) {
    const auto model = ReadModelFile(larq + name);
    EXPECT_TRUE(model) << name;
    std::vector<std::string> found;
    if (!model) return found;
    for (const Finding& finding : FindProblems(*model->subgraphs[0])) {
      found.push_back(fmt::format("{} {}", finding.code, OpName(model->subgraphs[0]->ops[finding.op])));
    }
    return found;
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(codes("lce07/tf40055_int8.lce07.tflite"), (List{"SHARED_CONSTANT CONV_2D", "SHARED_CONSTANT ADD"}));
  EXPECT_EQ(codes("BinaryDenseNet28_cifar_int8.tflite"), List{"SHARED_CONSTANT CONV_2D"});
  EXPECT_EQ(codes("tf40055_workaround_int8.tflite"), List{});
  EXPECT_EQ(codes("small_bnn_int8.tflite"), List{"FLOAT_OUTPUT LceBconv2d"});
  EXPECT_EQ(codes("seed1_sign_float.tflite"), List{"PACKED_OUTPUT_UNPACKED LceDequantize"});
}

}  // namespace
}  // namespace npu::test
