// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "backends/opencl/device.h"
#include "backends/opencl/program.h"
#include "tests/support/graph_builder.h"
#include "tests/support/opencl_device.h"

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
    device_ = test::FirstOpenClDevice();
    if (device_ == nullptr) GTEST_SKIP() << "no OpenCL device";
  }
  std::unique_ptr<ProgramCache> Cache(const KernelSource* sources) {
    return std::make_unique<ProgramCache>(device_->context(), device_->device(), device_->name(), sources);
  }

  std::shared_ptr<OpenClDevice> device_;
};

TEST_F(ProgramCacheTest, EveryCallerGetsAKernelOfItsOwn) {
  const auto cache = Cache(kGoodSources);
  const auto program = cache->Program();
  ASSERT_TRUE(program) << program.error().text;
  const auto kernel = cache->CreateKernel(*program, "good_kernel");
  const auto again = cache->CreateKernel(*program, "good_kernel");
  ASSERT_TRUE(kernel) << kernel.error().text;
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_NE((*kernel)(), (*again)());
  EXPECT_TRUE(cache->CreateKernel(*program, "other"));
}

TEST_F(ProgramCacheTest, BuildLogIsInTheErrorWithFileAndLine) {
  const auto cache = Cache(kBrokenSources);
  for (int i = 0; i < 2; ++i) {
    const auto program = cache->Program();
    ASSERT_FALSE(program);
    EXPECT_EQ(program.error().code, ErrorCode::kDevice);
    for (const char* part :
         {"clBuildProgram: CL_BUILD_PROGRAM_FAILURE (-11)", "undeclared_thing", "broken.cl:2"}) {
      EXPECT_NE(program.error().text.find(part), std::string::npos) << part << " in " << program.error().text;
    }
    EXPECT_NE(program.error().text.find(device_->name()), std::string::npos);
  }
}

// What stands beside a kernel is not compiled with it, and what has been compiled is not compiled again.
TEST_F(ProgramCacheTest, CompilesWhatIsNeededOnce) {
  const auto cache = Cache(kBrokenSources);
  const KernelNeed good[] = {{"good_kernel"}}, broken[] = {{"good_kernel"}, {"broken"}};
  const auto programs = cache->Programs(good);
  ASSERT_TRUE(programs) << programs.error().text;
  const auto again = cache->Programs(good);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->at("good_kernel")(), programs->at("good_kernel")());
  const auto failed = cache->Programs(broken);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().text.find("broken.cl:2"), std::string::npos) << failed.error().text;

  const auto two = Cache(kGoodSources);
  const KernelNeed both[] = {{"other"}, {"good_kernel"}};
  const auto first = two->Programs(good);
  const auto second = two->Programs(both);
  ASSERT_TRUE(first);
  ASSERT_TRUE(second) << second.error().text;
  EXPECT_EQ(second->at("good_kernel")(), first->at("good_kernel")());
  EXPECT_EQ(second->at("other").getInfo<CL_PROGRAM_KERNEL_NAMES>(), "other");
}

// The bits that a kernel of this source was compiled with: the size of its group.
const KernelSource kPartedSources[] = {
    {"parted.cl", "#ifndef NPU_PARTS_parted\n#define NPU_PARTS_parted 32\n#endif\n"
                  "__attribute__((reqd_work_group_size(NPU_PARTS_parted, 1, 1)))\n"
                  "__kernel void parted(__global int* a) { a[0] = 1; }\n"},
    {nullptr, nullptr},
};

TEST_F(ProgramCacheTest, PartsAreAddedAndThenAll) {
  const auto cache = Cache(kPartedSources);
  const auto compiled_with = [&](uint32_t parts) -> size_t {
    const KernelNeed needs[] = {{"parted", parts}};
    const auto programs = cache->Programs(needs);
    EXPECT_TRUE(programs);
    if (!programs) return 0;
    const auto kernel = cache->CreateKernel(programs->at("parted"), "parted");
    return kernel ? kernel->getWorkGroupInfo<CL_KERNEL_COMPILE_WORK_GROUP_SIZE>(device_->device())[0] : 0;
  };
  EXPECT_EQ(compiled_with(1), 1u);
  EXPECT_EQ(compiled_with(1), 1u);
  EXPECT_EQ(compiled_with(4), 5u);
  EXPECT_EQ(compiled_with(1), 5u);
  EXPECT_EQ(compiled_with(2), 32u);
  EXPECT_EQ(compiled_with(8), 32u);
}

TEST_F(ProgramCacheTest, UnknownKernelsAreNamed) {
  const auto cache = Cache(kGoodSources);
  const auto program = cache->Program();
  ASSERT_TRUE(program);
  const auto kernel = cache->CreateKernel(*program, "good_kerne");
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code, ErrorCode::kInternal);
  EXPECT_NE(kernel.error().text.find("\"good_kerne\""), std::string::npos);
}

// The embedded sources with one text in them replaced.
class PatchedSources {
 public:
  PatchedSources(const std::string& from, const std::string& to) {
    for (const KernelSource* source = kKernelSources; source->name != nullptr; ++source) {
      std::string& text = texts_.emplace_back(source->text);
      for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
        replaced_ = true;
      }
      names_.push_back(source->name);
    }
    for (size_t i = 0; i < texts_.size(); ++i) rows_.push_back({names_[i], texts_[i].c_str()});
    rows_.push_back({nullptr, nullptr});
  }
  const KernelSource* rows() const { return rows_.data(); }
  bool replaced() const { return replaced_; }

 private:
  std::deque<std::string> texts_;
  std::vector<const char*> names_;
  std::vector<KernelSource> rows_;
  bool replaced_ = false;
};

TEST_F(ProgramCacheTest, TakesTheBestVariantThatTheProcessorHas) {
  const auto cache = Cache(kKernelSources);
  EXPECT_EQ(&cache->variant(), &kPortableVariant);
  ASSERT_TRUE(cache->Program());
  EXPECT_EQ(&cache->variant(), VariantsFor(device_->device()).front());
}

TEST_F(ProgramCacheTest, TakesTheVariantThatTheEnvironmentNames) {
  ASSERT_EQ(setenv("NPU_DELEGATE_KERNELS", "simt", 1), 0);
  const auto named = Cache(kKernelSources);
  ASSERT_TRUE(named->Program());
  EXPECT_STREQ(named->variant().name, "simt");
  EXPECT_TRUE(named->trials().empty());
  ASSERT_EQ(setenv("NPU_DELEGATE_KERNELS", "no such one", 1), 0);  // a warning, no more
  const auto unknown = Cache(kKernelSources);
  ASSERT_TRUE(unknown->Program());
  EXPECT_EQ(&unknown->variant(), VariantsFor(device_->device()).front());
  unsetenv("NPU_DELEGATE_KERNELS");
}

TEST_F(ProgramCacheTest, AVariantThatDoesNotWorkIsNotUsed) {
  const auto variants = VariantsFor(device_->device());
  const auto named = [&](std::string_view name) {
    return std::find_if(variants.begin(), variants.end(),
                        [&](const KernelVariant* v) { return std::string_view(v->name) == name; });
  };
  if (named("x86_vnni") == variants.end()) GTEST_SKIP() << "this device has no variant to break";
  const auto expect_chosen = [&](const char* from, const char* to, const KernelVariant* expected) {
    const PatchedSources sources(from, to);
    ASSERT_TRUE(sources.replaced()) << from;
    const auto cache = Cache(sources.rows());
    ASSERT_TRUE(cache->Program()) << to;
    EXPECT_EQ(cache->variant().name, expected->name) << to;
  };
  // An instruction that does not exist; one that saturates sums of words; packing in the wrong order. What all
  // variants with VNNI share: the next one does without.
  const KernelVariant* next = *(named("x86_vnni") + 1);
  expect_chosen("vpdpbusd ", "vpdpbogus ", next);
  expect_chosen("vpdpbusd ", "vpdpwssd ", next);
  expect_chosen("0, 4, 8, 12, 1, 5", "0, 1, 8, 12, 4, 5", next);
  expect_chosen("npu_self_test", "npu_other_name", &kPortableVariant);
}

TEST_F(ProgramCacheTest, ProductsOfWordsThatDoNotWorkAreNotUsed) {
  const auto variants = VariantsFor(device_->device());
  const auto avx2 = std::find_if(variants.begin(), variants.end(),
                                 [](const KernelVariant* v) { return std::string_view(v->name) == "x86_avx2"; });
  if (avx2 == variants.end()) GTEST_SKIP() << "this device has no such variant";
  const PatchedSources sources("vpmaddwd", "vpmulhw");
  ASSERT_TRUE(sources.replaced());
  const auto cache = Cache(sources.rows());
  // Neither it nor the wider form of it gives the right numbers.
  for (const KernelVariant* variant : variants) {
    if (!std::string_view(variant->name).starts_with("x86_avx")) continue;
    const auto program = cache->Program(variant);
    ASSERT_TRUE(program) << variant->name << program.error().text;
    double speedup = 0;
    EXPECT_NE(SelfTest(device_->context(), device_->device(), *program, speedup), "") << variant->name;
  }
}

// USDOT with its operands exchanged; SDOT's number made UDOT's. What is left must still be found.
TEST_F(ProgramCacheTest, ArmDotProductsThatDoNotWorkAreNotUsed) {
  const auto variants = VariantsFor(device_->device());
  const KernelVariant* best = variants.front();
  if (!std::string_view(best->name).starts_with("arm_")) GTEST_SKIP() << "this device has no such variant";
  const bool unsigned_by_signed = best == FindVariant("arm_i8mm");
  const PatchedSources sources = unsigned_by_signed ? PatchedSources("(acc, x, words)", "(acc, words, x)")
                                                    : PatchedSources("0x4e809400", "0x6e809400");
  ASSERT_TRUE(sources.replaced());
  const auto cache = Cache(sources.rows());
  ASSERT_TRUE(cache->Program());
  EXPECT_EQ(&cache->variant(), variants[1]);
}

// What drivers cache is known by its text: that of other variants stays as it is.
const KernelSource kOwnHeaderSources[] = {
    {"dot_product.h", "#define PLAIN 1\n"},
    {"dot_product_arm.h", "#define OWN 2\n"},
    {"good.cl", "__kernel void good_kernel(__global int* a) { a[0] = PLAIN; }\n"},
    {nullptr, nullptr},
};

TEST_F(ProgramCacheTest, AVariantsOwnHeaderIsInItsProgramsAlone) {
  const auto cache = Cache(kOwnHeaderSources);
  for (const char* name : {"portable", "x86_vnni", "arm_dot", "arm_i8mm"}) {
    const auto program = cache->Program(FindVariant(name));
    ASSERT_TRUE(program) << name << ": " << program.error().text;
    const std::string text = program->getInfo<CL_PROGRAM_SOURCE>();
    EXPECT_NE(text.find("PLAIN 1"), std::string::npos) << name;
    EXPECT_EQ(text.find("OWN 2") != std::string::npos, std::string_view(name).starts_with("arm_")) << name;
  }
}

TEST_F(ProgramCacheTest, TilesThatDoNotWorkGiveWayToVectors) {
  const auto variants = VariantsFor(device_->device());
  if (std::string_view(variants.front()->name) != "x86_amx") GTEST_SKIP() << "this device has no tiles";
  // Signed activations; an instruction that does not exist.
  const std::pair<const char*, const char*> patches[] = {{"tdpbusd ", "tdpbssd "},
                                                         {"tdpbusd ", "tdpbogus "}};
  for (const auto& [from, to] : patches) {
    const PatchedSources sources(from, to);
    ASSERT_TRUE(sources.replaced()) << from;
    const auto cache = Cache(sources.rows());
    ASSERT_TRUE(cache->Program()) << to;
    EXPECT_EQ(&cache->variant(), variants[1]) << to;
  }
}

TEST_F(ProgramCacheTest, LookupsThatDoNotWorkGiveWayToPlainOnes) {
  const auto variants = VariantsFor(device_->device());
  const auto vnni = std::find_if(variants.begin(), variants.end(),
                                 [](const KernelVariant* v) { return std::string_view(v->name) == "x86_vnni"; });
  if (vnni == variants.end() || vnni == variants.begin()) GTEST_SKIP() << "this device has no lookups of its own";
  const PatchedSources sources("vpblendmb %1, %0", "vpblendmb %0, %1");
  ASSERT_TRUE(sources.replaced());
  const auto cache = Cache(sources.rows());
  ASSERT_TRUE(cache->Program());
  EXPECT_EQ(&cache->variant(), *vnni);
}

// The kernels that are asked for first are in the program that chooses the variant.
TEST_F(ProgramCacheTest, TheSelfTestBringsWhatIsNeeded) {
  const auto cache = Cache(kKernelSources);
  const KernelNeed needs[] = {{"npu_softmax"}};
  const auto programs = cache->Programs(needs);
  ASSERT_TRUE(programs) << programs.error().text;
  EXPECT_EQ(&cache->variant(), VariantsFor(device_->device()).front());
  EXPECT_EQ(programs->at("npu_softmax").getInfo<CL_PROGRAM_KERNEL_NAMES>().find("conv2d"), std::string::npos);
  if (cache->trials().empty()) GTEST_SKIP() << "this device has one variant only";
  EXPECT_TRUE(cache->CreateKernel(programs->at("npu_softmax"), "npu_self_test"));
}

TEST_F(ProgramCacheTest, ThreadsMayAskAtOnce) {
  const auto cache = Cache(kGoodSources);
  const KernelNeed needs[] = {{"good_kernel"}};
  std::array<cl_program, 4> made{};
  std::vector<std::thread> threads;
  for (cl_program& result : made) {
    threads.emplace_back([&] {
      const auto programs = cache->Programs(needs);
      result = programs ? programs->at("good_kernel")() : nullptr;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (cl_program result : made) {
    EXPECT_NE(result, nullptr);
    EXPECT_EQ(result, made[0]);
  }
}

}  // namespace
}  // namespace npu
