// Loads the plug-in, looks for devices, creates and destroys a delegate, unloads the plug-in, and looks whether it
// is still mapped.
// usage: dlclose_check libnpu_delegate.so
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cstdio>
#include <fstream>
#include <string>

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return Fail("usage: dlclose_check LIBRARY");
  using Create = void* (*)(const char* const*, const char* const*, size_t, void (*)(const char*));
  using Destroy = void (*)(void*);
  for (int round = 0; round < 3; ++round) {
    void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return Fail(dlerror());
    const auto create = reinterpret_cast<Create>(dlsym(library, "tflite_plugin_create_delegate"));
    const auto destroy = reinterpret_cast<Destroy>(dlsym(library, "tflite_plugin_destroy_delegate"));
    if (create == nullptr || destroy == nullptr) return Fail("the plug-in's functions are missing");
    const auto list_devices = reinterpret_cast<int (*)(char**)>(dlsym(library, "npu_devices_json"));
    const auto free_string = reinterpret_cast<void (*)(char*)>(dlsym(library, "npu_string_destroy"));
    if (list_devices == nullptr || free_string == nullptr) return Fail("the C API is missing");
    char* devices = nullptr;
    list_devices(&devices);
    free_string(devices);
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
