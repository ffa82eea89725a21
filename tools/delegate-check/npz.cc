// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/npy.h"
#ifdef NPU_HAVE_LIBZIP
#include <zip.h>
#endif

namespace delegate_check {
namespace {

[[noreturn]] void RefuseFile(const std::string& path, const std::string& what) {
  throw Failure(kUsageError, "NPU_IO_ERROR", fmt::format("{}: {}", path, what));
}

#ifdef NPU_HAVE_LIBZIP

// An array larger than this is no input of a model: a hostile archive may claim anything.
constexpr uint64_t kMostBytes = uint64_t{1} << 34;
constexpr std::string_view kSuffix = ".npy";

std::string ErrorText(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// The preamble and header of format version 1, which ends at a multiple of 64 bytes.
std::string Header(const npu_tensor_info& tensor) {
  std::string shape;
  const char* descr = NpyDescr(tensor.type);
  if (descr[0] == '?') {
    shape = fmt::format("{},", tensor.bytes);
    descr = "|u1";
  } else {
    for (int i = 0; i < tensor.rank; ++i) shape += fmt::format("{},", tensor.dims[i]);
  }
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  constexpr size_t kPreamble = 10, kAlignment = 64;
  header.resize((kPreamble + header.size() + kAlignment) / kAlignment * kAlignment - kPreamble - 1, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header;
}

#endif

}  // namespace

#ifdef NPU_HAVE_LIBZIP

std::map<std::string, NpyArray> ReadNpz(const std::string& path) {
  int code = 0;
  const std::unique_ptr<zip_t, void (*)(zip_t*)> archive(zip_open(path.c_str(), ZIP_RDONLY, &code),
                                                         zip_discard);
  if (archive == nullptr) RefuseFile(path, fmt::format("cannot be read as .npz: {}", ErrorText(code)));
  std::map<std::string, NpyArray> arrays;
  const zip_int64_t entries = zip_get_num_entries(archive.get(), 0);
  for (zip_int64_t i = 0; i < entries; ++i) {
    zip_stat_t stat;
    const auto index = static_cast<zip_uint64_t>(i);
    if (zip_stat_index(archive.get(), index, 0, &stat) != 0 || stat.name == nullptr)
      RefuseFile(path, "has an entry without a name");
    const std::string_view name = stat.name;
    if (!name.ends_with(kSuffix)) continue;
    if (stat.size > kMostBytes) RefuseFile(path, fmt::format("{} claims {} bytes", name, stat.size));
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen_index(archive.get(), index, 0),
                                                                 zip_fclose);
    // Grows with what is there, whatever the archive claims.
    std::string bytes;
    char block[1 << 16];
    zip_int64_t read = file == nullptr ? -1 : 1;
    while (read > 0 && bytes.size() <= stat.size) {
      read = zip_fread(file.get(), block, sizeof(block));
      if (read > 0) bytes.append(block, static_cast<size_t>(read));
    }
    if (read < 0 || bytes.size() != stat.size)
      RefuseFile(path, fmt::format("{} cannot be read: the archive is damaged", name));
    arrays.emplace(name.substr(0, name.size() - kSuffix.size()),
                   ParseNpy(fmt::format("{}: {}", path, name), bytes));
  }
  return arrays;
}

NpzWriter::NpzWriter(std::string path) : path_(std::move(path)) {
  int code = 0;
  archive_ = zip_open(path_.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (archive_ == nullptr) Refuse("cannot be written: " + ErrorText(code));
}

NpzWriter::~NpzWriter() {
  if (archive_ != nullptr) zip_discard(archive_);
}

void NpzWriter::Add(const std::string& name, const npu_tensor_info& tensor, const void* bytes) {
  const std::string header = Header(tensor);
  void* copy = std::malloc(header.size() + tensor.bytes);
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, header.data(), header.size());
  if (tensor.bytes > 0) std::memcpy(static_cast<char*>(copy) + header.size(), bytes, tensor.bytes);
  // The source owns the copy, the archive the source.
  zip_source_t* source = zip_source_buffer(archive_, copy, header.size() + tensor.bytes, 1);
  if (source == nullptr) {
    std::free(copy);
    Refuse(zip_strerror(archive_));
  }
  const zip_int64_t index =
      zip_file_add(archive_, (name + std::string(kSuffix)).c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    Refuse(zip_strerror(archive_));
  }
  // As numpy.savez stores them; and the same bytes at every run.
  zip_set_file_compression(archive_, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
  zip_file_set_dostime(archive_, static_cast<zip_uint64_t>(index), 0, 0x21, 0);
}

void NpzWriter::Close() {
  if (zip_close(archive_) != 0) Refuse(fmt::format("cannot be written: {}", zip_strerror(archive_)));
  archive_ = nullptr;
}

#else

std::map<std::string, NpyArray> ReadNpz(const std::string& path) {
  RefuseFile(path, "this delegate-check was built without libzip and reads no .npz");
}
NpzWriter::NpzWriter(std::string path) : path_(std::move(path)) {
  Refuse("this delegate-check was built without libzip");
}
NpzWriter::~NpzWriter() = default;
void NpzWriter::Add(const std::string&, const npu_tensor_info&, const void*) {}
void NpzWriter::Close() {}

#endif

void NpzWriter::Refuse(const std::string& what) const { RefuseFile(path_, what); }

}  // namespace delegate_check
