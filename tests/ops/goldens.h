// Files of what LiteRT answered (tests/data/make_*_goldens.py): JSON lists of cases, bytes as hexadecimal text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/graph_builder.h"

namespace npu::test {

// A test failure and an empty list if the file is missing or has not more than `more_than` cases.
inline nlohmann::json ReadGoldens(const std::string& name, size_t more_than) {
  std::ifstream file(NPU_TEST_DATA_DIR "/" + name);
  EXPECT_TRUE(file) << "missing test data: " << name;
  if (!file) return nlohmann::json::array();
  nlohmann::json cases = nlohmann::json::parse(file);
  EXPECT_GT(cases.size(), more_than);
  return cases;
}

inline Bytes FromHex(const std::string& text) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

// A type's name in the goldens.
inline DataType TypeNamed(const std::string& name) {
  if (name == "INT8") return DataType::kInt8;
  if (name == "UINT8") return DataType::kUInt8;
  if (name == "INT32") return DataType::kInt32;
  if (name == "INT64") return DataType::kInt64;
  EXPECT_EQ(name, "FLOAT32") << "a type that no golden has";
  return DataType::kFloat32;
}

}  // namespace npu::test
