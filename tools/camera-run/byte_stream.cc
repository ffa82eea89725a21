// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/byte_stream.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "tools/camera-run/failure.h"

namespace camera_run {

void ByteStream::Close::operator()(std::FILE* file) const {
  if (file != stdin) std::fclose(file);
}

ByteStream::ByteStream(const std::string& path) : path_(path == "-" ? "stdin" : path) {
  file_.reset(path == "-" ? stdin : std::fopen(path.c_str(), "rbe"));
  if (!file_) RefuseInput(path_, "cannot be opened: {}", std::strerror(errno));
  struct stat info {};
  if (fstat(fileno(file_.get()), &info) != 0) RefuseInput(path_, "cannot be opened: {}", std::strerror(errno));
  if (S_ISDIR(info.st_mode)) RefuseInput(path_, "is a folder; a file is needed here");
  if (S_ISREG(info.st_mode)) size_ = static_cast<uint64_t>(info.st_size);
}

size_t ByteStream::Read(void* bytes, size_t count) {
  size_t done = 0;
  while (done < count) {
    const size_t now = std::fread(static_cast<char*>(bytes) + done, 1, count - done, file_.get());
    done += now;
    if (now != 0) continue;
    if (std::ferror(file_.get()) == 0) break;
    if (errno != EINTR) RefuseInput(path_, "cannot be read: {}", std::strerror(errno));
    std::clearerr(file_.get());
  }
  position_ += done;
  return done;
}

std::optional<std::string> ByteStream::Line(size_t limit) {
  std::string line;
  char c = 0;
  while (Read(&c, 1) == 1) {
    if (c == '\n') return line;
    if (line.size() == limit) RefuseInput(path_, "has a header line of more than {} bytes at byte {}", limit, position_);
    line += c;
  }
  if (!line.empty()) RefuseInput(path_, "ends inside a header line");
  return std::nullopt;
}

std::optional<uint64_t> ByteStream::Left() const {
  if (!size_) return std::nullopt;
  return position_ < *size_ ? *size_ - position_ : 0;
}

}  // namespace camera_run
