// Who does what: Graph + rules + options → Plan. Pure and deterministic: no I/O, no device, no clock.
// The plug-in executes exactly this plan and delegate-check prints it. Start at MakePlan.
//
// Three placements: npu (an OpenCL segment), delegate-cpu (inside our plug-in, on our CPU backend) and
// host (left to the runtime). Neighbouring npu and delegate-cpu segments form one partition, the unit
// that the host sees. Partitions are cut exactly as hosts cut them (segments.h), so none ever waits for
// its own output.
//
// Two graphs: `graph` is the model as everybody sees it, `compute_graph` the same with folds applied (fold.h),
// which is what backends compile. Partitions are cut on the first, segments run on the second; op and tensor
// indices are those of both.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backends/backend.h"
#include "backends/verdict.h"
#include "partitioner/fold.h"
#include "partitioner/fragmentation.h"
#include "partitioner/options.h"
#include "partitioner/placement_cost.h"
#include "schema/graph.h"

namespace npu {

enum class Placement : uint8_t { kNpu, kDelegateCpu, kHost };
std::string_view PlacementName(Placement placement);  // "npu", "delegate-cpu", "host"

// "input 1 (weights) element type is FLOAT32; allowed is INT8 or UINT8"
std::string ReasonText(const Reason& reason);

struct OpPlan {
  Placement placement = Placement::kHost;
  int segment = -1;    // index into Plan::segments; -1 on the host or evaluated at plan time
  int partition = -1;  // index into Plan::partitions; -1 on the host
  // Why not the NPU: every failed rule. Empty exactly when placement is kNpu.
  std::vector<Reason> reasons;
  int64_t macs = 0;
  bool evaluated = false;  // shape arithmetic, computed when the plan was made: costs nothing
  // The op that a fold has taken this one into: it does not run, its segment is that op's; -1: it runs.
  int folded_into = -1;
};

struct Segment {
  Placement placement = Placement::kNpu;
  int partition = 0;
  SegmentOps ops;  // ops evaluated at plan time and ops folded into others are not listed
  int64_t macs = 0;
};

struct Partition {
  std::vector<int> ops;       // every op the host hands over, evaluated and folded ones included, ascending
  std::vector<int> segments;  // in execution order
  std::vector<int> inputs;    // tensors crossing in, constants excluded, ascending
  std::vector<int> outputs;   // tensors crossing out, ascending
  std::vector<int> states;    // variable tensors read and written in place, ascending
  int64_t macs = 0;
  std::optional<PlacementEstimate> estimate = {};  // where the plan was made with models
};

struct Plan {
  std::shared_ptr<const Graph> graph;          // with inferred shapes and evaluated constants
  std::shared_ptr<const Graph> compute_graph;  // what backends compile: `graph` with `folds` applied
  PlanOptions options;
  std::vector<Fold> folds;
  std::vector<DeclinedFold> declined_folds;
  std::vector<int> uint8_inputs;  // graph inputs whose bytes come as UINT8 (PartitionSpec), ascending
  std::vector<OpPlan> ops;
  std::vector<Segment> segments;
  std::vector<Partition> partitions;
  std::vector<Boundary> boundaries;  // between partitions and the host
  int64_t total_macs = 0;
};

// Takes the graph, infers its shapes, folds, checks every op and cuts segments. A fold whose operators do not
// all end on the NPU in one partition is given up and the plan made again without it. The graph must have
// passed Validate(); the only Errors are options that name nothing in this graph (deny=#99), and inputs that
// input_uint8 names and the host reads (uint8_inputs.h).
// models: what placement=auto estimates with; null: it places like `all`.
Result<Plan> MakePlan(std::shared_ptr<Graph> graph, const PlanOptions& options,
                      const PlacementModels* models = nullptr);

}  // namespace npu
