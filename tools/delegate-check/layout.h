// Text for a terminal or a pipe: how wide it is, which characters and colours it takes, lines that fit. Widths are
// columns of a terminal, not bytes. Nothing here knows of models.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tools/delegate-check/options.h"

namespace delegate_check {

struct Style {
  size_t width = 80;
  bool utf8 = false;   // else every character is ASCII
  bool color = false;
};

// For the report: COLUMNS or the terminal's width (80 in a pipe), the locale's characters, and colours as --color,
// NO_COLOR, CLICOLOR_FORCE, TERM and the terminal say.
Style StyleOf(const Arguments& arguments);

// What a colour means: the cause itself, its victim, an option's doing.
enum class Ink : uint8_t { kPlain, kBold, kGood, kCause, kVictim, kPolicy };
std::string Paint(std::string_view text, Ink ink, const Style& style);

size_t Columns(std::string_view text);
// The first columns and "...", or the last ones where the end tells more (of a path), where the text is longer.
std::string Cut(std::string_view text, size_t columns);
std::string CutFront(std::string_view text, size_t columns);
// Lines of words, each with `indent` spaces before it, the first one with `first` instead; ends with a newline. A word
// that is longer than a line is broken.
std::string Wrap(std::string_view text, size_t indent, const Style& style, std::string_view first = "");

// The same with the first line not indented.
std::string Hang(std::string_view text, size_t indent, const Style& style);

// "1.23 M" for 1234567: three significant digits. Count: "1 operator", "2 operators".
std::string Human(int64_t number);
std::string HumanBytes(int64_t number);
std::string Count(int64_t number, std::string_view noun);
// "0-5, 7, 9-11" for ascending numbers.
std::string Ranges(const nlohmann::ordered_json& numbers);

// Columns as wide as what they hold; those that may shrink give way until the lines fit.
class Table {
 public:
  enum class Fit : uint8_t { kLeft, kRight, kCut, kCutFront };  // the last two, left-aligned, may shrink
  struct Column {
    std::string title;
    Fit fit = Fit::kLeft;
  };
  struct Cell {
    std::string text;
    Ink ink = Ink::kPlain;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  std::string Text(const Style& style, size_t indent = 2) const;

 private:
  std::vector<size_t> Widths(size_t room) const;
  std::string Line(const std::vector<Cell>& row, const std::vector<size_t>& widths, const Style& style) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace delegate_check
