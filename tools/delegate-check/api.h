// The C API's objects as owners, and its errors as one exception type for this tool alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <memory>
#include <stdexcept>
#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

struct Failure : std::runtime_error {
  Failure(ExitCode exit_code, std::string code, const std::string& text)
      : std::runtime_error(text), exit_code(exit_code), code(std::move(code)) {}
  ExitCode exit_code;
  std::string code;  // "NPU_INVALID_MODEL": for the JSON form of an error
};

inline ExitCode ExitCodeOf(npu_status status) {
  return status == NPU_INVALID_OPTION || status == NPU_INVALID_ARGUMENT ? kUsageError
         : status == NPU_DEVICE_ERROR                                  ? kDeviceError
                                                                       : kModelError;
}

// Throws the library's last error as a Failure with the exit code that fits the status. `what`, where given, is what the
// text does not name by itself.
inline void Check(npu_status status, const std::string& what = "") {
  if (status == NPU_OK) return;
  throw Failure(ExitCodeOf(status), npu_status_name(status), (what.empty() ? "" : what + ": ") + npu_last_error());
}

struct Destroy {
  void operator()(npu_model* p) const { npu_model_destroy(p); }
  void operator()(npu_plan* p) const { npu_plan_destroy(p); }
  void operator()(npu_session* p) const { npu_session_destroy(p); }
  void operator()(char* p) const { npu_string_destroy(p); }
};
using ModelPtr = std::unique_ptr<npu_model, Destroy>;
using PlanPtr = std::unique_ptr<npu_plan, Destroy>;
using SessionPtr = std::unique_ptr<npu_session, Destroy>;
using StringPtr = std::unique_ptr<char, Destroy>;

// The plan that `arguments` ask for, on `device`.
PlanPtr MakePlan(const npu_model* model, const Arguments& arguments, const std::string& device,
                 const std::string& folds);

}  // namespace delegate_check
