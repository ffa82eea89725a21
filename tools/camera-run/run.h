// The run itself: frames in, results out. One thread reads frames and submits them, one takes results, interprets, prints
// and draws them; the session's own computes. A file waits for the model, a camera's oldest waiting frame gives way.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/camera-run/arguments.h"

namespace camera_run {

// Throws Failure; returns kFrameFailed if the model failed on a frame.
ExitCode Run(const Arguments& arguments);

// Ctrl-C: the frames that are under way are finished. Async-signal-safe.
void RequestStop();

}  // namespace camera_run
