// Machines where OpenCL is missing or broken. Each case runs in a child process of its own, since the
// OpenCL loader reads the environment once, at its first call; this process makes none.
// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "backends/opencl/opencl_backend.h"

namespace npu {
namespace {

// The child's exit status; -1 if it did not exit by itself.
int InChild(const std::function<bool()>& holds) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    _exit(holds() ? 0 : 1);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

bool NoDevice(const char* text) {
  for (int i = 0; i < 2; ++i) {
    const auto backend = OpenClBackend("auto");
    if (backend || backend.error().code != ErrorCode::kDevice) return false;
    if (backend.error().text.find(text) == std::string::npos) {
      fprintf(stderr, "%s\n", backend.error().text.c_str());
      return false;
    }
  }
  return true;
}

TEST(OpenClAbsence, NoDriver) {
  EXPECT_EQ(InChild([] {
              setenv("OCL_ICD_VENDORS", "/nonexistent", 1);
              return NoDevice("none") && ListOpenClDevices() && ListOpenClDevices()->empty();
            }),
            0);
}

TEST(OpenClAbsence, DriverFileIsNoLibrary) {
  EXPECT_EQ(InChild([] {
              setenv("OCL_ICD_VENDORS", "/etc/passwd", 1);
              return NoDevice("none");
            }),
            0);
}

TEST(OpenClAbsence, DriverThatCannotStartIsNamed) {
  // PoCL refuses to give devices when it cannot make its cache folder. With another driver there is
  // nothing to see.
  EXPECT_EQ(InChild([] {
              setenv("POCL_CACHE_DIR", "/dev/null/cache", 1);
              const auto devices = ListOpenClDevices();
              if (devices) return true;
              return devices.error().code == ErrorCode::kDevice &&
                     devices.error().text.find("clGetDeviceIDs: CL_") != std::string::npos &&
                     NoDevice("clGetDeviceIDs");
            }),
            0);
}

}  // namespace
}  // namespace npu
