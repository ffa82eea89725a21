// The small graphs that calibration.cc times, one kind of operator each, in several copies that all read the
// graph's input: what the first one warms up the others find. INT8, weights drawn from a fixed seed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "backends/backend.h"
#include "schema/graph.h"

namespace npu {

struct CalibrationGraph {
  std::shared_ptr<const Graph> graph;
  SegmentOps segment;
  double macs = 0;     // of all operators together
  double outputs = 0;  // elements that they make
  double bytes = 0;    // that they read and write
};

CalibrationGraph DeepConvolution();       // 14x14, 576 channels to 128: products rule
CalibrationGraph ShallowConvolution();    // 56x56, 16 channels to 64: outputs rule
CalibrationGraph DepthwiseConvolution();  // 3x3 on 28x28x192
CalibrationGraph FullyConnected();        // 1024 to 1000
CalibrationGraph Sum();                   // ADD of 56x56x24
CalibrationGraph TinyOperators(int count);  // a chain, 16 bytes each
CalibrationGraph OnlyCopies();            // a view of 1 MB: nothing but the segment's boundary

}  // namespace npu
