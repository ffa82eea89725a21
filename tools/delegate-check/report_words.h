// How reports say what their JSON holds: operators, tensors, shares, reasons. Strings are taken as MakeShowable left them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "tools/delegate-check/layout.h"

namespace delegate_check {

// "input type" for UNSUPPORTED_INPUT_TYPE, where there is no room for a code.
std::string Words(std::string_view code);
// "56.4 %"; never 100 or 0 for what is only nearly so.
std::string Percent(double share);
// "Op#3 CONV_2D".
std::string OpName(const nlohmann::ordered_json& op);
// "[1,8,8,1]", "[?]" where it is not known.
std::string Dims(const nlohmann::ordered_json& shape);
// "T#14 INT8 [1,8,8,16]  scale 0.0235, zero point -1  "name"": of model.inputs, model.outputs and tensors.
std::string DescribeTensor(const nlohmann::ordered_json& tensor);
// The colour of a reason of this kind, and of where an operator went.
Ink InkOf(const nlohmann::ordered_json& reason);
Ink InkOfPlacement(std::string_view placement);
// Every failed rule of `reasons`: its code, what it looks at, the value found and those allowed. Lines begin with
// `indent` spaces, the very first with `first`.
std::string ReasonLines(const nlohmann::ordered_json& reasons, size_t indent, const Style& style,
                        const std::string& first = "");
// `text` with the first `word` in it painted.
std::string PaintWord(std::string text, std::string_view word, Ink ink, const Style& style);
// A heading with an empty line before it.
std::string Heading(std::string_view title, const Style& style);
// "... and 7 more (--verbose)", or nothing.
std::string AndMore(size_t all, size_t shown, size_t indent = 2);

}  // namespace delegate_check
