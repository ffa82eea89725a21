// A device with a fault, for the tests of what delegate-check does then: preloaded (LD_PRELOAD), this library
// stands between the tool and npu_plan_verify_layers and makes the first compared operator wrong by 7.
// Everything else in the document stays as it was measured.
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "capi/npu_delegate.h"

extern "C" npu_status npu_plan_verify_layers(const npu_plan* plan, uint64_t seed, const void* const* inputs,
                                             size_t input_count, npu_layer_callback callback, void* user,
                                             char** out_json) {
  auto* const real =
      reinterpret_cast<decltype(&npu_plan_verify_layers)>(dlsym(RTLD_NEXT, "npu_plan_verify_layers"));
  if (real == nullptr) return NPU_INTERNAL;
  char* json = nullptr;
  const npu_status status = real(plan, seed, inputs, input_count, callback, user, &json);
  if (status != NPU_OK) return status;
  nlohmann::ordered_json layers = nlohmann::ordered_json::parse(json);
  npu_string_destroy(json);
  for (nlohmann::ordered_json& op : layers["ops"]) {
    if (op["state"] != "compared") continue;
    nlohmann::ordered_json& output = op["outputs"][0];
    output["isolated"] = output["cumulative"] = {{"differing", 3}, {"max_difference", 7.0}};
    output["agrees"] = false;
    layers["first_diverging"] = {{"op", op["index"]},
                                 {"name", op["op"]},
                                 {"tensor", output["tensor"]},
                                 {"tensor_name", output["name"]},
                                 {"in", "isolated"}};
    layers["max_difference"] = 7.0;
    break;
  }
  const std::string text = layers.dump();
  *out_json = new char[text.size() + 1];  // npu_string_destroy's
  std::memcpy(*out_json, text.c_str(), text.size() + 1);
  return NPU_OK;
}
