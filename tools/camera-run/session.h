// The model as camera-run uses it: one session with a picture as input, and what the C API hands out as owners.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <memory>
#include <vector>

#include "tools/camera-run/arguments.h"
#include "tools/camera-run/tensor.h"

namespace camera_run {

struct Destroy {
  void operator()(npu_model* p) const { npu_model_destroy(p); }
  void operator()(npu_plan* p) const { npu_plan_destroy(p); }
  void operator()(npu_session* p) const { npu_session_destroy(p); }
};

// Throws the library's last error with the exit code that fits the status.
void Check(npu_status status);

struct Model {
  std::unique_ptr<npu_session, Destroy> session;
  size_t input = 0;  // the picture's
  npu_tensor_info input_info{};
  std::vector<Tensor> outputs;  // described, data empty

  int height() const { return input_info.dims[1]; }
  int width() const { return input_info.dims[2]; }
  int channels() const { return input_info.dims[3]; }
};

// Throws Failure if the model cannot run here, or has no picture as input.
Model LoadModel(const Arguments& arguments);

}  // namespace camera_run
