// Frames bound to a session's input: the same results as bytes copied in, frames used where they are, when a
// frame is read and when it is given back.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "capi/shim.h"

namespace npu::test {
namespace {

class BindFrameTest : public testing::TestWithParam<const char*> {
 protected:
  void Open(const char* file, npu_option option = {"log_level", "warning"}) {
    const npu_option options[] = {{"device", GetParam()}, {"threads", "1"}, option};
    const std::string path = std::string(NPU_SOURCE_DIR "/examples/digits/") + file;
    ASSERT_EQ(npu_model_open_file(path.c_str(), &model_), NPU_OK) << npu_last_error();
    ASSERT_EQ(npu_plan_create(model_, options, 3, &plan_), NPU_OK) << npu_last_error();
    const npu_status status = npu_session_create(plan_, &session_);
    if (status == NPU_DEVICE_ERROR) GTEST_SKIP() << npu_last_error();
    ASSERT_EQ(status, NPU_OK) << npu_last_error();
    npu_tensor_info info{};
    info.struct_size = sizeof(info);
    ASSERT_EQ(npu_session_input(session_, 0, &info), NPU_OK);
    ASSERT_EQ(info.bytes, 64u);
    ASSERT_EQ(npu_session_output(session_, 0, &info), NPU_OK);
    output_.resize(info.bytes);
  }
  void TearDown() override {
    npu_session_destroy(session_);
    npu_plan_destroy(plan_);
    npu_model_destroy(model_);
  }

  std::vector<uint8_t> Invoke() {
    EXPECT_EQ(npu_session_invoke(session_), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_copy_output(session_, 0, output_.data(), output_.size()), NPU_OK);
    return output_;
  }
  // What the same pixels give when the application copies them.
  std::vector<uint8_t> Copied(const std::vector<uint8_t>& pixels, uint8_t flip) {
    std::vector<uint8_t> bytes = pixels;
    for (uint8_t& byte : bytes) byte ^= flip;
    EXPECT_EQ(npu_session_bind_input(session_, 0, nullptr, 0), NPU_OK) << npu_last_error();
    EXPECT_EQ(npu_session_copy_input(session_, 0, bytes.data(), bytes.size()), NPU_OK) << npu_last_error();
    return Invoke();
  }
  npu_io_info Info() const {
    npu_io_info info{};
    info.struct_size = sizeof(info);
    EXPECT_EQ(npu_session_io_info(session_, 0, &info), NPU_OK);
    return info;
  }
  const void* InputAddress() const { return session_->session->input(0).data(); }

  npu_model* model_ = nullptr;
  npu_plan* plan_ = nullptr;
  npu_session* session_ = nullptr;
  std::vector<uint8_t> output_;
};

std::vector<uint8_t> Digit(int seed) {
  std::vector<uint8_t> pixels(64);
  for (int i = 0; i < 64; ++i) pixels[i] = static_cast<uint8_t>((i * 37 + seed * 91) * (i + seed) % 251);
  return pixels;
}

npu_frame GreyFrame(const std::vector<uint8_t>& pixels, uint32_t stride = 8) {
  npu_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.fourcc = NPU_FOURCC_R8;
  frame.width = frame.height = 8;
  frame.plane_count = 1;
  frame.planes[0] = {pixels.data(), 0, stride, 0, pixels.size()};
  return frame;
}

TEST_P(BindFrameTest, GivesWhatCopiedBytesGive) {
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite"));
  if (IsSkipped()) return;
  const std::vector<uint8_t> first = Digit(1), second = Digit(2);
  const auto expected_first = Copied(first, 0x80), expected_second = Copied(second, 0x80);
  ASSERT_NE(expected_first, expected_second);

  std::vector<uint8_t> memory = first;
  const npu_frame frame = GreyFrame(memory);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
  EXPECT_EQ(Invoke(), expected_first);
  // The camera writes the next picture into the same memory.
  memory = second;
  EXPECT_EQ(Invoke(), expected_second);
  EXPECT_EQ(Info().frames, 2u);
  EXPECT_EQ(Info().uncopied, 0u);
  // Made where the device reads it; the reference reads what it is given.
  EXPECT_EQ(Info().in_place, std::string(GetParam()) == "reference" ? 0u : 2u);
  EXPECT_NE(std::string(Info().reason).find("INT8"), std::string::npos) << Info().reason;
  EXPECT_STREQ(Info().path, std::string(GetParam()) == "reference" ? "reference" : "rows");

  // Copying over a bound frame is the caller's mistake, as with other bound memory.
  EXPECT_EQ(npu_session_copy_input(session_, 0, first.data(), first.size()), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(Copied(first, 0x80), expected_first);
}

TEST_P(BindFrameTest, UsesAMatchingFrameWhereItIs) {
  ASSERT_NO_FATAL_FAILURE(Open("digits_uint8_io.tflite"));
  if (IsSkipped()) return;
  const std::vector<uint8_t> first = Digit(3), second = Digit(4);
  const auto expected_first = Copied(first, 0), expected_second = Copied(second, 0);
  std::vector<uint8_t> memory = first;
  npu_frame frame = GreyFrame(memory);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
  EXPECT_EQ(InputAddress(), memory.data());
  EXPECT_EQ(Invoke(), expected_first);
  memory = second;
  EXPECT_EQ(Invoke(), expected_second);
  EXPECT_EQ(Info().uncopied, 2u);
  EXPECT_EQ(Info().copied_bytes, 0u);
  EXPECT_STREQ(Info().reason, "");

  // Rows further apart: converted, and the reason is told.
  std::vector<uint8_t> padded(8 * 20, 0x77);
  for (int y = 0; y < 8; ++y) std::copy_n(&first[8 * y], 8, &padded[20 * y]);
  frame = GreyFrame(padded, 20);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
  EXPECT_NE(InputAddress(), padded.data());
  EXPECT_EQ(Invoke(), expected_first);
  EXPECT_NE(std::string(Info().reason).find("rows are 20 bytes apart"), std::string::npos) << Info().reason;
}

// What a release function is called with.
struct Released {
  std::vector<uint64_t> ids;
  static void Call(void* user, uint64_t id) { static_cast<Released*>(user)->ids.push_back(id); }
};

TEST_P(BindFrameTest, AnInt8InputThatIsGivenAsUint8TakesFramesAsTheyAre) {
  const std::vector<uint8_t> pixels = Digit(5);
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite", {"input_uint8", "*"}));
  if (IsSkipped()) return;
  const auto copied = Copied(pixels, 0);
  const npu_frame frame = GreyFrame(pixels);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
  EXPECT_EQ(Invoke(), copied);
  EXPECT_EQ(Info().uncopied, 1u) << Info().reason;
  TearDown();
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite"));
  EXPECT_EQ(Copied(pixels, 0x80), copied);
}

TEST_P(BindFrameTest, AFenceIsWaitedForAsLongAsTheOptionSays) {
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite", {"frame_timeout_ms", "20"}));
  if (IsSkipped()) return;
  const std::vector<uint8_t> pixels = Digit(6);
  npu_frame frame = GreyFrame(pixels);
  frame.acquire_fence_fd = eventfd(0, EFD_CLOEXEC);
  ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
  EXPECT_EQ(npu_session_invoke(session_), NPU_DEVICE_ERROR);
  EXPECT_NE(std::string(npu_last_error()).find("within 20 ms"), std::string::npos) << npu_last_error();
  ASSERT_EQ(eventfd_write(frame.acquire_fence_fd, 1), 0);
  EXPECT_EQ(npu_session_invoke(session_), NPU_OK) << npu_last_error();
  close(frame.acquire_fence_fd);
}

TEST_P(BindFrameTest, GivesFramesBackOnce) {
  for (const char* file : {"digits_int8.tflite", "digits_uint8_io.tflite"}) {
    ASSERT_NO_FATAL_FAILURE(Open(file));
    if (IsSkipped()) return;
    const std::vector<uint8_t> pixels = Digit(5);
    const auto expected = Copied(pixels, std::string(file) == "digits_int8.tflite" ? 0x80 : 0);
    Released released;
    npu_frame frame = GreyFrame(pixels);
    frame.release = Released::Call;
    frame.user = &released;
    frame.id = 7;
    ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK) << npu_last_error();
    EXPECT_TRUE(released.ids.empty());
    EXPECT_EQ(Invoke(), expected);
    EXPECT_EQ(released.ids, std::vector<uint64_t>{7});
    Invoke();  // the input is the session's own memory again
    EXPECT_NE(InputAddress(), pixels.data());
    EXPECT_EQ(released.ids.size(), 1u);
    // Replaced before it was read; a refused one stays the caller's.
    frame.id = 8;
    ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK);
    frame.id = 9;
    frame.planes[0].stride = 3;
    EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_INVALID_ARGUMENT);
    EXPECT_EQ(released.ids.size(), 1u);
    frame.id = 10;
    frame.planes[0].stride = 8;
    ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, nullptr), NPU_OK);
    EXPECT_EQ(released.ids, (std::vector<uint64_t>{7, 8}));
    npu_session_destroy(session_);
    session_ = nullptr;
    EXPECT_EQ(released.ids, (std::vector<uint64_t>{7, 8, 10}));
    TearDown();
    model_ = nullptr;
    plan_ = nullptr;
  }
}

TEST_P(BindFrameTest, ConvertsManyDescriptions) {
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite"));
  if (IsSkipped()) return;
  // A grey picture in NV12, twice as large, each pixel four times: the same digit whatever the crop's place.
  const std::vector<uint8_t> pixels = Digit(6);
  const auto expected = Copied(pixels, 0x80);
  for (uint32_t shift = 0; shift < 20; shift += 2) {
    std::vector<uint8_t> luma(64 * 64, 1), chroma(64 * 32, 128);
    for (uint32_t y = 0; y < 16; ++y) {
      for (uint32_t x = 0; x < 16; ++x) luma[(y + shift) * 64 + x + 2 * shift] = pixels[y / 2 * 8 + x / 2];
    }
    npu_frame frame{};
    frame.struct_size = sizeof(frame);
    frame.fourcc = NPU_FOURCC_NV12;
    frame.width = frame.height = 64;
    frame.plane_count = 2;
    frame.range = NPU_RANGE_FULL;
    frame.planes[0] = {luma.data(), 0, 64, 0, luma.size()};
    frame.planes[1] = {chroma.data(), 0, 64, 0, chroma.size()};
    frame.crop_x = 2 * shift;
    frame.crop_y = shift;
    frame.crop_width = frame.crop_height = 16;
    npu_fit fit{};
    fit.struct_size = sizeof(fit);
    fit.filter = NPU_FILTER_AREA;
    npu_fit_map map{};
    map.struct_size = sizeof(map);
    ASSERT_EQ(npu_session_bind_frame(session_, 0, &frame, &fit, &map), NPU_OK) << npu_last_error();
    EXPECT_EQ(map.source_x, 2 * shift);
    EXPECT_EQ(map.xx, 2.0);
    EXPECT_EQ(Invoke(), expected) << shift;
  }
}

TEST_P(BindFrameTest, RefusesOtherInputsAndArguments) {
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite"));
  if (IsSkipped()) return;
  const std::vector<uint8_t> pixels = Digit(7);
  npu_frame frame = GreyFrame(pixels);
  EXPECT_EQ(npu_session_bind_frame(nullptr, 0, &frame, nullptr, nullptr), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_bind_frame(session_, 1, &frame, nullptr, nullptr), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_bind_frame(session_, 0, nullptr, nullptr, nullptr), NPU_INVALID_ARGUMENT);
  EXPECT_EQ(npu_session_io_info(session_, 1, nullptr), NPU_INVALID_ARGUMENT);
  npu_fit fit{};
  fit.struct_size = sizeof(fit);
  fit.filter = 77;
  EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, &fit, nullptr), NPU_INVALID_ARGUMENT);
  npu_fit_map map{};
  map.struct_size = 3;
  EXPECT_EQ(npu_session_bind_frame(session_, 0, &frame, nullptr, &map), NPU_INVALID_ARGUMENT);
  EXPECT_FALSE(session_->session->input_bound(0));
}

// Bars, tables and filters in the device's own form of an INT8 input: what the reference makes of the same frames.
TEST_P(BindFrameTest, MakesWhatTheReferenceMakes) {
  ASSERT_NO_FATAL_FAILURE(Open("digits_int8.tflite"));
  if (IsSkipped()) return;
  npu_session* const tested = session_;
  const npu_option options[] = {{"device", "reference"}};
  npu_plan* plan = nullptr;
  npu_session* reference = nullptr;
  ASSERT_EQ(npu_plan_create(model_, options, 1, &plan), NPU_OK);
  ASSERT_EQ(npu_session_create(plan, &reference), NPU_OK) << npu_last_error();
  std::vector<uint8_t> memory(150 * 90 * 3);
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<uint8_t>(i * i / 7 + i);
  npu_frame frame{};
  frame.struct_size = sizeof(frame);
  frame.width = 150;
  frame.height = 60;
  for (uint32_t fourcc : {NPU_FOURCC_NV12, NPU_FOURCC_R8, NPU_FOURCC_BGR888}) {
    frame.fourcc = fourcc;
    frame.plane_count = fourcc == NPU_FOURCC_NV12 ? 2 : 1;
    const uint32_t stride = fourcc == NPU_FOURCC_BGR888 ? 450 : 150;
    frame.planes[0] = {memory.data(), 0, stride, 0, memory.size()};
    frame.planes[1] = {memory.data(), 0, stride, 150 * 60, memory.size()};
    for (uint8_t norm : {NPU_NORM_MODEL, NPU_NORM_MEAN_STD}) {
      for (uint8_t filter : {NPU_FILTER_BILINEAR, NPU_FILTER_AREA}) {
        npu_fit fit{};
        fit.struct_size = sizeof(fit);
        fit.mode = NPU_FIT_LETTERBOX;
        fit.norm = norm;
        fit.filter = filter;
        fit.pad_rgb[0] = fit.pad_rgb[1] = fit.pad_rgb[2] = 77;
        for (int i = 0; i < 3; ++i) fit.mean[i] = 100, fit.std[i] = 40;
        std::vector<uint8_t> results[2];
        for (npu_session* session : {tested, reference}) {
          session_ = session;
          ASSERT_EQ(npu_session_bind_frame(session, 0, &frame, &fit, nullptr), NPU_OK) << npu_last_error();
          results[session == reference] = Invoke();
        }
        EXPECT_EQ(results[0], results[1]) << fourcc << " norm " << int{norm} << " filter " << int{filter};
      }
    }
  }
  npu_session_destroy(reference);
  npu_plan_destroy(plan);
  session_ = tested;
}

INSTANTIATE_TEST_SUITE_P(Devices, BindFrameTest, testing::Values("auto", "reference"),
                         [](const auto& info) { return std::string(info.param); });

TEST(BindFrameInputTest, RefusesFloats) {
  npu_model* model = nullptr;
  npu_plan* plan = nullptr;
  npu_session* session = nullptr;
  const npu_option options[] = {{"device", "reference"}};
  ASSERT_EQ(npu_model_open_file(NPU_SOURCE_DIR "/examples/digits/digits_float_io.tflite", &model), NPU_OK);
  ASSERT_EQ(npu_plan_create(model, options, 1, &plan), NPU_OK);
  if (npu_session_create(plan, &session) == NPU_OK) {
    const std::vector<uint8_t> pixels = Digit(8);
    const npu_frame frame = GreyFrame(pixels);
    EXPECT_EQ(npu_session_bind_frame(session, 0, &frame, nullptr, nullptr), NPU_UNSUPPORTED);
    EXPECT_NE(std::string(npu_last_error()).find("FLOAT32"), std::string::npos) << npu_last_error();
  }
  npu_session_destroy(session);
  npu_plan_destroy(plan);
  npu_model_destroy(model);
}

}  // namespace
}  // namespace npu::test
