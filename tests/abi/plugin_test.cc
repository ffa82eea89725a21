// What a host's loader meets: the registration, the handle, options and their errors.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>

#include "delegate/kernel.h"
#include "tests/abi/plugin_delegate.h"

namespace npu::test {
namespace {

TEST(Plugin, RegistrationEndsInZeros) {
  const host::Registration registration = KernelRegistration();
  EXPECT_EQ(registration.registration_external, nullptr);
  EXPECT_EQ(registration.async_kernel, nullptr);
  EXPECT_EQ(registration.inplace_operator, 0u);
  for (const uint64_t word : registration.zero_tail) EXPECT_EQ(word, 0u);
  EXPECT_STREQ(registration.custom_name, "NpuDelegate");
}

TEST(Plugin, HandleIsWhatHostsExpect) {
  PluginDelegate delegate;
  ASSERT_NE(delegate.get(), nullptr);
  EXPECT_EQ(delegate.get()->flags, host::kFlagAllowDynamicTensors);
  EXPECT_NE(delegate.get()->prepare, nullptr);
  EXPECT_EQ(delegate.get()->copy_from_buffer_handle, nullptr);
  EXPECT_EQ(delegate.get()->opaque_delegate_builder, nullptr);
  for (const uint64_t word : delegate.get()->zero_tail) EXPECT_EQ(word, 0u);
}

TEST(Plugin, CreatesWithoutOptionsAndDestroysNull) {
  host::Delegate* delegate = tflite_plugin_create_delegate(nullptr, nullptr, 0, nullptr);
  ASSERT_NE(delegate, nullptr);
  tflite_plugin_destroy_delegate(delegate);
  tflite_plugin_destroy_delegate(nullptr);
}

TEST(Plugin, RefusesWhatItDoesNotKnow) {
  PluginDelegate unknown{{"devise", "auto"}};
  EXPECT_EQ(unknown.get(), nullptr);
  for (const char* word : {"devise", "device", "threads", "deny", "allow", "min_segment_macs",
                           "min_segment_ops", "log_level", "report", "help"}) {
    EXPECT_NE(reported.find(word), std::string::npos) << word << " is not in: " << reported;
  }
  EXPECT_EQ(reported.find('\n'), std::string::npos);
  PluginDelegate steering{{"dev\x1b[2J", "auto"}};
  EXPECT_NE(reported.find("dev?[2J"), std::string::npos) << reported;
  PluginDelegate bad{{"threads", "many"}};
  EXPECT_EQ(bad.get(), nullptr);
  EXPECT_NE(reported.find("threads"), std::string::npos);
  const char* key = "devise";
  EXPECT_EQ(tflite_plugin_create_delegate(&key, &key, 1, nullptr), nullptr);
  const char* null_key = nullptr;
  EXPECT_EQ(tflite_plugin_create_delegate(&null_key, &key, 1, nullptr), nullptr);
  EXPECT_EQ(tflite_plugin_create_delegate(&key, &null_key, 1, nullptr), nullptr);
  EXPECT_EQ(tflite_plugin_create_delegate(nullptr, nullptr, 3, nullptr), nullptr);
  EXPECT_EQ(tflite_plugin_create_delegate(nullptr, nullptr, SIZE_MAX, nullptr), nullptr);
}

TEST(Plugin, TakesPythonsBooleans) {
  PluginDelegate delegate{{"help", "True"}};
  EXPECT_NE(delegate.get(), nullptr);
}

TEST(Plugin, ReadsOptionsFromTheEnvironment) {
  setenv("NPU_DELEGATE_OPTIONS", "deny=ADD;min_segment_macs=0", 1);
  PluginDelegate from_environment;
  PluginDelegate overridden{{"deny", ""}};
  setenv("NPU_DELEGATE_OPTIONS", "nonsense=1", 1);
  PluginDelegate refused;
  unsetenv("NPU_DELEGATE_OPTIONS");
  ASSERT_NE(from_environment.get(), nullptr);
  ASSERT_NE(overridden.get(), nullptr);
  EXPECT_EQ(refused.get(), nullptr);
  EXPECT_NE(reported.find("NPU_DELEGATE_OPTIONS"), std::string::npos);
  EXPECT_EQ(DelegateState::From(from_environment.get())->options().plan.deny,
            std::vector<std::string>{"ADD"});
  EXPECT_TRUE(DelegateState::From(overridden.get())->options().plan.deny.empty());
}

}  // namespace
}  // namespace npu::test
