// frames_bench [ROUNDS]: camera frames to INT8 inputs in one thread, ours beside libyuv and OpenCV (those
// that were found when this was built), by turns in one process. Warm: one frame; cold: 24 frames in
// rotation, more than the caches hold, as from a camera. Minimum and median, in microseconds. Every way
// includes the quantization (a flipped bit).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "backends/frames/pixel_format.h"
#include "backends/opencl/frame_converter.h"
#ifdef NPU_BENCH_LIBYUV
#include <libyuv.h>
#endif
#ifdef NPU_BENCH_OPENCV
#include <opencv2/imgproc.hpp>
#endif

namespace npu {
namespace {

constexpr int kColdFrames = 24;

struct Scene {
  const char* name;
  char fourcc[5];
  int width, height, side;  // of the input
};

struct Picture {
  std::vector<uint8_t> bytes;
  Frame frame;
  MappedFrame memory;
};

struct Way {
  std::string name;
  std::function<void(const Picture&, uint8_t*)> run;
};

[[noreturn]] void Stop(const std::string& text) {
  std::fprintf(stderr, "frames_bench: %s\n", text.c_str());
  std::exit(1);
}

Picture MakePicture(const Scene& scene, unsigned seed) {
  Picture picture;
  Frame& frame = picture.frame;
  for (int i = 0; i < 4; ++i) frame.fourcc |= static_cast<uint32_t>(scene.fourcc[i]) << (8 * i);
  const auto format = FormatOf(frame.fourcc);
  if (!format) Stop(format.error().text);
  frame.width = static_cast<uint32_t>(scene.width);
  frame.height = static_cast<uint32_t>(scene.height);
  frame.plane_count = (*format)->plane_count;
  size_t total = 0;
  std::vector<size_t> starts;
  for (uint32_t i = 0; i < frame.plane_count; ++i) {
    starts.push_back(total);
    frame.planes[i].stride = static_cast<uint32_t>((*format)->RowBytes(i, frame.width));
    total += size_t{frame.planes[i].stride} * (*format)->PlaneRows(i, frame.height);
  }
  picture.bytes.resize(total);
  for (size_t i = 0; i < total; ++i) {
    seed = seed * 1664525u + 1013904223u;
    picture.bytes[i] = static_cast<uint8_t>(40 + (i / 640 + i % 640 / 8) % 160 + (seed >> 29));
  }
  for (uint32_t i = 0; i < frame.plane_count; ++i) {
    frame.planes[i].ptr = reinterpret_cast<const std::byte*>(picture.bytes.data() + starts[i]);
  }
  picture.memory = *MapFrame(frame);
  return picture;
}

[[maybe_unused]] void Flip(uint8_t* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes[i] ^= 0x80;
}

// To an INT8 picture of the scene's size, by all other defaults.
std::shared_ptr<const Conversion> ConversionOf(const Scene& scene, const Picture& example, FrameFilter filter) {
  Fit fit;
  fit.filter = filter;
  Tensor tensor;
  tensor.type = DataType::kInt8;
  tensor.shape = {1, scene.side, scene.side, 3};
  auto conversion = MakeConversion(example.frame, fit, tensor);
  if (!conversion) Stop(conversion.error().text);
  return std::make_shared<const Conversion>(std::move(*conversion));
}

Way Ours(const Scene& scene, const Picture& example, FrameFilter filter, FrameKernel kernel) {
  const auto found = FindDevices();
  if (!found || found->empty()) Stop("no OpenCL device");
  const auto device = OpenDevice(found->front());
  const auto part = device ? (*device)->WithThreads(1) : device;
  if (!part) Stop(part.error().text);
  auto made = MakeFrameConverter(*part, ConversionOf(scene, example, filter), kernel);
  if (!made) Stop(made.error().text);
  const std::shared_ptr<FrameConverter> converter = std::move(*made);
  return {
      "ours, " + converter->name(), [converter](const Picture& picture, uint8_t* out) {
        if (Status s = converter->Convert(picture.frame, picture.memory, reinterpret_cast<std::byte*>(out));
            !s) {
          Stop(s.error().text);
        }
      }};
}

// Brings every line of the rows that are read into the first cache, and computes nothing.
Way Floor(const Scene& scene, const Picture& example, FrameFilter filter) {
  const auto c = ConversionOf(scene, example, filter);
  return {"the rows read, nothing computed", [c](const Picture& picture, uint8_t* out) {
            uint8_t sum = 0;
            for (uint32_t y = 0; y < c->height; ++y) {
              for (uint32_t i = 0; i < c->format->plane_count; ++i) {
                const AxisEntry& entry = c->axis_y(static_cast<int>(i)).entries[y];
                const size_t stride = picture.frame.planes[i].stride;
                const auto* rows = reinterpret_cast<const uint8_t*>(picture.memory.planes[i].rows);
                for (int32_t row = entry.first; row < entry.first + entry.count; ++row) {
                  for (size_t x = 0; x < stride; x += 64) sum += rows[stride * static_cast<size_t>(row) + x];
                }
              }
            }
            *out = sum;
          }};
}

void AddPeers([[maybe_unused]] const Scene& scene, [[maybe_unused]] bool area,
              [[maybe_unused]] std::vector<Way>& ways) {
  [[maybe_unused]] const int w = scene.width, h = scene.height, n = scene.side;
  [[maybe_unused]] const size_t bytes = size_t(n) * n * 3;
  [[maybe_unused]] const std::string format(scene.fourcc, 4);
#ifdef NPU_BENCH_LIBYUV
  const auto mode = area ? libyuv::kFilterBox : libyuv::kFilterBilinear;
  const auto temp = std::make_shared<std::vector<uint8_t>>(size_t(w) * h * 4);
  const auto small = std::make_shared<std::vector<uint8_t>>(size_t(n) * n * 4);
  if (format == "NV12") {
    ways.push_back({"libyuv NV12Scale, NV12ToRAW", [=](const Picture& p, uint8_t* out) {
                      const uint8_t* y = p.bytes.data();
                      uint8_t* s = small->data();
                      libyuv::NV12Scale(y, w, y + size_t(w) * h, w, w, h, s, n, s + n * n, n, n, n, mode);
                      libyuv::NV12ToRAW(s, n, s + n * n, n, out, n * 3, n, n);
                      Flip(out, bytes);
                    }});
  } else if (format == "YUYV") {
    ways.push_back({"libyuv YUY2ToNV12, NV12Scale, NV12ToRAW", [=](const Picture& p, uint8_t* out) {
                      uint8_t *t = temp->data(), *s = small->data();
                      libyuv::YUY2ToNV12(p.bytes.data(), w * 2, t, w, t + size_t(w) * h, w, w, h);
                      libyuv::NV12Scale(t, w, t + size_t(w) * h, w, w, h, s, n, s + n * n, n, n, n, mode);
                      libyuv::NV12ToRAW(s, n, s + n * n, n, out, n * 3, n, n);
                      Flip(out, bytes);
                    }});
  } else {
    ways.push_back({"libyuv RAWToARGB, ARGBScale, ARGBToRAW", [=](const Picture& p, uint8_t* out) {
                      libyuv::RAWToARGB(p.bytes.data(), w * 3, temp->data(), w * 4, w, h);
                      libyuv::ARGBScale(temp->data(), w * 4, w, h, small->data(), n * 4, n, n, mode);
                      libyuv::ARGBToRAW(small->data(), n * 4, out, n * 3, n, n);
                      Flip(out, bytes);
                    }});
  }
#endif
#ifdef NPU_BENCH_OPENCV
  cv::setNumThreads(1);
  const int interpolation = area ? cv::INTER_AREA : cv::INTER_LINEAR;
  const auto at = [](const Picture& p) { return const_cast<uint8_t*>(p.bytes.data()); };
  if (format == "NV12") {
    ways.push_back({"OpenCV resize planes, cvtColorTwoPlane", [=](const Picture& p, uint8_t* out) {
                      const cv::Mat y(h, w, CV_8UC1, at(p)), uv(h / 2, w / 2, CV_8UC2, at(p) + size_t(w) * h);
                      cv::Mat small_y, small_uv, result(n, n, CV_8UC3, out);
                      cv::resize(y, small_y, {n, n}, 0, 0, interpolation);
                      cv::resize(uv, small_uv, {n / 2, n / 2}, 0, 0, interpolation);
                      cv::cvtColorTwoPlane(small_y, small_uv, result, cv::COLOR_YUV2RGB_NV12);
                      Flip(out, bytes);
                    }});
  }
  ways.push_back(
      {format == "BG24" ? "OpenCV resize" : "OpenCV cvtColor, resize", [=](const Picture& p, uint8_t* out) {
         cv::Mat rgb, result(n, n, CV_8UC3, out);
         if (format == "NV12") {
           cv::cvtColor(cv::Mat(h * 3 / 2, w, CV_8UC1, at(p)), rgb, cv::COLOR_YUV2RGB_NV12);
         } else if (format == "YUYV") {
           cv::cvtColor(cv::Mat(h, w, CV_8UC2, at(p)), rgb, cv::COLOR_YUV2RGB_YUY2);
         } else {
           rgb = cv::Mat(h, w, CV_8UC3, at(p));
         }
         cv::resize(rgb, result, {n, n}, 0, 0, interpolation);
         Flip(out, bytes);
       }});
#endif
}

void Measure(const Scene& scene, FrameFilter filter, int rounds) {
  const bool area = filter == FrameFilter::kArea;
  std::vector<Picture> pictures;
  for (int i = 0; i < kColdFrames; ++i) pictures.push_back(MakePicture(scene, i));
  std::vector<Way> ways;
  ways.push_back(Ours(scene, pictures[0], filter, FrameKernel::kBest));
  if (!area) ways.push_back(Ours(scene, pictures[0], filter, FrameKernel::kPixels));
  AddPeers(scene, area, ways);
  ways.push_back(Floor(scene, pictures[0], filter));
  std::vector<uint8_t> out(size_t(scene.side) * scene.side * 3);
  std::printf("\n%s %dx%d -> %dx%d, %s\n%-44s %9s %9s %9s %9s\n", scene.name, scene.width, scene.height,
              scene.side, scene.side, area ? "area" : "bilinear", "us", "warm min", "median", "cold min",
              "median");
  std::vector<std::vector<double>> times(2 * ways.size());
  for (bool cold : {false, true}) {
    for (int round = -2; round < rounds; ++round) {
      for (size_t i = 0; i < ways.size(); ++i) {
        const size_t frame = cold ? (static_cast<size_t>(round + 2) * ways.size() + i) % kColdFrames : 0;
        const auto start = std::chrono::steady_clock::now();
        ways[i].run(pictures[frame], out.data());
        const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
        if (round >= 0) times[2 * i + cold].push_back(time.count());
      }
    }
  }
  for (size_t i = 0; i < ways.size(); ++i) {
    std::printf("%-44s", ways[i].name.c_str());
    for (size_t k = 0; k < 2; ++k) {
      std::vector<double>& t = times[2 * i + k];
      std::ranges::sort(t);
      std::printf(" %9.1f %9.1f", t.front(), t[t.size() / 2]);
    }
    std::printf("\n");
  }
}

// What a frame costs besides its pixels: one group of 16 of them.
void MeasureLaunch(int rounds) {
  const Scene scene = {"NV12", "NV12", 128, 128, 16};
  const Picture picture = MakePicture(scene, 0);
  const Way way = Ours(scene, picture, FrameFilter::kBilinear, FrameKernel::kBest);
  std::vector<uint8_t> out(size_t(scene.side) * scene.side * 3);
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    way.run(picture, out.data());
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  std::ranges::sort(times);
  std::printf("a launch (%s 128x128 -> 16x16), us: %.1f, median %.1f\n", scene.name, times.front(),
              times[times.size() / 2]);
}

}  // namespace
}  // namespace npu

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::max(1, std::atoi(argv[1])) : 101;
  const npu::Scene scenes[] = {
      {"NV12", "NV12", 1920, 1080, 224}, {"YUYV", "YUYV", 1280, 720, 192}, {"RGB", "BG24", 640, 480, 224}};
  npu::MeasureLaunch(rounds);
  for (const npu::Scene& scene : scenes) npu::Measure(scene, npu::FrameFilter::kBilinear, rounds);
  for (const npu::Scene& scene : scenes) npu::Measure(scene, npu::FrameFilter::kArea, rounds);
}
