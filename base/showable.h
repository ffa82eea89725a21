// Text that comes from outside (a model's names, an option's value) on its way to a terminal: shown, never obeyed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace npu {

enum class Newlines { kKeep, kHide };

// The text with '?' for what would steer a terminal: control characters (below space, DEL, U+0080 to U+009F), characters
// that turn the writing direction (U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), and bytes that are no UTF-8.
// Line feeds and tabs stay where newlines is kKeep.
std::string Showable(std::string_view text, Newlines newlines = Newlines::kHide);

}  // namespace npu
