// What a frame's results look like on stdout: a line of text, or of JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstdint>
#include <string>

#include "tools/camera-run/draw.h"
#include "tools/camera-run/heads.h"

namespace camera_run {

struct FrameReport {
  uint64_t number = 0;
  std::string name;  // of the picture's file
  npu_job_state state = NPU_JOB_DONE;
  std::string text;  // why it was dropped or failed
  double latency_ms = 0;
  const Head* head = nullptr;
  Meaning meaning;  // in pixels of the frame
};

// With a newline at the end. Names are shown, never obeyed by a terminal.
std::string TextLine(const FrameReport& report, const Labels& labels);
std::string JsonLine(const FrameReport& report, const Labels& labels);

}  // namespace camera_run
