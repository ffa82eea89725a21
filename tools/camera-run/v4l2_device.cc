// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/v4l2_device.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tools/camera-run/failure.h"
#include "tools/camera-run/pixel_format.h"

namespace camera_run {
namespace {

constexpr int kMaxNodes = 64;  // /dev/video0 ... : what udev gives out in practice

std::string Text(const __u8* bytes, size_t size) {
  std::string text;
  for (size_t i = 0; i < size && bytes[i] != 0; ++i) text += bytes[i] >= ' ' && bytes[i] < 0x7f ? static_cast<char>(bytes[i]) : '?';
  return text;
}

// v4l2_buffer with room for its planes: the planes' array is the caller's.
struct Buffer : v4l2_buffer {
  v4l2_plane planes[VIDEO_MAX_PLANES] = {};
  Buffer(uint32_t type, uint32_t index) : v4l2_buffer{} {
    this->index = index;
    this->type = type;
    memory = V4L2_MEMORY_MMAP;
    if (type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
      m.planes = planes;
      length = VIDEO_MAX_PLANES;
    }
  }
};

}  // namespace

V4l2Device::V4l2Device(const std::string& path) : path_(path) {
  fd_ = open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    RefuseInput(path, "cannot be opened: {}{}", std::strerror(errno),
                errno == EACCES ? " (is this user in the group video?)" : errno == EBUSY ? " (another program uses it)" : "");
  }
  v4l2_capability capability{};
  struct stat info {};
  if (fstat(fd_, &info) != 0 || !S_ISCHR(info.st_mode) || Call(VIDIOC_QUERYCAP, &capability) != 0) {
    close(fd_);
    RefuseInput(path, "is no V4L2 device");
  }
  card_ = Text(capability.card, sizeof capability.card);
  const uint32_t caps =
      capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
  type_ = caps & V4L2_CAP_VIDEO_CAPTURE          ? V4L2_BUF_TYPE_VIDEO_CAPTURE
          : caps & V4L2_CAP_VIDEO_CAPTURE_MPLANE ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
                                                 : 0;
  if (type_ == 0 || (caps & V4L2_CAP_STREAMING) == 0) {
    close(fd_);
    RefuseInput(path, "({}) does not capture video{}; see --list-cameras", card_, type_ == 0 ? "" : " by streaming");
  }
}

V4l2Device::~V4l2Device() { close(fd_); }

int V4l2Device::Call(unsigned long request, void* argument) const noexcept {
  int result = 0;
  do {
    result = ioctl(fd_, request, argument);
  } while (result != 0 && errno == EINTR);
  return result;
}

void V4l2Device::Gone() const { RefuseInput(path_, "({}) is gone: unplugged, or its driver stopped", card_); }

void V4l2Device::Require(unsigned long request, void* argument, const char* what) const {
  if (Call(request, argument) == 0) return;
  if (errno == ENODEV) Gone();
  RefuseInput(path_, "({}) cannot {}: {}{}", card_, what, std::strerror(errno),
              errno == EBUSY ? " (another program uses it)" : "");
}

std::vector<uint32_t> V4l2Device::PixelFormats() const {
  std::vector<uint32_t> formats;
  v4l2_fmtdesc description{};
  description.type = type_;
  for (; Call(VIDIOC_ENUM_FMT, &description) == 0; ++description.index) formats.push_back(description.pixelformat);
  return formats;
}

std::string V4l2Device::Sizes(uint32_t pixel_format) const {
  v4l2_frmsizeenum size{};
  size.pixel_format = pixel_format;
  uint32_t min[2] = {UINT32_MAX, UINT32_MAX}, max[2] = {};
  for (; Call(VIDIOC_ENUM_FRAMESIZES, &size) == 0; ++size.index) {
    const bool discrete = size.type == V4L2_FRMSIZE_TYPE_DISCRETE;
    const uint32_t low[2] = {discrete ? size.discrete.width : size.stepwise.min_width,
                             discrete ? size.discrete.height : size.stepwise.min_height};
    const uint32_t high[2] = {discrete ? size.discrete.width : size.stepwise.max_width,
                              discrete ? size.discrete.height : size.stepwise.max_height};
    for (int i = 0; i < 2; ++i) {
      min[i] = std::min(min[i], low[i]);
      max[i] = std::max(max[i], high[i]);
    }
    if (!discrete) break;
  }
  if (max[0] == 0) return "";
  return min[0] == max[0] && min[1] == max[1] ? fmt::format("{}x{}", max[0], max[1])
                                              : fmt::format("{}x{} ... {}x{}", min[0], min[1], max[0], max[1]);
}

V4l2Format V4l2Device::Unpack(const v4l2_format& format) const {
  V4l2Format out;
  if (multi_planar()) {
    const v4l2_pix_format_mplane& pix = format.fmt.pix_mp;
    out = {pix.width, pix.height, pix.pixelformat, pix.field, pix.colorspace, pix.ycbcr_enc, pix.quantization, {}};
    for (uint32_t p = 0; p < std::min<uint32_t>(pix.num_planes, VIDEO_MAX_PLANES); ++p) {
      out.planes.push_back({pix.plane_fmt[p].bytesperline, pix.plane_fmt[p].sizeimage});
    }
  } else {
    const v4l2_pix_format& pix = format.fmt.pix;
    out = {pix.width, pix.height, pix.pixelformat, pix.field, pix.colorspace, pix.ycbcr_enc, pix.quantization, {}};
    out.planes.push_back({pix.bytesperline, pix.sizeimage});
  }
  return out;
}

V4l2Format V4l2Device::GetFormat() const {
  v4l2_format format{};
  format.type = type_;
  Require(VIDIOC_G_FMT, &format, "tell its format");
  return Unpack(format);
}

V4l2Format V4l2Device::SetFormat(uint32_t pixel_format, uint32_t width, uint32_t height, uint32_t bytes_per_line) const {
  v4l2_format format{};
  format.type = type_;
  if (multi_planar()) {
    format.fmt.pix_mp.width = width;
    format.fmt.pix_mp.height = height;
    format.fmt.pix_mp.pixelformat = pixel_format;
    format.fmt.pix_mp.field = V4L2_FIELD_NONE;
    format.fmt.pix_mp.num_planes = VIDEO_MAX_PLANES;
    for (v4l2_plane_pix_format& plane : format.fmt.pix_mp.plane_fmt) plane.bytesperline = bytes_per_line;
  } else {
    format.fmt.pix.width = width;
    format.fmt.pix.height = height;
    format.fmt.pix.pixelformat = pixel_format;
    format.fmt.pix.field = V4L2_FIELD_NONE;
    format.fmt.pix.bytesperline = bytes_per_line;
  }
  Require(VIDIOC_S_FMT, &format, fmt::format("be set to {} {}x{}", FourccText(pixel_format), width, height).c_str());
  return Unpack(format);
}

void V4l2Device::SetRate(double fps) const {
  v4l2_streamparm parameters{};
  parameters.type = type_;
  parameters.parm.capture.timeperframe = {1000, static_cast<uint32_t>(fps * 1000)};
  Call(VIDIOC_S_PARM, &parameters);
}

double V4l2Device::Rate() const {
  v4l2_streamparm parameters{};
  parameters.type = type_;
  if (Call(VIDIOC_G_PARM, &parameters) != 0) return 0;
  const v4l2_fract time = parameters.parm.capture.timeperframe;
  return time.numerator == 0 ? 0 : static_cast<double>(time.denominator) / time.numerator;
}

uint32_t V4l2Device::RequestBuffers(uint32_t count) const {
  v4l2_requestbuffers request{};
  request.count = count;
  request.type = type_;
  request.memory = V4L2_MEMORY_MMAP;
  if (count == 0) {
    Call(VIDIOC_REQBUFS, &request);  // on the way out: nobody could do anything about a failure
    return 0;
  }
  Require(VIDIOC_REQBUFS, &request, "give buffers");
  return request.count;
}

std::vector<V4l2Plane> V4l2Device::QueryBuffer(uint32_t index) const {
  Buffer buffer(type_, index);
  Require(VIDIOC_QUERYBUF, &buffer, "tell of its buffers");
  if (!multi_planar()) return {{0, buffer.length}};
  std::vector<V4l2Plane> planes;
  for (uint32_t p = 0; p < buffer.length; ++p) planes.push_back({0, buffer.planes[p].length});
  return planes;
}

int V4l2Device::Export(uint32_t index, uint32_t plane) const {
  v4l2_exportbuffer request{};
  request.type = type_;
  request.index = index;
  request.plane = plane;
  request.flags = O_CLOEXEC | O_RDONLY;
  return Call(VIDIOC_EXPBUF, &request) == 0 ? request.fd : -1;
}

void* V4l2Device::Map(uint32_t index, uint32_t plane, size_t* bytes) const {
  Buffer buffer(type_, index);
  Require(VIDIOC_QUERYBUF, &buffer, "tell of its buffers");
  *bytes = multi_planar() ? buffer.planes[plane].length : buffer.length;
  const off_t offset = multi_planar() ? buffer.planes[plane].m.mem_offset : buffer.m.offset;
  void* memory = mmap(nullptr, *bytes, PROT_READ, MAP_SHARED, fd_, offset);
  if (memory == MAP_FAILED) RefuseInput(path_, "({}) buffer {} cannot be mapped: {}", card_, index, std::strerror(errno));
  return memory;
}

bool V4l2Device::Queue(uint32_t index) const noexcept {
  Buffer buffer(type_, index);
  return Call(VIDIOC_QBUF, &buffer) == 0;
}

void V4l2Device::Start() const {
  uint32_t type = type_;
  Require(VIDIOC_STREAMON, &type, "start");
}

void V4l2Device::Stop() const noexcept {
  uint32_t type = type_;
  Call(VIDIOC_STREAMOFF, &type);
}

bool V4l2Device::Dequeue(int timeout_ms, V4l2Frame* frame) const {
  pollfd poll_fd{fd_, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&poll_fd, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) return false;
  Buffer buffer(type_, 0);
  if (Call(VIDIOC_DQBUF, &buffer) != 0) {
    if (errno == EAGAIN && (poll_fd.revents & (POLLERR | POLLHUP)) == 0) return false;
    if (errno == ENODEV || errno == EIO || errno == EAGAIN || errno == EINVAL) Gone();
    Require(VIDIOC_DQBUF, &buffer, "hand out a frame");
  }
  frame->index = buffer.index;
  frame->flags = buffer.flags;
  frame->sequence = buffer.sequence;
  frame->field = buffer.field;
  frame->timestamp_ns = static_cast<uint64_t>(buffer.timestamp.tv_sec) * 1000000000 +
                        static_cast<uint64_t>(buffer.timestamp.tv_usec) * 1000;
  frame->bytes_used[0] = buffer.bytesused;
  for (uint32_t p = 0; multi_planar() && p < std::min<uint32_t>(buffer.length, VIDEO_MAX_PLANES); ++p) {
    frame->bytes_used[p] = buffer.planes[p].bytesused;
    frame->data_offset[p] = buffer.planes[p].data_offset;
  }
  return true;
}

std::string ListCameras() {
  std::string text;
  for (int i = 0; i < kMaxNodes; ++i) {
    const std::string path = fmt::format("/dev/video{}", i);
    if (access(path.c_str(), F_OK) != 0) continue;
    try {
      const V4l2Device device(path);
      text += fmt::format("{}  {}\n", path, device.card());
      for (const uint32_t format : device.PixelFormats()) {
        uint32_t fourcc = 0;
        const bool taken = npu_fourcc_from_v4l2(format, &fourcc) == NPU_OK && FindDrmFormat(fourcc).has_value();
        text += fmt::format("  {}  {}{}\n", FourccText(format), device.Sizes(format), taken ? "" : "  (not taken)");
      }
    } catch (const Failure&) {
      // No camera: an encoder, metadata, or not ours to open.
    }
  }
  return text;
}

}  // namespace camera_run
