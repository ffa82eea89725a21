// SPDX-License-Identifier: Apache-2.0
#include "backends/partition_executable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include "backends/cpu/cpu_backend.h"
#include "backends/invoke_trace.h"
#include "backends/memory_plan.h"
#include "base/log.h"

namespace npu {
namespace {

// A cache line, and what hosts align their own arenas to.
constexpr int64_t kAlignment = 64;

// Where a tensor at a part's border lives.
struct Place {
  enum { kNone, kInput, kOutput, kArena } where = kNone;
  int64_t index = 0;  // into the partition's inputs or outputs, or the arena offset
};

struct Part {
  std::shared_ptr<Backend> backend;
  SegmentOps ops;
  std::unique_ptr<Executable> executable;
  std::unique_ptr<Executable> replacement;  // on the CPU, once the backend has failed
  std::vector<Place> inputs, outputs;
  std::vector<InputPlace> places;                  // by input; once asked for
  std::vector<std::vector<std::byte>> taken_back;  // by input: what is in its place, as the CPU reads it
  // Filled anew at each Invoke; sized once.
  std::vector<const std::byte*> input_pointers;
  std::vector<std::byte*> output_pointers;
};

bool IsCpu(const Backend& backend) { return backend.name() == "cpu"; }

// A new state in the arena, and the output that is its place.
struct NewState {
  int64_t offset = 0;
  size_t output = 0;
  size_t bytes = 0;
};

// The places of the partition's inputs and outputs; none for all others.
std::vector<Place> Borders(const Graph& graph, const PartitionSpec& spec) {
  std::vector<Place> places(graph.tensors.size());
  for (size_t i = 0; i < spec.inputs.size(); ++i) places[spec.inputs[i]] = {Place::kInput, static_cast<int64_t>(i)};
  for (size_t i = 0; i < spec.outputs.size(); ++i) {
    places[spec.outputs[i]] = {Place::kOutput, static_cast<int64_t>(i)};
  }
  return places;
}

// Gives arena bytes to every tensor that only parts of this partition see; returns how many there are.
Result<int64_t> PlanBetween(const Graph& graph, const PartitionSpec& spec, std::vector<Place>& places,
                            std::vector<NewState>& new_states) {
  std::vector<MemoryRequest> requests;
  std::map<int, size_t> request_of;
  std::vector<bool> available(places.size(), false);
  for (int tensor : spec.inputs) available[tensor] = true;
  for (int p = 0; p < static_cast<int>(spec.parts.size()); ++p) {
    const SegmentOps& ops = spec.parts[p].ops;
    for (int tensor : ops.inputs) {
      if (!available[tensor]) {
        return Fail(ErrorCode::kInternal,
                    fmt::format("part {} reads T#{}, which nothing before it makes", p, tensor));
      }
      if (const auto found = request_of.find(tensor); found != request_of.end()) {
        requests[found->second].last = p;
      }
    }
    for (int tensor : ops.outputs) {
      available[tensor] = true;
      if (places[tensor].where == Place::kOutput) continue;
      const auto bytes = graph.tensors[tensor].byte_size();
      if (!bytes) return Fail(ErrorCode::kInternal, fmt::format("T#{} has no known size", tensor));
      request_of[tensor] = requests.size();
      requests.push_back({*bytes, p, p});
    }
    for (int tensor : ops.states) {
      const auto bytes = graph.tensors[tensor].byte_size();
      if (!bytes || !request_of.emplace(tensor, requests.size()).second) {
        return Fail(ErrorCode::kInternal, fmt::format("state T#{} is of two parts or has no known size", tensor));
      }
      requests.push_back({*bytes, p, static_cast<int>(spec.parts.size())});
    }
  }
  for (int tensor : spec.outputs) {
    if (!available[tensor]) {
      return Fail(ErrorCode::kInternal,
                  fmt::format("no part makes T#{}, an output of the partition", tensor));
    }
  }
  NPU_ASSIGN_OR_RETURN(const MemoryLayout layout,
                       PlanMemory(requests, kAlignment, std::numeric_limits<int32_t>::max()));
  for (const auto& [tensor, request] : request_of) {
    places[tensor] = {Place::kArena, layout.offsets[request]};
  }
  for (size_t i = 0; i < spec.states.size(); ++i) {
    const auto request = request_of.find(spec.states[i]);
    if (request == request_of.end()) {
      return Fail(ErrorCode::kInternal, fmt::format("no part has the state T#{}", spec.states[i]));
    }
    new_states.push_back({layout.offsets[request->second], spec.outputs.size() + i,
                           static_cast<size_t>(requests[request->second].bytes)});
  }
  // One byte more, so that an empty tensor has an address, too.
  return layout.total_bytes + 1;
}

// Puts a QUANTIZE of UINT8 before whatever reads these inputs. A device stores both types alike, so that there it is a
// view and no work.
void TakeUint8(Graph& graph, PartitionSpec& spec) {
  for (int int8 : spec.uint8_inputs) {
    const int uint8 = static_cast<int>(graph.tensors.size());
    graph.tensors.push_back(AsUint8(graph.tensors[int8]));
    Op quantize;
    quantize.kind = OpKind::kQuantize;
    quantize.inputs = {uint8};
    quantize.outputs = {int8};
    // Behind the others, so that they keep their numbers; the parts say in which order they run.
    const int op = static_cast<int>(graph.ops.size());
    graph.ops.push_back(std::move(quantize));
    std::replace(spec.inputs.begin(), spec.inputs.end(), int8, uint8);
    for (PartitionSpec::Part& part : spec.parts) {
      const auto input = std::find(part.ops.inputs.begin(), part.ops.inputs.end(), int8);
      if (input == part.ops.inputs.end()) continue;
      *input = uint8;
      part.ops.ops.insert(part.ops.ops.begin(), op);
    }
  }
}

class PartitionExecutable : public Executable {
 public:
  // model_ops: as many of the graph's operators are the model's.
  PartitionExecutable(std::shared_ptr<const Graph> graph, const ComputeOptions& options, size_t model_ops)
      : graph_(std::move(graph)), options_(options), model_ops_(static_cast<int>(model_ops)) {}

  Status Compile(const PartitionSpec& spec) {
    std::vector<Place> places = Borders(*graph_, spec);
    input_count_ = spec.inputs.size() + spec.states.size();
    output_count_ = spec.outputs.size() + spec.states.size();
    std::vector<Place> old_states(graph_->tensors.size());
    for (size_t i = 0; i < spec.states.size(); ++i) {
      old_states[spec.states[i]] = {Place::kInput, static_cast<int64_t>(spec.inputs.size() + i)};
    }
    NPU_ASSIGN_OR_RETURN(const int64_t arena_bytes, PlanBetween(*graph_, spec, places, new_states_));
    arena_.resize(static_cast<size_t>(arena_bytes));
    for (const PartitionSpec::Part& part_spec : spec.parts) {
      Part part{part_spec.backend, part_spec.ops, nullptr, nullptr, {}, {}, {}, {}, {}, {}};
      NPU_ASSIGN_OR_RETURN(part.executable, part.backend->Compile(graph_, part.ops, options_));
      for (int tensor : part.ops.inputs) part.inputs.push_back(places[tensor]);
      for (int tensor : part.ops.outputs) part.outputs.push_back(places[tensor]);
      for (int tensor : part.ops.states) {
        if (old_states[tensor].where == Place::kNone) {
          return Fail(ErrorCode::kInternal, fmt::format("T#{} is no state of the partition", tensor));
        }
        part.inputs.push_back(old_states[tensor]);
        part.outputs.push_back(places[tensor]);
      }
      part.places.resize(part.inputs.size());
      part.taken_back.resize(part.inputs.size());
      part.input_pointers.resize(part.inputs.size());
      part.output_pointers.resize(part.outputs.size());
      parts_.push_back(std::move(part));
    }
    return {};
  }

  Status Invoke(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs) override {
    return RunParts(inputs, outputs, nullptr);
  }

  Status InvokeTraced(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                      InvokeTrace& trace) override {
    return RunParts(inputs, outputs, &trace);
  }

  Result<InputPlace> PlaceOf(size_t input) override {
    Part* reader = nullptr;
    size_t index = 0;
    for (Part& part : parts_) {
      for (size_t i = 0; i < part.inputs.size(); ++i) {
        if (part.inputs[i].where != Place::kInput || part.inputs[i].index != static_cast<int64_t>(input)) continue;
        if (reader != nullptr) return InputPlace{};
        reader = &part;
        index = i;
      }
    }
    if (reader == nullptr || Failed(*reader)) return InputPlace{};
    NPU_ASSIGN_OR_RETURN(reader->places[index], reader->executable->PlaceOf(index));
    return reader->places[index];
  }

  MemoryUse memory_use() const override {
    MemoryUse total;
    total.arena_bytes = static_cast<int64_t>(arena_.size());
    for (const Part& part : parts_) {
      for (const Executable* executable : {part.executable.get(), part.replacement.get()}) {
        if (executable == nullptr) continue;
        const MemoryUse use = executable->memory_use();
        total.arena_bytes += use.arena_bytes;
        total.constant_bytes += use.constant_bytes;
        total.uncopied_bytes += use.uncopied_bytes;
        total.staging_bytes += use.staging_bytes;
      }
    }
    return total;
  }

 private:
  // trace: null, or where to tell what was done.
  Status RunParts(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                  InvokeTrace* trace) {
    if (inputs.size() != input_count_ || outputs.size() != output_count_) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("partition has {} inputs and {} outputs, got {} and {}", input_count_,
                              output_count_, inputs.size(), outputs.size()));
    }
    for (Part& part : parts_) {
      for (size_t i = 0; i < part.inputs.size(); ++i) {
        const Place& place = part.inputs[i];
        part.input_pointers[i] = place.where == Place::kInput    ? inputs[place.index]
                                 : place.where == Place::kOutput ? outputs[place.index]
                                                                 : arena_.data() + place.index;
      }
      for (size_t i = 0; i < part.outputs.size(); ++i) {
        const Place& place = part.outputs[i];
        part.output_pointers[i] =
            place.where == Place::kOutput ? outputs[place.index] : arena_.data() + place.index;
      }
      NPU_RETURN_IF_ERROR(Run(part, trace));
    }
    for (const NewState& state : new_states_) {
      if (state.bytes > 0) std::memcpy(outputs[state.output], arena_.data() + state.offset, state.bytes);
    }
    return {};
  }

  // Runs one executable of the part. A failed one leaves no trace.
  static Status RunOne(Executable& executable, Part& part, InvokeTrace* trace) {
    return trace == nullptr ? executable.Invoke(part.input_pointers, part.output_pointers)
                            : executable.InvokeTraced(part.input_pointers, part.output_pointers, *trace);
  }

  Status Run(Part& part, InvokeTrace* trace) {
    const size_t traced = trace == nullptr ? 0 : trace->segments.size();
    bool replaced = false;
    NPU_RETURN_IF_ERROR(RunOrReplace(part, trace, replaced));
    for (size_t i = traced; trace != nullptr && i < trace->segments.size(); ++i) {
      trace->segments[i].part = static_cast<int>(&part - parts_.data());
      trace->segments[i].replaced = replaced;
      std::erase_if(trace->segments[i].steps, [&](const TraceStep& step) { return step.op >= model_ops_; });
    }
    return {};
  }

  bool Failed(const Part& part) const {
    return std::find(failed_.begin(), failed_.end(), part.backend.get()) != failed_.end();
  }

  // Inputs that were made in a failed device's form.
  static void TakeBack(const Graph& graph, Part& part) {
    for (size_t i = 0; i < part.ops.inputs.size(); ++i) {
      const InputPlace& place = part.places[i];
      if (place.memory == nullptr || part.input_pointers[i] != place.memory) continue;
      std::vector<std::byte>& bytes = part.taken_back[i];
      bytes.resize(static_cast<size_t>(graph.tensors[part.ops.inputs[i]].byte_size().value_or(0)));
      std::transform(place.memory, place.memory + bytes.size(), bytes.begin(),
                     [flip = place.flip](std::byte byte) { return byte ^ flip; });
      part.input_pointers[i] = bytes.data();
    }
  }

  Status RunOrReplace(Part& part, InvokeTrace* trace, bool& replaced) {
    if (!Failed(part)) {
      Status status = RunOne(*part.executable, part, trace);
      if (status || IsCpu(*part.backend)) return status;
      failed_.push_back(part.backend.get());
      Log(LogLevel::kWarning, "{} failed while running ({}); continuing on the CPU, with the same results",
          part.backend->device_name(), status.error().text);
    }
    if (part.replacement == nullptr) {
      NPU_ASSIGN_OR_RETURN(part.replacement, MakeCpuBackend()->Compile(graph_, part.ops, options_));
    }
    replaced = true;
    TakeBack(*graph_, part);
    return RunOne(*part.replacement, part, trace);
  }

  std::shared_ptr<const Graph> graph_;
  ComputeOptions options_;
  int model_ops_;
  size_t input_count_ = 0, output_count_ = 0;
  std::vector<Part> parts_;
  std::vector<NewState> new_states_;
  std::vector<std::byte> arena_;
  std::vector<const Backend*> failed_;  // not asked again
};

}  // namespace

Tensor AsUint8(const Tensor& int8) {
  Tensor uint8 = int8;
  uint8.type = DataType::kUInt8;
  for (int64_t& zero_point : uint8.quantization.zero_point) zero_point += 128;
  return uint8;
}

Result<int64_t> BytesBetween(const Graph& graph, const PartitionSpec& spec) {
  std::vector<Place> places = Borders(graph, spec);
  std::vector<NewState> new_states;
  return PlanBetween(graph, spec, places, new_states);
}

Result<std::unique_ptr<Executable>> CompilePartition(std::shared_ptr<const Graph> graph,
                                                     const PartitionSpec& spec,
                                                     const ComputeOptions& options) {
  const size_t model_ops = graph->ops.size();
  PartitionSpec changed;
  if (!spec.uint8_inputs.empty()) {
    auto with_views = std::make_shared<Graph>(*graph);
    changed = spec;
    TakeUint8(*with_views, changed);
    graph = std::move(with_views);
  }
  auto executable = std::make_unique<PartitionExecutable>(std::move(graph), options, model_ops);
  NPU_RETURN_IF_ERROR(executable->Compile(spec.uint8_inputs.empty() ? spec : changed));
  return executable;
}

}  // namespace npu
