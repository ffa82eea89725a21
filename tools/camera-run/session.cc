// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/session.h"

#include "tools/camera-run/failure.h"

namespace camera_run {

void Check(npu_status status) {
  if (status == NPU_OK) return;
  const ExitCode exit_code = status == NPU_INVALID_OPTION || status == NPU_INVALID_ARGUMENT ? kUsageError
                             : status == NPU_DEVICE_ERROR                                  ? kDeviceError
                                                                                           : kModelError;
  throw Failure(exit_code, npu_last_error());
}

Model LoadModel(const Arguments& arguments) {
  npu_model* opened = nullptr;
  Check(npu_model_open_file(arguments.model.c_str(), &opened));
  const std::unique_ptr<npu_model, Destroy> model(opened);
  const std::string threads = std::to_string(arguments.threads);
  std::vector<npu_option> options{{"device", arguments.device.c_str()}, {"threads", threads.c_str()}};
  if (!arguments.cache_dir.empty()) options.push_back({"cache_dir", arguments.cache_dir.c_str()});
  npu_plan* planned = nullptr;
  Check(npu_plan_create(model.get(), options.data(), options.size(), &planned));
  const std::unique_ptr<npu_plan, Destroy> plan(planned);
  npu_session* created = nullptr;
  Check(npu_session_create(plan.get(), &created));

  Model out;
  out.session.reset(created);
  const size_t inputs = npu_session_input_count(created);
  std::string found;
  for (size_t i = 0; i < inputs; ++i) {
    npu_tensor_info info{};
    info.struct_size = sizeof info;
    Check(npu_session_input(created, i, &info));
    std::string dims;
    for (int d = 0; d < info.rank; ++d) dims += fmt::format("{}{}", d > 0 ? "," : "", info.dims[d]);
    found += fmt::format("{}[{}]{}", i > 0 ? " " : "", dims, info.type == NPU_TYPE_FLOAT32 ? " of FLOAT32" : "");
    if (info.rank != 4 || info.dims[0] != 1 || (info.dims[3] != 1 && info.dims[3] != 3)) continue;
    if (info.type != NPU_TYPE_INT8 && info.type != NPU_TYPE_UINT8) continue;
    out.input = i;
    out.input_info = info;
    break;
  }
  if (out.input_info.struct_size == 0) {
    throw Failure(kModelError,
                  fmt::format("{}: no input is a picture, INT8 or UINT8 [1, height, width, 1 or 3]; it has {}. A quantized "
                              "model with FLOAT32 inputs: model-edit io-type makes them INT8",
                              arguments.model, found));
  }
  for (size_t i = 0; i < npu_session_output_count(created); ++i) {
    Tensor tensor;
    tensor.info.struct_size = sizeof tensor.info;
    Check(npu_session_output(created, i, &tensor.info));
    out.outputs.push_back(std::move(tensor));
  }
  return out;
}

}  // namespace camera_run
