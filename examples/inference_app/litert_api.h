// The part of LiteRT 2.3's C API that this app calls, declared in our own words: the runtime's Python wheel
// ships libLiteRt.so without headers. Every function is looked up at run time (Load), nothing is linked.
// Layouts are those of the 64-bit little-endian ABI; handles are opaque.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace litert {

using Status = int;  // 0: ok
constexpr Status kOk = 0;

using Handle = void*;  // environment, model, options, compiled model, buffer, accelerator, ...

// Hardware sets are bit masks.
constexpr int kCpu = 1, kGpu = 2;

// Environment options carry a tagged value.
constexpr int kOptionAutoRegisterAccelerators = 24;
constexpr int kValueIsInt = 2;
struct EnvironmentOption {
  int tag;
  struct {
    int type;
    int64_t value;
  } tagged;
};
static_assert(sizeof(EnvironmentOption) == 24);

struct ApiVersion {
  int major, minor, patch;
};

constexpr int kMaxRank = 8;
struct RankedTensorType {
  int element_type;             // 1 float32, 3 uint8, 9 int8
  uint32_t rank_and_flags;      // rank in the low 7 bits
  int32_t dims[kMaxRank];
  uint32_t strides[kMaxRank];
};
static_assert(sizeof(RankedTensorType) == 72);

constexpr int kLockRead = 0, kLockWrite = 1;

using GetName = Status (*)(Handle accelerator, const char** name);
using GetVersion = Status (*)(Handle accelerator, ApiVersion* version);
using GetHardware = Status (*)(Handle accelerator, int* hardware);
using CreateDelegate = Status (*)(void* runtime, Handle environment, Handle accelerator, Handle options,
                                  Handle* wrapper);

struct Api {
  Status (*CreateEnvironment)(int count, const EnvironmentOption* options, Handle* environment);
  void (*DestroyEnvironment)(Handle environment);
  Status (*CreateModelFromFile)(Handle environment, const char* path, Handle* model);
  void (*DestroyModel)(Handle model);
  Status (*GetModelSubgraph)(Handle model, size_t index, Handle* subgraph);
  Status (*GetSubgraphInput)(Handle subgraph, size_t index, Handle* tensor);
  Status (*GetSubgraphOutput)(Handle subgraph, size_t index, Handle* tensor);
  Status (*GetRankedTensorType)(Handle tensor, RankedTensorType* type);
  Status (*CreateOptions)(Handle* options);
  void (*DestroyOptions)(Handle options);
  Status (*SetOptionsHardwareAccelerators)(Handle options, int hardware);
  Status (*CreateAccelerator)(Handle* accelerator);
  Status (*SetAcceleratorGetName)(Handle accelerator, GetName function);
  Status (*SetAcceleratorGetVersion)(Handle accelerator, GetVersion function);
  Status (*SetAcceleratorGetHardwareSupport)(Handle accelerator, GetHardware function);
  Status (*SetDelegateFunction)(Handle accelerator, CreateDelegate function);
  Status (*RegisterAccelerator)(Handle environment, Handle accelerator, void* data, void (*release)(void*));
  // destroy: called with the delegate when LiteRT is done with it.
  Status (*WrapDelegate)(void* delegate, void (*destroy)(void* delegate), Handle* wrapper);
  Status (*CreateCompiledModel)(Handle environment, Handle model, Handle options, Handle* compiled);
  void (*DestroyCompiledModel)(Handle compiled);
  Status (*GetCompiledModelInputBufferRequirements)(Handle compiled, size_t signature, size_t index, Handle* out);
  Status (*GetCompiledModelOutputBufferRequirements)(Handle compiled, size_t signature, size_t index, Handle* out);
  Status (*CreateManagedTensorBufferFromRequirements)(Handle environment, const RankedTensorType* type,
                                                      Handle requirements, Handle* buffer);
  void (*DestroyTensorBuffer)(Handle buffer);
  Status (*LockTensorBuffer)(Handle buffer, void** address, int mode);
  Status (*UnlockTensorBuffer)(Handle buffer);
  Status (*RunCompiledModel)(Handle compiled, size_t signature, size_t input_count, Handle* inputs,
                             size_t output_count, Handle* outputs);
};

// Opens libLiteRt.so and fills `api`; returns what is missing, or an empty string.
std::string Load(const char* library_path, Api* api);

}  // namespace litert
