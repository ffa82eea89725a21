// inference_app LIBLITERT PLUGIN MODEL IMAGES.npy LABELS.npy: what the plug-in is for. A C++ app on LiteRT's
// compiled-model API registers libnpu_delegate.so as an accelerator, runs the digits, and prints what was delegated.
//
// The plug-in announces itself as GPU: LiteRT 2.3 skips an NPU accelerator unless the model was compiled for one
// ahead of time. Start reading at main().
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "litert_api.h"

namespace {

using CreatePlugin = void* (*)(const char* const* keys, const char* const* values, size_t count,
                               void (*report_error)(const char*));

litert::Api api;
CreatePlugin create_plugin = nullptr;
void (*destroy_plugin)(void* delegate) = nullptr;
std::string report_path;

[[noreturn]] void Die(const std::string& text) {
  std::fprintf(stderr, "inference_app: %s\n", text.c_str());
  std::exit(1);
}

void Check(litert::Status status, const char* call) {
  if (status != litert::kOk) Die(std::string(call) + " failed with status " + std::to_string(status));
}
#define CHECK_LITERT(call) Check(api.call, #call)

// ---- the accelerator: four callbacks that LiteRT asks -------------------------------------------

litert::Status Name(litert::Handle, const char** name) {
  *name = "npu-delegate";
  return litert::kOk;
}
litert::Status Version(litert::Handle, litert::ApiVersion* version) {
  *version = {1, 0, 0};
  return litert::kOk;
}
litert::Status Hardware(litert::Handle, int* hardware) {
  *hardware = litert::kGpu;
  return litert::kOk;
}
litert::Status MakeDelegate(void*, litert::Handle, litert::Handle, litert::Handle, litert::Handle* wrapper) {
  const char* keys[] = {"report"};
  const char* values[] = {report_path.c_str()};
  void* delegate = create_plugin(keys, values, 1, [](const char* text) { std::fprintf(stderr, "%s\n", text); });
  if (delegate == nullptr) return 1;
  return api.WrapDelegate(delegate, destroy_plugin, wrapper);
}

// ---- files --------------------------------------------------------------------------------------

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Die("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Data of a version 1 .npy file (numpy.lib.format): ten bytes, then a header of the length they end with.
std::string ReadNpy(const std::string& path) {
  const std::string bytes = ReadFile(path);
  if (bytes.size() < 10 || bytes.compare(0, 7, "\x93NUMPY\x01") != 0) Die(path + " is not a .npy file");
  const size_t start = 10 + static_cast<unsigned char>(bytes[8]) + 256u * static_cast<unsigned char>(bytes[9]);
  return bytes.substr(std::min(start, bytes.size()));
}

size_t ByteSize(const litert::RankedTensorType& type) {
  size_t bytes = type.element_type == 1 ? 4 : 1;
  // A dynamic dimension (-1, Keras' batch) is run as 1.
  for (uint32_t i = 0; i < (type.rank_and_flags & 0x7f); ++i) {
    bytes *= static_cast<size_t>(type.dims[i] < 0 ? 1 : type.dims[i]);
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) Die("usage: inference_app LIBLITERT.so LIBNPU_DELEGATE.so MODEL.tflite IMAGES.npy LABELS.npy");
  if (const std::string missing = litert::Load(argv[1], &api); !missing.empty()) Die(missing);
  void* plugin = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  if (plugin == nullptr) Die(dlerror());
  create_plugin = reinterpret_cast<CreatePlugin>(dlsym(plugin, "tflite_plugin_create_delegate"));
  destroy_plugin = reinterpret_cast<void (*)(void*)>(dlsym(plugin, "tflite_plugin_destroy_delegate"));
  if (create_plugin == nullptr || destroy_plugin == nullptr) Die(std::string(argv[2]) + " is not a TFLite plug-in");
  report_path = std::string(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp") + "/inference_app_plan." + std::to_string(getpid()) + ".json";

  // Our accelerator alone: LiteRT's own (XNNPACK, WebGPU) would otherwise take the operators first.
  const litert::EnvironmentOption only_ours = {litert::kOptionAutoRegisterAccelerators, {litert::kValueIsInt, 0}};
  litert::Handle environment, accelerator, model, options, compiled;
  CHECK_LITERT(CreateEnvironment(1, &only_ours, &environment));
  CHECK_LITERT(CreateAccelerator(&accelerator));
  CHECK_LITERT(SetAcceleratorGetName(accelerator, Name));
  CHECK_LITERT(SetAcceleratorGetVersion(accelerator, Version));
  CHECK_LITERT(SetAcceleratorGetHardwareSupport(accelerator, Hardware));
  CHECK_LITERT(SetDelegateFunction(accelerator, MakeDelegate));
  CHECK_LITERT(RegisterAccelerator(environment, accelerator, nullptr, nullptr));

  CHECK_LITERT(CreateModelFromFile(environment, argv[3], &model));
  CHECK_LITERT(CreateOptions(&options));
  CHECK_LITERT(SetOptionsHardwareAccelerators(options, litert::kGpu | litert::kCpu));
  CHECK_LITERT(CreateCompiledModel(environment, model, options, &compiled));

  litert::Handle subgraph, input_tensor, output_tensor, requirements, input, output;
  litert::RankedTensorType input_type, output_type;
  CHECK_LITERT(GetModelSubgraph(model, 0, &subgraph));
  CHECK_LITERT(GetSubgraphInput(subgraph, 0, &input_tensor));
  CHECK_LITERT(GetSubgraphOutput(subgraph, 0, &output_tensor));
  CHECK_LITERT(GetRankedTensorType(input_tensor, &input_type));
  CHECK_LITERT(GetRankedTensorType(output_tensor, &output_type));
  for (litert::RankedTensorType* type : {&input_type, &output_type}) {
    for (int32_t& dim : type->dims) dim = dim < 0 ? 1 : dim;
  }
  CHECK_LITERT(GetCompiledModelInputBufferRequirements(compiled, 0, 0, &requirements));
  CHECK_LITERT(CreateManagedTensorBufferFromRequirements(environment, &input_type, requirements, &input));
  CHECK_LITERT(GetCompiledModelOutputBufferRequirements(compiled, 0, 0, &requirements));
  CHECK_LITERT(CreateManagedTensorBufferFromRequirements(environment, &output_type, requirements, &output));

  const std::string images = ReadNpy(argv[4]), labels = ReadNpy(argv[5]);
  const size_t input_bytes = ByteSize(input_type), classes = ByteSize(output_type);
  const size_t count = labels.size() / sizeof(int32_t);
  if (count == 0 || images.size() != count * input_bytes) Die("the images do not fit the model or the labels");
  size_t right = 0;
  for (size_t n = 0; n < count; ++n) {
    void* address;
    CHECK_LITERT(LockTensorBuffer(input, &address, litert::kLockWrite));
    std::memcpy(address, images.data() + n * input_bytes, input_bytes);
    CHECK_LITERT(UnlockTensorBuffer(input));
    CHECK_LITERT(RunCompiledModel(compiled, 0, 1, &input, 1, &output));
    CHECK_LITERT(LockTensorBuffer(output, &address, litert::kLockRead));
    const auto* scores = static_cast<const int8_t*>(address);
    size_t best = 0;
    for (size_t c = 1; c < classes; ++c) best = scores[c] > scores[best] ? c : best;
    CHECK_LITERT(UnlockTensorBuffer(output));
    int32_t label;
    std::memcpy(&label, labels.data() + n * sizeof(label), sizeof(label));
    right += static_cast<int32_t>(best) == label;
  }

  std::printf("%zu digits in a C++ app on LiteRT's compiled-model API: %zu right\n", count, right);
  std::printf("what was delegated (the plug-in's own report, summary):\n");
  const std::string report = ReadFile(report_path);
  const size_t summary = report.find("\"summary\"");
  const size_t end = report.find('}', summary);
  if (summary == std::string::npos || end == std::string::npos) Die("the plug-in wrote no report");
  std::printf("%s\n", report.substr(summary, end - summary + 1).c_str());

  api.DestroyTensorBuffer(input);
  api.DestroyTensorBuffer(output);
  api.DestroyCompiledModel(compiled);
  api.DestroyOptions(options);
  api.DestroyModel(model);
  api.DestroyEnvironment(environment);
  std::remove(report_path.c_str());
  return 0;
}
