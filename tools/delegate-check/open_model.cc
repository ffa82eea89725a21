// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/open_model.h"

#include <filesystem>
#include <iostream>
#include <iterator>
#include <string_view>
#include <vector>

#include "base/nearest.h"

namespace delegate_check {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void RefuseDirectory(const std::string& path) {
  std::error_code error;
  const bool saved_model = fs::exists(fs::path(path) / "saved_model.pb", error);
  throw Failure(kModelError, "NPU_IO_ERROR",
                path + (saved_model ? ": a TensorFlow SavedModel; convert it with tf.lite.TFLiteConverter.from_saved_model"
                                    : ": a directory without any .tflite file"));
}

// "; did you mean "model.tflite"?" for a file that is not there, of those in its directory.
std::string NearestFile(const std::string& path) {
  const fs::path parent = fs::path(path).parent_path();
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(parent.empty() ? "." : parent, error), end; !error && entry != end; entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  return npu::DidYouMean(fs::path(path).filename().string(), views);
}

}  // namespace

OpenedModel OpenModel(const std::string& path) {
  OpenedModel opened;
  npu_model* model = nullptr;
  if (path == "-") {
    opened.bytes.assign(std::istreambuf_iterator<char>(std::cin), {});
    Check(npu_model_open_memory(opened.bytes.data(), opened.bytes.size(), &model), "standard input");
    opened.model.reset(model);
    return opened;
  }
  std::error_code error;
  if (fs::is_directory(path, error)) RefuseDirectory(path);
  const npu_status status = npu_model_open_file(path.c_str(), &model);
  if (status == NPU_IO_ERROR && !fs::exists(path, error)) {
    throw Failure(kModelError, npu_status_name(status), npu_last_error() + NearestFile(path));
  }
  Check(status);
  opened.model.reset(model);
  return opened;
}

}  // namespace delegate_check
