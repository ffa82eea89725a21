// A delegate as a host's loader makes it: through the plug-in's two exported functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "delegate/delegate.h"

extern "C" {
npu::host::Delegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values,
                                                   size_t count, void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(npu::host::Delegate* delegate);
}

namespace npu::test {

// What the plug-in has told the loader's error callback last.
inline std::string reported;
inline void RememberReport(const char* text) { reported = text; }

// A delegate made through the plug-in's own functions, on the CPU reference so that no device is needed.
class PluginDelegate {
 public:
  PluginDelegate(std::initializer_list<std::pair<const char*, const char*>> options = {}) {
    std::vector<const char*> keys = {"device"}, values = {"reference"};
    for (const auto& [key, value] : options) {
      keys.push_back(key);
      values.push_back(value);
    }
    reported.clear();
    handle_ = tflite_plugin_create_delegate(keys.data(), values.data(), keys.size(), RememberReport);
  }
  ~PluginDelegate() { Destroy(); }
  PluginDelegate(const PluginDelegate&) = delete;
  PluginDelegate& operator=(const PluginDelegate&) = delete;
  void Destroy() { tflite_plugin_destroy_delegate(std::exchange(handle_, nullptr)); }
  host::Delegate* get() const { return handle_; }

 private:
  host::Delegate* handle_ = nullptr;
};

}  // namespace npu::test
