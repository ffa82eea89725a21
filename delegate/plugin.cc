// The two functions that a host looks up in the plug-in. Nothing is thrown into the host; report_error may
// be null and is only valid during the call, so every message also goes to stderr.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "base/showable.h"
#include "delegate/delegate.h"
#include "delegate/host_abi.h"
#include "partitioner/options.h"

namespace npu {
namespace {

constexpr const char* kOptionsVariable = "NPU_DELEGATE_OPTIONS";

// More options than anyone writes: a larger count is not a count.
constexpr size_t kMaxOptionCount = 4096;

using ErrorReporter = void (*)(const char*);

void Refuse(ErrorReporter report_error, const std::string& text) {
  const std::string shown = "npu_delegate: " + Showable(text, Newlines::kKeep);
  std::fprintf(stderr, "%s\n", shown.c_str());
  if (report_error != nullptr) report_error(shown.c_str());
}

// Options of the environment first, so that explicit ones win.
Result<Options> CollectOptions(const char* const* keys, const char* const* values, size_t count) {
  KeyValues all;
  // A set-user-id program ignores its caller's environment.
  if (const char* text = secure_getenv(kOptionsVariable)) {
    auto pairs = SplitOptionString(text);
    if (!pairs) return tl::unexpected<Error>(pairs.error().WithContext(kOptionsVariable));
    // Parsed alone first, so that the message says where a bad option comes from.
    if (auto parsed = ParseOptions(*pairs); !parsed) {
      return tl::unexpected<Error>(parsed.error().WithContext(kOptionsVariable));
    }
    all = std::move(*pairs);
  }
  // Python passes the count as a 32-bit int: the upper half of the register is not the caller's.
  count = static_cast<uint32_t>(count);
  if (count > kMaxOptionCount || (count > 0 && (keys == nullptr || values == nullptr))) {
    return Fail(ErrorCode::kInvalidArgument,
                "the host passed " + std::to_string(count) + " options without keys or values");
  }
  for (size_t i = 0; i < count; ++i) {
    if (keys[i] == nullptr || values[i] == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "option " + std::to_string(i) + " has no key or no value");
    }
    all.emplace_back(keys[i], values[i]);
  }
  return ParseOptions(all);
}

host::Delegate* CreateDelegate(const char* const* keys, const char* const* values, size_t count,
                               ErrorReporter report_error) {
#if UINTPTR_MAX != UINT64_MAX
  // Registration travels by value: see host_abi.h.
  Refuse(report_error,
         "this 32-bit build cannot be a delegate: hosts pass structs whose size changed between "
         "versions. Use a 64-bit host, or the C API (npu_delegate.h)");
  return nullptr;
#endif
  auto options = CollectOptions(keys, values, count);
  if (!options) {
    Refuse(report_error, options.error().text);
    return nullptr;
  }
  SetLogLevel(options->log_level);
  if (options->help) std::fputs(("npu_delegate options:\n" + OptionsHelp()).c_str(), stderr);
  return DelegateState::Create(std::move(*options));
}

}  // namespace
}  // namespace npu

#define NPU_EXPORT extern "C" __attribute__((visibility("default")))

NPU_EXPORT npu::host::Delegate* tflite_plugin_create_delegate(const char* const* keys,
                                                              const char* const* values, size_t count,
                                                              void (*report_error)(const char*)) noexcept {
  try {
    return npu::CreateDelegate(keys, values, count, report_error);
  } catch (...) {
    std::fputs("npu_delegate: unexpected exception while the delegate was created\n", stderr);
    return nullptr;
  }
}

NPU_EXPORT void tflite_plugin_destroy_delegate(npu::host::Delegate* delegate) noexcept {
  npu::DelegateState::Destroy(delegate);
}
