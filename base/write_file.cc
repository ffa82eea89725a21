// SPDX-License-Identifier: Apache-2.0
#include "base/write_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace npu {
namespace {

tl::unexpected<Error> FailWithErrno() { return Fail(ErrorCode::kIo, std::strerror(errno)); }

Status WriteAll(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FailWithErrno();
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

std::string TemporaryBeside(const std::string& path) {
  static std::atomic<int> serial{0};
  return fmt::format("{}.{}.{}.tmp", path, ::getpid(), serial++);
}

int OpenNew(const std::string& path) { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); }

}  // namespace

Status WriteFileAtomically(const std::string& path, std::string_view text) {
  const std::string temporary = TemporaryBeside(path);
  const int file = OpenNew(temporary);
  if (file < 0) return FailWithErrno();
  Status status = WriteAll(file, text);
  if (::close(file) != 0 && status) status = FailWithErrno();
  if (status && std::rename(temporary.c_str(), path.c_str()) != 0) status = FailWithErrno();
  if (!status) ::unlink(temporary.c_str());
  return status;
}

Status CheckWritable(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return Fail(ErrorCode::kIo, std::strerror(EISDIR));
  }
  const std::string temporary = TemporaryBeside(path);
  const int file = OpenNew(temporary);
  if (file < 0) return FailWithErrno();
  ::close(file);
  ::unlink(temporary.c_str());
  return {};
}

}  // namespace npu
