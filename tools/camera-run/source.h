// Where frames come from: a y4m or raw video file, pictures, or a V4L2 camera. A source hands out frames whose pixels
// stay where they are (its own buffers, or a camera's DMA-BUFs) until Return() gives the buffer back.
// A file is never skipped over: Next() waits for a free buffer. Bad input is a Failure that names the file, the frame and
// what to do. Start reading here, then y4m_source.cc, camera_source.cc.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace camera_run {

struct SourceFrame {
  npu_frame frame{};               // complete but for id and release; planes point into the source's buffers
  const uint8_t* mapped[NPU_MAX_PLANES] = {};  // each plane's memory, also where frame.planes has a file descriptor
  uint64_t number = 0;             // counts what the source produced; a gap is what a camera lost
  std::string name;                // the picture's file name; empty in videos
  int buffer = -1;                 // for Return()
  size_t coded_bytes = 0;          // of a JPEG at mapped[0], whose frame has no format yet (jpeg_source.cc); 0: pixels
};

class Source {
 public:
  virtual ~Source() = default;
  // A camera goes on whether or not anybody keeps up: its frames may be dropped, a file's never.
  virtual bool live() const { return false; }
  virtual int buffer_count() const = 0;
  virtual double frames_per_second() const { return 25; }
  // nullopt at the end. Throws Failure.
  virtual std::optional<SourceFrame> Next() = 0;
  // The frame's pixels have been read: the buffer may be filled again. From any thread.
  virtual void Return(int buffer) noexcept = 0;
  // One line for the end of a run: frames lost by a camera and the like. Empty: nothing to say.
  virtual std::string Remarks() const { return ""; }
};

struct SourceOptions {
  std::string input;        // a file or folder, "-": stdin
  std::string device;       // /dev/videoN; empty: input
  std::string fourcc;       // of raw video, or wanted of the camera: NV12 ...
  uint32_t width = 0, height = 0;
  uint32_t stride = 0;      // rows at least so long, asked of the camera
  double fps = 0;           // of raw video and pictures; asked of the camera
  bool grey = false;        // pictures as luma: the model has one channel
  double timeout = 5;       // seconds without a frame after which a camera has failed
  int buffers = 4;
};

// Chooses the source by option, by the file's first bytes and by its kind.
std::unique_ptr<Source> OpenSource(const SourceOptions& options);

std::unique_ptr<Source> OpenY4m(const SourceOptions& options);
std::unique_ptr<Source> OpenRaw(const SourceOptions& options);
std::unique_ptr<Source> OpenPictures(const SourceOptions& options);
std::unique_ptr<Source> OpenCamera(const SourceOptions& options);
// The frames of a camera that sends JPEGs, decoded.
std::unique_ptr<Source> DecodeJpegs(std::unique_ptr<Source> camera, const SourceOptions& options);

}  // namespace camera_run
