// PNG and JPEG files as packed RGB (or grey) pixels. Damaged and oversized files are a Failure with the decoder's own
// words; a picture that ends early is damaged.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace camera_run {

struct Picture {
  uint32_t width = 0, height = 0;
  std::vector<uint8_t> pixels;  // rows of width * (grey ? 1 : 3) bytes: R, G, B
};

// By its first bytes, whatever its name.
enum class PictureKind { kNone, kPng, kJpeg };
PictureKind KindOf(const uint8_t* bytes, size_t count);

// Packed RGB (or grey) of a JPEG, into `picture`, whose memory is used again. What is wrong, "" if nothing is. Tolerant:
// superfluous bytes between its parts, which webcams leave, are no fault.
std::string DecodeJpeg(const uint8_t* bytes, size_t count, bool grey, bool tolerant, Picture& picture);

// Fills `picture`, whose memory is used again.
void ReadPicture(const std::string& path, bool grey, Picture& picture);

// Packed RGB to a PNG file. Throws Failure (output).
void WritePng(const std::string& path, uint32_t width, uint32_t height, const uint8_t* rgb);

}  // namespace camera_run
