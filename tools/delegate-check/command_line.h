// argv -> Arguments, with CLI11.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tools/delegate-check/options.h"

namespace delegate_check {

// The exit code where there is nothing left to do: --help, --version, or an option that is wrong (said on stderr).
std::optional<ExitCode> ParseCommandLine(int argc, char** argv, Arguments& arguments);

}  // namespace delegate_check
