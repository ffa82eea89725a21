// SPDX-License-Identifier: Apache-2.0
#include "capi/shim.h"

#include "base/showable.h"

namespace npu {
namespace {

// An array, since a thread_local with a destructor keeps the library mapped after dlclose.
thread_local char last_error[4096];

}  // namespace

const char* LastError() { return last_error; }

npu_status SetError(npu_status status, std::string_view text) {
  const std::string shown = Showable(text, Newlines::kKeep);
  last_error[shown.copy(last_error, sizeof(last_error) - 1)] = '\0';
  return status;
}

npu_status SetError(const Error& error) { return SetError(static_cast<npu_status>(error.code), error.text); }

npu_status BadArgument(const char* what) { return SetError(NPU_INVALID_ARGUMENT, what); }

npu_status BadStructSize(size_t size, size_t expected) {
  return SetError(NPU_INVALID_ARGUMENT, "struct_size is " + std::to_string(size) + "; expected " +
                                            std::to_string(expected) +
                                            " (set it to sizeof the struct before the call)");
}

}  // namespace npu
