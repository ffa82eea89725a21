// npu_plan_verify_layers: a shim over verify_layers.h.
// SPDX-License-Identifier: Apache-2.0
#include "capi/shim.h"
#include "capi/verify_layers.h"
#include "partitioner/compile.h"

namespace npu {
namespace {

npu_status VerifyLayersOf(const npu_plan& plan, uint64_t seed, const void* const* inputs, size_t input_count,
                          npu_layer_callback callback, void* user, char** out_json) {
  const Graph& graph = *plan.plan->compute_graph;
  LayerRun run{.seed = seed};
  if (input_count > 0 && input_count != graph.inputs.size()) {
    return SetError(NPU_INVALID_ARGUMENT, std::to_string(input_count) + " inputs are given; the model has " +
                                              std::to_string(graph.inputs.size()));
  }
  for (size_t i = 0; i < input_count; ++i) {
    if (inputs == nullptr || inputs[i] == nullptr) return BadArgument("an input is NULL");
    const auto* bytes = static_cast<const std::byte*>(inputs[i]);
    run.inputs.emplace_back(bytes, bytes + graph.tensors[graph.inputs[i]].byte_size().value_or(0));
  }
  if (callback != nullptr) {
    run.sink = [&](const LayerTensor& layer) {
      npu_layer_tensor tensor{};
      tensor.struct_size = sizeof(tensor);
      tensor.info.struct_size = sizeof(tensor.info);
      if (DescribeTensor(graph, layer.tensor, &tensor.info) != NPU_OK) return;
      tensor.tensor = layer.tensor;
      tensor.op = layer.op;
      tensor.reference = layer.reference;
      tensor.cumulative = layer.cumulative;
      tensor.isolated = layer.isolated;
      callback(user, &tensor);
    };
  }
  const Result<Backends> backends = OpenBackends(plan.options);
  if (!backends) return SetError(backends.error());
  const auto json = VerifyLayers(*plan.plan, *backends, plan.options.compute, run);
  if (!json) return SetError(json.error());
  *out_json = CopyString(*json);
  return NPU_OK;
}

}  // namespace
}  // namespace npu

extern "C" npu_status npu_plan_verify_layers(const npu_plan* plan, uint64_t seed, const void* const* inputs,
                                             size_t input_count, npu_layer_callback callback, void* user,
                                             char** out_json) {
  return npu::Guard([&]() -> npu_status {
    if (plan == nullptr || out_json == nullptr) return npu::BadArgument("plan or out_json is NULL");
    *out_json = nullptr;
    return npu::VerifyLayersOf(*plan, seed, inputs, input_count, callback, user, out_json);
  });
}
