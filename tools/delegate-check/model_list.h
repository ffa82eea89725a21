// The models that the command line names: files, every *.tflite below a directory, and - for standard input.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace delegate_check {

struct ModelList {
  std::vector<std::string> paths;  // in the order of the command line, those of a directory sorted
  // Whether the report is that of a collection: several arguments, or a directory, however many models it holds.
  bool collection = false;
};

// A directory without models, or one that cannot be read, stands for itself: opening it says what is wrong.
ModelList ListModels(const std::vector<std::string>& arguments);

}  // namespace delegate_check
