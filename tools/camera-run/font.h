// A font of 5 x 7 dots for ASCII, drawn for this tool: labels need no font file, nor a library that reads one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace camera_run {

inline constexpr int kGlyphWidth = 5, kGlyphHeight = 7, kGlyphAdvance = 6;

// Seven rows, the highest first; bit 4 is the left dot. What is not printable ASCII is a box.
const uint8_t* Glyph(char c);

}  // namespace camera_run
