// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/showable.h"

#include <string>
#include <string_view>

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// Bytes of the character at `at` that would steer the terminal instead of being shown: control characters
// (below space, DEL, U+0080 to U+009F) and those that turn the writing direction (U+200E, U+200F, U+202A to
// U+202E, U+2066 to U+2069). 0: an ordinary one. The text is valid UTF-8, since it was JSON.
size_t SteeringBytes(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0; };
  if (byte(0) < 0x20 || byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && byte(1) < 0xa0) return 2;
  if (byte(0) != 0xe2) return 0;
  const bool marks = byte(1) == 0x80 && (byte(2) == 0x8e || byte(2) == 0x8f);
  const bool embeddings = byte(1) == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae;
  const bool isolates = byte(1) == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9;
  return marks || embeddings || isolates ? 3 : 0;
}

}  // namespace

void MakeShowable(Json& json) {
  if (json.is_structured()) {
    for (Json& child : json) MakeShowable(child);
  }
  if (!json.is_string()) return;
  auto& text = json.get_ref<std::string&>();
  for (size_t at = 0; at < text.size(); ++at) {
    if (const size_t bytes = SteeringBytes(text, at); bytes > 0) text.replace(at, bytes, "?");
  }
}

}  // namespace delegate_check
