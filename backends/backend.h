// Who computes: a Backend compiles a segment of a Graph into an Executable, which then only runs.
// Two backends exist: the CPU backend (backends/cpu: the exact integer reference, golden answer and
// failover) and the OpenCL backend (backends/opencl: the NPU's stand-in). Both give the same bytes.
// The rules of what may run live with the operators (ops/room.h), once, for everyone.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "schema/graph.h"

namespace npu {

// How FULLY_CONNECTED rounds (schema/quantization.h): the field has two definitions.
enum class FcRounding : uint8_t {
  kSingle,  // LiteRT 2.3
  kDouble,  // tflite-runtime <= 2.14, TFLite Micro
};

// How the OpenCL kernels turn sums into 8-bit outputs.
enum class Requantize : uint8_t {
  kExact,  // as the reference
  kFloat,  // by one product in float where that is faster: at most 1 from the reference (kernels/requantize.h)
};

struct ComputeOptions {
  FcRounding fc_rounding = FcRounding::kSingle;
  int threads = 0;  // 0: the device's own choice
  Requantize requantize = Requantize::kExact;
};

// Operators that one backend runs back to back. All indices are into the Graph.
struct SegmentOps {
  std::vector<int> ops;      // in execution order
  std::vector<int> inputs;   // tensors read and not made here, constants excluded
  std::vector<int> outputs;  // tensors made here and read outside, or outputs of the graph
  std::vector<int> states = {};  // variable tensors that the ops read and write in place (OpRoom::states)
};

struct MemoryUse {
  int64_t arena_bytes = 0;     // intermediate tensors
  int64_t constant_bytes = 0;  // packed weights and tables
  // Bytes an Invoke does not move, because one tensor is a part of another in the arena (CONCATENATION,
  // SPLIT, SLICE ... of whole ranges).
  int64_t uncopied_bytes = 0;
  // Host memory through which inputs and outputs cross to the device and back; none where both share memory.
  int64_t staging_bytes = 0;
};

struct InvokeTrace;  // invoke_trace.h

// Memory in which the caller makes an input itself, in the form in which a device reads it.
struct InputPlace {
  std::byte* memory = nullptr;  // the tensor's bytes; null: there is none
  std::byte flip{0};            // what each of the tensor's bytes is exclusive-or'ed with there
};

// A compiled segment. Not thread-safe: one Invoke at a time; different Executables may run at once.
class Executable {
 public:
  virtual ~Executable() = default;
  // inputs[i] / outputs[i]: host memory of SegmentOps::inputs[i] / outputs[i], in the tensor's own type
  // and exactly its byte size, any alignment, not overlapping each other. Returns when outputs hold.
  // The states follow in both lists: behind the inputs what they were before, behind the outputs where the
  // new ones go. The old ones stay as they are, so that a failed Invoke can be repeated elsewhere; only whole
  // partitions may be given one place for both (partition_executable.h), and change it on success alone.
  virtual Status Invoke(std::span<const std::byte* const> inputs,
                        std::span<std::byte* const> outputs) = 0;
  // Invoke, measured: appends to `trace` what was done and how long it took. Allocates, and is slower. Not thread-safe,
  // like Invoke. Executables that tell nothing append nothing.
  virtual Status InvokeTraced(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                              InvokeTrace& trace) {
    static_cast<void>(trace);
    return Invoke(inputs, outputs);
  }
  virtual MemoryUse memory_use() const = 0;
  // A place for inputs[input], no state. Where Invoke is given its address as that input, the caller has written the tensor
  // there, and nothing is copied. Invoke leaves it as it is. Allocates when it is first called for an input, and gives the
  // same place until the Executable is destroyed; where there is none, inputs are given as ever.
  virtual Result<InputPlace> PlaceOf(size_t input) {
    static_cast<void>(input);
    return InputPlace{};
  }
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string_view name() const = 0;    // "cpu", "opencl"
  virtual std::string device_name() const = 0;  // for reports and logs
  // Every op of the segment has passed its room's Check. The Executable shares `graph`.
  virtual Result<std::unique_ptr<Executable>> Compile(std::shared_ptr<const Graph> graph,
                                                      const SegmentOps& segment,
                                                      const ComputeOptions& options) = 0;
};

}  // namespace npu
