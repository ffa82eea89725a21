// The camera frames that are bound to a session's inputs: what is known of each description, and the reading
// of a frame when the session is invoked. A frame is read by every invocation until its input is bound again;
// one with a release function only by the next one, and given back as soon as it has been read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/backend.h"
#include "backends/frames/frame_converter.h"
#include "backends/frames/frame_reader.h"
#include "partitioner/options.h"

namespace npu {

struct FrameRelease {
  void (*call)(void* user, uint64_t id) = nullptr;
  void* user = nullptr;
  uint64_t id = 0;
};

// What became of an input's frames.
struct FrameCounts {
  uint64_t frames = 0;        // read
  uint64_t uncopied = 0;      // of them, used as they are
  uint64_t in_place = 0;      // of the others, made where the device reads them
  uint64_t copied_bytes = 0;  // of frames, on their way to what reads them
  uint64_t maps = 0, syncs = 0;  // of file descriptors: mappings made, DMA-BUF brackets opened
  std::string path, reason;   // of the last: what reads it, and why it is not used as it is
};

class SessionFrames {
 public:
  explicit SessionFrames(const Options& options) : options_(options) {}
  ~SessionFrames();
  SessionFrames(const SessionFrames&) = delete;
  SessionFrames& operator=(const SessionFrames&) = delete;

  // input: the session's number of it. The frame and the fit have been checked. place: where a frame that is not the
  // input as it is may be made, asked for only then. Not called again for a failed Bind: `release`. The geometry is what
  // the frame's pixels become.
  Result<FitGeometry> Bind(size_t input, const Tensor& tensor, const Frame& frame, const Fit& fit,
                           const FrameRelease& release, const std::function<Result<InputPlace>()>& place);
  void Unbind(size_t input);
  bool bound(size_t input) const { return input < slots_.size() && slots_[input].known != nullptr; }
  bool any() const { return bound_ > 0; }

  // Memory that is the input as it is, or the place in which Read makes it; null: it makes it in the session's memory.
  const std::byte* Memory(size_t input) const;
  // Reads the frame into the input's memory: Memory(), if that is not null.
  Status Read(size_t input, std::span<std::byte> memory);
  // An invocation has ended that used the input: frames that have a release function are given back.
  void Used(size_t input);

  FrameCounts counts(size_t input) const {
    return input < slots_.size() ? slots_[input].counts : FrameCounts{};
  }

 private:
  // Everything that frames of one description need.
  struct Known {
    Frame frame;
    Fit fit;
    std::shared_ptr<const Conversion> conversion;
    std::unique_ptr<FrameConverter> converter;  // made when it is first needed
    std::byte flip{0};                          // what its bytes are exclusive-or'ed with, beside the conversion's
  };
  struct Slot {
    std::vector<std::shared_ptr<Known>> known_before;  // the one used last at the end
    std::shared_ptr<Known> known;                      // of the bound frame; null: none
    Frame frame;
    MappedFrame memory;
    bool as_it_is = false;
    std::byte* place = nullptr;  // where the device reads the input; null: it is copied there
    FrameReader reader;  // open from Read until the frame is no longer needed
    FrameRelease release;
    FrameCounts counts;
  };
  Result<std::shared_ptr<Known>> Know(Slot& slot, const Tensor& tensor, const Frame& frame,
                                      const Fit& fit) const;
  Status MakeConverterFor(Known& known, std::byte flip) const;

  const Options& options_;
  std::vector<Slot> slots_;
  BufferCache buffers_;
  int bound_ = 0;
};

}  // namespace npu
