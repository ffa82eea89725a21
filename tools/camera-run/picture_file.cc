// SPDX-License-Identifier: Apache-2.0
#include "tools/camera-run/picture_file.h"

#include <png.h>
#include <turbojpeg.h>

#include <cstring>
#include <memory>

#include "tools/camera-run/byte_stream.h"
#include "tools/camera-run/failure.h"

namespace camera_run {
namespace {

constexpr uint64_t kMaxFileBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxPixels = uint64_t{100} << 20;  // more than any sensor; a header can promise 4 G

std::vector<uint8_t> ReadAll(const std::string& path) {
  ByteStream stream(path);
  std::vector<uint8_t> bytes;
  constexpr size_t kChunk = 1 << 16;
  for (;;) {
    const size_t have = bytes.size();
    bytes.resize(have + kChunk);
    const size_t got = stream.Read(bytes.data() + have, kChunk);
    bytes.resize(have + got);
    if (got < kChunk) return bytes;
    if (bytes.size() > kMaxFileBytes) RefuseInput(path, "has more than {} bytes, too many for a picture", kMaxFileBytes);
  }
}

// What is wrong with the size, "" if nothing is.
std::string Resize(uint64_t width, uint64_t height, int channels, Picture& picture) {
  if (width == 0 || height == 0 || width * height > kMaxPixels) {
    return fmt::format("has {}x{} pixels; at most {} are taken", width, height, kMaxPixels);
  }
  picture.width = static_cast<uint32_t>(width);
  picture.height = static_cast<uint32_t>(height);
  picture.pixels.resize(width * height * channels);
  return "";
}

void ReadPng(const std::string& path, const std::vector<uint8_t>& bytes, bool grey, Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, void (*)(png_image*)> release(&image, png_image_free);
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) {
    RefuseInput(path, "damaged PNG: {}", image.message);
  }
  if (const std::string why = Resize(image.width, image.height, grey ? 1 : 3, picture); !why.empty()) RefuseInput(path, "{}", why);
  image.format = grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  const png_color black{};  // behind what is transparent
  if (png_image_finish_read(&image, &black, picture.pixels.data(), 0, nullptr) == 0) {
    RefuseInput(path, "damaged PNG: {}", image.message);
  }
}

}  // namespace

std::string DecodeJpeg(const uint8_t* bytes, size_t count, bool grey, bool tolerant, Picture& picture) {
  const std::unique_ptr<void, int (*)(tjhandle)> decoder(tjInitDecompress(), tjDestroy);
  const auto damaged = [&] { return std::string("damaged JPEG: ") + tjGetErrorStr2(decoder.get()); };
  int width = 0, height = 0, subsampling = 0, colours = 0;
  if (decoder == nullptr || tjDecompressHeader3(decoder.get(), bytes, count, &width, &height, &subsampling, &colours) != 0) {
    return damaged();
  }
  if (width <= 0 || height <= 0) return "damaged JPEG: it ends before its size is told";
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) return "is a CMYK JPEG, made for printing; convert it to RGB";
  if (std::string why = Resize(width, height, grey ? 1 : 3, picture); !why.empty()) return why;
  if (tjDecompress2(decoder.get(), bytes, count, picture.pixels.data(), width, 0, height, grey ? TJPF_GRAY : TJPF_RGB,
                    TJFLAG_ACCURATEDCT) == 0) {
    return "";
  }
  const bool only_extra = tjGetErrorCode(decoder.get()) == TJERR_WARNING &&
                          std::strstr(tjGetErrorStr2(decoder.get()), "extraneous bytes") != nullptr;
  return tolerant && only_extra ? "" : damaged();
}

PictureKind KindOf(const uint8_t* bytes, size_t count) {
  constexpr uint8_t kPng[] = {0x89, 'P', 'N', 'G'}, kJpeg[] = {0xff, 0xd8, 0xff};
  if (count >= sizeof kPng && std::memcmp(bytes, kPng, sizeof kPng) == 0) return PictureKind::kPng;
  if (count >= sizeof kJpeg && std::memcmp(bytes, kJpeg, sizeof kJpeg) == 0) return PictureKind::kJpeg;
  return PictureKind::kNone;
}

void ReadPicture(const std::string& path, bool grey, Picture& picture) {
  const std::vector<uint8_t> bytes = ReadAll(path);
  switch (KindOf(bytes.data(), bytes.size())) {
    case PictureKind::kPng: return ReadPng(path, bytes, grey, picture);
    case PictureKind::kJpeg: {
      const std::string why = DecodeJpeg(bytes.data(), bytes.size(), grey, false, picture);
      if (!why.empty()) RefuseInput(path, "{}", why);
      return;
    }
    case PictureKind::kNone: break;
  }
  RefuseInput(path, "is neither PNG nor JPEG (by its first bytes)");
}

void WritePng(const std::string& path, uint32_t width, uint32_t height, const uint8_t* rgb) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, path.c_str(), 0, rgb, 0, nullptr) == 0) {
    throw Failure(kOutputError, fmt::format("{}: cannot be written: {}", path, image.message));
  }
}

}  // namespace camera_run
