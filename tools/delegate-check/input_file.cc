// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/input_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "tools/delegate-check/api.h"

namespace delegate_check {

std::string ReadInputFile(const std::string& path) {
  const auto refuse = [&] {
    throw Failure(kUsageError, "NPU_IO_ERROR",
                  fmt::format("{}: cannot be read: {}", path, std::strerror(errno)));
  };
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) refuse();
  std::string bytes;
  char block[1 << 16];
  for (size_t read = sizeof(block); read == sizeof(block);) {
    read = std::fread(block, 1, sizeof(block), file.get());
    bytes.append(block, read);
  }
  if (std::ferror(file.get())) refuse();
  return bytes;
}

}  // namespace delegate_check
