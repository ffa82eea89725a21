// A model as the command line names it: a file, or standard input.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tools/delegate-check/api.h"

namespace delegate_check {

struct OpenedModel {
  std::string bytes;  // of standard input; the model looks into them
  ModelPtr model;
};

// path "-": standard input. Throws a Failure that names the file, what is wrong and what to do: for a directory, and for a
// name that is only nearly that of a file, too.
OpenedModel OpenModel(const std::string& path);

}  // namespace delegate_check
