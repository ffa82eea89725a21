// argv -> Arguments, with CLI11.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tools/delegate-check/options.h"

namespace delegate_check {

// The exit code where there is nothing left to do: --help, --version, no arguments at all. Throws a Failure (usage) where an
// option is wrong; arguments.format is then json if that was asked for.
std::optional<ExitCode> ParseCommandLine(int argc, char** argv, Arguments& arguments);

}  // namespace delegate_check
