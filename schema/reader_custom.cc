// Parameters of the known custom operators, from their flexbuffer maps.
// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flexbuffers.h>

#include <cmath>
#include <limits>
#include <optional>

#include "schema/reader_internal.h"

namespace npu::reader {
namespace {

// Larq's maps take about 200 bytes.
constexpr size_t kMaxOptionsBytes = 4096;
// The verifier accepts a key without its final NUL byte, and comparing keys would read past the end.
constexpr size_t kPadding = 8;

class MapReader {
 public:
  MapReader(flexbuffers::Map map, std::string* error) : map_(map), error_(error) {}

  // The integer under `key`, which must lie in [min, max]; 0 and an error text otherwise.
  int32_t Int(const char* key, int32_t min = std::numeric_limits<int32_t>::min(),
              int32_t max = std::numeric_limits<int32_t>::max()) {
    const flexbuffers::Reference value = map_[key];
    if (!value.IsIntOrUint()) {
      if (error_->empty()) {
        *error_ = fmt::format("custom options: \"{}\" is {}; expected an integer", key,
                              value.IsNull() ? "missing" : "not an integer");
      }
      return 0;
    }
    // A huge unsigned number turns negative here, which is out of every range below.
    const int64_t number = value.AsInt64();
    if (number < min || number > max) {
      if (error_->empty()) {
        *error_ = fmt::format("custom options: \"{}\" is {}; expected {} to {}", key, number, min, max);
      }
      return 0;
    }
    return static_cast<int32_t>(number);
  }
  // The value under a key that a map need not have.
  int32_t IntOr(const char* key, int32_t absent, int32_t min, int32_t max) {
    return map_[key].IsNull() ? absent : Int(key, min, max);
  }
  bool BoolOr(const char* key, bool absent) {
    const flexbuffers::Reference value = map_[key];
    if (value.IsNull()) return absent;
    return value.IsBool() ? value.AsBool() : Int(key, 0, 1) != 0;
  }
  // A finite number; 0 and an error text otherwise.
  float Float(const char* key) {
    const flexbuffers::Reference value = map_[key];
    const float number = value.IsNumeric() ? value.AsFloat() : std::numeric_limits<float>::quiet_NaN();
    if (std::isfinite(number)) return number;
    if (error_->empty()) {
      *error_ = fmt::format("custom options: \"{}\" is {}; expected a number", key,
                            value.IsNull() ? "missing" : "not a finite number");
    }
    return 0.0f;
  }
  template <typename T>
  T Enum(const char* key, T last) {
    return static_cast<T>(Int(key, 0, static_cast<int32_t>(last)));
  }

 private:
  flexbuffers::Map map_;
  std::string* error_;
};

constexpr int32_t kMostOfAny = std::numeric_limits<int32_t>::max();

DetectionPostProcessParams ReadDetectionPostProcess(MapReader map) {
  // Defaults of the two keys that older converters leave out: those of TFLite's kernel.
  return {.max_detections = map.Int("max_detections", 0, kMostOfAny),
          .max_classes_per_detection = map.Int("max_classes_per_detection", 0, kMostOfAny),
          .detections_per_class = map.IntOr("detections_per_class", 100, 0, kMostOfAny),
          .use_regular_nms = map.BoolOr("use_regular_nms", false),
          .score_threshold = map.Float("nms_score_threshold"),
          .iou_threshold = map.Float("nms_iou_threshold"),
          .num_classes = map.Int("num_classes", 0, kMostOfAny),
          .y_scale = map.Float("y_scale"),
          .x_scale = map.Float("x_scale"),
          .h_scale = map.Float("h_scale"),
          .w_scale = map.Float("w_scale")};
}

OpParams ReadMap(OpKind kind, MapReader map) {
  if (kind == OpKind::kDetectionPostProcess) return ReadDetectionPostProcess(map);
  if (kind == OpKind::kLceBconv2d) {
    return LceBconv2dParams{.channels_in = map.Int("channels_in"),
                            .stride_h = map.Int("stride_height"),
                            .stride_w = map.Int("stride_width"),
                            .dilation_h = map.Int("dilation_height_factor"),
                            .dilation_w = map.Int("dilation_width_factor"),
                            .padding = map.Enum("padding", Padding::kValid),
                            .pad_values = map.Int("pad_values", 0, 1),
                            .activation = map.Enum("fused_activation_function", Activation::kSignBit)};
  }
  return LceBMaxPool2dParams{.filter_h = map.Int("filter_height"),
                             .filter_w = map.Int("filter_width"),
                             .stride_h = map.Int("stride_height"),
                             .stride_w = map.Int("stride_width"),
                             .padding = map.Enum("padding", Padding::kValid)};
}

}  // namespace

void ReadCustomParams(std::span<const std::byte> options, Op* op) {
  // Three bytes: the smallest flexbuffer (value, type, width).
  if (options.size() < 3 || options.size() > kMaxOptionsBytes) {
    op->params_error = fmt::format("custom options: {} bytes; expected a flexbuffer map of 3 to {} bytes",
                                   options.size(), kMaxOptionsBytes);
    return;
  }
  // Copied to a base that is aligned: flexbuffers' alignment counts from its own start.
  alignas(8) uint8_t bytes[kMaxOptionsBytes + kPadding];
  std::memcpy(bytes, options.data(), options.size());
  std::memset(bytes + options.size(), 0, kPadding);
  // With the tracker the verifier looks at each vector once, however often the options refer to it.
  std::vector<uint8_t> tracker(options.size());
  if (!flexbuffers::VerifyBuffer(bytes, options.size(), &tracker)) {
    op->params_error =
        fmt::format("custom options: {} bytes that are not a valid flexbuffer", options.size());
    return;
  }
  const flexbuffers::Reference root = flexbuffers::GetRoot(bytes, options.size());
  if (!root.IsMap()) {
    op->params_error = "custom options: not a flexbuffer map";
    return;
  }
  OpParams params = ReadMap(op->kind, MapReader(root.AsMap(), &op->params_error));
  if (op->params_error.empty()) op->params = std::move(params);
}

}  // namespace npu::reader
