// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_tables.h"

namespace npu {
namespace {

class AxisList {
 public:
  explicit AxisList(std::vector<std::array<int32_t, 4>>& axes) : axes_(axes) {}
  // Where its entries are, put there when first asked for.
  int32_t Place(const Axis& axis) {
    for (const auto& [placed, at] : placed_) {
      if (placed == &axis) return at;
    }
    const auto at = static_cast<int32_t>(axes_.size());
    for (const AxisEntry& e : axis.entries) axes_.push_back({e.first, e.count, e.weight, e.last});
    placed_.emplace_back(&axis, at);
    return at;
  }

 private:
  std::vector<std::array<int32_t, 4>>& axes_;
  std::vector<std::pair<const Axis*, int32_t>> placed_;
};

}  // namespace

FrameTables MakeFrameTables(const Conversion& c) {
  FrameTables tables;
  std::vector<int32_t>& n = tables.numbers;
  const auto add = [&n](auto... values) { (n.push_back(static_cast<int32_t>(values)), ...); };
  const Rect& roi = c.geometry.roi;
  add(c.width, c.height, c.channels, roi.x, roi.y, roi.width, roi.height);
  add(c.geometry.transposed, c.area(), c.colour.direct, c.components());
  for (int k = 0; k < 3; ++k) add(c.colour.source[k]);
  for (int k = 0; k < 3; ++k) add(c.colour.factor[k][0], c.colour.factor[k][1], c.colour.factor[k][2]);
  for (int k = 0; k < 3; ++k) add(c.colour.bias[k]);
  for (int i = 0; i < 3; ++i) add(c.format->components[i].step);
  AxisList axes(tables.axes);
  for (int i = 0; i < 3; ++i) add(axes.Place(c.axis_x(i)));
  for (int i = 0; i < 3; ++i) add(axes.Place(c.axis_y(i)));
  for (int i = 0; i < 3; ++i) add(c.axis_x(i).full);
  for (int i = 0; i < 3; ++i) add(c.axis_y(i).full);
  for (int i = 0; i < 3; ++i) add(c.axis_x(i).total);
  for (int i = 0; i < 3; ++i) add(c.axis_y(i).total);

  for (const auto& table : c.bytes.table) {
    tables.bytes.insert(tables.bytes.end(), table.begin(), table.end());
  }
  tables.bytes.insert(tables.bytes.end(), c.bytes.pad.begin(), c.bytes.pad.end());
  return tables;
}

}  // namespace npu
