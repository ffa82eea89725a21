// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/showable.h"

#include <string>

#include "base/showable.h"

namespace delegate_check {

using Json = nlohmann::ordered_json;

void MakeShowable(Json& json, bool ascii) {
  if (json.is_structured()) {
    for (Json& child : json) MakeShowable(child, ascii);
  }
  if (!json.is_string()) return;
  std::string shown;
  for (const char c : npu::Showable(json.get_ref<const std::string&>())) {
    const auto byte = static_cast<unsigned char>(c);
    // Bytes 0x80 to 0xbf go on with a character that 0xc0 or more began.
    if (!ascii || byte < 0x80) shown += c;
    else if (byte >= 0xc0) shown += '?';
  }
  json = std::move(shown);
}

}  // namespace delegate_check
