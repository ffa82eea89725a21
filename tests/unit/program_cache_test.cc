// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/program.h"

#include <gtest/gtest.h>

#include "backends/opencl/device.h"
#include "tests/support/graph_builder.h"

namespace npu {
namespace {

const KernelSource kSources[] = {
    {"shared.h", "#define TWICE(x) ((x) * 2)\n"},
    {"broken.cl", "__kernel void broken(__global int* a) {\n  a[0] = undeclared_thing;\n}\n"},
    {"comment.cl", "// works with good_kernel\n__kernel void other(__global int* a) { a[0] = 1; }\n"},
    {"good.cl", "__kernel void good_kernel(__global int* a) { a[0] = TWICE(21); }\n"},
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
    cache_ = std::make_unique<ProgramCache>(device_->context(), device_->device(), device_->name(), kSources);
  }

  std::shared_ptr<OpenClDevice> device_;
  std::unique_ptr<ProgramCache> cache_;
};

TEST_F(ProgramCacheTest, FindsTheFileThatHoldsTheKernelAndItsHeaders) {
  const auto kernel = cache_->CreateKernel("good_kernel");
  ASSERT_TRUE(kernel) << kernel.error().text;
  const auto again = cache_->CreateKernel("good_kernel");
  ASSERT_TRUE(again);
  EXPECT_NE((*kernel)(), (*again)());
}

TEST_F(ProgramCacheTest, BuildLogIsInTheError) {
  for (int i = 0; i < 2; ++i) {
    const auto kernel = cache_->CreateKernel("broken");
    ASSERT_FALSE(kernel);
    EXPECT_EQ(kernel.error().code, ErrorCode::kDevice);
    for (const char* part : {"clBuildProgram(broken.cl)", "CL_BUILD_PROGRAM_FAILURE (-11)", "undeclared_thing"}) {
      EXPECT_NE(kernel.error().text.find(part), std::string::npos) << part << " in " << kernel.error().text;
    }
    EXPECT_NE(kernel.error().text.find(device_->name()), std::string::npos);
  }
}

TEST_F(ProgramCacheTest, OneBrokenFileLeavesTheOthersUsable) {
  EXPECT_FALSE(cache_->CreateKernel("broken"));
  EXPECT_TRUE(cache_->CreateKernel("other"));
}

TEST_F(ProgramCacheTest, UnknownKernelsAreNamed) {
  const auto kernel = cache_->CreateKernel("good_kerne");
  ASSERT_FALSE(kernel);
  EXPECT_NE(kernel.error().text.find("\"good_kerne\""), std::string::npos);
}

}  // namespace
}  // namespace npu
