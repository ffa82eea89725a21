// The C API's objects as owners, and its errors as Status.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstddef>
#include <memory>
#include <span>

#include "base/result.h"

namespace model_edit {

inline npu::Status Check(npu_status status) {
  if (status == NPU_OK) return {};
  return npu::Fail(static_cast<npu::ErrorCode>(status), npu_last_error());  // the same values (base/result.h)
}

struct Destroy {
  void operator()(npu_model* p) const { npu_model_destroy(p); }
  void operator()(npu_plan* p) const { npu_plan_destroy(p); }
  void operator()(npu_session* p) const { npu_session_destroy(p); }
};
using ModelPtr = std::unique_ptr<npu_model, Destroy>;
using PlanPtr = std::unique_ptr<npu_plan, Destroy>;
using SessionPtr = std::unique_ptr<npu_session, Destroy>;

// Whether the checked reader takes these bytes.
inline npu::Status OpenMemory(std::span<const std::byte> bytes) {
  npu_model* model = nullptr;
  npu::Status status = Check(npu_model_open_memory(bytes.data(), bytes.size(), &model));
  npu_model_destroy(model);
  return status;
}

}  // namespace model_edit
