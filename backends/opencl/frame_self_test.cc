// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/frame_self_test.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <vector>

#include "backends/frames/pixel_format.h"
#include "backends/opencl/frame_converter.h"
#include "base/log.h"

namespace npu {
namespace {

constexpr uint32_t kFrameWidth = 400, kFrameHeight = 120;
constexpr int kInputWidth = 91, kInputHeight = 40, kRuns = 5;

struct Example {
  Frame frame;
  std::vector<std::vector<uint8_t>> memory;
};

// Numbers of every size, the extremes among them.
Example MakeExample(const PixelFormat& format) {
  Example example;
  Frame& frame = example.frame;
  frame.fourcc = format.fourcc;
  frame.plane_count = format.plane_count;
  frame.width = kFrameWidth;
  frame.height = kFrameHeight;
  uint32_t state = 12345;
  for (uint32_t i = 0; i < format.plane_count; ++i) {
    const auto row = static_cast<uint32_t>(format.RowBytes(i, frame.width));
    std::vector<uint8_t>& bytes =
        example.memory.emplace_back(size_t{row} * format.PlaneRows(i, frame.height));
    for (uint8_t& byte : bytes) {
      state = state * 1664525u + 1013904223u;
      byte = state >> 30 == 0 ? (state >> 29 & 1 ? 255 : 0) : static_cast<uint8_t>(state >> 16);
    }
    frame.planes[i] = {reinterpret_cast<const std::byte*>(bytes.data()), -1, row, 0, bytes.size()};
  }
  return example;
}

double Seconds(FrameConverter& converter, const Frame& frame, const MappedFrame& memory, std::byte* out,
               Status& status) {
  double best = 1e9;
  for (int i = 0; i < kRuns && status; ++i) {
    const auto start = std::chrono::steady_clock::now();
    status = converter.Convert(frame, memory, out);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

// Adds the times of both kernels. An error: strips do not work.
Status Try(const std::shared_ptr<OpenClDevice>& device, const PixelFormat& format, FrameFilter filter,
           double& strips_time, double& pixels_time) {
  const Example example = MakeExample(format);
  Fit fit;
  fit.filter = filter;
  fit.mode = FitMode::kLetterbox;
  Tensor tensor;
  tensor.type = DataType::kInt8;
  tensor.shape = {1, kInputHeight, kInputWidth, 3};
  NPU_ASSIGN_OR_RETURN(Conversion made, MakeConversion(example.frame, fit, tensor));
  const auto conversion = std::make_shared<const Conversion>(std::move(made));
  NPU_ASSIGN_OR_RETURN(const auto strips, MakeFrameConverter(device, conversion, FrameKernel::kStrips));
  NPU_ASSIGN_OR_RETURN(const auto pixels, MakeFrameConverter(device, conversion, FrameKernel::kPixels));
  NPU_ASSIGN_OR_RETURN(const MappedFrame memory, MapFrame(example.frame));
  std::vector<std::byte> expected(conversion->bytes_out()), actual(expected.size());
  Status status = MakeReferenceConverter(conversion)->Convert(example.frame, memory, expected.data());
  strips_time += Seconds(*strips, example.frame, memory, actual.data(), status);
  if (status && actual != expected) {
    return Fail(ErrorCode::kDevice, fmt::format("{} with filter {}: other bytes than the reference's",
                                                format.name, static_cast<int>(filter)));
  }
  pixels_time += Seconds(*pixels, example.frame, memory, actual.data(), status);
  return status;
}

bool TryAll(const std::shared_ptr<OpenClDevice>& device) {
  double strips_time = 0, pixels_time = 0;
  for (const PixelFormat& format : PixelFormats()) {
    for (FrameFilter filter : {FrameFilter::kBilinear, FrameFilter::kArea}) {
      const Status status = Try(device, format, filter, strips_time, pixels_time);
      if (status) continue;
      Log(LogLevel::kWarning, "{}: strip kernels for frames do not work, slower ones are used: {}",
          device->name(), status.error().text);
      return false;
    }
  }
  Log(LogLevel::kInfo, "{}: strip kernels for frames take {:.2f} of the time of those for pixels",
      device->name(), strips_time / pixels_time);
  return strips_time < pixels_time;
}

}  // namespace

bool StripsWork(const std::shared_ptr<OpenClDevice>& device) {
  // Devices stay open until the process ends, and so does what is known of them.
  static std::mutex mutex;
  static auto* known = new std::map<const OpenClDevice*, bool>;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = known->try_emplace(device.get(), false);
  if (is_new) found->second = TryAll(device);
  return found->second;
}

}  // namespace npu
