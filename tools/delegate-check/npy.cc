// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/npy.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <regex>

#include "tools/delegate-check/api.h"
#include "tools/delegate-check/input_file.h"

namespace delegate_check {
namespace {

// The format's magic string and the size of what stands before the header (numpy.lib.format).
constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
constexpr size_t kPreambleV1 = 10, kPreambleV2 = 12;
// What numpy.load takes by itself.
constexpr uint64_t kMostHeader = 10000;
constexpr int64_t kMostElements = int64_t{1} << 40;

[[noreturn]] void Refuse(const std::string& path, const std::string& what) {
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", fmt::format("{}: {}", path, what));
}

}  // namespace

NpyArray ParseNpy(const std::string& path, std::string_view bytes) {
  if (bytes.size() < kPreambleV2 || bytes.compare(0, kMagicBytes, kMagic, kMagicBytes) != 0) {
    Refuse(path, "not a .npy file (save inputs with numpy.save)");
  }
  const auto byte = [&](size_t i) { return static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])); };
  const bool v1 = byte(6) == 1;
  if (byte(6) < 1 || byte(6) > 3) Refuse(path, fmt::format(".npy version {}; expected 1 to 3", byte(6)));
  const size_t start = v1 ? kPreambleV1 : kPreambleV2;
  const uint64_t length =
      v1 ? byte(8) | byte(9) << 8 : byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
  if (length > bytes.size() - start) Refuse(path, "ends inside its header");
  if (length > kMostHeader)
    Refuse(path, fmt::format("its header has {} bytes; expected at most {}", length, kMostHeader));
  const std::string header(bytes.substr(start, length));

  static const std::regex descr_re("'descr':\\s*'([^']*)'"), order_re("'fortran_order':\\s*True"),
      shape_re("'shape':\\s*\\(([^)]*)\\)");
  std::smatch match;
  NpyArray array;
  if (!std::regex_search(header, match, descr_re))
    Refuse(path, "has no 'descr' (structured arrays are not taken)");
  array.descr = match[1];
  if (std::regex_search(header, order_re))
    Refuse(path, "is in Fortran order; save numpy.ascontiguousarray(x)");
  if (!std::regex_search(header, match, shape_re)) Refuse(path, "has no 'shape'");
  const std::string dims = match[1];
  int64_t elements = 1;
  for (const char* p = dims.c_str(); *p != '\0';) {
    char* end = nullptr;
    const long long dim = std::strtoll(p, &end, 10);
    if (end == p) {
      ++p;
      continue;
    }
    if (dim < 0 || (dim > 0 && elements > kMostElements / dim)) Refuse(path, "has a dimension out of range");
    elements *= dim;
    array.shape.push_back(dim);
    p = end;
  }
  const size_t data_start = start + length;
  array.data.resize(bytes.size() - data_start);
  if (!array.data.empty()) std::memcpy(array.data.data(), bytes.data() + data_start, array.data.size());
  return array;
}

int64_t NpyArray::elements() const {
  int64_t count = 1;
  for (const int64_t dim : shape) count *= dim;
  return count;
}

size_t NpyElementBytes(std::string_view descr) {
  const char last = descr.empty() ? '1' : descr.back();
  return last >= '1' && last <= '8' ? static_cast<size_t>(last - '0') : 1;
}

NpyArray ReadNpy(const std::string& path) { return ParseNpy(path, ReadInputFile(path)); }

const char* NpyDescr(npu_type type) {
  switch (type) {
    case NPU_TYPE_INT8: return "|i1";
    case NPU_TYPE_UINT8: return "|u1";
    case NPU_TYPE_FLOAT32: return "<f4";
    case NPU_TYPE_INT32: return "<i4";
    case NPU_TYPE_INT16: return "<i2";
    case NPU_TYPE_INT64: return "<i8";
    case NPU_TYPE_BOOL: return "|b1";
    case NPU_TYPE_FLOAT16: return "<f2";
  }
  return "?";
}

}  // namespace delegate_check
