// frames_bench [ROUNDS]: camera frames to INT8 inputs in one thread and in two, ours beside libyuv and OpenCV (those
// that were found when this was built), in one process and in an order drawn for each round: what went before has left
// more or less of the frame in the caches. Warm: one frame; cold: 24 frames in
// rotation, more than the caches hold, as from a camera. Minimum and median, in microseconds. Every way
// includes the quantization (a flipped bit). libyuv has no threads: two of them make half of the picture each.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "backends/frames/pixel_format.h"
#include "backends/opencl/frame_converter.h"
#include "backends/threads/thread_pool.h"
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
  int channels = 3;
  Orientation orientation = Orientation::kUpright;
};

struct Picture {
  std::vector<uint8_t> bytes;
  Frame frame;
  MappedFrame memory;
};

enum class Who { kOurs, kPeer, kTextbook, kFloor };  // kTextbook: a peer, in the order that everybody writes

struct Way {
  Who who;
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
  frame.orientation = scene.orientation;
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
  tensor.shape = {1, scene.side, scene.side, scene.channels};
  auto conversion = MakeConversion(example.frame, fit, tensor);
  if (!conversion) Stop(conversion.error().text);
  return std::make_shared<const Conversion>(std::move(*conversion));
}

Way Ours(const Scene& scene, const Picture& example, FrameFilter filter, FrameKernel kernel, int threads) {
  const auto found = FindDevices();
  if (!found || found->empty()) Stop("no OpenCL device");
  const auto device = OpenDevice(found->front());
  const auto part = device ? (*device)->WithThreads(threads) : device;
  if (!part) Stop(part.error().text);
  const TeamSettings team = {.members = threads, .most_helpers = threads - 1};
  auto made = MakeFrameConverter(*part, ConversionOf(scene, example, filter), kernel, team);
  if (!made) Stop(made.error().text);
  const std::shared_ptr<FrameConverter> converter = std::move(*made);
  return {
      Who::kOurs, "ours, " + converter->name(), [converter](const Picture& picture, uint8_t* out) {
        if (Status s = converter->Convert(picture.frame, picture.memory, reinterpret_cast<std::byte*>(out));
            !s) {
          Stop(s.error().text);
        }
      }};
}

// Brings every line of the rows that are read into the first cache, and computes nothing.
Way Floor(const Scene& scene, const Picture& example, FrameFilter filter) {
  const auto c = ConversionOf(scene, example, filter);
  return {Who::kFloor, "the rows read, nothing computed", [c](const Picture& picture, uint8_t* out) {
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

#ifdef NPU_BENCH_LIBYUV
// One of `parts` bands of the picture, from top to bottom.
struct Band {
  int part = 0, parts = 1;
};

const char* LibyuvSteps(const std::string& format) {
  if (format == "NV12") return "NV12Scale, NV12ToRAW";
  return format == "YUYV" ? "YUY2ToNV12, NV12Scale, NV12ToRAW" : "RAWToARGB, ARGBScale, ARGBToRAW";
}

// temp, small: room for the frame and for the input, with four bytes a pixel.
void RunLibyuv(const Scene& scene, const std::string& format, bool area, Band band, const Picture& p, uint8_t* temp,
               uint8_t* small, uint8_t* out) {
  const auto mode = area ? libyuv::kFilterBox : libyuv::kFilterBilinear;
  const int w = scene.width, h = scene.height / band.parts, n = scene.side, rows = n / band.parts;
  const size_t first = size_t(h) * band.part, pixels = size_t(w) * h;
  temp += 4 * pixels * band.part;
  small += 4 * size_t(n) * rows * band.part;
  out += 3 * size_t(n) * rows * band.part;
  if (format == "BG24") {
    libyuv::RAWToARGB(p.bytes.data() + 3 * first * w, w * 3, temp, w * 4, w, h);
    libyuv::ARGBScale(temp, w * 4, w, h, small, n * 4, n, rows, mode);
    libyuv::ARGBToRAW(small, n * 4, out, n * 3, n, rows);
  } else {
    const uint8_t *y = p.bytes.data() + first * w, *uv = p.bytes.data() + size_t(w) * scene.height + first / 2 * w;
    if (format == "YUYV") {
      libyuv::YUY2ToNV12(p.bytes.data() + 2 * first * w, w * 2, temp, w, temp + pixels, w, w, h);
      y = temp;
      uv = temp + pixels;
    }
    libyuv::NV12Scale(y, w, uv, w, w, h, small, n, small + n * rows, n, n, rows, mode);
    libyuv::NV12ToRAW(small, n, small + n * rows, n, out, n * 3, n, rows);
  }
  Flip(out, 3 * size_t(n) * rows);
}
#endif

void AddPeers([[maybe_unused]] const Scene& scene, [[maybe_unused]] bool area, [[maybe_unused]] int threads,
              [[maybe_unused]] std::vector<Way>& ways) {
  [[maybe_unused]] const int w = scene.width, h = scene.height, n = scene.side;
  [[maybe_unused]] const size_t bytes = size_t(n) * n * 3;
  [[maybe_unused]] const std::string format(scene.fourcc, 4);
#ifdef NPU_BENCH_LIBYUV
  const auto temp = std::make_shared<std::vector<uint8_t>>(size_t(w) * h * 4);
  const auto small = std::make_shared<std::vector<uint8_t>>(size_t(n) * n * 4);
  const auto pool = std::make_shared<ThreadPool>(threads);
  ways.push_back({Who::kPeer, std::string("libyuv ") + LibyuvSteps(format), [=](const Picture& p, uint8_t* out) {
                    pool->ForRanges(threads, [&](int64_t begin, int64_t end, int) {
                      for (int64_t i = begin; i < end; ++i) {
                        RunLibyuv(scene, format, area, {static_cast<int>(i), threads}, p, temp->data(), small->data(), out);
                      }
                    });
                  }});
#endif
#ifdef NPU_BENCH_OPENCV
  cv::setNumThreads(threads);
  const int interpolation = area ? cv::INTER_AREA : cv::INTER_LINEAR;
  const auto at = [](const Picture& p) { return const_cast<uint8_t*>(p.bytes.data()); };
  if (format == "NV12") {
    ways.push_back({Who::kPeer, "OpenCV resize planes, cvtColorTwoPlane", [=](const Picture& p, uint8_t* out) {
                      const cv::Mat y(h, w, CV_8UC1, at(p)), uv(h / 2, w / 2, CV_8UC2, at(p) + size_t(w) * h);
                      cv::Mat small_y, small_uv, result(n, n, CV_8UC3, out);
                      cv::resize(y, small_y, {n, n}, 0, 0, interpolation);
                      cv::resize(uv, small_uv, {n / 2, n / 2}, 0, 0, interpolation);
                      cv::cvtColorTwoPlane(small_y, small_uv, result, cv::COLOR_YUV2RGB_NV12);
                      Flip(out, bytes);
                    }});
  }
  ways.push_back(
      {Who::kTextbook, format == "BG24" ? "OpenCV resize" : "OpenCV cvtColor, resize", [=](const Picture& p, uint8_t* out) {
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

struct Times {
  double minimum = 0, median = 0;
};

// The least of those, by one of the two numbers.
double Least(const std::vector<Way>& ways, const std::vector<Times>& times, std::initializer_list<Who> who,
             double Times::*number) {
  double least = 0;
  for (size_t i = 0; i < ways.size(); ++i) {
    if (std::ranges::find(who, ways[i].who) == who.end()) continue;
    least = least == 0 ? times[i].*number : std::min(least, times[i].*number);
  }
  return least;
}

// By warm and cold.
using Results = std::array<std::vector<Times>, 2>;

Results Take(const std::vector<Way>& ways, const std::vector<Picture>& pictures, size_t bytes, int rounds) {
  std::vector<uint8_t> out(bytes);
  Results results;
  std::mt19937 random(1);
  std::vector<size_t> order(ways.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t cold : {0, 1}) {
    std::vector<std::vector<double>> times(ways.size());
    size_t run = 0;
    for (int round = -2; round < rounds; ++round) {
      std::ranges::shuffle(order, random);
      for (size_t i : order) {
        const size_t frame = cold ? run++ % kColdFrames : 0;
        const auto start = std::chrono::steady_clock::now();
        ways[i].run(pictures[frame], out.data());
        const std::chrono::duration<double, std::micro> time = std::chrono::steady_clock::now() - start;
        if (round >= 0) times[i].push_back(time.count());
      }
    }
    for (std::vector<double>& t : times) {
      std::ranges::sort(t);
      results[cold].push_back({t.front(), t[t.size() / 2]});
    }
  }
  return results;
}

// With peers: all on as many threads. Without: strips beside single pixels.
void Measure(const Scene& scene, FrameFilter filter, int threads, bool peers, int rounds) {
  const bool area = filter == FrameFilter::kArea;
  std::vector<Picture> pictures;
  for (int i = 0; i < kColdFrames; ++i) pictures.push_back(MakePicture(scene, i));
  std::vector<Way> ways;
  ways.push_back(Ours(scene, pictures[0], filter, FrameKernel::kBest, threads));
  if (peers) {
    AddPeers(scene, area, threads, ways);
    if (threads == 1) ways.push_back(Floor(scene, pictures[0], filter));
  } else {
    ways.push_back(Ours(scene, pictures[0], filter, FrameKernel::kPixels, threads));
  }
  std::printf("\n%s %dx%d -> %dx%dx%d, %s, %d thread%s\n%-44s %9s %9s %9s %9s\n", scene.name, scene.width, scene.height,
              scene.side, scene.side, scene.channels, area ? "area" : "bilinear", threads, threads > 1 ? "s" : "", "us",
              "warm min", "median", "cold min", "median");
  const Results results = Take(ways, pictures, size_t(scene.side) * scene.side * scene.channels, rounds);
  for (size_t i = 0; i < ways.size(); ++i) {
    std::printf("%-44s", ways[i].name.c_str());
    for (const auto& times : results) std::printf(" %9.1f %9.1f", times[i].minimum, times[i].median);
    std::printf("\n");
  }
  if (!peers) return;
  const auto ratios = [&](const char* name, std::initializer_list<Who> who) {
    if (Least(ways, results[0], who, &Times::median) == 0) return;
    std::printf("%-44s", name);
    for (const auto& times : results) {
      for (double Times::*number : {&Times::minimum, &Times::median}) {
        std::printf(" %9.2f", Least(ways, times, who, number) / times[0].*number);
      }
    }
    std::printf("\n");
  };
  ratios("best peer / ours", {Who::kPeer, Who::kTextbook});
  ratios("OpenCV, frame first / ours", {Who::kTextbook});
}

// What a frame costs besides its pixels: one group of 16 of them.
void MeasureLaunch(int rounds) {
  const Scene scene = {"NV12", "NV12", 128, 128, 16};
  const Picture picture = MakePicture(scene, 0);
  const Way way = Ours(scene, picture, FrameFilter::kBilinear, FrameKernel::kBest, 1);
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
  for (int threads : {1, 2}) {
    for (npu::FrameFilter filter : {npu::FrameFilter::kBilinear, npu::FrameFilter::kArea}) {
      for (const npu::Scene& scene : scenes) npu::Measure(scene, filter, threads, true, rounds);
    }
  }
  const npu::Scene others[] = {{"R8", "R8  ", 1280, 720, 224, 1},
                               {"NV12 to grey", "NV12", 1920, 1080, 224, 1},
                               {"RGB to grey", "BG24", 640, 480, 224, 1},
                               {"NV12 on its side", "NV12", 1920, 1080, 224, 3, static_cast<npu::Orientation>(1)}};
  for (const npu::Scene& scene : others) npu::Measure(scene, npu::FrameFilter::kBilinear, 1, false, rounds);
}
