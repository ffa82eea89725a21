// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/layout.h"

#include <fmt/color.h>
#include <fmt/format.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <algorithm>
#include <charconv>
#include <clocale>
#include <cstdlib>
#include <cstring>
#include <iterator>

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kDefaultWidth = 80, kNarrowest = 40, kWidest = 120;

std::string_view Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

size_t TerminalWidth(bool terminal) {
  size_t width = 0;
  const std::string_view columns = Environment("COLUMNS");
  std::from_chars(columns.data(), columns.data() + columns.size(), width);
  winsize size{};
  if (width == 0 && terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) width = size.ws_col;
  return width == 0 ? kDefaultWidth : std::clamp(width, kNarrowest, kWidest);
}

bool WantsColor(const Arguments& arguments, bool terminal) {
  if (arguments.color != "auto") return arguments.color == "always";
  if (!Environment("NO_COLOR").empty()) return false;
  const std::string_view force = Environment("CLICOLOR_FORCE");
  if (!force.empty() && force != "0") return true;
  return terminal && Environment("TERM") != "dumb";
}

// Bytes of the UTF-8 character at `at`; the text is valid UTF-8, or what is not counts byte by byte.
size_t CharacterBytes(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t bytes = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(bytes, text.size() - at);
}

char32_t Character(std::string_view text, size_t at, size_t bytes) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (bytes == 1) return lead;
  char32_t point = lead & (0x7fu >> bytes);
  for (size_t i = 1; i < bytes; ++i) point = (point << 6) | (static_cast<unsigned char>(text[at + i]) & 0x3fu);
  return point;
}

size_t CharacterColumns(char32_t point) {
  if (point < 0x80) return 1;
  const int columns = ::wcwidth(static_cast<wchar_t>(point));  // -1: not printable in this locale
  return columns < 0 ? 1 : static_cast<size_t>(columns);
}

// The longest beginning of at most `columns` columns, in bytes.
size_t Prefix(std::string_view text, size_t columns) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t bytes = CharacterBytes(text, at), wide = CharacterColumns(Character(text, at, bytes));
    if (wide > columns) break;
    columns -= wide;
    at += bytes;
  }
  return at;
}

}  // namespace

Style StyleOf(const Arguments& arguments) {
  std::setlocale(LC_CTYPE, "");
  const bool terminal = arguments.output == "-" && ::isatty(STDOUT_FILENO) == 1;
  return {TerminalWidth(terminal), std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0, WantsColor(arguments, terminal)};
}

std::string Paint(std::string_view text, Ink ink, const Style& style) {
  if (!style.color || ink == Ink::kPlain || text.empty()) return std::string(text);
  const auto painted = [&](fmt::text_style how) { return fmt::format(how, "{}", text); };
  switch (ink) {
    case Ink::kBold: return painted(fmt::emphasis::bold);
    case Ink::kGood: return painted(fmt::fg(fmt::terminal_color::green));
    case Ink::kCause: return painted(fmt::fg(fmt::terminal_color::red));
    case Ink::kVictim: return painted(fmt::fg(fmt::terminal_color::yellow));
    case Ink::kPolicy: return painted(fmt::fg(fmt::terminal_color::bright_black));
    case Ink::kPlain: break;
  }
  return std::string(text);
}

size_t Columns(std::string_view text) {
  size_t columns = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = CharacterBytes(text, at);
    columns += CharacterColumns(Character(text, at, bytes));
    at += bytes;
  }
  return columns;
}

std::string Cut(std::string_view text, size_t columns) {
  if (Columns(text) <= columns) return std::string(text);
  if (columns <= 3) return std::string(text.substr(0, Prefix(text, columns)));
  return std::string(text.substr(0, Prefix(text, columns - 3))) + "...";
}

std::string CutFront(std::string_view text, size_t columns) {
  if (Columns(text) <= columns) return std::string(text);
  if (columns <= 3) return Cut(text, columns);
  size_t at = 0;
  while (Columns(text.substr(at)) > columns - 3) at += CharacterBytes(text, at);
  return "..." + std::string(text.substr(at));
}

std::string Wrap(std::string_view text, size_t indent, const Style& style, std::string_view first) {
  const size_t room = style.width > indent + 8 ? style.width - indent : 8;
  std::string lines, line;
  size_t used = 0;
  bool any = false;
  const auto flush = [&] {
    lines += any || first.empty() ? std::string(indent, ' ') : std::string(first);
    lines += line + "\n";
    line.clear();
    used = 0;
    any = true;
  };
  while (!text.empty()) {
    const size_t space = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (word.empty()) continue;
    if (used > 0 && used + 1 + Columns(word) > room) flush();
    while (Columns(word) > room) {
      const size_t fits = std::max<size_t>(Prefix(word, room), 1);
      line = word.substr(0, fits);
      word.remove_prefix(fits);
      flush();
    }
    if (used > 0) line += ' ';
    line += word;
    used = Columns(line);
  }
  if (!line.empty() || !any) flush();
  return lines;
}

std::string Hang(std::string_view text, size_t indent, const Style& style) {
  return Wrap(text, indent, style).substr(indent);
}

std::string Human(int64_t number) {
  const char* units[] = {"", " k", " M", " G", " T"};
  double value = static_cast<double>(number);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(units)) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? std::to_string(number) : fmt::format("{:.3g}{}", value, units[unit]);
}

std::string HumanBytes(int64_t number) { return Human(number) + (number < 1000 ? " B" : "B"); }

std::string Count(int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string Ranges(const Json& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t end = i;
    while (end + 1 < numbers.size() && numbers[end + 1].get<int>() == numbers[end].get<int>() + 1) ++end;
    if (!text.empty()) text += ", ";
    text += fmt::format("{}", numbers[i].get<int>());
    if (end > i) text += fmt::format("-{}", numbers[end].get<int>());
    i = end + 1;
  }
  return text;
}

}  // namespace delegate_check
