// camera-run: shows a model what a camera, a video or pictures show. docs/camera.md.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>

#include "base/showable.h"
#include "tools/camera-run/arguments.h"
#include "tools/camera-run/run.h"
#include "tools/camera-run/v4l2_device.h"

namespace camera_run {
namespace {

// The first signal ends the run in order, the second at once.
void StopOnSignal() {
  struct sigaction action {};
  action.sa_handler = [](int) { RequestStop(); };
  action.sa_flags = SA_RESETHAND;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a reader that went away is a write error, with a message
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (const std::optional<ExitCode> done = ParseCommandLine(argc, argv, arguments)) return *done;
  try {
    if (arguments.list_cameras) {
      const std::string cameras = ListCameras();
      std::fputs(cameras.empty() ? "no camera\n" : cameras.c_str(), stdout);
      return kOk;
    }
    StopOnSignal();
    return Run(arguments);
  } catch (const Failure& failure) {
    fmt::print(stderr, "camera-run: {}\n", npu::Showable(failure.what(), npu::Newlines::kKeep));
    return failure.exit_code;
  } catch (const std::exception& error) {
    fmt::print(stderr, "camera-run: unexpected: {}\n", npu::Showable(error.what()));
    return kModelError;
  }
}

}  // namespace
}  // namespace camera_run

int main(int argc, char** argv) { return camera_run::Main(argc, argv); }
