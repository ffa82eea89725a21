// Exhaustive damage to small models: every truncation, every bit of every byte, and the extreme bytes.
// The outcome is a model that keeps its promises or an error with a text; nothing else.
// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flexbuffers.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "schema/reader.h"
#include "tests/support/model_promises.h"
#include "tests/support/tflite_file.h"

namespace npu::test {
namespace {

// Fails the test (once, with the place) unless the outcome is one of the two.
::testing::AssertionResult Sound(std::span<const std::byte> bytes) {
  const auto model = ReadModel(bytes, nullptr);
  if (!model) {
    if (!model.error().text.empty()) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "an error without a text";
  }
  const std::string broken = BrokenPromise(*model);
  if (broken.empty()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "breaks a promise: " << broken;
}

void Sweep(std::vector<std::byte> bytes, const std::string& name) {
  for (size_t length = 0; length < bytes.size(); ++length) {
    // A block of exactly this size, so that a sanitizer sees any read behind it.
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    ASSERT_TRUE(Sound(cut)) << name << " cut to " << length;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    const std::byte old = bytes[i];
    const auto try_value = [&](std::byte value) {
      bytes[i] = value;
      ASSERT_TRUE(Sound(bytes)) << name << " byte " << i << " set to " << static_cast<int>(value);
    };
    for (int bit = 0; bit < 8; ++bit) ASSERT_NO_FATAL_FAILURE(try_value(old ^ static_cast<std::byte>(1 << bit)));
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      ASSERT_NO_FATAL_FAILURE(try_value(static_cast<std::byte>(value)));
    }
    ASSERT_NO_FATAL_FAILURE(try_value(old ^ std::byte{0xff}));
    bytes[i] = old;
  }
}

TEST(ReaderSweep, ConvAndAdd) { Sweep(WriteFile(*SmallFileModel()), "SmallFileModel"); }

TEST(ReaderSweep, CustomOptions) {
  flexbuffers::Builder builder;
  builder.Map([&] {
    for (const char* key : {"channels_in", "stride_height", "stride_width", "dilation_height_factor",
                            "dilation_width_factor", "padding", "pad_values", "fused_activation_function"}) {
      builder.Int(key, 1);
    }
  });
  builder.Finish();
  Sweep(WriteFile(*CustomOpFileModel("LceBconv2d", builder.GetBuffer())), "LceBconv2d");
}

struct SmallModel {
  std::filesystem::path path;
  uintmax_t bytes;
};

// The smallest model for each combination of operators, up to a total that takes seconds.
std::vector<SmallModel> SmallCorpus(const std::filesystem::path& models) {
  constexpr uintmax_t kMaxFileBytes = 20'000, kMaxTotalBytes = 100'000;
  std::vector<std::pair<uintmax_t, std::pair<std::string, std::string>>> rows;
  std::ifstream index(models / "INDEX.tsv");
  std::string line;
  std::getline(index, line);
  while (std::getline(index, line)) {
    std::vector<std::string> columns;
    std::istringstream stream(line);
    for (std::string column; std::getline(stream, column, '\t');) columns.push_back(column);
    if (columns.size() < 11) continue;
    // Column 6: size in bytes; 10: operators with their counts.
    rows.push_back({std::stoull(columns[6]), {columns[10], columns[0]}});
  }
  std::ranges::sort(rows);
  std::set<std::string> seen;
  std::vector<SmallModel> chosen;
  uintmax_t total = 0;
  for (const auto& [bytes, names] : rows) {
    if (bytes > kMaxFileBytes || total + bytes > kMaxTotalBytes || !seen.insert(names.first).second) continue;
    total += bytes;
    chosen.push_back({models / names.second, bytes});
  }
  return chosen;
}

TEST(ReaderSweep, SmallCorpusModels) {
  const std::filesystem::path models = std::filesystem::path(NPU_SHARED_DIR) / "models";
  if (!std::filesystem::exists(models / "INDEX.tsv")) GTEST_SKIP() << models << " is not there";
  const auto chosen = SmallCorpus(models);
  ASSERT_GE(chosen.size(), 20u);
  for (const SmallModel& model : chosen) {
    std::ifstream file(model.path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto* begin = reinterpret_cast<const std::byte*>(text.data());
    Sweep({begin, begin + text.size()}, model.path.filename());
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace npu::test
