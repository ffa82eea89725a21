// Where drawn frames go: a y4m file (all frames of one size, 4:4:4), or a folder of PNG files.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "tools/camera-run/canvas.h"

namespace camera_run {

class PictureWriter {
 public:
  virtual ~PictureWriter() = default;
  // `name`: of the frame's file, if it has one. Throws Failure (output).
  virtual void Write(const Canvas& canvas, uint64_t number, const std::string& name) = 0;
  // Everything is on disk. Throws Failure (output).
  virtual void Close() {}
};

// A path that ends in .y4m is a file, anything else a folder, which is made if it is not there.
std::unique_ptr<PictureWriter> OpenWriter(const std::string& path, double frames_per_second);

}  // namespace camera_run
