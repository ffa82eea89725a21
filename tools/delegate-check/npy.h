// NumPy's files: .npy (format versions 1 to 3, C order, little endian) and archives of them, .npz.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct zip;

namespace delegate_check {

struct NpyArray {
  std::string descr;  // "|i1", "|u1", "<f4", ...
  std::vector<int64_t> shape;
  std::vector<std::byte> data;

  int64_t elements() const;
};

// Throws Failure (usage) naming the file and what is wrong with it.
NpyArray ReadNpy(const std::string& path);
// The same of a file's bytes; path: for messages.
NpyArray ParseNpy(const std::string& path, std::string_view bytes);
// Every array of an archive by its name, without ".npy". Throws likewise; also if this was built without
// libzip.
std::map<std::string, NpyArray> ReadNpz(const std::string& path);

// "<f4" for NPU_TYPE_FLOAT32; "?" for a type that NumPy has not.
const char* NpyDescr(npu_type type);
// 4 for "<f4"; 1 for "?".
size_t NpyElementBytes(std::string_view descr);

// An archive of arrays that appears, whole, when it is closed.
class NpzWriter {
 public:
  // Throws Failure (usage) if this was built without libzip.
  explicit NpzWriter(std::string path);
  ~NpzWriter();  // without Close nothing is written
  NpzWriter(const NpzWriter&) = delete;
  NpzWriter& operator=(const NpzWriter&) = delete;

  // As numpy.load(path)[name] gives it. The bytes are copied. Throws Failure (usage), as Close does.
  void Add(const std::string& name, const npu_tensor_info& tensor, const void* bytes);
  void Close();

 private:
  [[noreturn]] void Refuse(const std::string& what) const;

  const std::string path_;
  zip* archive_ = nullptr;
};

}  // namespace delegate_check
