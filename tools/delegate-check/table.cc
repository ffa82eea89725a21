// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "tools/delegate-check/layout.h"

namespace delegate_check {
namespace {

constexpr size_t kGap = 2;          // columns between two cells
constexpr size_t kLeastShrunk = 5;  // no column becomes narrower

bool Shrinks(Table::Fit fit) { return fit == Table::Fit::kCut || fit == Table::Fit::kCutFront; }

}  // namespace

std::vector<size_t> Table::Widths(size_t room) const {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    widths.push_back(Columns(columns_[c].title));
    for (const auto& row : rows_) widths[c] = std::max(widths[c], Columns(row[c].text));
  }
  size_t total = kGap * (columns_.size() - 1);
  for (const size_t width : widths) total += width;
  while (total > room) {
    size_t widest = columns_.size();
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (Shrinks(columns_[c].fit) && (widest == columns_.size() || widths[c] > widths[widest])) widest = c;
    }
    if (widest == columns_.size() || widths[widest] <= kLeastShrunk) break;
    --widths[widest];
    --total;
  }
  return widths;
}

std::string Table::Line(const std::vector<Cell>& row, const std::vector<size_t>& widths, const Style& style) const {
  std::string line;
  size_t missing = 0;  // blanks before the next cell; none at the end of a line
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Fit fit = columns_[c].fit;
    const std::string text = fit == Fit::kCutFront ? CutFront(row[c].text, widths[c])
                             : fit == Fit::kCut    ? Cut(row[c].text, widths[c])
                                                   : row[c].text;
    const size_t blanks = widths[c] - std::min(widths[c], Columns(text));
    const size_t before = fit == Fit::kRight ? blanks : 0;
    if (!text.empty()) {
      line += std::string(missing + before, ' ') + Paint(text, row[c].ink, style);
      missing = blanks - before + kGap;
    } else {
      missing += widths[c] + kGap;
    }
  }
  return line + "\n";
}

std::string Table::Text(const Style& style, size_t indent) const {
  const std::vector<size_t> widths = Widths(style.width - std::min(indent, style.width));
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.push_back({column.title, Ink::kBold});
  const std::string margin(indent, ' ');
  std::string text = margin + Line(titles, widths, style);
  for (const auto& row : rows_) text += margin + Line(row, widths, style);
  return text;
}

}  // namespace delegate_check
