// Pictures as a video: one PNG or JPEG file, or all of a folder in the order of their names (img2 before img10).
// A folder's other files are passed over; a picture in it that is damaged is an error, not a gap.
// SPDX-License-Identifier: Apache-2.0
#include <string.h>  // strverscmp, of GNU

#include <algorithm>
#include <filesystem>
#include <vector>

#include "tools/camera-run/byte_stream.h"
#include "tools/camera-run/buffer_pool.h"
#include "tools/camera-run/failure.h"
#include "tools/camera-run/picture_file.h"
#include "tools/camera-run/pixel_format.h"
#include "tools/camera-run/source.h"

namespace camera_run {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMagicBytes = 16;

std::vector<std::string> Pictures(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return {path};
  std::vector<std::string> paths;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (!entry->is_regular_file(ignored)) continue;
    uint8_t magic[kMagicBytes];
    ByteStream file(entry->path().string());
    if (KindOf(magic, file.Read(magic, sizeof magic)) != PictureKind::kNone) paths.push_back(entry->path().string());
  }
  if (error) RefuseInput(path, "cannot be listed: {}", error.message());
  if (paths.empty()) RefuseInput(path, "holds no PNG or JPEG file");
  std::ranges::sort(paths, [](const auto& a, const auto& b) { return strverscmp(a.c_str(), b.c_str()) < 0; });
  return paths;
}

class PictureSource : public Source {
 public:
  explicit PictureSource(const SourceOptions& options)
      : paths_(Pictures(options.input)), grey_(options.grey), pool_(options.buffers) {
    if (options.fps > 0) fps_ = options.fps;
  }

  int buffer_count() const override { return pool_.count(); }
  double frames_per_second() const override { return fps_; }
  void Return(int buffer) noexcept override { pool_.Return(buffer); }

  std::optional<SourceFrame> Next() override {
    if (next_ == paths_.size()) return std::nullopt;
    Picture picture;
    SourceFrame frame;
    frame.buffer = pool_.Take();
    picture.pixels.swap(pool_[frame.buffer]);
    try {
      ReadPicture(paths_[next_], grey_, picture);
    } catch (...) {
      pool_.Return(frame.buffer);
      throw;
    }
    const PixelFormat format = *FindFormat(grey_ ? "GREY" : "RGB");
    npu_frame& npu = frame.frame;
    npu.struct_size = sizeof npu;
    npu.fourcc = format.drm;
    npu.width = picture.width;
    npu.height = picture.height;
    npu.plane_count = 1;
    pool_[frame.buffer].swap(picture.pixels);
    const auto& pixels = pool_[frame.buffer];
    npu.planes[0] = {pixels.data(), 0, picture.width * format.bytes, 0, pixels.size()};
    frame.mapped[0] = pixels.data();
    frame.name = fs::path(paths_[next_]).filename().string();
    frame.number = next_++;
    npu.timestamp_ns = static_cast<uint64_t>(static_cast<double>(frame.number) / fps_ * 1e9);
    return frame;
  }

 private:
  std::vector<std::string> paths_;
  bool grey_;
  BufferPool pool_;
  double fps_ = 25;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<Source> OpenPictures(const SourceOptions& options) { return std::make_unique<PictureSource>(options); }

std::unique_ptr<Source> OpenSource(const SourceOptions& options) {
  if (!options.device.empty()) return OpenCamera(options);
  std::error_code error;
  if (fs::is_directory(options.input, error)) return OpenPictures(options);
  if (!options.fourcc.empty()) return OpenRaw(options);
  if (options.input == "-") return OpenY4m(options);  // a pipe cannot be looked at and put back
  uint8_t magic[kMagicBytes];
  ByteStream file(options.input);
  const size_t got = file.Read(magic, sizeof magic);
  if (KindOf(magic, got) != PictureKind::kNone) return OpenPictures(options);
  if (got >= 9 && std::string(reinterpret_cast<const char*>(magic), 9) == "YUV4MPEG2") return OpenY4m(options);
  RefuseInput(options.input, "is neither y4m, PNG nor JPEG (by its first bytes); raw video needs --fourcc and --size");
}

}  // namespace camera_run
