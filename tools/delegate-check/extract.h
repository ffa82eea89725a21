// --extract: a small model of some operators of a large one, for a bug report. Cut, written and compared with the original
// by tools/model-edit.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tools/delegate-check/options.h"

namespace delegate_check {

// Writes arguments.output; returns what was done, for stdout. Throws a Failure, and then nothing is written.
std::string ExtractModel(const std::string& path, const Arguments& arguments);

}  // namespace delegate_check
