// camera-run's files: what they give, and what hostile ones do.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <turbojpeg.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tools/camera-run/byte_stream.h"
#include "tools/camera-run/canvas.h"
#include "tools/camera-run/failure.h"
#include "tools/camera-run/picture_file.h"
#include "tools/camera-run/picture_writer.h"
#include "tools/camera-run/pixel_format.h"
#include "tools/camera-run/source.h"

namespace camera_run {
namespace {

namespace fs = std::filesystem;

class SourcesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("sources_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Put(const std::string& name, const std::string& bytes) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // What is wrong with a file, all of which is read; "" when nothing is.
  std::string Refusal(SourceOptions options) {
    try {
      auto source = OpenSource(options);
      while (auto frame = source->Next()) source->Return(frame->buffer);
    } catch (const Failure& failure) {
      EXPECT_NE(failure.exit_code, kOk);
      return failure.what();
    }
    return "";
  }
  std::string RefusalOf(const std::string& bytes) {
    SourceOptions options;
    options.input = Put("file", bytes);
    return Refusal(options);
  }
  fs::path folder_;
};

std::string Y4mFrames(int frames, int width, int height) {
  std::string bytes;
  for (int i = 0; i < frames; ++i) {
    bytes += "FRAME\n" + std::string(static_cast<size_t>(width) * height, static_cast<char>('0' + i));
    bytes += std::string(static_cast<size_t>((width + 1) / 2) * ((height + 1) / 2), 'u') +
             std::string(static_cast<size_t>((width + 1) / 2) * ((height + 1) / 2), 'v');
  }
  return bytes;
}

TEST_F(SourcesTest, Y4mGivesItsFrames) {
  SourceOptions options;
  options.input = Put("a.y4m", "YUV4MPEG2 W5 H3 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL\n" + Y4mFrames(3, 5, 3));
  auto source = OpenSource(options);
  EXPECT_NEAR(source->frames_per_second(), 29.97, 0.001);
  for (int i = 0; i < 3; ++i) {
    const auto frame = source->Next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(npu_frame_check(&frame->frame), NPU_OK) << npu_last_error();
    EXPECT_EQ(frame->frame.fourcc, NPU_FOURCC_YUV420);
    EXPECT_EQ(frame->frame.range, NPU_RANGE_FULL);
    EXPECT_EQ(frame->frame.chroma_site, NPU_CHROMA_LEFT);
    EXPECT_EQ(frame->mapped[0][14], '0' + i);
    EXPECT_EQ(frame->mapped[1][frame->frame.planes[1].offset], 'u');
    EXPECT_EQ(frame->mapped[2][frame->frame.planes[2].offset + 5], 'v');
    EXPECT_EQ(frame->number, static_cast<uint64_t>(i));
    source->Return(frame->buffer);
  }
  EXPECT_FALSE(source->Next());
}

TEST_F(SourcesTest, HostileY4mIsRefusedWithTheReason) {
  const std::pair<const char*, const char*> cases[] = {
      {"YUV4MPEG2 W4 H4 F25:1\n", ""},  // no frame is no error
      {"YUV4MPEG2 W4 H4 F25:1\nFRAME\nabc", "ends inside frame 0: 3 bytes of 24"},
      {"YUV4MPEG2 W4 H4 F25:1\nFRAM", "ends inside a header line"},
      {"YUV4MPEG2 W4 H4 F25:1\nJUNK\n", "does not start with FRAME"},
      {"YUV4MPEG2 W0 H4\n", "frames of 0x4"},
      {"YUV4MPEG2 W-4 H4\n", "is no size"},
      {"YUV4MPEG2 W4x H4\n", "is no size"},
      {"YUV4MPEG2 W99999999999 H4\n", "is no size"},
      {"YUV4MPEG2 W70000 H4\n", "1 to 65535"},
      {"YUV4MPEG2 W65535 H65535\nFRAME\n", "at most 1073741824"},
      {"YUV4MPEG2 W16384 H16384\nFRAME\nab", "ends inside frame 0"},
      {"YUV4MPEG2 W4 H4 It\n", "is interlaced"},
      {"YUV4MPEG2 W4 H4 C422\n", "has colour space C422"},
      {"YUV4MPEG2 W4 H4 C420p10\n", "has colour space C420p10"},
      {"YUV4MPEG2 W4 H4 F25\n", "is no rate"},
      {"YUV4MPEG2", "ends inside a header line"},
      {"", "is neither y4m, PNG nor JPEG"},
      {"hello", "is neither y4m, PNG nor JPEG"},
  };
  for (const auto& [bytes, text] : cases) {
    const std::string refusal = RefusalOf(bytes);
    EXPECT_EQ(refusal.empty(), std::string(text).empty()) << bytes;
    EXPECT_NE(refusal.find(text), std::string::npos) << bytes << ": " << refusal;
  }
  EXPECT_NE(RefusalOf("YUV4MPEG2 " + std::string(10000, 'X')).find("more than 4096 bytes"), std::string::npos);
  EXPECT_EQ(RefusalOf("YUV4MPEG2 W2 H2 F0:0 C420jpeg\nFRAME Ip\nabcdef"), "");  // an unknown rate
}

// Every cut of a good file is read or refused, whatever is behind the cut.
TEST_F(SourcesTest, EveryCutOfAY4mFileIsReadOrRefused) {
  const std::string whole = "YUV4MPEG2 W4 H2 F25:1 Cmono\nFRAME\nabcdefghFRAME\nijklmnop";
  int read = 0;
  for (size_t length = 0; length <= whole.size(); ++length) read += RefusalOf(whole.substr(0, length)).empty();
  EXPECT_EQ(read, 3);  // after the header, and after each frame
}

TEST_F(SourcesTest, RawVideoIsCutIntoFrames) {
  SourceOptions options;
  options.fourcc = "NV12";
  options.width = 4;
  options.height = 2;
  options.input = Put("raw", std::string(24, 'x'));
  auto source = OpenSource(options);
  for (int i = 0; i < 2; ++i) {
    const auto frame = source->Next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(npu_frame_check(&frame->frame), NPU_OK) << npu_last_error();
    source->Return(frame->buffer);
  }
  EXPECT_FALSE(source->Next());
  options.input = Put("raw", std::string(25, 'x'));
  EXPECT_NE(Refusal(options).find("ends inside frame 2: 1 bytes of 12 (4x2 NV12); is --size or --fourcc another one?"), std::string::npos)
      << Refusal(options);
  options.fourcc = "XYZ";
  EXPECT_NE(Refusal(options).find("no such format; one of NV12"), std::string::npos);
  options.fourcc = "YUYV";
  options.width = 3;
  EXPECT_NE(Refusal(options).find("must be even"), std::string::npos);
}

TEST_F(SourcesTest, EveryFormatOfOddSizeIsAFrame) {
  for (const char* name : {"NV12", "NV21", "YU12", "RGB", "BGR", "RGBX", "BGRX", "GREY"}) {
    SourceOptions options;
    options.fourcc = name;
    options.width = 5;
    options.height = 3;
    options.input = Put("raw", std::string(1000, 'x'));
    auto source = OpenSource(options);
    const auto frame = source->Next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(npu_frame_check(&frame->frame), NPU_OK) << name << ": " << npu_last_error();
    const Canvas canvas = ToCanvas(*frame);
    EXPECT_EQ(canvas.width(), 5u);
    source->Return(frame->buffer);
  }
}

// A file is not read faster than its frames are used.
TEST_F(SourcesTest, ReadingWaitsForAFreeBuffer) {
  SourceOptions options;
  options.buffers = 2;
  options.input = Put("a.y4m", "YUV4MPEG2 W4 H2 F25:1 Cmono\n" + std::string("FRAME\nabcdefghFRAME\nijklmnopFRAME\nqrstuvwx"));
  auto source = OpenSource(options);
  const auto first = source->Next();
  const auto second = source->Next();
  std::atomic<bool> third_read = false;
  std::thread reader([&] {
    const auto third = source->Next();
    EXPECT_EQ(third->mapped[0][0], 'q');
    third_read = true;
  });
  EXPECT_EQ(first->mapped[0][0], 'a');
  EXPECT_EQ(second->mapped[0][0], 'i');
  EXPECT_FALSE(third_read);
  source->Return(first->buffer);
  reader.join();
  EXPECT_EQ(second->mapped[0][0], 'i') << "a frame in use was written over";
}

TEST_F(SourcesTest, PicturesComeByNumberInTheirNames) {
  for (const int number : {10, 9, 1}) {
    Canvas canvas(8, 4);
    canvas.Fill(0, 0, 8, 4, {static_cast<uint8_t>(number), 100, 200});
    WritePng((folder_ / ("img" + std::to_string(number) + ".png")).string(), 8, 4, canvas.pixels());
  }
  Put("notes.txt", "no picture");
  SourceOptions options;
  options.input = folder_.string();
  auto source = OpenSource(options);
  for (const int number : {1, 9, 10}) {
    const auto frame = source->Next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->name, "img" + std::to_string(number) + ".png");
    EXPECT_EQ(frame->mapped[0][0], number);
    EXPECT_EQ(frame->mapped[0][2], 200);
    EXPECT_EQ(npu_frame_check(&frame->frame), NPU_OK) << npu_last_error();
    source->Return(frame->buffer);
  }
  EXPECT_FALSE(source->Next());
  options.grey = true;
  EXPECT_EQ(OpenSource(options)->Next()->frame.fourcc, NPU_FOURCC_R8);
}

TEST_F(SourcesTest, DamagedPicturesAreRefused) {
  Canvas canvas(64, 48);
  canvas.Disc(30, 20, 12, {200, 20, 90});
  const std::string path = (folder_ / "a.png").string();
  WritePng(path, 64, 48, canvas.pixels());
  std::ifstream file(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  SourceOptions options;
  for (size_t length = 4; length + 12 < whole.size(); length += 7) {  // the last 12 bytes are an empty chunk
    options.input = Put("cut.png", whole.substr(0, length));
    EXPECT_NE(Refusal(options).find("damaged PNG"), std::string::npos) << length;
  }
  // A header that promises 4 G pixels.
  std::string giant = whole;
  for (int i = 16; i < 24; ++i) giant[i] = i % 4 == 0 ? '\x7f' : '\xff';
  options.input = Put("giant.png", giant);
  EXPECT_NE(Refusal(options), "");
  // JPEG: markers without a picture.
  options.input = Put("bad.jpg", std::string("\xff\xd8\xff\xe0\x00\x10JFIF\0\x01", 12));
  EXPECT_NE(Refusal(options).find("damaged JPEG"), std::string::npos) << Refusal(options);
  options.input = (folder_ / "nowhere").string();
  EXPECT_NE(Refusal(options).find("cannot be opened"), std::string::npos);
  fs::create_directory(folder_ / "empty");
  options.input = (folder_ / "empty").string();
  EXPECT_NE(Refusal(options).find("holds no PNG or JPEG"), std::string::npos);
}

TEST_F(SourcesTest, CutJpegsAreRefused) {
  const std::string path = std::string(NPU_SHARED_DIR) + "/models/data/coral/parrot.jpg";
  std::ifstream file(path, std::ios::binary);
  if (!file) GTEST_SKIP() << "no " << path;
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  SourceOptions options;
  options.input = path;
  EXPECT_EQ(Refusal(options), "");
  for (const double part : {0.01, 0.3, 0.9}) {
    options.input = Put("cut.jpg", whole.substr(0, static_cast<size_t>(part * static_cast<double>(whole.size()))));
    EXPECT_NE(Refusal(options).find("damaged JPEG"), std::string::npos) << part << ": " << Refusal(options);
  }
}

// A picture of one colour.
std::string Jpeg(int width, int height, uint8_t r, uint8_t g, uint8_t b) {
  std::vector<uint8_t> pixels;
  for (int i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {r, g, b});
  const std::unique_ptr<void, int (*)(tjhandle)> encoder(tjInitCompress(), tjDestroy);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  EXPECT_EQ(tjCompress2(encoder.get(), pixels.data(), width, 0, height, TJPF_RGB, &bytes, &size, TJSAMP_422, 90, 0), 0);
  std::string text(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  return text;
}

// A camera that sends these JPEGs, from one buffer, which must come back before the next.
class JpegCamera : public Source {
 public:
  explicit JpegCamera(std::vector<std::string> jpegs) : jpegs_(std::move(jpegs)) {}
  bool live() const override { return true; }
  int buffer_count() const override { return 1; }
  std::optional<SourceFrame> Next() override {
    EXPECT_FALSE(out_);
    if (next_ == jpegs_.size()) return std::nullopt;
    SourceFrame frame;
    frame.frame.struct_size = sizeof frame.frame;
    frame.frame.timestamp_ns = 1000 + next_;
    frame.mapped[0] = reinterpret_cast<const uint8_t*>(jpegs_[next_].data());
    frame.coded_bytes = jpegs_[next_].size();
    frame.number = next_++;
    frame.buffer = 0;
    out_ = true;
    return frame;
  }
  void Return(int) noexcept override { out_ = false; }
  std::string Remarks() const override { return "1 frames lost"; }

 private:
  std::vector<std::string> jpegs_;
  size_t next_ = 0;
  bool out_ = false;
};

TEST_F(SourcesTest, JpegsOfACameraAreDecodedAndDamagedOnesDropped) {
  const std::string red = Jpeg(40, 24, 200, 10, 20), blue = Jpeg(64, 48, 10, 20, 220);
  std::string extra = red;
  extra.insert(extra.size() - 2, "\x12\x34\x56");  // before the end marker, as webcams do
  const auto decode = [](std::vector<std::string> jpegs, bool grey) {
    SourceOptions options;
    options.grey = grey;
    options.buffers = 2;
    return DecodeJpegs(std::make_unique<JpegCamera>(std::move(jpegs)), options);
  };
  auto source = decode({red, red.substr(0, red.size() / 2), "no jpeg", std::string(), extra, blue}, false);
  EXPECT_TRUE(source->live());
  EXPECT_EQ(source->buffer_count(), 2);
  std::vector<uint64_t> numbers;
  while (const auto frame = source->Next()) {
    numbers.push_back(frame->number);
    EXPECT_EQ(npu_frame_check(&frame->frame), NPU_OK) << npu_last_error();
    EXPECT_EQ(frame->frame.fourcc, uint32_t{NPU_FOURCC_BGR888});
    EXPECT_EQ(frame->frame.timestamp_ns, 1000 + frame->number);
    EXPECT_EQ(frame->frame.width, frame->number == 5 ? 64u : 40u);
    const uint8_t* pixel = frame->mapped[0] + frame->frame.planes[0].stride + 9;
    EXPECT_NEAR(pixel[0], frame->number == 5 ? 10 : 200, 4);
    EXPECT_NEAR(pixel[2], frame->number == 5 ? 220 : 20, 4);
    source->Return(frame->buffer);
  }
  EXPECT_EQ(numbers, (std::vector<uint64_t>{0, 4, 5}));
  EXPECT_EQ(source->Remarks().find("1 frames lost, 3 frames dropped, the first for: damaged JPEG: "), 0u) << source->Remarks();

  auto grey = decode({red}, true);
  const auto frame = grey->Next();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->frame.fourcc, uint32_t{NPU_FOURCC_R8});
  EXPECT_NEAR(frame->mapped[0][50], 0.299 * 200 + 0.587 * 10 + 0.114 * 20, 4);
  EXPECT_EQ(grey->Remarks(), "1 frames lost");
}

TEST_F(SourcesTest, WhatIsDrawnIntoAFileCanBeReadAgain) {
  const std::string path = (folder_ / "out.y4m").string();
  auto writer = OpenWriter(path, 12.5);
  const Canvas canvas(6, 4);
  writer->Write(canvas, 0, "");
  writer->Write(canvas, 1, "");
  EXPECT_THROW(writer->Write(Canvas(8, 4), 2, ""), Failure);
  writer->Close();
  ByteStream written(path);
  EXPECT_EQ(written.Line(200), "YUV4MPEG2 W6 H4 F12500:1000 Ip A1:1 C444 XCOLORRANGE=FULL");
  EXPECT_EQ(written.Left(), 2u * (6 + 3 * 24));
  EXPECT_THROW(OpenWriter(path + "/below/a/file", 1), Failure);
  EXPECT_THROW(OpenWriter((folder_ / "none" / "a.y4m").string(), 1), Failure);
}

TEST_F(SourcesTest, NoCameraIsAnError) {
  SourceOptions options;
  options.device = (folder_ / "video0").string();
  EXPECT_NE(Refusal(options).find("cannot be opened"), std::string::npos);
  options.device = Put("video1", "no camera");
  EXPECT_NE(Refusal(options).find("is no V4L2 device"), std::string::npos);
  options.device = "/dev/null";
  EXPECT_NE(Refusal(options).find("is no V4L2 device"), std::string::npos);
}

}  // namespace
}  // namespace camera_run
