// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/usage.h"

#include <fmt/format.h>
#include <npu_delegate.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/nearest.h"
#include "tools/delegate-check/layout.h"

namespace delegate_check {
namespace {

using Options = std::vector<const CLI::Option*>;

constexpr size_t kNameWidth = 28;

constexpr std::string_view kWhat = "what runs on the NPU, what does not, and what to do";

struct Example {
  std::string_view command, what;
};
constexpr Example kExamples[] = {
    {"delegate-check digits_int8.tflite", "what goes where"},
    {"delegate-check models/ --json -o report.json", "every model below a directory"},
    {"delegate-check m.tflite --explain 3", "one operator"},
    {"delegate-check m.tflite --verify", "run it, compare every byte"},
    {"delegate-check m.tflite --require-full-npu", "fail a CI job"},
};

struct Status {
  int code;
  std::string_view what;
};
constexpr Status kStatuses[] = {
    {0, "report made, gates met"},
    {1, "a gate is not met"},
    {2, "a model cannot be read, or not run where that is asked for"},
    {3, "usage: an unknown option, a bad value, an input file that does not fit"},
    {4, "device error: none there, it failed, or its bytes are not the reference's"},
};

struct Variable {
  std::string_view name, what;
};
constexpr Variable kVariables[] = {
    {"COLUMNS", "Width of the text, 40 to 120; the terminal's where it is not set, 80 in a pipe."},
    {"NO_COLOR", "Set to anything: no colours, unless --color says otherwise."},
    {"CLICOLOR_FORCE", "Set to anything but 0: colours in a pipe, too."},
    {"TERM", "No colours where it is \"dumb\"."},
    {"LC_ALL, LC_CTYPE, LANG", "Text is ASCII where they name no UTF-8 locale."},
};

bool IsRare(const std::string& group) { return group.ends_with('*'); }
std::string Title(const std::string& group) { return IsRare(group) ? group.substr(0, group.size() - 1) : group; }
// Without what CLI11 appends for validators.
std::string Type(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  return type.substr(0, type.find(':'));
}

bool IsFlag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

// Titles of the groups in the order of their first options.
std::vector<std::string> Groups(const CLI::App& app) {
  std::vector<std::string> titles;
  for (const CLI::Option* option : app.get_options()) {
    const std::string title = Title(option->get_group());
    if (!title.empty() && std::find(titles.begin(), titles.end(), title) == titles.end()) titles.push_back(title);
  }
  return titles;
}

Options OptionsOf(const CLI::App& app, const std::string& title, bool all) {
  Options found;
  for (const CLI::Option* option : app.get_options()) {
    if (Title(option->get_group()) == title && (all || !IsRare(option->get_group()))) found.push_back(option);
  }
  return found;
}

// "-o, --output FILE", or "models" as it stands.
std::string Names(const CLI::Option& option, const std::string& type) {
  if (option.get_positional()) return type;
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  return fmt::format("{}{}{}", fmt::join(names, ", "), IsFlag(option) ? "" : " ", IsFlag(option) ? "" : type);
}

std::string Description(const CLI::Option& option) {
  const std::string preset = option.get_default_str();
  return option.get_description() + (preset.empty() ? "" : fmt::format(" (default: {})", preset));
}

// The first of what a description says, as much as there is room for.
std::string Brief(const CLI::Option& option, size_t room) {
  const std::string& text = option.get_description();
  return Cut(std::string_view(text).substr(0, std::min({text.find("; "), text.find(" ("), text.find(". ")})), room);
}

// "  -o, --output FILE         write the report to this file". Where its words are too many to stand before it they are the
// description.
std::string BriefLine(const CLI::Option& option, const Style& style) {
  const size_t room = style.width - kNameWidth;
  const std::string names = fmt::format("  {:<{}}", Names(option, Type(option)), kNameWidth - 2);
  if (names.size() <= kNameWidth) return names + Brief(option, room) + "\n";
  std::string words = Type(option);
  for (size_t bar = words.find('|'); bar != std::string::npos; bar = words.find('|', bar)) words.replace(bar, 1, ", ");
  return fmt::format("  {:<{}}{}\n", Names(option, "NAME"), kNameWidth - 2, Cut(words, room));
}

std::string WholeLines(const CLI::Option& option, const Style& style) {
  const std::string names = fmt::format("  {:<{}}", Names(option, Type(option)), kNameWidth - 2);
  const std::string description = Description(option);
  if (names.size() <= kNameWidth) return Wrap(description, kNameWidth, style, names);
  return Wrap(names, 4, style, "  ").append(Wrap(description, kNameWidth, style));
}

// roff takes a backslash, and a dot or quote at the start of a line, for its own.
std::string Roff(std::string_view text) {
  std::string escaped = !text.empty() && (text[0] == '.' || text[0] == '\'') ? "\\&" : "";
  for (const char c : text) escaped += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
  return escaped;
}

bool TakesFile(const std::string& type) { return type == "FILE" || type == "DIR" || type.ends_with("FILE.npy"); }

}  // namespace

std::string ShortUsage() {
  return fmt::format(
      "delegate-check MODEL...: {}\n\n  {}\n  {}\n\ndelegate-check --help lists the options.\n", kWhat, kExamples[0].command,
      kExamples[1].command);
}

std::string HelpText(const CLI::App& app, bool all) {
  const Style style;  // the same everywhere: 80 columns of ASCII
  std::string text = fmt::format("delegate-check MODEL...: {}\nExamples:\n", kWhat);
  for (const Example& example : kExamples) text += fmt::format("  {:<46}{}\n", example.command, example.what);
  for (const std::string& title : Groups(app)) {
    text += title + ":\n";
    for (const CLI::Option* option : OptionsOf(app, title, all)) {
      text += all ? WholeLines(*option, style) : BriefLine(*option, style);
    }
  }
  text += "Exit codes (of several models the largest counts):\n";
  for (const Status& status : kStatuses) text += fmt::format("  {}  {}\n", status.code, Cut(status.what, style.width - 5));
  return text + (all ? "" : "delegate-check --help-all and man delegate-check say all of this, and more.\n");
}

std::string ManPage(const CLI::App& app) {
  std::string page = fmt::format(".TH DELEGATE\\-CHECK 1 \"\" \"npu\\-delegate {}\"\n.SH NAME\ndelegate\\-check \\- {}\n", npu_version(),
                                 Roff(kWhat));
  page += ".SH SYNOPSIS\n.B delegate\\-check\n[\\fIoption\\fR ...] \\fImodel\\fR ...\n.SH DESCRIPTION\n";
  page += Roff("The report needs no device, and the plan it shows is the plan that the plug-in executes: which operators run on the "
               "NPU, which on the delegate's CPU kernels and which stay with the host; every failed rule with the value found and "
               "the values allowed; what each cause costs; and what to do about it.");
  page += "\n.PP\n" + Roff("The report goes to stdout, everything else to stderr. With --format json an error is JSON, too.") + "\n";
  page += ".SH OPTIONS\n";
  for (const std::string& title : Groups(app)) {
    page += fmt::format(".SS {}\n", Roff(title));
    for (const CLI::Option* option : OptionsOf(app, title, true)) {
      page += fmt::format(".TP\n.B {}\n{}\n", Roff(Names(*option, Type(*option))), Roff(Description(*option)));
    }
  }
  page += ".SH EXIT STATUS\nOf several models the largest counts.\n";
  for (const Status& status : kStatuses) page += fmt::format(".TP\n.B {}\n{}\n", status.code, Roff(status.what));
  page += ".SH ENVIRONMENT\n";
  for (const Variable& variable : kVariables) page += fmt::format(".TP\n.B {}\n{}\n", Roff(variable.name), Roff(variable.what));
  page += ".SH EXAMPLES\n";
  for (const Example& example : kExamples) page += fmt::format(".TP\n.B {}\n{}\n", Roff(example.command), Roff(example.what));
  return page;
}

std::string CompletionWords(const CLI::App& app, const std::string& before) {
  std::string words;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || IsFlag(*option) || !option->check_name(before)) continue;
    const std::string type = Type(*option);
    if (TakesFile(type)) return "@file\n";
    if (type.find('|') == std::string::npos) return "@none\n";
    for (std::string_view left = type; !left.empty();) {
      const size_t bar = std::min(left.find('|'), left.size());
      words += fmt::format("{}\t{}\n", left.substr(0, bar), before);
      left.remove_prefix(std::min(bar + 1, left.size()));
    }
    return words;
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() || option->get_group().empty()) continue;
    for (const std::string& name : option->get_lnames()) words += fmt::format("--{}\t{}\n", name, Brief(*option, 60));
  }
  return words;
}

std::string UsageError(const CLI::App& app, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || app.remaining().empty()) return error.what();
  const std::string given = app.remaining().front(), name = given.substr(0, given.find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& lname : option->get_lnames()) known.push_back("--" + lname);
  }
  const std::vector<std::string_view> views(known.begin(), known.end());
  return fmt::format("{}: no such option{}", name, npu::DidYouMean(name, views));
}

}  // namespace delegate_check
