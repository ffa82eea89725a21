// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/picture_writer.h"

#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "tools/camera-run/failure.h"
#include "tools/camera-run/picture_file.h"

namespace camera_run {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Refuse(const std::string& path, const std::string& text) { throw Failure(kOutputError, path + ": " + text); }

// BT.601, full range: what C444 with XCOLORRANGE=FULL says.
void ToYuv(const uint8_t* rgb, size_t pixels, std::vector<uint8_t>& planes) {
  planes.resize(3 * pixels);
  const auto byte = [](double value) { return static_cast<uint8_t>(std::lround(std::min(255.0, std::max(0.0, value)))); };
  for (size_t i = 0; i < pixels; ++i) {
    const double r = rgb[3 * i], g = rgb[3 * i + 1], b = rgb[3 * i + 2];
    const double y = 0.299 * r + 0.587 * g + 0.114 * b;
    planes[i] = byte(y);
    planes[pixels + i] = byte(128 + (b - y) / 1.772);
    planes[2 * pixels + i] = byte(128 + (r - y) / 1.402);
  }
}

class Y4mWriter : public PictureWriter {
 public:
  Y4mWriter(const std::string& path, double fps) : path_(path), fps_(fps) {
    file_.reset(std::fopen(path.c_str(), "wbe"));
    if (!file_) Refuse(path_, std::strerror(errno));
  }

  void Write(const Canvas& canvas, uint64_t number, const std::string&) override {
    if (width_ == 0) {
      width_ = canvas.width();
      height_ = canvas.height();
      Put(fmt::format("YUV4MPEG2 W{} H{} F{}:1000 Ip A1:1 C444 XCOLORRANGE=FULL\n", width_, height_, std::lround(fps_ * 1000)));
    }
    if (canvas.width() != width_ || canvas.height() != height_) {
      Refuse(path_, fmt::format("frame {} has {}x{} pixels, the first one {}x{}: a y4m file has one size; draw into a folder",
                                number, canvas.width(), canvas.height(), width_, height_));
    }
    ToYuv(canvas.pixels(), size_t{width_} * height_, planes_);
    Put("FRAME\n");
    Put({reinterpret_cast<const char*>(planes_.data()), planes_.size()});
  }

  void Close() override {
    if (std::fflush(file_.get()) != 0) Refuse(path_, std::strerror(errno));
  }

 private:
  void Put(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) Refuse(path_, std::strerror(errno));
  }
  struct CloseFile {
    void operator()(std::FILE* file) const {
      std::fclose(file);
    }
  };
  std::string path_;
  double fps_;
  std::unique_ptr<std::FILE, CloseFile> file_;
  uint32_t width_ = 0, height_ = 0;
  std::vector<uint8_t> planes_;
};

class PngWriter : public PictureWriter {
 public:
  explicit PngWriter(const std::string& folder) : folder_(folder) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error || !fs::is_directory(folder)) {
      Refuse(folder, error ? error.message() : std::string("is a file; --draw takes a folder, or a name that ends in .y4m"));
    }
  }

  void Write(const Canvas& canvas, uint64_t number, const std::string& name) override {
    const std::string stem = name.empty() ? fmt::format("{:06}", number) : fs::path(name).stem().string();
    WritePng((fs::path(folder_) / (stem + ".png")).string(), canvas.width(), canvas.height(), canvas.pixels());
  }

 private:
  std::string folder_;
};

}  // namespace

std::unique_ptr<PictureWriter> OpenWriter(const std::string& path, double frames_per_second) {
  if (path.ends_with(".y4m")) return std::make_unique<Y4mWriter>(path, frames_per_second);
  return std::make_unique<PngWriter>(path);
}

}  // namespace camera_run
