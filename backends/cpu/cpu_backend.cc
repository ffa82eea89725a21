// SPDX-License-Identifier: Apache-2.0
#include "backends/cpu/cpu_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>
#include <thread>

#include "backends/invoke_trace.h"
#include "backends/memory_plan.h"
#include "backends/ops/room.h"
#include "backends/threads/thread_pool.h"

namespace npu {
namespace {

// A cache line, and what hosts align their own arenas to.
constexpr int64_t kAlignment = 64;

// Where an operand's bytes are found when a step runs.
struct Place {
  enum { kAbsent, kConstant, kInput, kOutput, kArena } where = kAbsent;
  int64_t index = 0;  // into inputs or outputs (states are outputs, which start as the old states), or the arena offset
  const std::byte* constant = nullptr;
};

struct Step {
  const Op* op;
  const OpRoom* room;
  std::vector<Place> inputs, outputs, states;
  // Filled anew at each Invoke; sized once.
  std::vector<const std::byte*> input_pointers;
  std::vector<std::byte*> output_pointers, state_pointers;
  std::unique_ptr<CpuKernel> kernel;  // null: the reference runs
};

struct State {
  size_t input = 0, output = 0;  // positions in Invoke's lists
  size_t bytes = 0;
};

class CpuExecutable : public Executable {
 public:
  CpuExecutable(std::shared_ptr<const Graph> graph, const ComputeOptions& options, std::vector<Step> steps,
                std::vector<State> states, std::vector<std::vector<std::byte>> copies, int64_t arena_bytes,
                std::shared_ptr<ThreadPool> pool)
      : graph_(std::move(graph)),
        options_(options),
        steps_(std::move(steps)),
        states_(std::move(states)),
        copies_(std::move(copies)),
        arena_(arena_bytes),
        pool_(std::move(pool)) {}

  Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
    return Run(inputs, outputs, nullptr);
  }

  Status InvokeTraced(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                      InvokeTrace& trace) override {
    SegmentTrace segment;
    segment.begin_ns = segment.uploaded_ns = segment.queued_ns = TraceClockNs();
    segment.steps.reserve(steps_.size());
    NPU_RETURN_IF_ERROR(Run(inputs, outputs, &segment));
    segment.ran_ns = segment.end_ns = TraceClockNs();
    trace.segments.push_back(std::move(segment));
    return {};
  }

  MemoryUse memory_use() const override {
    MemoryUse use{.arena_bytes = static_cast<int64_t>(arena_.size())};
    for (const Step& step : steps_) {
      if (step.kernel != nullptr) use.constant_bytes += step.kernel->constant_bytes();
    }
    return use;
  }

 private:
  // trace: null, or where each step's time goes.
  Status Run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs, SegmentTrace* trace) {
    for (const State& state : states_) {
      if (state.bytes > 0) std::memmove(outputs[state.output], inputs[state.input], state.bytes);
    }
    for (Step& step : steps_) {
      for (size_t i = 0; i < step.inputs.size(); ++i) {
        step.input_pointers[i] = Resolve(step.inputs[i], inputs, outputs);
      }
      for (size_t i = 0; i < step.outputs.size(); ++i) {
        step.output_pointers[i] = const_cast<std::byte*>(Resolve(step.outputs[i], inputs, outputs));
      }
      for (size_t i = 0; i < step.states.size(); ++i) {
        step.state_pointers[i] = const_cast<std::byte*>(Resolve(step.states[i], inputs, outputs));
      }
      const ReferenceArgs args{OpView{*graph_, *step.op}, step.input_pointers, step.output_pointers, options_,
                               step.state_pointers, pool_.get()};
      const int64_t begin = trace != nullptr ? TraceClockNs() : 0;
      if (step.kernel != nullptr) {
        step.kernel->Run(args);
      } else if (Status status = step.room->reference(args); !status) {
        return tl::unexpected(status.error().WithContext(std::string(OpName(*step.op))));
      }
      if (trace != nullptr) {
        trace->steps.push_back({static_cast<int>(step.op - graph_->ops.data()), "", begin, TraceClockNs()});
      }
    }
    return {};
  }

  const std::byte* Resolve(const Place& place, std::span<const std::byte* const> inputs,
                           std::span<std::byte* const> outputs) const {
    switch (place.where) {
      case Place::kConstant: return place.constant;
      case Place::kInput: return inputs[place.index];
      case Place::kOutput: return outputs[place.index];
      case Place::kArena: return arena_.data() + place.index;
      default: return nullptr;
    }
  }

  std::shared_ptr<const Graph> graph_;
  ComputeOptions options_;
  std::vector<Step> steps_;
  std::vector<State> states_;
  std::vector<std::vector<std::byte>> copies_;  // constants that the model holds at odd addresses
  std::vector<std::byte> arena_;
  std::shared_ptr<ThreadPool> pool_;
};

// The constant itself where its address fits its elements, else a copy of it.
const std::byte* Aligned(const Tensor& constant, std::vector<std::vector<std::byte>>& copies) {
  const std::span<const std::byte> bytes = constant.data.bytes;
  const auto size = static_cast<uintptr_t>(std::max(DataTypeBits(constant.type) / 8, 1));
  if (reinterpret_cast<uintptr_t>(bytes.data()) % size == 0) return bytes.data();
  return copies.emplace_back(bytes.begin(), bytes.end()).data();
}

struct Arena {
  std::vector<std::pair<int, int64_t>> offsets;  // by tensor
  int64_t bytes = 0;
};

// Every tensor that the segment writes and that lives nowhere else has a place from its writer to its last reader.
Result<Arena> PlanArena(const Graph& graph, const SegmentOps& segment, const auto& lives_nowhere_else) {
  std::vector<MemoryRequest> requests;
  std::vector<int> tensors, request_of(graph.tensors.size(), -1);
  for (int s = 0; s < static_cast<int>(segment.ops.size()); ++s) {
    const Op& op = graph.ops[segment.ops[s]];
    for (int index : op.outputs) {
      if (index == kNoTensor || request_of[index] >= 0 || !lives_nowhere_else(index)) continue;
      const auto bytes = graph.tensors[index].byte_size();
      if (!bytes) {
        return Fail(ErrorCode::kInternal, fmt::format("T#{} has no size after its rules were checked", index));
      }
      request_of[index] = static_cast<int>(requests.size());
      tensors.push_back(index);
      requests.push_back({*bytes, s, s});
    }
    for (int index : op.inputs) {
      if (index != kNoTensor && request_of[index] >= 0) requests[request_of[index]].last = s;
    }
  }
  NPU_ASSIGN_OR_RETURN(const MemoryLayout layout,
                       PlanMemory(requests, kAlignment, std::numeric_limits<int32_t>::max()));
  Arena arena{.offsets = {}, .bytes = layout.total_bytes};
  for (size_t i = 0; i < tensors.size(); ++i) arena.offsets.emplace_back(tensors[i], layout.offsets[i]);
  return arena;
}

class CpuBackend : public Backend {
 public:
  explicit CpuBackend(bool fast) : fast_(fast) {}

  std::string_view name() const override { return "cpu"; }
  std::string device_name() const override { return "CPU reference"; }

  Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph, const SegmentOps& segment,
                                              const ComputeOptions& options) override {
    const size_t tensor_count = graph->tensors.size();
    std::vector<Place> places(tensor_count);
    std::vector<std::vector<std::byte>> copies;
    for (size_t i = 0; i < tensor_count; ++i) {
      const Tensor& tensor = graph->tensors[i];
      if (tensor.is_constant()) places[i] = {Place::kConstant, 0, Aligned(tensor, copies)};
    }
    for (size_t i = 0; i < segment.inputs.size(); ++i) {
      places[segment.inputs[i]] = {Place::kInput, static_cast<int64_t>(i), nullptr};
    }
    for (size_t i = 0; i < segment.outputs.size(); ++i) {
      places[segment.outputs[i]] = {Place::kOutput, static_cast<int64_t>(i), nullptr};
    }
    std::vector<State> states;
    for (size_t i = 0; i < segment.states.size(); ++i) {
      const auto bytes = graph->tensors[segment.states[i]].byte_size();
      if (!bytes) return Fail(ErrorCode::kInternal, fmt::format("state T#{} has no size", segment.states[i]));
      states.push_back({segment.inputs.size() + i, segment.outputs.size() + i, static_cast<size_t>(*bytes)});
      places[segment.states[i]] = {Place::kOutput, static_cast<int64_t>(states.back().output), nullptr};
    }

    NPU_ASSIGN_OR_RETURN(const Arena arena,
                         PlanArena(*graph, segment, [&](int t) { return places[t].where == Place::kAbsent; }));
    for (const auto& [tensor, offset] : arena.offsets) places[tensor] = {Place::kArena, offset, nullptr};

    std::vector<Step> steps;
    for (int index : segment.ops) {
      const Op& op = graph->ops[index];
      const OpRoom* room = FindRoom(op.kind);
      if (room == nullptr || room->reference == nullptr) {
        return Fail(ErrorCode::kInternal, fmt::format("{} has no CPU reference", DescribeOp(*graph, index)));
      }
      Step step{&op, room, {}, {}, {}, {}, {}, {}, nullptr};
      for (int t : op.inputs) step.inputs.push_back(t == kNoTensor ? Place{} : places[t]);
      for (int t : op.outputs) step.outputs.push_back(t == kNoTensor ? Place{} : places[t]);
      for (int slot : room->states) {
        const bool there = slot < static_cast<int>(op.inputs.size());
        step.states.push_back(there ? step.inputs[slot] : Place{});
      }
      step.state_pointers.resize(step.states.size());
      step.input_pointers.resize(step.inputs.size());
      step.output_pointers.resize(step.outputs.size());
      if (fast_ && room->compile_cpu != nullptr) step.kernel = room->compile_cpu({*graph, op}, Threads(options));
      steps.push_back(std::move(step));
    }
    return std::make_unique<CpuExecutable>(std::move(graph), options, std::move(steps), std::move(states),
                                           std::move(copies), arena.bytes, fast_ ? Pool(options) : nullptr);
  }

 private:
  static int Threads(const ComputeOptions& options) {
    return options.threads > 0 ? options.threads
                               : std::max(static_cast<int>(std::thread::hardware_concurrency()), 1);
  }

  // Executables run one after the other; those that ask for as many threads share them.
  std::shared_ptr<ThreadPool> Pool(const ComputeOptions& options) {
    const int threads = Threads(options);
    if (threads == 1) return nullptr;
    const std::lock_guard lock(mutex_);
    std::shared_ptr<ThreadPool> pool = pool_.lock();
    if (pool == nullptr || pool_threads_ != threads) {
      pool = std::make_shared<ThreadPool>(threads);
      pool_ = pool;
      pool_threads_ = threads;
    }
    return pool;
  }

  const bool fast_;
  std::mutex mutex_;
  std::weak_ptr<ThreadPool> pool_;
  int pool_threads_ = 0;
};

}  // namespace

Result<MemoryUse> PlannedCpuMemory(const Graph& graph, const SegmentOps& segment) {
  std::vector<bool> elsewhere(graph.tensors.size());
  for (const std::vector<int>* list : {&segment.inputs, &segment.outputs, &segment.states}) {
    for (int tensor : *list) elsewhere[tensor] = true;
  }
  NPU_ASSIGN_OR_RETURN(const Arena arena, PlanArena(graph, segment, [&](int t) {
                         return !elsewhere[t] && !graph.tensors[t].is_constant();
                       }));
  MemoryUse use{.arena_bytes = arena.bytes};
  for (int index : segment.ops) {
    const Op& op = graph.ops[index];
    const OpRoom* room = FindRoom(op.kind);
    if (room == nullptr || room->compile_cpu == nullptr) continue;
    if (const auto kernel = room->compile_cpu({graph, op}, 1)) use.constant_bytes += kernel->constant_bytes();
  }
  return use;
}

std::shared_ptr<Backend> MakeCpuBackend() { return std::make_shared<CpuBackend>(false); }
std::shared_ptr<Backend> MakeFastCpuBackend() { return std::make_shared<CpuBackend>(true); }

}  // namespace npu
