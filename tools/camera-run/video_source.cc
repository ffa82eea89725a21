// Video files: y4m (what ffmpeg and GStreamer write when asked for frames as they are) and raw frames behind each other.
// Both are one header-or-nothing in front of frames of known size.
// SPDX-License-Identifier: Apache-2.0
#include <charconv>
#include <string_view>

#include "tools/camera-run/buffer_pool.h"
#include "tools/camera-run/byte_stream.h"
#include "tools/camera-run/failure.h"
#include "tools/camera-run/pixel_format.h"
#include "tools/camera-run/source.h"

namespace camera_run {
namespace {

constexpr std::string_view kMagic = "YUV4MPEG2", kFrame = "FRAME";
constexpr size_t kHeaderLimit = 4096;  // header lines of real files have under 100 bytes
constexpr double kMaxFps = 1e6;

class VideoSource : public Source {
 public:
  VideoSource(const SourceOptions& options, bool y4m) : stream_(options.input), pool_(options.buffers), y4m_(y4m) {
    if (y4m) {
      ReadHeader();
    } else {
      const auto format = FindFormat(options.fourcc);
      if (!format) {
        throw Failure(kUsageError, options.fourcc.empty()
                                       ? "raw video needs --fourcc and --size"
                                       : fmt::format("--fourcc {}: no such format; one of {}", options.fourcc, FormatNames()));
      }
      if (options.width == 0 || options.height == 0) throw Failure(kUsageError, "raw video needs --size WIDTHxHEIGHT");
      pixels_ = *format;
      frame_.width = options.width;
      frame_.height = options.height;
      if (options.fps > 0) fps_ = options.fps;
    }
    CheckSize();
  }

  int buffer_count() const override { return pool_.count(); }
  double frames_per_second() const override { return fps_; }
  void Return(int buffer) noexcept override { pool_.Return(buffer); }

  std::optional<SourceFrame> Next() override {
    if (y4m_) {
      const auto line = stream_.Line(kHeaderLimit);
      if (!line) return std::nullopt;
      if (!line->starts_with(kFrame)) {
        RefuseInput(stream_.path(), "frame {} does not start with FRAME: the file is damaged or not y4m", number_);
      }
    } else if (stream_.Left() == 0) {
      return std::nullopt;
    }
    CheckLeft();
    SourceFrame frame;
    frame.buffer = pool_.Take();
    std::vector<uint8_t>& bytes = pool_[frame.buffer];
    bytes.resize(layout_.bytes);
    const size_t got = stream_.Read(bytes.data(), bytes.size());
    if (got != bytes.size()) {
      pool_.Return(frame.buffer);
      if (got == 0 && !y4m_) return std::nullopt;  // the end of a pipe
      Truncated(got);
    }
    frame.frame = frame_;
    for (uint32_t p = 0; p < pixels_.planes; ++p) {
      frame.frame.planes[p] = {bytes.data(), 0, layout_.stride[p], layout_.offset[p], bytes.size()};
      frame.mapped[p] = bytes.data();
    }
    frame.number = number_++;
    frame.frame.timestamp_ns = static_cast<uint64_t>(static_cast<double>(frame.number) / fps_ * 1e9);
    return frame;
  }

 private:
  [[noreturn]] void Truncated(uint64_t got) {
    RefuseInput(stream_.path(), "ends inside frame {}: {} bytes of {} ({}x{} {}){}", number_, got, layout_.bytes,
                frame_.width, frame_.height, pixels_.name,
                y4m_ ? "" : "; is --size or --fourcc another one?");
  }

  void CheckLeft() {
    const auto left = stream_.Left();
    if (left && *left < layout_.bytes) Truncated(*left);
  }

  void CheckSize() {
    if (frame_.width == 0 || frame_.height == 0 || frame_.width > kMaxSide || frame_.height > kMaxSide) {
      RefuseInput(stream_.path(), "frames of {}x{} pixels; 1 to {} each way are taken", frame_.width, frame_.height, kMaxSide);
    }
    frame_.struct_size = sizeof frame_;
    frame_.fourcc = pixels_.drm;
    frame_.plane_count = pixels_.planes;
    layout_ = LayOut(pixels_, frame_.width, frame_.height, frame_.width * pixels_.bytes);
    // Packed 4:2:2 has pairs of pixels.
    if (pixels_.yuv && pixels_.planes == 1 && frame_.width % 2 != 0) {
      RefuseInput(stream_.path(), "{} has pairs of pixels: the width {} must be even", pixels_.name, frame_.width);
    }
    if (layout_.bytes > kMaxFrameBytes) {
      RefuseInput(stream_.path(), "frames of {} bytes; at most {} are taken", layout_.bytes, kMaxFrameBytes);
    }
  }

  void ReadHeader() {
    const auto header = stream_.Line(kHeaderLimit);
    if (!header || !header->starts_with(kMagic)) RefuseInput(stream_.path(), "is no y4m file: it does not start with {}", kMagic);
    std::string_view rest = std::string_view(*header).substr(kMagic.size());
    std::string_view colour = "420jpeg";  // where the header names none
    while (!rest.empty()) {
      const size_t end = rest.find(' ', 1);
      const std::string_view field = rest.substr(rest[0] == ' ' ? 1 : 0, end == rest.npos ? end : end - 1);
      rest = end == rest.npos ? "" : rest.substr(end);
      if (field.empty()) continue;
      const std::string_view value = field.substr(1);
      switch (field[0]) {
        case 'W': frame_.width = Number(field, value); break;
        case 'H': frame_.height = Number(field, value); break;
        case 'F': ReadRate(field, value); break;
        case 'C': colour = value; break;
        case 'I':
          if (value != "p" && value != "?") {
            RefuseInput(stream_.path(), "is interlaced (I{}); make it progressive, for instance with ffmpeg -vf yadif", value);
          }
          break;
        case 'X':
          if (value == "COLORRANGE=FULL") frame_.range = NPU_RANGE_FULL;
          if (value == "COLORRANGE=LIMITED") frame_.range = NPU_RANGE_LIMITED;
          break;
        default: break;  // aspect ratio, comments
      }
    }
    if (colour == "420" || colour == "420jpeg" || colour == "420mpeg2" || colour == "420paldv") {
      pixels_ = *FindFormat("YU12");
      if (colour != "420jpeg" && colour != "420") frame_.chroma_site = NPU_CHROMA_LEFT;
    } else if (colour == "mono") {
      pixels_ = *FindFormat("GREY");
    } else {
      RefuseInput(stream_.path(), "has colour space C{}; 420, 420jpeg, 420mpeg2, 420paldv and mono are taken: convert it, "
                  "for instance with ffmpeg -pix_fmt yuv420p", colour);
    }
  }

  uint32_t Number(std::string_view field, std::string_view text) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      RefuseInput(stream_.path(), "has \"{}\" in its header, which is no size", field);
    }
    return number;
  }

  void ReadRate(std::string_view field, std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == text.npos) RefuseInput(stream_.path(), "has \"{}\" in its header, which is no rate", field);
    const double rate = Number(field, text.substr(0, colon)), per = Number(field, text.substr(colon + 1));
    if (rate > 0 && per > 0 && rate / per <= kMaxFps) fps_ = rate / per;  // 0:0 is "unknown"
  }

  ByteStream stream_;
  BufferPool pool_;
  bool y4m_;
  PixelFormat pixels_{};
  npu_frame frame_{};  // what all frames have in common
  FrameLayout layout_;
  double fps_ = 25;
  uint64_t number_ = 0;
};

}  // namespace

std::unique_ptr<Source> OpenY4m(const SourceOptions& options) { return std::make_unique<VideoSource>(options, true); }
std::unique_ptr<Source> OpenRaw(const SourceOptions& options) { return std::make_unique<VideoSource>(options, false); }

}  // namespace camera_run
