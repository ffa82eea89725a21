// SPDX-License-Identifier: Apache-2.0
#include "litert_api.h"

#include <dlfcn.h>

namespace litert {

std::string Load(const char* library_path, Api* api) {
  void* library = dlopen(library_path, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return dlerror();
  std::string missing;
  const auto find = [&](const char* name, auto* function) {
    *function = reinterpret_cast<std::remove_reference_t<decltype(*function)>>(dlsym(library, name));
    if (*function == nullptr && missing.empty()) missing = std::string(library_path) + " has no " + name;
  };
#define LITERT_FIND(name) find("LiteRt" #name, &api->name)
  LITERT_FIND(CreateEnvironment);
  LITERT_FIND(DestroyEnvironment);
  LITERT_FIND(CreateModelFromFile);
  LITERT_FIND(DestroyModel);
  LITERT_FIND(GetModelSubgraph);
  LITERT_FIND(GetSubgraphInput);
  LITERT_FIND(GetSubgraphOutput);
  LITERT_FIND(GetRankedTensorType);
  LITERT_FIND(CreateOptions);
  LITERT_FIND(DestroyOptions);
  LITERT_FIND(SetOptionsHardwareAccelerators);
  LITERT_FIND(CreateAccelerator);
  LITERT_FIND(SetAcceleratorGetName);
  LITERT_FIND(SetAcceleratorGetVersion);
  LITERT_FIND(SetAcceleratorGetHardwareSupport);
  LITERT_FIND(SetDelegateFunction);
  LITERT_FIND(RegisterAccelerator);
  LITERT_FIND(WrapDelegate);
  LITERT_FIND(CreateCompiledModel);
  LITERT_FIND(DestroyCompiledModel);
  LITERT_FIND(GetCompiledModelInputBufferRequirements);
  LITERT_FIND(GetCompiledModelOutputBufferRequirements);
  LITERT_FIND(CreateManagedTensorBufferFromRequirements);
  LITERT_FIND(DestroyTensorBuffer);
  LITERT_FIND(LockTensorBuffer);
  LITERT_FIND(UnlockTensorBuffer);
  LITERT_FIND(RunCompiledModel);
#undef LITERT_FIND
  return missing;
}

}  // namespace litert
