// Results that are dear to make, kept in files between processes: OpenCL program binaries first of all.
// A directory of the user's own (option cache_dir) holds one file per entry. Drivers crash on damaged
// binaries (PoCL 3.1: on every truncation, and on one in ten flipped bits), so bytes leave Load only when
// each of them is the byte that was stored and the entry was made from exactly the same things: sources,
// options, device, driver. Anything else is "no entry", with one log line that says why.
// Refused: directories that are links, belong to somebody else or can be written by others; links, FIFOs
// and foreign files in place of entries; set-uid processes. Thread-safe and safe between processes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace npu {

// SHA-256 as 64 hexadecimal digits.
std::string Sha256Hex(std::span<const std::byte> bytes);
std::string Sha256Hex(std::string_view text);

class FileCache {
 public:
  // What an entry was made from, part by part: {"driver version", "3.1"}. Neither holds a NUL.
  struct Part {
    std::string name, value;
    friend bool operator==(const Part&, const Part&) = default;
  };
  using Identity = std::vector<Part>;

  // Makes the directory (its last component only, mode 0700) if it is not there. kIo, naming the
  // directory, what is wrong with it and the fix.
  static Result<FileCache> Open(const std::string& directory);
  FileCache(FileCache&& other) noexcept;
  FileCache& operator=(FileCache&&) = delete;
  ~FileCache();

  // The bytes of entry `name` if it was made from `identity`. Names consist of a-z, 0-9 and '-'.
  std::optional<std::vector<std::byte>> Load(std::string_view name, const Identity& identity) const;
  // Replaces the entry in one step: other processes see the old one or the new one. kIo.
  Status Store(std::string_view name, const Identity& identity, std::span<const std::byte> bytes) const;

  const std::string& directory() const { return path_; }

 private:
  FileCache(int directory, std::string path) : directory_(directory), path_(std::move(path)) {}

  int directory_;  // file descriptor
  std::string path_;
};

}  // namespace npu
