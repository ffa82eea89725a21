// SPDX-License-Identifier: Apache-2.0
#include "capi/session_frames.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backends/frames/pixel_format.h"
#include "partitioner/compile.h"

namespace npu {
namespace {

// Descriptions per input whose tables and kernels are kept: a camera changes its crop or its mode now and
// then.
constexpr size_t kKnownDescriptions = 8;

bool SameFit(const Fit& a, const Fit& b) {
  return a.mode == b.mode && a.filter == b.filter && a.channel_order == b.channel_order && a.norm == b.norm &&
         a.pad_rgb == b.pad_rgb && a.mean == b.mean && a.std == b.std;
}

// Why a frame is not the input as it is; empty: it is.
std::string WhyNotAsItIs(const Conversion& conversion, const Frame& frame) {
  if (!conversion.is_copy()) return "resize, colour, turn or normalization";
  if (conversion.bytes.flip != 0) return "INT8 is the frame's bytes minus 128";
  const uint64_t row = conversion.format->RowBytes(0, conversion.width);
  if (conversion.height > 1 && frame.planes[0].stride != row) {
    return fmt::format("rows are {} bytes apart, the input's {}", frame.planes[0].stride, row);
  }
  return "";
}

}  // namespace

SessionFrames::~SessionFrames() {
  for (size_t i = 0; i < slots_.size(); ++i) Unbind(i);
}

Result<std::shared_ptr<SessionFrames::Known>> SessionFrames::Know(Slot& slot, const Tensor& tensor,
                                                                  const Frame& frame, const Fit& fit) const {
  auto& before = slot.known_before;
  const auto found = std::ranges::find_if(before, [&](const auto& known) {
    return SameDescription(known->frame, frame) && SameFit(known->fit, fit);
  });
  if (found != before.end()) {
    std::rotate(found, found + 1, before.end());
    return before.back();
  }
  NPU_ASSIGN_OR_RETURN(Conversion conversion, MakeConversion(frame, fit, tensor));
  auto known = std::make_shared<Known>();
  known->frame = frame;
  known->fit = fit;
  known->conversion = std::make_shared<const Conversion>(std::move(conversion));
  if (before.size() == kKnownDescriptions) before.erase(before.begin());
  before.push_back(known);
  return known;
}

Status SessionFrames::MakeConverterFor(Known& known, std::byte flip) const {
  if (known.converter != nullptr && known.flip == flip) return {};
  auto conversion = std::make_shared<Conversion>(*known.conversion);
  conversion->bytes.Flip(static_cast<uint8_t>(flip));
  NPU_ASSIGN_OR_RETURN(known.converter, MakeConverter(options_, std::move(conversion)));
  known.flip = flip;
  return {};
}

Result<FitGeometry> SessionFrames::Bind(size_t input, const Tensor& tensor, const Frame& frame,
                                        const Fit& fit, const FrameRelease& release,
                                        const std::function<Result<InputPlace>()>& place) {
  if (slots_.size() <= input) slots_.resize(input + 1);
  Slot& slot = slots_[input];
  // Everything that can fail comes first: what was bound stays bound then.
  NPU_ASSIGN_OR_RETURN(const std::shared_ptr<Known> known, Know(slot, tensor, frame, fit));
  NPU_ASSIGN_OR_RETURN(const MappedFrame memory, MapFrame(frame, buffers_));
  const std::string reason = WhyNotAsItIs(*known->conversion, frame);
  InputPlace made_at;
  if (!reason.empty()) {
    NPU_ASSIGN_OR_RETURN(made_at, place());
    NPU_RETURN_IF_ERROR(MakeConverterFor(*known, made_at.flip));
  }
  Unbind(input);
  slot.counts.maps = buffers_.maps();
  slot.known = known;
  slot.frame = frame;
  slot.memory = memory;
  slot.place = made_at.memory;
  slot.release = release;
  slot.as_it_is = reason.empty();
  slot.counts.reason = reason;
  slot.counts.path = reason.empty() ? "as it is" : known->converter->name();
  ++bound_;
  return known->conversion->geometry;
}

void SessionFrames::Unbind(size_t input) {
  if (!bound(input)) return;
  Slot& slot = slots_[input];
  slot.known = nullptr;
  static_cast<void>(slot.reader.End());
  slot.memory = {};
  --bound_;
  const FrameRelease release = std::exchange(slot.release, {});
  if (release.call != nullptr) release.call(release.user, release.id);
}

const std::byte* SessionFrames::Memory(size_t input) const {
  if (!bound(input)) return nullptr;
  const Slot& slot = slots_[input];
  return slot.as_it_is ? slot.memory.planes[0].rows : slot.place;
}

Status SessionFrames::Read(size_t input, std::span<std::byte> memory) {
  Slot& slot = slots_[input];
  NPU_RETURN_IF_ERROR(slot.reader.Begin(slot.frame, slot.memory, options_.frame_timeout));
  slot.counts.syncs += slot.reader.brackets();
  ++slot.counts.frames;
  if (slot.as_it_is) {
    ++slot.counts.uncopied;
    return {};
  }
  if (memory.size() != slot.known->conversion->bytes_out()) {
    return Fail(ErrorCode::kInternal, fmt::format("an input of {} bytes for a frame that becomes {}",
                                                  memory.size(), slot.known->conversion->bytes_out()));
  }
  NPU_RETURN_IF_ERROR(slot.known->converter->Convert(slot.frame, slot.reader.memory(), memory.data()));
  if (slot.place != nullptr) ++slot.counts.in_place;
  slot.counts.path = slot.known->converter->name();  // known for sure only now: a DMA-BUF may have been imported, or not
  slot.counts.copied_bytes += slot.known->converter->copied_bytes() + slot.reader.staged_bytes();
  if (slot.reader.staged_bytes() > 0) slot.counts.reason = "its memory has no cache: copied once, row by row";
  NPU_RETURN_IF_ERROR(slot.reader.End());
  if (slot.release.call != nullptr) Unbind(input);
  return {};
}

void SessionFrames::Used(size_t input) {
  if (!bound(input)) return;
  static_cast<void>(slots_[input].reader.End());
  if (slots_[input].release.call != nullptr) Unbind(input);
}

}  // namespace npu
