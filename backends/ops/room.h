// An operator room: everything about one operator family in one file, backends/ops/<family>.cc, read
// top to bottom: what it computes · Infer (shapes) · Check (rules) · Reference (CPU) · Lower (OpenCL).
// Check is the single home of the rules: the plug-in obeys it, delegate-check prints it, the table in
// docs/operators.md is made from it, and Reference and Lower may assume it.
// Start reading at OpRoom; conv2d.cc is the fullest example.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/ops/lowering.h"
#include "backends/verdict.h"
#include "schema/graph.h"

namespace npu {

// One operator with its tensors at hand. Cheap to copy; refers to the graph.
struct OpView {
  const Graph& graph;
  const Op& op;

  int input_count() const { return static_cast<int>(op.inputs.size()); }
  int output_count() const { return static_cast<int>(op.outputs.size()); }
  // Null when operand i is absent (kNoTensor or beyond the list).
  const Tensor* input(int i) const {
    return i < input_count() && op.inputs[i] != kNoTensor ? &graph.tensors[op.inputs[i]] : nullptr;
  }
  const Tensor* output(int i) const {
    return i < output_count() && op.outputs[i] != kNoTensor ? &graph.tensors[op.outputs[i]] : nullptr;
  }
};

class ThreadPool;

// The operands of one reference computation, in the order of op.inputs / op.outputs.
struct ReferenceArgs {
  OpView view;
  std::span<const std::byte* const> inputs;  // null: absent operand. Constants are filled in, too.
  std::span<std::byte* const> outputs;
  const ComputeOptions& options;
  // In the order of OpRoom::states: the state, which the computation changes into the new one. inputs has the
  // same address for it.
  std::span<std::byte* const> states = {};
  ThreadPool* pool = nullptr;  // threads that may help (backends/threads/thread_pool.h); null: the caller alone

  template <typename T>
  const T* in(int i) const { return reinterpret_cast<const T*>(inputs[i]); }
  template <typename T>
  T* out(int i) const { return reinterpret_cast<T*>(outputs[i]); }
};

// One operator made ready for many runs on delegate-cpu: weights packed, tables made. Gives the bytes of the room's
// reference, faster. One Run at a time.
class CpuKernel {
 public:
  virtual ~CpuKernel() = default;
  virtual void Run(const ReferenceArgs& args) = 0;  // allocates nothing
  virtual int64_t constant_bytes() const { return 0; }
};

struct OpRoom {
  std::string_view name;

  // Sets shape and shape_known of every output from the inputs' shapes and constant values; must not
  // trust anything (called before Check, on models nobody checked): an Error explains what does not fit
  // and leaves the outputs as they were. Inputs' shapes are known when this is called.
  Status (*infer)(Graph& graph, const Op& op);

  // Adds every failed rule for running on the NPU. Shapes of all operands are known, operand counts
  // are within [min_inputs, max_inputs] and params hold the kind's struct when this is called.
  void (*check)(const OpView& op, Verdict& verdict);

  // The same for delegate-cpu; null: delegate-cpu never takes this room's operators.
  void (*check_cpu)(const OpView& op, Verdict& verdict);

  // Computes the outputs exactly. Called for ops that passed check or check_cpu, and at plan time for
  // integer shape arithmetic (all inputs constant, int32/int64; see ops/inference.h).
  Status (*reference)(const ReferenceArgs& args);

  // Emits the kernel launches (lowering.h). Called for ops that passed check. Null: never on the NPU.
  Status (*lower)(const OpView& op, const ComputeOptions& options, Lowering& lowering);

  // A faster form of Reference, made once per compiled segment; called for ops that passed check_cpu. Null, or a null
  // result: Reference itself runs. `threads`: how many a pool will have.
  std::unique_ptr<CpuKernel> (*compile_cpu)(const OpView& op, int threads) = nullptr;

  // Multiply-accumulates of one invocation; null: none.
  int64_t (*macs)(const OpView& op);

  int min_inputs = 1, max_inputs = 1;  // operand slots, absent optional ones counted
  int min_outputs = 1, max_outputs = 1;
  // Rules in words for docs/operators.md: one string per rule, in the order Check tests them.
  std::span<const std::string_view> rules;
  // Input slots that hold state: variable tensors, each of one op alone, that Reference and Lower's kernels read
  // and overwrite. Variable tensors anywhere else are refused before Check.
  std::span<const int> states = {};
  // Operands may be resources, which have no size.
  bool resources = false;
};

// Whether input slot i of this room's operators holds state.
bool IsState(const OpRoom& room, int i);

// Null for operators that nothing here computes.
const OpRoom* FindRoom(OpKind kind);

// All failed rules of an op, generic ones (version, operand counts, known shapes, sparsity, variables,
// unreadable parameters, blockwise quantization) first, then the room's own. Never fails, never aborts.
Verdict CheckNpu(const Graph& graph, const Op& op);
Verdict CheckCpu(const Graph& graph, const Op& op);

int64_t Macs(const Graph& graph, const Op& op);

}  // namespace npu
