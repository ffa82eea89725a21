// SPDX-License-Identifier: Apache-2.0
#include "backends/speed_model.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace npu {

std::string SpeedModelText(const SpeedModel& model) {
  std::string text;
#define NPU_SPEED_FIELD(name, unit, what) text += fmt::format(#name " {}\n", model.name);
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  return text;
}

std::optional<SpeedModel> ReadSpeedModel(std::string_view text) {
  SpeedModel model;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const size_t space = std::min(line.find(' '), line.size());
    const std::string_view name = line.substr(0, space);
    double* field = nullptr;
#define NPU_SPEED_FIELD(known, unit, what) \
  if (name == #known) field = &model.known;
    NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
    if (field == nullptr || *field != 0 || space == line.size()) return std::nullopt;
    const char* last = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + space + 1, last, *field);
    if (error != std::errc() || stop != last || !std::isfinite(*field) || *field <= 0) return std::nullopt;
  }
#define NPU_SPEED_FIELD(name, unit, what) \
  if (model.name == 0) return std::nullopt;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  return model;
}

}  // namespace npu
