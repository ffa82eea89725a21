// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_converter.h"

#include <algorithm>

#include "backends/frames/reference.h"

namespace npu {
namespace {

class ReferenceConverter : public FrameConverter {
 public:
  explicit ReferenceConverter(std::shared_ptr<const Conversion> conversion)
      : conversion_(std::move(conversion)) {}

  Status Convert(const Frame& frame, const MappedFrame& memory, std::byte* out) override {
    ConvertFrame(*conversion_, ViewFrame(*conversion_, frame, memory), reinterpret_cast<uint8_t*>(out));
    return {};
  }
  const std::string& name() const override { return name_; }
  size_t copied_bytes() const override { return 0; }

 private:
  std::shared_ptr<const Conversion> conversion_;
  std::string name_ = "reference";
};

class RowConverter : public FrameConverter {
 public:
  explicit RowConverter(std::shared_ptr<const Conversion> conversion) : conversion_(std::move(conversion)) {}

  Status Convert(const Frame& frame, const MappedFrame& memory, std::byte* out) override {
    const Conversion& c = *conversion_;
    const ComponentView view = ViewFrame(c, frame, memory)[static_cast<size_t>(c.colour.source[0])];
    const auto flip = static_cast<std::byte>(c.bytes.flip);
    const size_t bytes = size_t{c.width} * static_cast<size_t>(c.channels);
    const auto* row = reinterpret_cast<const std::byte*>(view.first);
    for (uint32_t y = 0; y < c.height; ++y, row += view.stride, out += bytes) {
      std::transform(row, row + bytes, out, [flip](std::byte byte) { return byte ^ flip; });
    }
    return {};
  }
  const std::string& name() const override { return name_; }
  size_t copied_bytes() const override { return 0; }

 private:
  std::shared_ptr<const Conversion> conversion_;
  std::string name_ = "rows";
};

}  // namespace

std::unique_ptr<FrameConverter> MakeRowConverter(std::shared_ptr<const Conversion> conversion) {
  return std::make_unique<RowConverter>(std::move(conversion));
}

std::unique_ptr<FrameConverter> MakeReferenceConverter(std::shared_ptr<const Conversion> conversion) {
  return std::make_unique<ReferenceConverter>(std::move(conversion));
}

}  // namespace npu
