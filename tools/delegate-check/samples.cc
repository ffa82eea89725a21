// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "tools/delegate-check/input_file.h"
#include "tools/delegate-check/npy.h"

namespace delegate_check {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const std::string& path, const std::string& what) {
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", fmt::format("{}: {}", path, what));
}

template <typename T>
T At(const std::byte* bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes + i * sizeof(T), sizeof(T));
  return value;
}

template <typename To, typename From, typename Convert>
Bytes Each(const std::byte* data, size_t count, Convert convert) {
  Bytes bytes(count * sizeof(To));
  for (size_t i = 0; i < count; ++i) {
    const To value = convert(At<From>(data, i));
    std::memcpy(bytes.data() + i * sizeof(To), &value, sizeof(To));
  }
  return bytes;
}

template <typename To, typename From>
Bytes Quantize(const std::byte* data, size_t count, const npu_tensor_info& input) {
  // As TFLite's QUANTIZE: halves away from zero, then into the type's range.
  return Each<To, From>(data, count, [&](double real) {
    const double value = std::round(real / input.scale) + input.zero_point;
    return static_cast<To>(std::clamp<double>(std::isnan(value) ? input.zero_point : value,
                                              std::numeric_limits<To>::min(),
                                              std::numeric_limits<To>::max()));
  });
}

struct Conversion {
  std::string words;
  Bytes (*convert)(const std::byte* data, size_t count, const npu_tensor_info& input) = nullptr;
};

// From what a file holds to what the model takes; nothing where that would be a guess.
std::optional<Conversion> FindConversion(const std::string& from, const npu_tensor_info& input) {
  const std::string to = NpyDescr(input.type);
  if (from == to) {
    return Conversion{"taken as they are",
                      [](const std::byte* data, size_t count, const npu_tensor_info& info) {
                        return Bytes(data, data + count * NpyElementBytes(NpyDescr(info.type)));
                      }};
  }
  const bool floats = from == "<f4" || from == "<f8", quantized = input.scale > 0;
  if (floats && quantized && (to == "|i1" || to == "|u1" || to == "<i2")) {
    const bool doubles = from == "<f8";
    return Conversion{
        fmt::format("real numbers, quantized with the model's own parameters (scale {:g}, zero point {})",
                    input.scale, input.zero_point),
        to == "|i1"   ? (doubles ? Quantize<int8_t, double> : Quantize<int8_t, float>)
        : to == "|u1" ? (doubles ? Quantize<uint8_t, double> : Quantize<uint8_t, float>)
                      : (doubles ? Quantize<int16_t, double> : Quantize<int16_t, float>)};
  }
  // The two 8-bit types hold the same numbers, their zero points 128 apart.
  if ((from == "|u1" && to == "|i1") || (from == "|i1" && to == "|u1")) {
    return Conversion{from == "|u1" ? "UINT8, less 128 (the zero points of UINT8 and INT8 are 128 apart)"
                                    : "INT8, plus 128 (the zero points of INT8 and UINT8 are 128 apart)",
                      [](const std::byte* data, size_t count, const npu_tensor_info&) {
                        return Each<uint8_t, uint8_t>(
                            data, count, [](uint8_t v) { return static_cast<uint8_t>(v ^ 0x80); });
                      }};
  }
  if (to == "<f4" && from == "|u1") {
    return Conversion{
        "UINT8, as the numbers 0 to 255", [](const std::byte* data, size_t count, const npu_tensor_info&) {
          return Each<float, uint8_t>(data, count, [](uint8_t v) { return static_cast<float>(v); });
        }};
  }
  if (to == "<f4" && from == "<f8") {
    return Conversion{"real numbers", [](const std::byte* data, size_t count, const npu_tensor_info&) {
                        return Each<float, double>(data, count,
                                                   [](double v) { return static_cast<float>(v); });
                      }};
  }
  return std::nullopt;
}

std::string Dims(const std::vector<int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

class Reader {
 public:
  explicit Reader(const npu_tensor_info& input) : input_(input) {
    for (int i = 0; i < input.rank; ++i) elements_ *= input.dims[i];
  }

  // `count` samples of `array`, one behind the other.
  void Add(const std::string& path, const NpyArray& array, int64_t count) {
    const auto conversion = FindConversion(array.descr, input_);
    if (!conversion) {
      Refuse(path,
             fmt::format(
                 "element type {}; input \"{}\" takes {}. Save uint8 or int8, or the real numbers as float32",
                 array.descr, input_.name, NpyDescr(input_.type)));
    }
    if (array.elements() != count * elements_) {
      Refuse(path,
             fmt::format("shape {} is not {}; input \"{}\" has {} elements: shape {}", Dims(array.shape),
                         count == 1 ? "one sample" : fmt::format("{} samples", count), input_.name, elements_,
                         Dims({input_.dims, input_.dims + input_.rank})));
    }
    const size_t element = NpyElementBytes(array.descr);
    if (array.data.size() != element * static_cast<size_t>(array.elements())) {
      Refuse(path, fmt::format("{} bytes of data; its shape says {}", array.data.size(),
                               element * static_cast<size_t>(array.elements())));
    }
    for (int64_t i = 0; i < count; ++i) {
      const std::byte* data = array.data.data() + static_cast<size_t>(i * elements_) * element;
      samples_.inputs.push_back(conversion->convert(data, static_cast<size_t>(elements_), input_));
    }
    if (samples_.conversion.find(conversion->words) == std::string::npos) {
      samples_.conversion += (samples_.conversion.empty() ? "" : "; ") + conversion->words;
    }
  }
  Samples& samples() { return samples_; }

 private:
  const npu_tensor_info& input_;
  int64_t elements_ = 1;
  Samples samples_;
};

std::vector<int64_t> LabelsOf(const std::string& path, const NpyArray& array) {
  std::vector<int64_t> labels;
  const size_t count = static_cast<size_t>(array.elements());
  const std::byte* data = array.data.data();
  const auto fill = [&]<typename T>(T) {
    if (array.data.size() < count * sizeof(T)) Refuse(path, "y.npy ends before its data does");
    for (size_t i = 0; i < count; ++i) labels.push_back(static_cast<int64_t>(At<T>(data, i)));
  };
  if (array.descr == "<i8")
    fill(int64_t{});
  else if (array.descr == "<i4")
    fill(int32_t{});
  else if (array.descr == "<i2")
    fill(int16_t{});
  else if (array.descr == "|u1")
    fill(uint8_t{});
  else if (array.descr == "|i1")
    fill(int8_t{});
  else
    Refuse(path, fmt::format("y has element type {}; labels are whole numbers: y.astype(numpy.int64)",
                             array.descr));
  return labels;
}

Samples FromArchive(const std::string& path, const npu_tensor_info& input) {
  const std::map<std::string, NpyArray> arrays = ReadNpz(path);
  std::vector<std::string> names;
  for (const auto& [name, array] : arrays) names.push_back(name);
  const auto x = arrays.find("x"), y = arrays.find("y");
  if (x == arrays.end()) {
    Refuse(path, fmt::format("has no array x (it has: {}); numpy.savez(FILE, x=inputs, y=labels)",
                             fmt::join(names, ", ")));
  }
  if (x->second.shape.empty()) Refuse(path, "x is a single number; expected (samples, ...)");
  Reader reader(input);
  reader.Add(path + ": x", x->second, x->second.shape[0]);
  if (y != arrays.end()) {
    reader.samples().labels = LabelsOf(path, y->second);
    if (reader.samples().labels.size() != reader.samples().inputs.size()) {
      Refuse(path, fmt::format("y has {} labels for the {} samples of x", reader.samples().labels.size(),
                               reader.samples().inputs.size()));
    }
  }
  return std::move(reader.samples());
}

int64_t Label(const std::string& where, const std::string& text) {
  int64_t label = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
  if (error != std::errc() || end != text.data() + text.size() || label < 0) {
    Refuse(where,
           fmt::format("\"{}\" is no label; expected the number of a class, 0 and up", text.substr(0, 40)));
  }
  return label;
}

std::vector<int64_t> ReadLabels(const std::string& path, const std::vector<std::string>& files) {
  std::unordered_map<std::string, size_t> index;
  for (size_t i = 0; i < files.size(); ++i) index[files[i]] = i;
  std::vector<int64_t> labels(files.size(), -1);
  std::istringstream text(ReadInputFile(path));
  size_t next = 0, number = 0;
  bool named = false;
  for (std::string line; std::getline(text, line);) {
    const std::string where = fmt::format("{}, line {}", path, ++number);
    std::istringstream words(line);
    std::string first, second, more;
    if (!(words >> first) || first[0] == '#') continue;
    if (!(words >> second)) {
      if (named || next >= files.size()) {
        Refuse(where, named ? "has no file name, unlike lines before it"
                            : fmt::format("one label more than there are .npy files ({})", files.size()));
      }
      labels[next++] = Label(where, first);
      continue;
    }
    if (words >> more || next > 0)
      Refuse(where, "expected \"label\" on every line, or \"file.npy label\" on every line");
    named = true;
    auto found = index.find(first);
    if (found == index.end()) found = index.find(first + ".npy");
    if (found == index.end()) Refuse(where, fmt::format("{} is not in the folder", first));
    labels[found->second] = Label(where, second);
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (labels[i] < 0)
      Refuse(path, fmt::format("has no label for {} ({} .npy files)", files[i], files.size()));
  }
  return labels;
}

Samples FromFolder(const std::string& path, const npu_tensor_info& input) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".npy") files.push_back(entry->path().filename().string());
  }
  if (error) Refuse(path, "cannot be read: " + error.message());
  if (files.empty())
    Refuse(path, "holds no .npy file; numpy.save one input per file, or give an .npz with x and y");
  std::sort(files.begin(), files.end());
  Reader reader(input);
  for (const std::string& file : files) {
    const std::string whole = (fs::path(path) / file).string();
    reader.Add(whole, ReadNpy(whole), 1);
  }
  const std::string labels = (fs::path(path) / "labels.txt").string();
  if (fs::exists(labels, error)) reader.samples().labels = ReadLabels(labels, files);
  return std::move(reader.samples());
}

}  // namespace

Samples ReadSamples(const std::string& path, const npu_tensor_info& input) {
  std::error_code error;
  if (fs::is_directory(path, error)) return FromFolder(path, input);
  if (!fs::exists(path, error))
    Refuse(path, "is not there; expected a folder of .npy files, or an .npz with x and y");
  return FromArchive(path, input);
}

}  // namespace delegate_check
