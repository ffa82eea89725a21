// The command line of camera-run, parsed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <optional>
#include <string>
#include <vector>

#include "tools/camera-run/failure.h"
#include "tools/camera-run/heads.h"
#include "tools/camera-run/source.h"

namespace camera_run {

struct Arguments {
  std::string model, labels, draw, format = "text", head = "auto";
  SourceOptions source;
  HeadOptions meaning;
  npu_fit fit{};
  std::string device = "auto", cache_dir;  // of the plan
  int threads = 0;
  uint64_t frames = 0;  // 0: all
  bool list_cameras = false, quiet = false;
};

// nullopt: go on with `arguments`; else the exit code, everything has been said.
std::optional<ExitCode> ParseCommandLine(int argc, char** argv, Arguments& arguments);

}  // namespace camera_run
