// The bytes of a file that the command line names.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace delegate_check {

// Throws a Failure (usage) naming the file: it is not there, is a directory, cannot be read.
std::string ReadInputFile(const std::string& path);

}  // namespace delegate_check
