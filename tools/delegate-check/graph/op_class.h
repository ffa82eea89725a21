// What becomes of an operator, in the eight ways that pictures and overlays tell apart by colour and by
// words: whether it stays off the NPU because of itself, because of its neighbours or because somebody asked
// for it. The colours are Okabe and Ito's, which colour-blind people tell apart. SPDX-License-Identifier:
// Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace delegate_check {

struct OpClass {
  const char* id;     // class of CSS, key of a JSON document: "host-own"
  const char* label;  // "host: own cause"
  const char*
      tag;  // the same where there is little room, in brackets behind a name; empty: the rule, on the NPU
  const char* fill;  // "#d55e00"
  const char* text;  // colour of text on `fill`
  const char* dash;  // of a box's border, as SVG's stroke-dasharray; empty: solid
};

extern const OpClass kOpClasses[8];

// Of an element of the report's ops.
const OpClass& ClassOf(const nlohmann::ordered_json& op);

// Text as XML (and HTML) holds it, in an element or between double quotes. Control characters, which XML has
// none of, become '?'.
std::string Xml(std::string_view text);

}  // namespace delegate_check
