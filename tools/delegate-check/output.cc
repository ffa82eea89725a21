// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace delegate_check {

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

nlohmann::ordered_json ErrorJson(const Failure& failure, const std::string& file) {
  nlohmann::ordered_json error{{"code", failure.code}, {"text", failure.what()}};
  if (!file.empty()) error["file"] = file;
  return error;
}

void Write(const std::string& path, const std::string& text, const char* what) {
  FILE* file = path == "-" ? stdout : std::fopen(path.c_str(), "wb");
  bool ok = file != nullptr && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (file != nullptr) ok = (file == stdout ? std::fflush(file) : std::fclose(file)) == 0 && ok;
  if (!ok) {
    throw Failure(kUsageError, "NPU_IO_ERROR",
                  fmt::format("cannot write {} to {}: {}", what, path == "-" ? "stdout" : path,
                              std::strerror(errno)));
  }
}

}  // namespace delegate_check
