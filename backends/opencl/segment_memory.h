// How many bytes of a device's memory a segment takes: offsets of its blocks, from the layout alone.
// BindSegment allocates exactly this, so that a plan can tell it where no device is at hand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "backends/opencl/segment_layout.h"

namespace npu {

// Adds `slack` bytes to each block and places it at a multiple of `alignment`. kResourceExhausted past
// `limit_bytes`.
Result<MemoryLayout> PlaceBlocks(std::vector<MemoryRequest>& blocks, int64_t slack, int64_t alignment,
                                 int64_t limit_bytes);

// Requests for the layout's constants: all of them alive at once.
std::vector<MemoryRequest> ConstantRequests(const SegmentLayout& layout);

// What a device takes whose memory the host shares (PoCL and other CPU devices) and that asks for no more
// than kLeastAlignment. Others take a little more, for their alignment and for copies at their border. Lowers
// the segment's operators, which packs their weights: milliseconds. LayOutSegment's errors.
Result<MemoryUse> PlannedMemory(const Graph& graph, const SegmentOps& segment, const ComputeOptions& options);

}  // namespace npu
