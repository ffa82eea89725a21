// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_strips.h"

#include <algorithm>
#include <span>

namespace npu {
namespace {

// Of frame_kernels/frame_strips.h.
enum Number { kWidth, kHeight, kRoiX, kRoiY, kColumns, kRows, kGroups, kFlip, kUseTables, kChannels };
constexpr int kFactors = 10, kBias = 16, kDirect = 19, kTurned = 20, kLoads = 24, kLoadNumbers = 8, kHeader = kLoads + 3 * kLoadNumbers;
enum LoadNumber { kBases, kIndices, kWeights, kRowList, kReciprocal, kShift, kTotal, kFullY };
constexpr int kGroup = 16, kWindow = 64;

enum class Kind { kSemiPlanar, kPackedYuv, kPackedRgb, kPlanar, kOne };

// The one or two components whose bytes a load brings.
struct Load {
  int low = 0, high = -1;
};

Kind KindOf(const Conversion& c) {
  if (c.components() == 1) return Kind::kOne;
  if (c.format->model == ColourModel::kRgb) return Kind::kPackedRgb;
  return c.format->plane_count == 1   ? Kind::kPackedYuv
         : c.format->plane_count == 2 ? Kind::kSemiPlanar
                                      : Kind::kPlanar;
}

std::vector<Load> LoadsOf(Kind kind, const Conversion& c) {
  if (kind == Kind::kOne) return {{0, -1}};
  if (kind == Kind::kPackedRgb && c.colour.direct)
    return {{c.colour.source[0], c.colour.source[1]}, {c.colour.source[2], -1}};
  if (kind == Kind::kPackedRgb) return {{0, 1}, {2, -1}};
  if (kind == Kind::kPlanar) return {{0, -1}, {1, -1}, {2, -1}};
  return {{0, -1}, {1, 2}};
}

struct Fraction {
  uint32_t reciprocal;
  int shift;
};

// numerator / (2 * total) for numerators below 2^16 * total is numerator * reciprocal >> shift. The
// reciprocal is `over` / (2 * total) / 2^shift too large; a quotient misses the next whole number by 1 / (2 *
// total) at least, so that nothing changes as long as numerator * over < 2^shift. nullopt for the few totals
// (above 2^15) of which no reciprocal of 32 bits is that good.
std::optional<Fraction> Reciprocal(uint64_t total) {
  for (int shift = 17; shift <= 49; ++shift) {
    const uint64_t one = uint64_t{1} << shift, reciprocal = one / (2 * total) + 1;
    const uint64_t over = reciprocal * 2 * total - one;
    if (reciprocal > UINT32_MAX) break;
    if ((total << 16) * over <= one) return Fraction{static_cast<uint32_t>(reciprocal), shift};
  }
  return std::nullopt;
}

class StripBuilder {
 public:
  StripBuilder(const Conversion& c, Kind kind) : c_(c), kind_(kind), loads_(LoadsOf(kind, c)) {
    groups_ = (static_cast<int>(c.geometry.resized_width()) + kGroup - 1) / kGroup;
  }

  std::optional<StripTables> Linear() {
    struct Form {
      Kind kind;
      int first, others;
      const char* kernel;
    };
    static constexpr Form kForms[] = {
        {Kind::kSemiPlanar, 2, 3, "frame_linear_semi_planar_2_3"},
        {Kind::kSemiPlanar, 4, 4, "frame_linear_semi_planar_4_4"},
        {Kind::kSemiPlanar, 8, 8, "frame_linear_semi_planar_8_8"},
        {Kind::kPackedYuv, 4, 4, "frame_linear_packed_yuv_4"},
        {Kind::kPackedYuv, 8, 8, "frame_linear_packed_yuv_8"},
        {Kind::kPackedRgb, 4, 4, "frame_linear_packed_rgb_4"},
        {Kind::kPackedRgb, 8, 8, "frame_linear_packed_rgb_8"},
        {Kind::kPlanar, 2, 2, "frame_linear_planar_2"},
        {Kind::kPlanar, 8, 8, "frame_linear_planar_8"},
        {Kind::kOne, 2, 2, "frame_linear_one_2"},
        {Kind::kOne, 4, 4, "frame_linear_one_4"},
        {Kind::kOne, 8, 8, "frame_linear_one_8"},
    };
    for (const Form& form : kForms) {
      if (form.kind != kind_) continue;
      Start(form.kernel);
      bool fits = true;
      for (size_t i = 0; i < loads_.size() && fits; ++i)
        fits = LinearLoad(i, i == 0 ? form.first : form.others);
      if (fits) return std::move(tables_);
    }
    return std::nullopt;
  }

  std::optional<StripTables> Area() {
    // By the number of windows that hold the bytes of four pixels.
    static constexpr const char* kKernels[][2] = {{"frame_area_semi_planar_1", "frame_area_semi_planar_2"},
                                                  {"frame_area_packed_yuv_1", "frame_area_packed_yuv_2"},
                                                  {"frame_area_packed_rgb_1", "frame_area_packed_rgb_2"},
                                                  {"frame_area_planar_1", "frame_area_planar_2"},
                                                  {"frame_area_one_1", "frame_area_one_2"}};
    for (int windows : {1, 2}) {
      Start(kKernels[static_cast<int>(kind_)][windows - 1]);
      bool fits = true;
      for (size_t i = 0; i < loads_.size() && fits; ++i) fits = AreaLoad(i, 4 / windows);
      if (fits) return std::move(tables_);
    }
    return std::nullopt;
  }

 private:
  int32_t& At(int index) { return tables_.numbers[index]; }
  int32_t& OfLoad(size_t load, int number) {
    return At(kLoads + static_cast<int>(load) * kLoadNumbers + number);
  }

  void Start(const char* kernel) {
    tables_ = {kernel, std::vector<int32_t>(kHeader, 0)};
    const Rect& roi = c_.geometry.roi;
    const uint32_t numbers[] = {c_.width,
                                c_.height,
                                roi.x,
                                roi.y,
                                c_.geometry.resized_width(),
                                c_.geometry.resized_height(),
                                static_cast<uint32_t>(groups_),
                                c_.bytes.flip,
                                c_.bytes.is_flip ? 0u : 1u,
                                static_cast<uint32_t>(c_.channels)};
    for (size_t i = 0; i < std::size(numbers); ++i)
      At(static_cast<int>(i)) = static_cast<int32_t>(numbers[i]);
    for (int k = 0; k < 3; ++k) {
      const auto& factor = c_.colour.factor[k];
      // The factor of U to blue is more than 16 bits hold.
      const int32_t most = std::min(factor[1], INT16_MAX);
      At(kFactors + 2 * k) = Halves(factor[0], most);
      At(kFactors + 2 * k + 1) = Halves(factor[2], factor[1] - most);
      At(kBias + k) = c_.colour.bias[k];
    }
    At(kDirect) = c_.colour.direct;
    At(kTurned) = c_.geometry.transposed;
  }

  static int32_t Halves(int32_t low, int32_t high) {
    return static_cast<int32_t>((static_cast<uint32_t>(low) & 0xffffu) | static_cast<uint32_t>(high) << 16);
  }

  // Appends at a multiple of a vector's size.
  void Append(size_t load, LoadNumber number, std::span<const int32_t> values) {
    std::vector<int32_t>& all = tables_.numbers;
    all.resize((all.size() + kGroup - 1) / kGroup * kGroup);
    OfLoad(load, number) = static_cast<int32_t>(all.size());
    all.insert(all.end(), values.begin(), values.end());
  }

  // Vector loads of a group reach to the end of its last vector.
  int Pixel(int pixel) const { return std::min(pixel, static_cast<int>(c_.geometry.resized_width()) - 1); }

  int64_t RowBytes(int component) const {
    return static_cast<int64_t>(c_.format->RowBytes(c_.format->components[component].plane, c_.frame_width));
  }

  // Byte of a plane's row in which sample `index` of the source is.
  int64_t ByteOf(int component, int64_t index) const {
    const FormatComponent& format = c_.format->components[component];
    const int64_t start =
        component == 0 ? c_.geometry.source.x : c_.geometry.source.x >> c_.format->chroma_shift_x;
    return (start + index) * format.step + format.offset;
  }

  // Where a window for these bytes begins; nullopt if one window does not hold them.
  std::optional<int32_t> Window(std::span<const int64_t> bytes, int64_t row_bytes) const {
    const auto [first, last] = std::ranges::minmax(bytes);
    const int64_t base = std::min(first, row_bytes - kWindow);
    if (base < 0 || last - base >= kWindow) return std::nullopt;
    return static_cast<int32_t>(base);
  }

  static void SetByte(std::vector<int32_t>& lanes, size_t byte, uint8_t value) {
    auto lane = static_cast<uint32_t>(lanes[byte / 4]);
    lane |= uint32_t{value} << (8 * (byte % 4));
    lanes[byte / 4] = static_cast<int32_t>(lane);
  }

  void AppendRows(size_t load, int component, int numbers_per_row) {
    const std::vector<AxisEntry>& entries = c_.axis_y(component).entries;
    const auto start = static_cast<int32_t>(
        component == 0 ? c_.geometry.source.y : c_.geometry.source.y >> c_.format->chroma_shift_y);
    std::vector<int32_t> rows;
    for (size_t i = 0; i < entries.size(); ++i) {
      const AxisEntry& entry = entries[i];
      rows.insert(rows.end(), {entry.first + start, entry.count, entry.weight, entry.last});
      if (numbers_per_row == 8) rows.insert(rows.end(), {i + 1 < entries.size() ? 1 : 0, 0, 0, 0});
    }
    Append(load, kRowList, rows);
  }

  bool LinearLoad(size_t load, int windows) {
    const Load& components = loads_[load];
    const std::vector<AxisEntry>& entries = c_.axis_x(components.low).entries;
    const int high = components.high < 0 ? components.low : components.high;
    std::vector<int32_t> bases, indices(static_cast<size_t>(groups_) * kGroup, 0), weights;
    for (int window = 0; window < groups_ * windows; ++window) {
      // Of all pixels, those of the window.
      const int first_pixel = (kGroup * window + windows - 1) / windows;
      const int end_pixel = (kGroup * (window + 1) + windows - 1) / windows;
      std::vector<int64_t> bytes;
      for (int pixel = first_pixel; pixel < end_pixel; ++pixel) {
        const AxisEntry& entry = entries[Pixel(pixel)];
        for (int tap : {0, entry.count - 1}) {
          for (int component : {components.low, high}) bytes.push_back(ByteOf(component, entry.first + tap));
        }
      }
      const auto base = Window(bytes, RowBytes(components.low));
      if (!base) return false;
      bases.push_back(*base);
      for (size_t i = 0; i < bytes.size(); ++i) {
        SetByte(indices, static_cast<size_t>(first_pixel) * 4 + i, static_cast<uint8_t>(bytes[i] - *base));
      }
    }
    for (int x = 0; x < groups_ * kGroup; ++x) {
      const int32_t right = 8 * entries[Pixel(x)].weight;
      weights.push_back(Halves(16384 - right, right));
    }
    Append(load, kBases, bases);
    Append(load, kIndices, indices);
    Append(load, kWeights, weights);
    AppendRows(load, components.low, 4);
    return true;
  }

  // pixels: in a window.
  bool AreaLoad(size_t load, int pixels) {
    const Load& components = loads_[load];
    const Axis &axis_x = c_.axis_x(components.low), &axis_y = c_.axis_y(components.low);
    const int64_t total = int64_t{axis_x.total} * axis_y.total;
    if (total >= 65536) return false;
    const int taps = components.high < 0 ? 16 : 8;
    std::vector<int32_t> bases, indices(static_cast<size_t>(groups_) * 64, 0), weights(indices.size(), 0);
    for (int window = 0; window < groups_ * kGroup / pixels; ++window) {
      struct Byte {
        size_t at;
        int32_t weight;
      };
      std::vector<int64_t> bytes;
      std::vector<Byte> places;
      for (int i = 0; i < pixels; ++i) {
        const int x = pixels * window + i;
        const AxisEntry& entry = axis_x.entries[Pixel(x)];
        if (entry.count > taps) return false;
        for (int32_t tap = 0; tap < entry.count; ++tap) {
          const int32_t weight = tap == 0 ? entry.weight : tap == entry.count - 1 ? entry.last : axis_x.full;
          if (weight > 127) return false;
          for (int component : {components.low, components.high}) {
            if (component < 0) continue;
            bytes.push_back(ByteOf(component, entry.first + tap));
            places.push_back(
                {static_cast<size_t>(16 * x + tap + (component == components.low ? 0 : 8)), weight});
          }
        }
      }
      const auto base = Window(bytes, RowBytes(components.low));
      if (!base) return false;
      bases.push_back(*base);
      const int64_t second = pixels == 2 && window % 2 == 1 ? kWindow : 0;
      for (size_t i = 0; i < bytes.size(); ++i) {
        SetByte(indices, places[i].at, static_cast<uint8_t>(bytes[i] - *base + second));
        SetByte(weights, places[i].at, static_cast<uint8_t>(places[i].weight));
      }
    }
    Append(load, kBases, bases);
    Append(load, kIndices, indices);
    Append(load, kWeights, weights);
    AppendRows(load, components.low, 8);
    const auto fraction = Reciprocal(static_cast<uint64_t>(total));
    if (!fraction) return false;
    OfLoad(load, kReciprocal) = static_cast<int32_t>(fraction->reciprocal);
    OfLoad(load, kShift) = fraction->shift;
    OfLoad(load, kTotal) = static_cast<int32_t>(total);
    OfLoad(load, kFullY) = axis_y.full;
    return true;
  }

  const Conversion& c_;
  const Kind kind_;
  const std::vector<Load> loads_;
  int groups_ = 0;
  StripTables tables_;
};

}  // namespace

std::optional<StripTables> MakeStripTables(const Conversion& conversion) {
  StripBuilder builder(conversion, KindOf(conversion));
  return conversion.area() ? builder.Area() : builder.Linear();
}

}  // namespace npu
