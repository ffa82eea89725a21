// A segment's inputs and outputs where the caller has them: kernels get the caller's addresses instead of those of
// the arena, and nothing is copied. Only on a device that runs commands in the calling thread (PoCL's "basic"), where
// every address of the process is one of the device, and where no command can outlive the call that enqueued it.
// Refuses, and copies: INT8 inputs (kernels read the u8 domain of ops/lowering.h; the copy changes it), states, tensors
// that share their block with another input or output or that a kernel changes in place, memory that is not aligned to
// its elements, that overlaps, or behind which a page may end that kernels would read (kBlockSlack). INT8 outputs
// are changed to INT8 where they are. Start at BindHostMemory.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "backends/opencl/bound_segment.h"

namespace npu {

class LaunchTeam;

// Fills SegmentBoundary::arguments of what may ever be elsewhere. The segment's launches and boundaries are complete.
void FindHostArguments(BoundSegment& bound, const SegmentLayout& layout, const Graph& graph,
                       const SegmentOps& segment, const BlockArguments& arguments);

// Points kernels, also those of `team` (may be null), to inputs[i] and outputs[i] where that is possible, else to
// the segment's own memory. Does nothing for pointers that it got the last time; others cost a driver's call of 0.1 us for
// each kernel that reads or writes them.
Status BindHostMemory(BoundSegment& bound, LaunchTeam* team, std::span<const std::byte* const> inputs,
                      std::span<std::byte* const> outputs);

// Takes an input that has arguments out of the arena, whose bytes others use once it has been read, to memory that stays as
// it is: `host`, and kernels, are there from now on. Not while a command runs. On a device that shares the host's memory.
// kDevice.
Status GiveOwnMemory(BoundSegment& bound, LaunchTeam* team, SegmentBoundary& input);

// Whether all of memory[0, bytes + kBlockSlack) can be read if memory[0, bytes) can: no page ends between.
bool CanReadSlack(const std::byte* memory, size_t bytes);

}  // namespace npu
