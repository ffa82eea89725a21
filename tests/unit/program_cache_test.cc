// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "backends/opencl/device.h"
#include "backends/opencl/program.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

const KernelSource kGoodSources[] = {
    {"shared.h", "#define TWICE(x) ((x) * 2)\n"},
    {"good.cl", "__kernel void good_kernel(__global int* a) { a[0] = TWICE(21); }"},
    {"other.cl", "__kernel void other(__global int* a) { a[0] = 1; }\n"},
    {nullptr, nullptr},
};
const KernelSource kBrokenSources[] = {
    {"good.cl", "__kernel void good_kernel(__global int* a) { a[0] = 42; }\n"},
    {"broken.cl", "__kernel void broken(__global int* a) {\n  a[0] = undeclared_thing;\n}\n"},
    {nullptr, nullptr},
};

class ProgramCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    if (test::TestDevice() == nullptr) GTEST_SKIP() << "no OpenCL device";
    const auto found = FindDevices();
    ASSERT_TRUE(found);
    const auto device = OpenDevice(found->front());
    ASSERT_TRUE(device);
    device_ = *device;
  }
  std::unique_ptr<ProgramCache> Cache(const KernelSource* sources) {
    return std::make_unique<ProgramCache>(device_->context(), device_->device(), device_->name(), sources);
  }

  std::shared_ptr<OpenClDevice> device_;
};

TEST_F(ProgramCacheTest, EveryCallerGetsAKernelOfItsOwn) {
  const auto cache = Cache(kGoodSources);
  const auto kernel = cache->CreateKernel("good_kernel"), again = cache->CreateKernel("good_kernel");
  ASSERT_TRUE(kernel) << kernel.error().text;
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_NE((*kernel)(), (*again)());
  EXPECT_TRUE(cache->CreateKernel("other"));
}

TEST_F(ProgramCacheTest, BuildLogIsInTheErrorWithFileAndLine) {
  const auto cache = Cache(kBrokenSources);
  for (int i = 0; i < 2; ++i) {
    const auto kernel = cache->CreateKernel("good_kernel");
    ASSERT_FALSE(kernel);
    EXPECT_EQ(kernel.error().code, ErrorCode::kDevice);
    for (const char* part :
         {"clBuildProgram: CL_BUILD_PROGRAM_FAILURE (-11)", "undeclared_thing", "broken.cl:2"}) {
      EXPECT_NE(kernel.error().text.find(part), std::string::npos) << part << " in " << kernel.error().text;
    }
    EXPECT_NE(kernel.error().text.find(device_->name()), std::string::npos);
  }
}

TEST_F(ProgramCacheTest, UnknownKernelsAreNamed) {
  const auto kernel = Cache(kGoodSources)->CreateKernel("good_kerne");
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code, ErrorCode::kInternal);
  EXPECT_NE(kernel.error().text.find("\"good_kerne\""), std::string::npos);
}

TEST_F(ProgramCacheTest, ThreadsMayAskAtOnce) {
  const auto cache = Cache(kGoodSources);
  std::array<bool, 4> made{};
  std::vector<std::thread> threads;
  for (bool& result : made) {
    threads.emplace_back([&cache, &result] { result = cache->CreateKernel("other").has_value(); });
  }
  for (std::thread& thread : threads) thread.join();
  for (bool result : made) EXPECT_TRUE(result);
}

}  // namespace
}  // namespace npu
