// "Did you mean": the known word nearest to a mistyped one, for messages about options and selectors.
// Distance is the number of edits (insert, delete, replace, swap of neighbours), upper and lower case being
// equal. Nothing is suggested when more than a third of the word would have to change.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace npu {

// Equal but for ASCII upper and lower case.
bool EqualIgnoringCase(std::string_view a, std::string_view b);

// The candidate nearest to `word` (the first of equally near ones); empty if none is near.
std::string_view NearestWord(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean X?" or "".
std::string DidYouMean(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace npu
