// A camera's JPEGs (MJPEG: what most webcams send above 640x480) as frames of packed RGB, or grey. The camera gets its buffer
// back as soon as the picture is decoded. One that cannot be decoded is dropped, counted and told at the end; webcams
// send such ones when the bus is busy.
// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "tools/camera-run/buffer_pool.h"
#include "tools/camera-run/failure.h"
#include "tools/camera-run/picture_file.h"
#include "tools/camera-run/pixel_format.h"
#include "tools/camera-run/source.h"

namespace camera_run {
namespace {

class JpegSource : public Source {
 public:
  JpegSource(std::unique_ptr<Source> camera, const SourceOptions& options)
      : camera_(std::move(camera)), grey_(options.grey), pool_(options.buffers) {}

  bool live() const override { return camera_->live(); }
  int buffer_count() const override { return pool_.count(); }
  double frames_per_second() const override { return camera_->frames_per_second(); }
  void Return(int buffer) noexcept override { pool_.Return(buffer); }

  std::optional<SourceFrame> Next() override {
    const int buffer = pool_.Take();
    std::optional<SourceFrame> frame;
    try {
      while ((frame = camera_->Next())) {
        Picture picture;
        picture.pixels.swap(pool_[buffer]);
        std::string why = DecodeJpeg(frame->mapped[0], frame->coded_bytes, grey_, true, picture);
        camera_->Return(frame->buffer);
        picture.pixels.swap(pool_[buffer]);
        if (why.empty()) {
          Describe(picture.width, picture.height, buffer, *frame);
          return frame;
        }
        if (dropped_++ == 0) first_ = std::move(why);
      }
    } catch (...) {
      pool_.Return(buffer);
      throw;
    }
    pool_.Return(buffer);
    return std::nullopt;
  }

  std::string Remarks() const override {
    std::string text = camera_->Remarks();
    if (dropped_ == 0) return text;
    return text + fmt::format("{}{} frames dropped, the first for: {}", text.empty() ? "" : ", ", dropped_, first_);
  }

 private:
  void Describe(uint32_t width, uint32_t height, int buffer, SourceFrame& frame) {
    const PixelFormat format = *FindFormat(grey_ ? "GREY" : "RGB");
    const std::vector<uint8_t>& pixels = pool_[buffer];
    npu_frame& npu = frame.frame;
    npu.fourcc = format.drm;
    npu.width = width;
    npu.height = height;
    npu.plane_count = 1;
    npu.matrix = NPU_MATRIX_AUTO;
    npu.range = NPU_RANGE_AUTO;
    npu.planes[0] = {pixels.data(), 0, width * format.bytes, 0, pixels.size()};
    frame.mapped[0] = pixels.data();
    frame.coded_bytes = 0;
    frame.buffer = buffer;
  }

  std::unique_ptr<Source> camera_;
  const bool grey_;
  BufferPool pool_;
  uint64_t dropped_ = 0;
  std::string first_;  // why
};

}  // namespace

std::unique_ptr<Source> DecodeJpegs(std::unique_ptr<Source> camera, const SourceOptions& options) {
  return std::make_unique<JpegSource>(std::move(camera), options);
}

}  // namespace camera_run
