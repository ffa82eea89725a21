// A V4L2 camera: its own buffers, exported as DMA-BUFs, so that nobody copies a frame. Strides, sizes, field order and
// colours are what the driver says, never computed from the width. A camera that has nothing better sends JPEGs, which
// jpeg_source.cc decodes.
// A frame that the driver marks as damaged, or that came short, is passed over and counted. A camera that is unplugged, or
// sends nothing for as long as --timeout says, is a Failure.
// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "tools/camera-run/failure.h"
#include "tools/camera-run/pixel_format.h"
#include "tools/camera-run/source.h"
#include "tools/camera-run/v4l2_device.h"

namespace camera_run {
namespace {

// What a camera is asked for by --fourcc MJPEG, and where it has nothing else.
constexpr const char* kJpegName = "MJPEG";
bool IsJpeg(uint32_t v4l2) { return v4l2 == V4L2_PIX_FMT_MJPEG || v4l2 == V4L2_PIX_FMT_JPEG; }

// What of the offered formats gives frames of `drm`; formats with a buffer per plane (NV12M) only where there is no other.
uint32_t Offered(const std::vector<uint32_t>& offered, uint32_t drm) {
  uint32_t found = 0;
  for (const uint32_t v4l2 : offered) {
    uint32_t fourcc = 0;
    if (npu_fourcc_from_v4l2(v4l2, &fourcc) != NPU_OK || fourcc != drm) continue;
    if (v4l2 != V4L2_PIX_FMT_NV12M && v4l2 != V4L2_PIX_FMT_NV21M && v4l2 != V4L2_PIX_FMT_YUV420M) return v4l2;
    found = v4l2;
  }
  return found;
}

class CameraSource : public Source {
 public:
  explicit CameraSource(const SourceOptions& options)
      : device_(options.device), timeout_ms_(static_cast<int>(options.timeout * 1000)) {
    Negotiate(options);
    if (options.fps > 0) device_.SetRate(options.fps);
    AllocateBuffers(static_cast<uint32_t>(options.buffers));
    try {
      for (uint32_t i = 0; i < buffers_.size(); ++i) {
        if (!device_.Queue(i)) RefuseInput(device_.path(), "({}) does not take its own buffer {}", device_.card(), i);
      }
      device_.Start();
    } catch (...) {
      Free();
      throw;
    }
  }

  ~CameraSource() override {
    device_.Stop();
    Free();
  }

  bool live() const override { return true; }
  bool sends_jpegs() const { return jpeg_; }
  int buffer_count() const override { return static_cast<int>(buffers_.size()); }
  double frames_per_second() const override {
    const double rate = device_.Rate();
    return rate > 0 ? rate : 30;
  }

  // A failure shows in the next Next(): the camera is gone.
  void Return(int buffer) noexcept override { device_.Queue(static_cast<uint32_t>(buffer)); }

  std::optional<SourceFrame> Next() override {
    for (;;) {
      V4l2Frame taken;
      if (!device_.Dequeue(timeout_ms_, &taken)) {
        RefuseInput(device_.path(), "({}) has sent no frame for {} seconds (--timeout)", device_.card(), timeout_ms_ / 1000.0);
      }
      if (taken.index >= buffers_.size()) RefuseInput(device_.path(), "({}) names buffer {}, which is none", device_.card(), taken.index);
      lost_ += started_ ? taken.sequence - last_sequence_ - 1 : 0;
      started_ = true;
      last_sequence_ = taken.sequence;
      const bool damaged = (taken.flags & V4L2_BUF_FLAG_ERROR) != 0, is_short = Short(taken);
      if (!damaged && !is_short) return Frame(taken);
      (damaged ? damaged_ : short_)++;
      device_.Queue(taken.index);
    }
  }

  std::string Remarks() const override {
    std::string text;
    const auto add = [&](uint64_t count, const char* what) {
      if (count != 0) text += fmt::format("{}{} frames {}", text.empty() ? "" : ", ", count, what);
    };
    add(lost_, "lost by the camera (gaps in its numbers)");
    add(damaged_, "marked as damaged by the driver");
    add(short_, "shorter than the format");
    return text;
  }

 private:
  // A part is what has a DMA-BUF of its own: a whole frame, or each plane where the driver wants it so.
  struct Part {
    int fd = -1;
    void* mapped = nullptr;
    size_t size = 0;
  };
  using Buffer = std::vector<Part>;

  // The V4L2 format to ask for; 0: the camera has none of those.
  static uint32_t Wanted(const SourceOptions& options, const std::vector<uint32_t>& offered) {
    const auto jpeg = std::ranges::find_if(offered, IsJpeg);
    const uint32_t offered_jpeg = jpeg == offered.end() ? 0 : *jpeg;
    if (options.fourcc == kJpegName) return offered_jpeg;
    if (!options.fourcc.empty()) {
      const auto format = FindFormat(options.fourcc);
      if (!format) {
        throw Failure(kUsageError,
                      fmt::format("--fourcc {}: no such format; one of {}, {}", options.fourcc, FormatNames(), kJpegName));
      }
      return Offered(offered, format->drm);
    }
    std::vector<const char*> names = {"NV12", "YUYV", "UYVY", "YU12", "NV21", "RGB", "BGR", "BGRX", "RGBX", "GREY"};
    if (options.grey) std::ranges::rotate(names, names.end() - 1);  // no colours to throw away
    for (const char* name : names) {
      if (const uint32_t found = Offered(offered, FindFormat(name)->drm); found != 0) return found;
    }
    return offered_jpeg;
  }

  void Negotiate(const SourceOptions& options) {
    const std::vector<uint32_t> offered = device_.PixelFormats();
    const uint32_t wanted = Wanted(options, offered);
    if (wanted == 0) {
      std::string names;
      for (const uint32_t format : offered) names += (names.empty() ? "" : ", ") + FourccText(format);
      RefuseInput(device_.path(), "({}) has {}; {} wanted", device_.card(), names,
                  options.fourcc.empty() ? fmt::format("one of {}, {}", FormatNames(), kJpegName) : options.fourcc);
    }
    const V4l2Format now = device_.GetFormat();
    driver_ = device_.SetFormat(wanted, options.width != 0 ? options.width : now.width,
                                options.height != 0 ? options.height : now.height, options.stride);
    if (driver_.pixel_format != wanted) {
      RefuseInput(device_.path(), "({}) gives {} where {} was asked for", device_.card(), FourccText(driver_.pixel_format),
                  FourccText(wanted));
    }
    if (options.width != 0 && (driver_.width != options.width || driver_.height != options.height)) {
      RefuseInput(device_.path(), "({}) gives {}x{} where {}x{} was asked for; see --list-cameras", device_.card(), driver_.width,
                  driver_.height, options.width, options.height);
    }
    frame_.struct_size = sizeof frame_;
    frame_.v4l2_field = driver_.field;
    frame_.width = driver_.width;
    frame_.height = driver_.height;
    jpeg_ = IsJpeg(wanted);
    if (jpeg_) {
      frame_.fourcc = FindFormat("RGB")->drm;  // what jpeg_source.cc makes of it
    } else {
      npu_fourcc_from_v4l2(wanted, &frame_.fourcc);
    }
    // Planes do not matter for it, so that it can be asked before there are any.
    npu_fit_map map{};
    map.struct_size = sizeof map;
    if (npu_fit_map_make(&frame_, nullptr, 1, 1, &map) != NPU_OK) {
      RefuseInput(device_.path(), "({}) sends frames that cannot be read: {}", device_.card(), npu_last_error());
    }
    if (jpeg_) {
      if (driver_.planes.size() != 1) RefuseInput(device_.path(), "({}) sends JPEGs in {} parts", device_.card(), driver_.planes.size());
      return;
    }
    pixels_ = *FindDrmFormat(frame_.fourcc);
    frame_.plane_count = pixels_.planes;
    if (npu_frame_set_v4l2_colour(&frame_, driver_.colorspace, driver_.ycbcr_encoding, driver_.quantization) != NPU_OK) {
      RefuseInput(device_.path(), "({}) has colours that cannot be used: {}", device_.card(), npu_last_error());
    }
    const uint32_t tight = frame_.width * pixels_.bytes;
    const uint32_t stride = std::max(driver_.planes[0].bytes_per_line, tight);  // some drivers leave 0 where there is no padding
    layout_ = LayOut(pixels_, frame_.width, frame_.height, stride);
    parts_ = static_cast<uint32_t>(driver_.planes.size());
    if (parts_ != 1 && parts_ != pixels_.planes) {
      RefuseInput(device_.path(), "({}) describes {} buffers a frame for {}", device_.card(), parts_, pixels_.name);
    }
    for (uint32_t p = 1; p < parts_; ++p) {
      layout_.offset[p] = 0;
      if (driver_.planes[p].bytes_per_line != 0) layout_.stride[p] = driver_.planes[p].bytes_per_line;
    }
  }

  void AllocateBuffers(uint32_t count) {
    const uint32_t got = device_.RequestBuffers(count);
    if (got < 2) RefuseInput(device_.path(), "({}) has memory for {} buffers; 2 are needed", device_.card(), got);
    buffers_.resize(got);
    try {
      for (uint32_t i = 0; i < got; ++i) {
        const std::vector<V4l2Plane> sizes = device_.QueryBuffer(i);
        buffers_[i].resize(parts_);
        for (uint32_t part = 0; part < parts_; ++part) buffers_[i][part] = Obtain(i, part, sizes.at(part).size);
      }
    } catch (...) {
      Free();
      throw;
    }
  }

  // The DMA-BUF, mapped as well: --draw looks at the pixels.
  Part Obtain(uint32_t index, uint32_t plane, size_t bytes) const {
    Part part{device_.Export(index, plane), MAP_FAILED, bytes};
    if (part.fd >= 0) part.mapped = mmap(nullptr, bytes, PROT_READ, MAP_SHARED, part.fd, 0);
    if (part.mapped == MAP_FAILED) part.mapped = device_.Map(index, plane, &part.size);
    return part;
  }

  void Free() noexcept {
    for (Buffer& buffer : buffers_) {
      for (Part& part : buffer) {
        if (part.mapped != nullptr) munmap(part.mapped, part.size);
        if (part.fd >= 0) close(part.fd);
      }
    }
    buffers_.clear();
    try {
      device_.RequestBuffers(0);
    } catch (...) {
    }
  }

  bool Short(const V4l2Frame& taken) const {
    if (jpeg_) return taken.bytes_used[0] <= taken.data_offset[0] || taken.bytes_used[0] > buffers_[taken.index][0].size;
    for (uint32_t part = 0; part < parts_; ++part) {
      const uint64_t used = taken.bytes_used[part];
      if (used == 0) continue;  // not told: some drivers do not
      const uint64_t need = parts_ == 1 ? layout_.bytes : uint64_t{layout_.stride[part]} * layout_.rows[part];
      if (taken.data_offset[part] > used || used - taken.data_offset[part] < need) return true;
    }
    return false;
  }

  SourceFrame Frame(const V4l2Frame& taken) const {
    SourceFrame frame;
    frame.frame = frame_;
    if (jpeg_) {
      frame.mapped[0] = static_cast<const uint8_t*>(buffers_[taken.index][0].mapped) + taken.data_offset[0];
      frame.coded_bytes = taken.bytes_used[0] - taken.data_offset[0];
    }
    for (uint32_t p = 0; p < pixels_.planes; ++p) {
      const uint32_t index = parts_ == 1 ? 0 : p;
      const Part& part = buffers_[taken.index][index];
      frame.mapped[p] = static_cast<const uint8_t*>(part.mapped);
      frame.frame.planes[p] = {part.fd >= 0 ? nullptr : part.mapped, part.fd, layout_.stride[p],
                               layout_.offset[p] + taken.data_offset[index], part.size};
    }
    frame.number = taken.sequence;
    frame.frame.timestamp_ns = taken.timestamp_ns;
    frame.buffer = static_cast<int>(taken.index);
    return frame;
  }

  V4l2Device device_;
  const int timeout_ms_;
  bool jpeg_ = false;
  V4l2Format driver_;
  PixelFormat pixels_{};
  npu_frame frame_{};  // what all frames have in common
  uint32_t parts_ = 1;
  FrameLayout layout_;
  std::vector<Buffer> buffers_;
  bool started_ = false;
  uint32_t last_sequence_ = 0;
  uint64_t lost_ = 0, damaged_ = 0, short_ = 0;
};

}  // namespace

std::unique_ptr<Source> OpenCamera(const SourceOptions& options) {
  auto camera = std::make_unique<CameraSource>(options);
  if (camera->sends_jpegs()) return DecodeJpegs(std::move(camera), options);
  return camera;
}

}  // namespace camera_run
