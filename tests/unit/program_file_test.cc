// Compiled programs from the cache directory give the same bytes, and a bad entry is made anew.
// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/program_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>

#include "backends/opencl/executable.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

namespace npu {
namespace {

namespace fs = std::filesystem;

class ProgramFileTest : public testing::Test {
 protected:
  void SetUp() override {
    device_ = test::FirstOpenClDevice();
    if (device_ == nullptr) GTEST_SKIP() << "no OpenCL device";
    std::string pattern = (fs::temp_directory_path() / "npu-programs-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (!directory_.empty()) fs::remove_all(directory_);
  }

  // Compiles y = x + x with the cache directory and runs it.
  test::Bytes Run() {
    test::GraphBuilder builder;
    const int x = builder.Input(DataType::kUInt8, {1, 4, 4, 8}, 1.0f);
    const int y = builder.Tensor(DataType::kUInt8, {1, 4, 4, 8}, 2.0f);
    builder.Op(OpKind::kAdd, {x, x}, {y}, BinaryParams{});
    const std::shared_ptr<const Graph> graph = builder.Build({y});
    const auto files = FileCache::Open(directory_);
    EXPECT_TRUE(files) << files.error().text;
    OpenClCompileSettings settings;
    settings.files = &*files;
    const SegmentOps segment{{0}, {x}, {y}};
    const auto executable = CompileForOpenCl(device_, graph, segment, {}, settings);
    EXPECT_TRUE(executable) << executable.error().text;
    const test::Bytes input = test::RandomBytes(graph->tensors[x], 1);
    test::Bytes output(input.size());
    const std::byte* in[] = {input.data()};
    std::byte* out[] = {output.data()};
    EXPECT_TRUE((*executable)->Invoke(in, out));
    EXPECT_EQ(output, input);  // scale 2 halves the sum
    return output;
  }
  fs::path OnlyEntry() {
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 1);
    return fs::directory_iterator(directory_)->path();
  }
  static std::string Contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::shared_ptr<OpenClDevice> device_;
  fs::path directory_;
};

TEST_F(ProgramFileTest, IsWrittenOnceAndUsedAfterwards) {
  Run();
  const fs::path entry = OnlyEntry();
  const auto written = fs::last_write_time(entry);
  fs::last_write_time(entry, written - std::chrono::hours(1));
  Run();
  EXPECT_EQ(OnlyEntry(), entry);
  EXPECT_EQ(fs::last_write_time(entry), written - std::chrono::hours(1)) << "written again";
}

TEST_F(ProgramFileTest, ADamagedEntryIsMadeAnew) {
  Run();
  const fs::path entry = OnlyEntry();
  const std::string good = Contents(entry);
  std::string bad = good;
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  std::ofstream(entry, std::ios::binary | std::ios::trunc) << bad;
  testing::internal::CaptureStderr();
  Run();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("checksum"), std::string::npos);
  EXPECT_EQ(Contents(entry).size(), good.size());
  EXPECT_NE(Contents(entry), bad);
}

TEST_F(ProgramFileTest, ADirectoryThatCannotBeWrittenCostsALogLine) {
  const auto files = FileCache::Open(directory_);
  ASSERT_TRUE(files);
  fs::remove_all(directory_);  // its descriptor stays open, but nothing can be made in it
  test::GraphBuilder builder;
  const int x = builder.Input(DataType::kUInt8, {4}, 1.0f);
  const int y = builder.Tensor(DataType::kUInt8, {4}, 2.0f);
  builder.Op(OpKind::kAdd, {x, x}, {y}, BinaryParams{});
  OpenClCompileSettings settings;
  settings.files = &*files;
  testing::internal::CaptureStderr();
  const auto executable = CompileForOpenCl(device_, builder.Build({y}), {{0}, {x}, {y}}, {}, settings);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("is not kept"), std::string::npos);
  EXPECT_TRUE(executable);
}

std::vector<std::string> KernelNames(const cl::Program& program) {
  std::vector<std::string> names;
  std::string list = program.getInfo<CL_PROGRAM_KERNEL_NAMES>() + ";";
  for (size_t end = list.find(';'); end != std::string::npos; end = list.find(';')) {
    names.push_back(list.substr(0, end));
    list.erase(0, end + 1);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Every other kernel, then the rest: each program has the kernels asked for and no other.
TEST_F(ProgramFileTest, ProgramsHaveTheKernelsThatAreAskedForAlone) {
  const auto whole = device_->programs().Program();
  ASSERT_TRUE(whole) << whole.error().text;
  const std::vector<std::string> all = KernelNames(*whole);
  EXPECT_GT(all.size(), 30u);
  for (const size_t first : {0, 1}) {
    std::vector<std::string> names;
    for (size_t i = first; i < all.size(); i += 2) names.push_back(all[i]);
    std::vector<KernelNeed> needs;
    for (const std::string& name : names) needs.push_back({name});
    const auto half = device_->programs().BuildWith(needs);
    ASSERT_TRUE(half) << half.error().text;
    EXPECT_EQ(KernelNames(*half), names);
  }
}

// No file of kernels lacks what it uses of another, when it alone is asked for.
TEST_F(ProgramFileTest, EveryFileOfKernelsCompilesAlone) {
  for (const KernelSource* source = kKernelSources; source->name != nullptr; ++source) {
    const std::string_view name = source->name;
    if (!name.ends_with(".cl")) continue;
    const std::regex kernel("\\n(?!#)[^\\n\\\\]*_*(?:kernel|KERNEL)(?: void |\\()(\\w+)");
    const std::string_view text = source->text;
    std::vector<std::string> kernels;
    for (std::cregex_iterator at(text.data(), text.data() + text.size(), kernel), end; at != end; ++at) kernels.push_back((*at)[1]);
    ASSERT_FALSE(kernels.empty()) << name;
    std::vector<KernelNeed> needs;
    for (const std::string& found : kernels) needs.push_back({found});
    const auto program = device_->programs().BuildWith(needs);
    EXPECT_TRUE(program) << name << ": " << program.error().text;
  }
}

}  // namespace
}  // namespace npu
