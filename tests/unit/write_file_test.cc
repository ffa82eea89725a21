// SPDX-License-Identifier: Apache-2.0
#include "base/write_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace npu {
namespace {

namespace fs = std::filesystem;

std::string Read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class WriteFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("write_file_test." + std::to_string(getpid()));
    fs::create_directory(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  size_t Files() const { return std::distance(fs::directory_iterator(folder_), {}); }

  fs::path folder_;
};

TEST_F(WriteFile, ReplacesTheWholeFileAndLeavesNothingElse) {
  const std::string path = folder_ / "report";
  ASSERT_TRUE(WriteFileAtomically(path, "a long first text"));
  ASSERT_TRUE(WriteFileAtomically(path, "second"));
  EXPECT_EQ(Read(path), "second");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(WriteFile, FailuresNameTheReasonAndLeaveTheOldFile) {
  const Status missing = WriteFileAtomically(folder_ / "none" / "report", "x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kIo);
  EXPECT_EQ(missing.error().text, "No such file or directory");
  fs::create_directory(folder_ / "taken");
  EXPECT_FALSE(WriteFileAtomically(folder_ / "taken", "x"));
  EXPECT_EQ(Files(), 1u) << "nothing is left beside it";
}

TEST_F(WriteFile, CheckWritableLeavesNoTrace) {
  EXPECT_TRUE(CheckWritable(folder_ / "report"));
  EXPECT_EQ(Files(), 0u);
  EXPECT_EQ(CheckWritable(folder_ / "none" / "report").error().text, "No such file or directory");
  EXPECT_EQ(CheckWritable(folder_).error().text, "Is a directory");
}

}  // namespace
}  // namespace npu
