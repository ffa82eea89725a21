// A file, a pipe or stdin, read from front to back. Knows how much is left where that can be known, so that a header's
// sizes are checked before memory is asked for.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>

namespace camera_run {

class ByteStream {
 public:
  // "-": stdin. Throws Failure (input).
  explicit ByteStream(const std::string& path);

  const std::string& path() const { return path_; }
  // Bytes read; less than asked only at the end. A read error is a Failure.
  size_t Read(void* bytes, size_t count);
  // Up to the next '\n', which is dropped; nullopt at the end of the stream. Longer than `limit` is a Failure.
  std::optional<std::string> Line(size_t limit);
  // Bytes that are left of a regular file.
  std::optional<uint64_t> Left() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const;
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  std::optional<uint64_t> size_;
  uint64_t position_ = 0;
};

}  // namespace camera_run
