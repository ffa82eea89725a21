// SPDX-License-Identifier: Apache-2.0
#include "backends/frames/frame_converter.h"

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

}  // namespace

std::unique_ptr<FrameConverter> MakeReferenceConverter(std::shared_ptr<const Conversion> conversion) {
  return std::make_unique<ReferenceConverter>(std::move(conversion));
}

}  // namespace npu
