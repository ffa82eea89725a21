// One V4L2 capture device as a file descriptor and the ioctls that camera-run needs, single- and multi-planar behind one
// face. Interrupted calls go on; a device that is gone says so (Gone()).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/videodev2.h>

#include <cstdint>
#include <string>
#include <vector>

namespace camera_run {

struct V4l2Plane {
  uint32_t bytes_per_line = 0, size = 0;
};

// What VIDIOC_G_FMT / S_FMT say, whichever form they come in.
struct V4l2Format {
  uint32_t width = 0, height = 0, pixel_format = 0, field = 0, colorspace = 0, ycbcr_encoding = 0, quantization = 0;
  std::vector<V4l2Plane> planes;
};

// A filled buffer, from VIDIOC_DQBUF.
struct V4l2Frame {
  uint32_t index = 0, flags = 0, sequence = 0, field = 0;
  uint64_t timestamp_ns = 0;
  uint32_t bytes_used[VIDEO_MAX_PLANES] = {}, data_offset[VIDEO_MAX_PLANES] = {};
};

class V4l2Device {
 public:
  // Throws Failure (input) unless `path` is a device that captures video by streaming.
  explicit V4l2Device(const std::string& path);
  ~V4l2Device();
  V4l2Device(const V4l2Device&) = delete;
  V4l2Device& operator=(const V4l2Device&) = delete;

  const std::string& path() const { return path_; }
  const std::string& card() const { return card_; }
  int fd() const { return fd_; }
  bool multi_planar() const { return type_ == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE; }

  std::vector<uint32_t> PixelFormats() const;
  // The largest and the smallest size of a format, "640x480 ... 1920x1080"; empty where the driver does not tell.
  std::string Sizes(uint32_t pixel_format) const;
  V4l2Format GetFormat() const;
  // What the driver made of it. bytes_per_line: rows at least so long, 0 as the driver likes.
  V4l2Format SetFormat(uint32_t pixel_format, uint32_t width, uint32_t height, uint32_t bytes_per_line) const;
  void SetRate(double fps) const;  // a wish; drivers may ignore it
  double Rate() const;             // 0: unknown

  uint32_t RequestBuffers(uint32_t count) const;  // of its own memory; 0 gives all back
  std::vector<V4l2Plane> QueryBuffer(uint32_t index) const;
  // DMA-BUF of a buffer's plane; -1 if the driver has no VIDIOC_EXPBUF.
  int Export(uint32_t index, uint32_t plane) const;
  void* Map(uint32_t index, uint32_t plane, size_t* bytes) const;  // for drivers that do not export
  bool Queue(uint32_t index) const noexcept;                       // false: errno
  void Start() const;
  void Stop() const noexcept;
  // Waits. False after `timeout_ms` without a frame. Throws Failure when the device is gone.
  bool Dequeue(int timeout_ms, V4l2Frame* frame) const;

 private:
  int Call(unsigned long request, void* argument) const noexcept;
  void Require(unsigned long request, void* argument, const char* what) const;
  [[noreturn]] void Gone() const;
  V4l2Format Unpack(const v4l2_format& format) const;

  std::string path_, card_;
  int fd_ = -1;
  uint32_t type_ = 0;
};

// Fails nowhere: one line per capture device of this machine with its formats; "" when there is none.
std::string ListCameras();

}  // namespace camera_run
