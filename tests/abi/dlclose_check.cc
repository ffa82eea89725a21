// Loads the plug-in, lets the C API run a model on the device (where there is one), creates and destroys a
// delegate, unloads the plug-in, and looks whether it is still mapped. usage: dlclose_check
// libnpu_delegate.so model.tflite
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "capi/npu_delegate.h"

namespace {

bool IsMapped(const std::string& path) {
  const std::string file_name = path.substr(path.rfind('/') + 1);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(file_name) != std::string::npos) return true;
  }
  return false;
}

int Fail(const char* text) {
  std::fprintf(stderr, "%s\n", text);
  return 1;
}

// A function of the header, from the library: nothing here links to it.
#define FIND(name) reinterpret_cast<decltype(&name)>(dlsym(library, #name))

// Null, or what went wrong.
const char* RunModel(void* library, const char* path) {
  npu_model* model = nullptr;
  npu_plan* plan = nullptr;
  npu_session* session = nullptr;
  if (FIND(npu_model_open_file)("/no/such/model", &model) == NPU_OK)
    return "opened a file that does not exist";
  if (FIND(npu_model_open_file)(path, &model) != NPU_OK) return "cannot open the model";
  if (FIND(npu_plan_create)(model, nullptr, 0, &plan) != NPU_OK) return "cannot plan the model";
  const npu_status created = FIND(npu_session_create)(plan, &session);
  const char* problem = nullptr;
  if (created == NPU_OK) {
    if (FIND(npu_session_invoke)(session) != NPU_OK) problem = "the model does not run";
  } else if (created != NPU_DEVICE_ERROR) {
    problem = "no session";
  }
  FIND(npu_session_destroy)(session);
  FIND(npu_plan_destroy)(plan);
  FIND(npu_model_destroy)(model);
  return problem;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return Fail("usage: dlclose_check LIBRARY MODEL");
  using Create = void*(const char* const*, const char* const*, size_t, void (*)(const char*));
  using Destroy = void(void*);
  for (int round = 0; round < 3; ++round) {
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return Fail(dlerror());
    if (const char* problem = RunModel(library, argv[2])) return Fail(problem);
    const auto create = reinterpret_cast<Create*>(dlsym(library, "tflite_plugin_create_delegate"));
    const auto destroy = reinterpret_cast<Destroy*>(dlsym(library, "tflite_plugin_destroy_delegate"));
    if (create == nullptr || destroy == nullptr) return Fail("the plug-in's functions are missing");
    void* delegate = create(nullptr, nullptr, 0, nullptr);
    if (delegate == nullptr) return Fail("no delegate without options");
    destroy(delegate);
    destroy(nullptr);
    const char* key = "no_such_option";
    const char* value = "1";
    if (create(&key, &value, 1, nullptr) != nullptr) return Fail("an unknown option was accepted");
    if (!IsMapped(argv[1])) return Fail("cannot tell whether the library is mapped");
    dlclose(library);
    if (IsMapped(argv[1])) return Fail("dlclose left the library mapped");
  }
  return 0;
}
