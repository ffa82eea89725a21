// frame_share MODEL.tflite [THREADS] [ROUNDS]: what a camera frame costs a session beside the network itself: invocations
// with an NV12 frame of 1920 x 1080 bound (bilinear) and on input bytes as they are, by turns. Warm: the same frame again;
// rotating: 24 frames, more than the caches hold. Medians, in microseconds, and the frame's share of the network's time.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "capi/npu_delegate.h"

namespace {

constexpr uint32_t kWidth = 1920, kHeight = 1080;
constexpr size_t kFrames = 24, kBytes = size_t{kWidth} * kHeight * 3 / 2;

void Check(npu_status status) {
  if (status == NPU_OK) return;
  std::fprintf(stderr, "frame_share: %s\n", npu_last_error());
  std::exit(1);
}

npu_frame FrameOf(const std::vector<uint8_t>& pixels) {
  npu_frame frame{};
  frame.struct_size = sizeof frame;
  frame.fourcc = NPU_FOURCC_NV12;
  frame.plane_count = 2;
  frame.width = kWidth;
  frame.height = kHeight;
  frame.planes[0] = {pixels.data(), 0, kWidth, 0, kBytes};
  frame.planes[1] = {pixels.data(), 0, kWidth, uint64_t{kWidth} * kHeight, kBytes};
  return frame;
}

double Seconds(npu_session* session) {
  const auto start = std::chrono::steady_clock::now();
  Check(npu_session_invoke(session));
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double MedianMicroseconds(std::vector<double>& seconds) {
  std::ranges::sort(seconds);
  return 1e6 * seconds[seconds.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "frame_share MODEL.tflite [THREADS] [ROUNDS]\n");
    return 1;
  }
  const char* threads = argc > 2 ? argv[2] : "1";
  const int rounds = argc > 3 ? std::max(1, std::atoi(argv[3])) : 301;
  npu_model* model = nullptr;
  npu_plan* plan = nullptr;
  npu_session* session = nullptr;
  const npu_option options[] = {{"threads", threads}};
  Check(npu_model_open_file(argv[1], &model));
  Check(npu_plan_create(model, options, 1, &plan));
  Check(npu_session_create(plan, &session));
  std::vector<std::vector<uint8_t>> frames(kFrames, std::vector<uint8_t>(kBytes));
  uint32_t state = 1;
  for (auto& frame : frames) {
    for (uint8_t& byte : frame) byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  }
  npu_fit fit{};
  fit.struct_size = sizeof fit;
  fit.filter = NPU_FILTER_BILINEAR;
  for (const bool rotating : {false, true}) {
    std::vector<double> alone, with_frame;
    for (int round = -5; round < rounds; ++round) {
      // The session's own memory as it is.
      Check(npu_session_bind_input(session, 0, nullptr, 0));
      const double without = Seconds(session);
      const npu_frame frame = FrameOf(frames[rotating ? static_cast<size_t>(round + 5) % kFrames : 0]);
      Check(npu_session_bind_frame(session, 0, &frame, &fit, nullptr));
      const double with = Seconds(session);
      if (round < 0) continue;
      alone.push_back(without);
      with_frame.push_back(with);
    }
    const double network = MedianMicroseconds(alone), both = MedianMicroseconds(with_frame);
    std::printf("%s, threads %s: network %.1f us, with a frame %.1f us, the frame %.1f us = %.1f %%\n",
                rotating ? "rotating" : "warm", threads, network, both, both - network, 100 * (both - network) / network);
  }
  npu_session_destroy(session);
  npu_plan_destroy(plan);
  npu_model_destroy(model);
}
