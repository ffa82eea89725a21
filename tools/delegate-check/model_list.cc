// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/model_list.h"

#include <algorithm>
#include <filesystem>

namespace delegate_check {
namespace {

namespace fs = std::filesystem;

// Links to directories are not followed, so that none is walked twice. Names sort by bytes, in any locale.
std::vector<std::string> ModelsBelow(const std::string& directory) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(directory, fs::directory_options::skip_permission_denied, error), end;
       !error && entry != end; entry.increment(error)) {
    std::error_code no_status;
    if (entry->path().extension() == ".tflite" && !entry->is_directory(no_status)) found.push_back(entry->path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

ModelList ListModels(const std::vector<std::string>& arguments) {
  ModelList list;
  list.collection = arguments.size() > 1;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (argument == "-" || !fs::is_directory(argument, error)) {
      list.paths.push_back(argument);
      continue;
    }
    const std::vector<std::string> found = ModelsBelow(argument);
    list.collection = list.collection || !found.empty();
    list.paths.insert(list.paths.end(), found.begin(), found.end());
    if (found.empty()) list.paths.push_back(argument);
  }
  return list;
}

}  // namespace delegate_check
