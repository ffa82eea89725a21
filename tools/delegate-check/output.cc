// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/output.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "base/write_file.h"
#include "tools/delegate-check/interrupt.h"

namespace delegate_check {
namespace {

namespace fs = std::filesystem;

bool WriteStream(FILE* stream, const std::string& text) {
  const bool whole = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
  return std::fflush(stream) == 0 && whole;
}

// Pipes and devices are written to; a file is replaced whole, where a link leads to, and keeps its permissions.
npu::Status WriteFile(const std::string& path, const std::string& text) {
  std::error_code error;
  const fs::file_status old = fs::status(path, error);
  if (fs::exists(old) && !fs::is_regular_file(old) && !fs::is_directory(old)) {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), [](FILE* f) { return f ? std::fclose(f) : 0; });
    if (file && WriteStream(file.get(), text)) return {};
    return npu::Fail(npu::ErrorCode::kIo, std::strerror(errno));
  }
  const std::string target = fs::is_regular_file(old) ? fs::canonical(path, error).string() : path;
  const Uninterrupted uninterrupted;
  const npu::Status status = npu::WriteFileAtomically(target, text);
  if (status && fs::is_regular_file(old)) fs::permissions(target, old.permissions(), error);
  return status;
}

}  // namespace

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

nlohmann::ordered_json ErrorJson(const Failure& failure, const std::string& file) {
  nlohmann::ordered_json error{{"code", failure.code}, {"text", failure.what()}};
  if (!file.empty()) error["file"] = file;
  return error;
}

void Write(const std::string& path, const std::string& text, const char* what) {
  std::string problem;
  if (path == "-") {
    if (!WriteStream(stdout, text)) problem = std::strerror(errno);
  } else if (const npu::Status status = WriteFile(path, text); !status) {
    problem = status.error().text;
  }
  if (problem.empty()) return;
  throw Failure(kUsageError, "NPU_IO_ERROR",
                fmt::format("cannot write {} to {}: {}", what, path == "-" ? "stdout" : path, problem));
}

std::vector<std::string> WriteDirectory(const std::string& directory, const std::vector<NamedText>& files) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    throw Failure(kUsageError, "NPU_IO_ERROR",
                  fmt::format("cannot make the directory {}: {}", directory, error.message()));
  }
  std::vector<std::string> paths;
  for (const NamedText& file : files) {
    paths.push_back((fs::path(directory) / file.name).string());
    Write(paths.back(), file.text, "an overlay");
  }
  return paths;
}

}  // namespace delegate_check
