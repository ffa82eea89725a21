// What delegate-check says of itself: --help, the manual page and what shells complete, all made from the options that
// command_line.cc declares, so that none of them can forget one.
// An option's type name is what its value is: "FILE", "N", or its words joined by |, which shells complete. Options of a
// group whose name ends in * are in --help-all and the manual page, not in --help; those of group "" nowhere.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace delegate_check {

// What there is to say to somebody who gave no arguments.
std::string ShortUsage();
// At most 80 columns wide; `all`: with rare options, and every description whole.
std::string HelpText(const CLI::App& app, bool all);
// roff, for man(1).
std::string ManPage(const CLI::App& app);
// For a shell: the values of the option `before` the cursor ("@file": a file name), or every option where it takes none.
// Lines of a word, a tab and a description.
std::string CompletionWords(const CLI::App& app, const std::string& before);
// What is wrong, in a line, with the option that may have been meant.
std::string UsageError(const CLI::App& app, const CLI::ParseError& error);

}  // namespace delegate_check
