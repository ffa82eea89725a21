// SPDX-License-Identifier: Apache-2.0
#include "capi/shim.h"

#include <algorithm>

#include "backends/ops/lce.h"
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

npu_status CheckIdle(const npu_session* session) {
  if (session == nullptr) return BadArgument("session is NULL");
  if (session->pipeline == nullptr || !session->pipeline->running()) return NPU_OK;
  return BadArgument("the session's pipeline is running; npu_session_pipeline_stop comes first");
}

npu_status BadStructSize(size_t size, size_t expected) {
  return SetError(NPU_INVALID_ARGUMENT, "struct_size is " + std::to_string(size) + "; expected " +
                                            std::to_string(expected) +
                                            " (set it to sizeof the struct before the call)");
}

char* CopyString(const std::string& text) {
  char* copy = new char[text.size() + 1];
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

npu_status DescribeTensor(const Graph& graph, int index, npu_tensor_info* out) {
  const Tensor& tensor = graph.tensors[index];
  if (tensor.shape.size() > NPU_MAX_RANK) {
    return SetError(NPU_UNSUPPORTED, "tensor \"" + tensor.name + "\" has " +
                                         std::to_string(tensor.shape.size()) + " dimensions; at most " +
                                         std::to_string(NPU_MAX_RANK) + " can be described");
  }
  npu_tensor_info info{};
  info.name = tensor.name.c_str();
  info.type = static_cast<npu_type>(tensor.type);
  info.rank = static_cast<int32_t>(tensor.shape.size());
  std::copy(tensor.shape.begin(), tensor.shape.end(), info.dims);
  info.scale = tensor.scale();
  info.zero_point = tensor.zero_point();
  info.bytes = static_cast<size_t>(tensor.byte_size().value_or(0));
  info.packed_channels = PackedChannels(graph, index);
  return Fill(out, info);
}

}  // namespace npu
