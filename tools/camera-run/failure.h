// How camera-run ends: its exit codes, and errors as one exception type for this tool alone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace camera_run {

enum ExitCode {
  kOk = 0,
  kFrameFailed = 1,   // the model failed on some frame
  kModelError = 2,    // the model is unreadable, cannot run here, or takes no picture
  kUsageError = 3,    // the command line
  kDeviceError = 4,   // no OpenCL device, or it failed
  kInputError = 5,    // frames cannot be read: a file, a picture, a camera
  kOutputError = 6,   // results cannot be written
};

struct Failure : std::runtime_error {
  Failure(ExitCode exit_code, const std::string& text) : std::runtime_error(text), exit_code(exit_code) {}
  ExitCode exit_code;
};

// Throws "path: text" as what is wrong with an input.
template <typename... Args>
[[noreturn]] void RefuseInput(const std::string& path, fmt::format_string<Args...> text, Args&&... args) {
  throw Failure(kInputError, path + ": " + fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace camera_run
