// Frames for tests: random descriptions, memory whose ends cannot be read over, and an oracle in floating
// point.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/frames/check_frame.h"
#include "backends/frames/conversion.h"
#include "backends/frames/frame_converter.h"
#include "backends/frames/pixel_format.h"

namespace npu::test {

// `bytes` bytes that end where memory that cannot be read begins, or begin where it ends.
class GuardedBytes {
 public:
  enum class At { kEnd, kStart };
  GuardedBytes(size_t bytes, At at) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t inner = (bytes + page - 1) / page * page;
    size_ = inner + 2 * page;
    base_ = static_cast<uint8_t*>(mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(base_ + page, inner, PROT_READ | PROT_WRITE);
    data_ = base_ + page + (at == At::kEnd ? inner - bytes : 0);
  }
  ~GuardedBytes() { munmap(base_, size_); }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  uint8_t* data() const { return data_; }

 private:
  size_t size_ = 0;
  uint8_t *base_ = nullptr, *data_ = nullptr;
};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint32_t Between(uint32_t low, uint32_t high) {
    return std::uniform_int_distribution<uint32_t>(low, high)(engine_);
  }
  bool OneIn(int n) { return Between(1, n) == 1; }

 private:
  std::mt19937_64 engine_;
};

inline Tensor ImageTensor(int height, int width, int channels, DataType type = DataType::kInt8,
                          float scale = 1 / 127.5f, int zero_point = -1) {
  Tensor tensor;
  tensor.name = "image";
  tensor.type = type;
  tensor.shape = {1, height, width, channels};
  tensor.quantization.scale = {scale};
  tensor.quantization.zero_point = {zero_point};
  return tensor;
}

// A frame with memory of its own, each plane between guards.
struct TestFrame {
  Frame frame;
  std::vector<std::unique_ptr<GuardedBytes>> memory;

  const PixelFormat& format() const { return **FormatOf(frame.fourcc); }

  // Gives every plane memory: `extra` bytes of stride beyond a row.
  void Allocate(uint32_t extra, GuardedBytes::At at) {
    memory.clear();
    frame.plane_count = format().plane_count;
    for (uint32_t i = 0; i < frame.plane_count; ++i) {
      const auto row = static_cast<uint32_t>(format().RowBytes(i, frame.width));
      const uint32_t rows = format().PlaneRows(i, frame.height);
      frame.planes[i].stride = row + extra;
      const size_t bytes = size_t{row + extra} * (rows - 1) + row;
      memory.push_back(std::make_unique<GuardedBytes>(bytes, at));
      frame.planes[i].ptr = reinterpret_cast<const std::byte*>(memory.back()->data());
      frame.planes[i].size = bytes;
    }
  }

  // Pixels at random or smooth; `poison` between the rows.
  void Fill(Random& random, uint8_t poison) {
    const uint32_t kind = random.Between(0, 3);
    for (uint32_t i = 0; i < frame.plane_count; ++i) {
      const size_t row = format().RowBytes(i, frame.width), stride = frame.planes[i].stride;
      const uint32_t rows = format().PlaneRows(i, frame.height);
      uint8_t* data = memory[i]->data();
      for (uint32_t y = 0; y < rows; ++y) {
        for (size_t x = 0; x < row; ++x) {
          uint8_t value = static_cast<uint8_t>(random.Between(0, 255));
          if (kind == 1) value = (x / 3 + y) % 2 == 0 ? 0 : 255;
          if (kind == 2) value = static_cast<uint8_t>(x * 3 + y * 2);
          data[y * stride + x] = value;
        }
        if (y + 1 < rows) std::memset(data + y * stride + row, poison, stride - row);
      }
    }
  }
  void Poison(uint8_t poison) {
    for (uint32_t i = 0; i < frame.plane_count; ++i) {
      const size_t row = format().RowBytes(i, frame.width), stride = frame.planes[i].stride;
      for (uint32_t y = 0; y + 1 < format().PlaneRows(i, frame.height); ++y) {
        std::memset(memory[i]->data() + y * stride + row, poison, stride - row);
      }
    }
  }
};

inline TestFrame RandomFrame(Random& random, uint32_t most_width, uint32_t most_height) {
  TestFrame test;
  Frame& frame = test.frame;
  const auto formats = PixelFormats();
  frame.fourcc = formats[random.Between(0, static_cast<uint32_t>(formats.size()) - 1)].fourcc;
  frame.width = random.OneIn(6) ? random.Between(1, 4) : random.Between(1, most_width);
  frame.height = random.OneIn(6) ? random.Between(1, 4) : random.Between(1, most_height);
  const PixelFormat& format = test.format();
  if (random.OneIn(3)) {
    const auto axis = [&](uint32_t whole, bool shared, uint32_t& start, uint32_t& length) {
      start = random.Between(0, whole - 1) & (shared ? ~1u : ~0u);
      length = whole - start;
      if (length > 2) length = shared ? random.Between(1, length / 2) * 2 : random.Between(1, length);
    };
    axis(frame.width, format.chroma_shift_x > 0, frame.crop.x, frame.crop.width);
    axis(frame.height, format.chroma_shift_y > 0, frame.crop.y, frame.crop.height);
  }
  frame.matrix = static_cast<ColourMatrix>(random.Between(0, 3));
  frame.range =
      format.model == ColourModel::kRgb ? ColourRange::kAuto : static_cast<ColourRange>(random.Between(0, 2));
  frame.chroma_site = static_cast<ChromaSite>(random.Between(0, 1));
  frame.orientation =
      random.OneIn(2) ? Orientation::kUpright : static_cast<Orientation>(random.Between(0, 7));
  const uint32_t extras[] = {0, 0, 1, 64, 37};
  test.Allocate(extras[random.Between(0, 4)],
                random.OneIn(2) ? GuardedBytes::At::kEnd : GuardedBytes::At::kStart);
  test.Fill(random, 0x11);
  return test;
}

inline Fit RandomFit(Random& random) {
  Fit fit;
  fit.mode = static_cast<FitMode>(random.Between(0, 2));
  fit.filter = static_cast<FrameFilter>(random.Between(0, 4));
  fit.channel_order = static_cast<ChannelOrder>(random.Between(0, 1));
  fit.pad_rgb = {static_cast<uint8_t>(random.Between(0, 255)), 128,
                 static_cast<uint8_t>(random.Between(0, 255))};
  if (random.OneIn(3)) {
    fit.norm = FrameNorm::kMeanStd;
    fit.mean = {123.7f, 116.3f, 103.5f};
    fit.std = {58.4f, 57.1f, 57.4f};
  }
  return fit;
}

using FrameBytes = std::vector<uint8_t>;

inline FrameBytes Convert(FrameConverter& converter, const Conversion& conversion, const Frame& frame) {
  // Memory behind the output that must stay as it is.
  FrameBytes out(conversion.bytes_out() + 64, 0xa5);
  const auto memory = MapFrame(frame);
  const Status status = memory ? converter.Convert(frame, *memory, reinterpret_cast<std::byte*>(out.data()))
                               : Status(tl::unexpected(memory.error()));
  if (!status) return {};
  for (size_t i = conversion.bytes_out(); i < out.size(); ++i) {
    if (out[i] != 0xa5) return {};
  }
  out.resize(conversion.bytes_out());
  return out;
}

std::string inline Describe(const Frame& frame, const Fit& fit, const Conversion& c) {
  std::string text = std::string((*FormatOf(frame.fourcc))->name) + " " + std::to_string(frame.width) + "x" +
                     std::to_string(frame.height) + " crop " + std::to_string(frame.crop.width) + "x" +
                     std::to_string(frame.crop.height) + " orientation " +
                     std::to_string(static_cast<int>(frame.orientation)) + " to " + std::to_string(c.width) +
                     "x" + std::to_string(c.height) + "x" + std::to_string(c.channels);
  return text + " mode " + std::to_string(static_cast<int>(fit.mode)) + " filter " +
         std::to_string(static_cast<int>(fit.filter)) + " norm " + std::to_string(static_cast<int>(fit.norm));
}

}  // namespace npu::test
