// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "schema/reader.h"

namespace npu {
namespace {

// What to do about it, where that is not plain.
const char* Fix(int number) {
  if (number == EACCES || number == EPERM) return "; allow yourself to read it (chmod +r)";
  return number == ENOENT ? "; check the path" : "";
}

tl::unexpected<Error> IoError(const std::string& path, const char* what, int number) {
  return Fail(ErrorCode::kIo, fmt::format("{}: {}: {}{}", path, what, std::generic_category().message(number), Fix(number)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

Result<Model> ReadModelFile(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must not wait for a writer.
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return IoError(path, "cannot open", errno);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return IoError(path, "cannot stat", errno);
  if (S_ISDIR(status.st_mode)) {
    return Fail(ErrorCode::kIo, path + ": is a directory; expected a .tflite file");
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kIo, path + ": is not a regular file; expected a .tflite file");
  }
  if (status.st_size == 0) {
    return Fail(ErrorCode::kInvalidModel, path + ": is empty; expected a .tflite file");
  }
  const auto size = static_cast<size_t>(status.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) return IoError(path, "cannot map", errno);
  const std::shared_ptr<const void> mapping(address, [size](void* p) { munmap(p, size); });
  auto model = ReadModel({static_cast<const std::byte*>(address), size}, mapping);
  if (!model) return tl::unexpected<Error>(model.error().WithContext(path));
  return model;
}

}  // namespace npu
