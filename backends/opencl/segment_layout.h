// A segment in terms of memory blocks, before any device is asked: every op lowered, every tensor given
// its storage. Pure: no OpenCL here. Start at LayOutSegment.
//
// Storage: each tensor made in the segment and each segment input is a block of the arena, alive from
// its writer to its last reader; a tensor that is a part of another one (tensor_views.h) shares its block and
// keeps it alive; constants are blocks uploaded once; scratch lives during its op; a state is a block that lives
// throughout, which kernels change in place.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "backends/backend.h"
#include "backends/memory_plan.h"
#include "backends/ops/lowering.h"
#include "backends/ops/room.h"

namespace npu {

// Kernels may read this many bytes past the end of a tensor, scratch or constant (vector loads of a tail);
// what they find there is undefined. They never write there.
inline constexpr int64_t kBlockSlack = 64;
// Blocks start at multiples of this, or of more where the device asks for it: the widest vector type, which kernels may
// load from a tensor.
inline constexpr int64_t kLeastAlignment = 128;

struct Storage {
  enum class Where : uint8_t { kNone, kArena, kConstant } where = Where::kNone;
  int block = 0;       // into SegmentLayout::arena or ::constants
  int64_t offset = 0;  // bytes behind the start of the block
};

struct ConstantBlock {
  std::span<const std::byte> bytes;  // of the graph or of a Lowering in SegmentLayout::ops
  bool flip_sign_bit = false;        // an INT8 tensor, stored in the u8 domain
};

struct LoweredOp {
  int op = 0;  // into the graph
  Lowering lowering;
  std::vector<bool> dropped;                // per launch: a copy that the layout makes needless
  std::vector<Storage> constants, scratch;  // of ConstantArg / ScratchArg
};

struct SegmentLayout {
  std::vector<LoweredOp> ops;
  std::vector<Storage> tensors;      // by tensor of the graph
  std::vector<MemoryRequest> arena;  // sizes without slack
  std::vector<ConstantBlock> constants;
  int64_t uncopied_bytes = 0;  // of copies that were dropped, because one tensor is a part of the other

  // Where an argument's bytes are; kNone for numbers.
  Storage Find(const LoweredOp& op, const KernelArg& arg) const;
};

using LowerFunction = std::function<Status(const OpView&, const ComputeOptions&, Lowering&)>;

// The room's own Lower. kInternal for an op without one.
Status LowerByRoom(const OpView& op, const ComputeOptions& options, Lowering& lowering);

struct LayoutSettings {
  LowerFunction lower = LowerByRoom;
  // Offsets that kernels take as arguments are multiples of this, a power of two; 0: every tensor but an
  // alias has a block of its own.
  int64_t view_alignment = 0;
};

// kInternal if an op reads what nobody wrote or names a constant or scratch it did not add; kUnsupported
// if an op makes a tensor that is not INT8, UINT8, INT16, INT32, INT64 or BOOL. Spans of the result point into
// `graph` and the result.
Result<SegmentLayout> LayOutSegment(const Graph& graph, const SegmentOps& segment,
                                    const ComputeOptions& options, const LayoutSettings& settings = {});

// A kernel that launches need, and which of its parts (KernelLaunch::parts).
struct KernelNeed {
  std::string_view kernel;  // a literal
  uint32_t parts = kAllParts;
};

// What a segment launches: each kernel once, with the parts of all its launches.
std::vector<KernelNeed> KernelNeeds(const SegmentLayout& layout);

}  // namespace npu
