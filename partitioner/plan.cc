// SPDX-License-Identifier: Apache-2.0
#include "partitioner/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "backends/ops/float_form.h"
#include "backends/ops/inference.h"
#include "backends/ops/lce.h"
#include "backends/ops/room.h"
#include "partitioner/saturating.h"
#include "partitioner/segments.h"
#include "partitioner/selection.h"
#include "partitioner/uint8_inputs.h"

namespace npu {
namespace {

// Colours of the host's cut and of the cut into segments.
constexpr int kHostColour = 0;
constexpr int kOurColour = 1;

// Plans are made again while folds are given up. Each round gives up all that it can see; after this many,
// which no sane graph needs, the rest go, too.
constexpr int kMaxFoldRounds = 8;

class Planner {
 public:
  // The plan has its graphs, folds and options.
  Planner(Plan& plan, const InferenceResult& inference, const PlacementModels* models)
      : graph_(*plan.graph),
        plan_(plan),
        inference_(inference),
        models_(plan.options.placement == PlacementRule::kAuto ? models : nullptr),
        own_reasons_(graph_.ops.size()) {}

  Status Run() {
    plan_.ops.resize(graph_.ops.size());
    for (const Fold& fold : plan_.folds) {
      for (int op : fold.absorbed) plan_.ops[op].folded_into = fold.into;
    }
    // An operator may be folded into one that is itself folded away later.
    for (OpPlan& op : plan_.ops) {
      while (op.folded_into >= 0 && plan_.ops[op.folded_into].folded_into >= 0) {
        op.folded_into = plan_.ops[op.folded_into].folded_into;
      }
    }
    NPU_RETURN_IF_ERROR(PlaceEachAlone());
    FindReaders();
    // Each round only gives ops back to the host, so this ends.
    std::vector<ColourGroup> groups;
    do {
      GiveBackFloatsOutsideBinaryRegions();
      GiveBackArithmeticThatTheHostReads();
      groups = CutPartitions();
    } while (GiveBackUnworthyOps(groups));
    BuildPartitions(groups);
    return {};
  }

 private:
  bool Ours(int op) const { return plan_.ops[op].placement != Placement::kHost; }
  bool Folded(int op) const { return plan_.ops[op].folded_into >= 0; }
  bool Binary(int op) const { return IsBinary(graph_.ops[op].kind); }
  bool OnNpu(int op) const { return plan_.ops[op].placement == Placement::kNpu && !plan_.ops[op].evaluated; }

  // Where each op could go if it were alone, and every reason why not to the NPU.
  Status PlaceEachAlone() {
    NPU_ASSIGN_OR_RETURN(const std::vector<bool> denied, SelectOps(graph_, "deny", plan_.options.deny));
    NPU_ASSIGN_OR_RETURN(const std::vector<bool> allowed, SelectOps(graph_, "allow", plan_.options.allow));
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      const Op& op = graph_.ops[i];
      OpPlan& op_plan = plan_.ops[i];
      std::vector<Reason>& reasons = own_reasons_[i];
      op_plan.macs = Macs(graph_, op);
      const std::string& inference_error = inference_.errors[i];
      if (!inference_error.empty()) reasons.push_back(InferenceReason(op, inference_error));
      // What is folded is judged by what runs for it, which is on the NPU, or never was for it.
      const bool folded = Folded(static_cast<int>(i));
      if (!folded || Binary(op_plan.folded_into)) {
        const Graph& judged = folded ? graph_ : *plan_.compute_graph;
        const Verdict verdict = CheckNpu(judged, judged.ops[i]);
        reasons.insert(reasons.end(), verdict.reasons().begin(), verdict.reasons().end());
      }
      const bool may_compute = inference_error.empty();
      const bool evaluated = inference_.evaluated[i];
      // `allow` narrows what goes to the NPU; what never runs there is no part of that.
      const bool unlisted = !plan_.options.allow.empty() && !allowed[i] && !evaluated && !Binary(static_cast<int>(i));
      if (denied[i] || unlisted) {
        reasons.push_back(
            {ReasonCode::kDeniedByOption, denied[i] ? "option deny" : "option allow",
             denied[i] ? "names this operator" : "does not name this operator",
             denied[i] ? "an operator that deny does not name" : "an operator that allow names"});
      } else if (evaluated) {
        op_plan.placement = Placement::kNpu;
        op_plan.evaluated = true;
      } else if (reasons.empty()) {
        op_plan.placement = Placement::kNpu;
      } else if (may_compute && CheckCpu(graph_, op).eligible()) {
        op_plan.placement = Placement::kDelegateCpu;
      }
      if (op_plan.placement != Placement::kNpu) op_plan.reasons = reasons;
    }
    return {};
  }

  // A shape can hang on another shape, or on numbers (RESHAPE's, SLICE's) that only the running model has.
  Reason InferenceReason(const Op& op, const std::string& error) const {
    const bool unknown = std::any_of(op.inputs.begin(), op.inputs.end(), [&](int index) {
      if (index == kNoTensor) return false;
      const Tensor& tensor = graph_.tensors[index];
      const bool numbers = tensor.type == DataType::kInt32 || tensor.type == DataType::kInt64;
      return !tensor.shape_known || (numbers && !tensor.is_constant());
    });
    return unknown ? Reason{ReasonCode::kShapeUnknown, "shapes of the operands", error,
                            "known before the model runs"}
                   : Reason{ReasonCode::kShapeMismatch, "shapes of the operands", error,
                            "shapes from which the outputs' shapes follow"};
  }

  void GiveBack(int op, const Reason& reason) {
    OpPlan& op_plan = plan_.ops[op];
    op_plan.placement = Placement::kHost;
    op_plan.reasons.clear();
    // The rules of a device do not matter for what would have been computed when the plan is made.
    if (!op_plan.evaluated) op_plan.reasons = own_reasons_[op];
    op_plan.evaluated = false;
    op_plan.reasons.push_back(reason);
  }

  void FindReaders() {
    readers_.resize(graph_.tensors.size());
    for (size_t i = 0; i < graph_.ops.size(); ++i) {
      for (int tensor : graph_.ops[i].inputs) {
        if (tensor != kNoTensor) readers_[tensor].push_back(static_cast<int>(i));
      }
    }
    graph_output_.resize(graph_.tensors.size());
    for (int tensor : graph_.outputs) graph_output_[tensor] = true;
  }

  // Hosts compute floats as well as we do, so plain float networks, and the float ends of binary ones, are theirs. But
  // what lies between our operators (Larq's converter leaves ADD, CONCATENATION ... in float around each binary
  // convolution) would cut the network in pieces: it stays where a path of ours leads from an operator on the NPU or
  // a binary one through it to another, one of the two binary.
  void GiveBackFloatsOutsideBinaryRegions() {
    if (std::none_of(plan_.ops.begin(), plan_.ops.end(),
                     [](const OpPlan& op) { return op.placement == Placement::kDelegateCpu; })) {
      return;
    }
    const auto is_float = [&](int op) {
      return plan_.ops[op].placement == Placement::kDelegateCpu && IsFloatForm({graph_, graph_.ops[op]});
    };
    const int count = static_cast<int>(graph_.ops.size());
    bool changed = true;
    while (changed) {
      changed = false;
      // Per tensor: what a path of ours has met before it, or will behind it.
      enum : uint8_t { kNone = 0, kAnchor = 1, kBinaryAnchor = 3 };
      std::vector<uint8_t> before(graph_.tensors.size()), behind(graph_.tensors.size());
      const auto own = [&](int op) -> uint8_t { return Binary(op) ? kBinaryAnchor : OnNpu(op) ? kAnchor : kNone; };
      const auto sum = [](const std::vector<uint8_t>& flags, const std::vector<int>& tensors) {
        uint8_t all = kNone;
        for (int tensor : tensors) {
          if (tensor != kNoTensor) all |= flags[tensor];
        }
        return all;
      };
      const auto spread = [](std::vector<uint8_t>& flags, const std::vector<int>& tensors, uint8_t add) {
        for (int tensor : tensors) {
          if (tensor != kNoTensor) flags[tensor] |= add;
        }
      };
      for (int op = 0; op < count; ++op) {
        const Op& o = graph_.ops[op];
        if (Ours(op)) spread(before, o.outputs, own(op) | sum(before, o.inputs));
      }
      for (int op = count - 1; op >= 0; --op) {
        const Op& o = graph_.ops[op];
        if (Ours(op)) spread(behind, o.inputs, own(op) | sum(behind, o.outputs));
      }
      for (int op = 0; op < count; ++op) {
        if (!is_float(op)) continue;
        const uint8_t first = sum(before, graph_.ops[op].inputs), last = sum(behind, graph_.ops[op].outputs);
        if (first != kNone && last != kNone && (first | last) == kBinaryAnchor) continue;
        plan_.ops[op].placement = Placement::kHost;  // its own reasons say it all
        changed = true;
      }
    }
  }

  // What we evaluated is known to us alone. Backwards, since giving one back makes its makers' result read
  // by the host, too.
  void GiveBackArithmeticThatTheHostReads() {
    for (int i = static_cast<int>(graph_.ops.size()) - 1; i >= 0; --i) {
      if (!plan_.ops[i].evaluated) continue;
      for (int tensor : graph_.ops[i].outputs) {
        const std::vector<int>& readers = readers_[tensor];
        const auto host_reader =
            std::find_if(readers.begin(), readers.end(), [&](int reader) { return !Ours(reader); });
        if (!graph_output_[tensor] && host_reader == readers.end()) continue;
        GiveBack(i,
                 {ReasonCode::kResultNeededByHost, "reader of output \"" + graph_.tensors[tensor].name + "\"",
                  graph_output_[tensor] ? "the caller (graph output)" : DescribeOp(graph_, *host_reader),
                  "operators of the same delegate only"});
        break;
      }
    }
  }

  std::vector<ColourGroup> CutPartitions() const {
    std::vector<int> ops(graph_.ops.size()), colour(graph_.ops.size());
    std::iota(ops.begin(), ops.end(), 0);
    for (int op : ops) colour[op] = Ours(op) ? kOurColour : kHostColour;
    std::vector<ColourGroup> groups = GroupByColour(graph_, ops, colour);
    std::erase_if(groups, [](const ColourGroup& group) { return group.colour == kHostColour; });
    return groups;
  }

  int64_t PartitionMacs(const std::vector<int>& ops) const {
    int64_t macs = 0;
    for (int op : ops) macs = SaturatingAdd(macs, plan_.ops[op].macs);
    return macs;
  }

  // Per group; empty when nothing is to be estimated. None for groups that hosts could not run.
  std::vector<std::optional<PlacementEstimate>> Estimate(const std::vector<ColourGroup>& groups) const {
    std::vector<std::optional<PlacementEstimate>> estimates;
    if (models_ == nullptr) return estimates;
    std::vector<bool> unread(graph_.ops.size());
    std::vector<std::vector<int>> ops;
    for (const ColourGroup& group : groups) ops.push_back(group.ops);
    for (size_t i = 0; i < unread.size(); ++i) unread[i] = plan_.ops[i].evaluated;
    for (const SegmentOps& boundary : BoundariesOf(graph_, std::move(ops), unread)) {
      int64_t bytes = 0;
      for (const std::vector<int>* list : {&boundary.inputs, &boundary.outputs, &boundary.states, &boundary.states}) {
        for (int tensor : *list) bytes = SaturatingAdd(bytes, graph_.tensors[tensor].byte_size().value_or(0));
      }
      std::vector<PlacedOp> runs;
      std::vector<int> host;
      bool lacking = false;
      for (int op : boundary.ops) {
        lacking = lacking || HostLacks(graph_.ops[op]);
        if (plan_.ops[op].evaluated) continue;
        host.push_back(op);
        if (!Folded(op)) runs.push_back({op, OnNpu(op)});
      }
      estimates.emplace_back();
      if (!lacking) estimates.back() = EstimatePartition(*plan_.compute_graph, runs, graph_, host, bytes, *models_);
    }
    return estimates;
  }

  // Returns whether any op went back.
  bool GiveBackUnworthyOps(const std::vector<ColourGroup>& groups) {
    bool changed = false;
    const std::vector<std::optional<PlacementEstimate>> estimates = Estimate(groups);
    for (size_t g = 0; g < groups.size(); ++g) {
      const ColourGroup& group = groups[g];
      const std::vector<bool> beside_npu = FindOpsBesideNpu(group.ops);
      const int64_t macs = PartitionMacs(group.ops);
      const int64_t npu_ops =
          std::count_if(group.ops.begin(), group.ops.end(), [&](int op) { return OnNpu(op); });
      const bool has_npu = npu_ops > 0;
      const bool has_binary = std::any_of(group.ops.begin(), group.ops.end(), [&](int op) { return Binary(op); });
      // Data movement and elementwise operators cost less than the two crossings around them.
      const bool lone =
          macs == 0 && !has_binary && npu_ops < plan_.options.min_segment_ops && group.ops.size() < graph_.ops.size();
      const bool slower = has_npu && !estimates.empty() && estimates[g] && estimates[g]->npu_is_slower();
      for (size_t i = 0; i < group.ops.size(); ++i) {
        const int op = group.ops[i];
        if (Binary(op)) continue;  // no host has it
        // Evaluated ops cost nothing: they stay wherever the NPU has work at all.
        const bool idle = plan_.ops[op].evaluated ? !has_npu && !has_binary : !beside_npu[i];
        if (has_npu && macs < plan_.options.min_segment_macs) {
          GiveBack(op, {ReasonCode::kSegmentTooSmall, "MACs of its partition", std::to_string(macs),
                        "at least " + std::to_string(plan_.options.min_segment_macs)});
          changed = true;
        } else if (has_npu && lone) {
          GiveBack(op, {ReasonCode::kSegmentTooShort, "operators on the NPU in its partition, none with MACs",
                        std::to_string(npu_ops),
                        fmt::format("at least {}, or all of the model", plan_.options.min_segment_ops)});
          changed = true;
        } else if (slower) {
          GiveBack(op, {ReasonCode::kSlowerThanHost, "estimated time of its partition",
                        fmt::format("{:.1f} us on the NPU", estimates[g]->npu_us),
                        fmt::format("at most {:.1f} us: {:.1f} us, the estimate for the host, through {}, the error of estimates",
                                    estimates[g]->npu_limit_us(), estimates[g]->host_us, PlacementEstimate::kError)});
          changed = true;
        } else if (idle) {
          GiveBack(op, {ReasonCode::kNotBesideNpu, "operators it is connected with in its partition",
                        "none on the NPU", "at least one on the NPU"});
          changed = true;
        }
      }
    }
    return changed;
  }

  // Per op of a partition: a path of tensors made and read inside the partition leads to an op on the NPU, or to a
  // binary one.
  std::vector<bool> FindOpsBesideNpu(const std::vector<int>& ops) {
    std::vector<int> parent(ops.size());
    std::iota(parent.begin(), parent.end(), 0);
    const auto root = [&](int i) {
      while (parent[i] != i) i = parent[i] = parent[parent[i]];
      return i;
    };
    maker_.resize(graph_.tensors.size(), -1);
    for (size_t i = 0; i < ops.size(); ++i) {
      for (int tensor : graph_.ops[ops[i]].inputs) {
        if (tensor != kNoTensor && maker_[tensor] >= 0 && !graph_.tensors[tensor].is_constant()) {
          parent[root(static_cast<int>(i))] = root(maker_[tensor]);
        }
      }
      for (int tensor : graph_.ops[ops[i]].outputs) maker_[tensor] = static_cast<int>(i);
    }
    std::vector<bool> root_has_npu(ops.size()), result(ops.size());
    for (size_t i = 0; i < ops.size(); ++i) {
      if (OnNpu(ops[i]) || Binary(ops[i])) root_has_npu[root(static_cast<int>(i))] = true;
    }
    for (size_t i = 0; i < ops.size(); ++i) {
      result[i] = root_has_npu[root(static_cast<int>(i))];
      for (int tensor : graph_.ops[ops[i]].outputs) maker_[tensor] = -1;
    }
    return result;
  }

  void BuildPartitions(const std::vector<ColourGroup>& groups) {
    const std::vector<std::optional<PlacementEstimate>> estimates = Estimate(groups);
    std::vector<bool> unread(graph_.ops.size());
    std::vector<std::vector<int>> computed;        // per partition
    std::vector<std::vector<int>> segment_groups;  // per segment
    for (const ColourGroup& group : groups) {
      const int index = static_cast<int>(plan_.partitions.size());
      Partition& partition = plan_.partitions.emplace_back();
      partition.ops = group.ops;
      std::sort(partition.ops.begin(), partition.ops.end());
      partition.macs = PartitionMacs(partition.ops);
      if (!estimates.empty()) partition.estimate = estimates[index];
      std::vector<int>& to_compute = computed.emplace_back();
      std::vector<int> colour;
      std::vector<int> to_run;
      for (int op : partition.ops) {
        plan_.ops[op].partition = index;
        unread[op] = plan_.ops[op].evaluated;
        if (unread[op]) continue;
        to_compute.push_back(op);
        if (Folded(op)) continue;
        to_run.push_back(op);
        colour.push_back(static_cast<int>(plan_.ops[op].placement));
      }
      for (ColourGroup& piece : GroupByColour(*plan_.compute_graph, to_run, colour)) {
        const int segment_index = static_cast<int>(plan_.segments.size());
        partition.segments.push_back(segment_index);
        plan_.segments.push_back({static_cast<Placement>(piece.colour), index, {}, 0});
        for (int op : piece.ops) plan_.ops[op].segment = segment_index;
        segment_groups.push_back(std::move(piece.ops));
      }
    }
    for (OpPlan& op : plan_.ops) {
      if (op.folded_into >= 0) op.segment = plan_.ops[op.folded_into].segment;
      if (op.segment < 0) continue;
      int64_t& macs = plan_.segments[op.segment].macs;
      macs = SaturatingAdd(macs, op.macs);
    }
    std::vector<SegmentOps> boundaries =
        BoundariesOf(*plan_.compute_graph, std::move(segment_groups), unread);
    for (size_t i = 0; i < boundaries.size(); ++i) plan_.segments[i].ops = std::move(boundaries[i]);
    boundaries = BoundariesOf(graph_, std::move(computed), unread);
    for (size_t i = 0; i < boundaries.size(); ++i) {
      plan_.partitions[i].inputs = std::move(boundaries[i].inputs);
      plan_.partitions[i].outputs = std::move(boundaries[i].outputs);
      plan_.partitions[i].states = std::move(boundaries[i].states);
    }
  }

  const Graph& graph_;
  Plan& plan_;
  const InferenceResult& inference_;
  const PlacementModels* const models_;  // null: nothing is estimated
  std::vector<std::vector<Reason>> own_reasons_;  // of the op itself, whatever its neighbours are
  std::vector<std::vector<int>> readers_;         // per tensor
  std::vector<bool> graph_output_;                // per tensor
  std::vector<int> maker_;                        // scratch of FindOpsBesideNpu, all -1 between calls
};

bool WantsFold(const PlanOptions& options, std::string_view name) {
  if (!options.folds) return !IsFoldOnRequest(name);
  return std::find(options.folds->begin(), options.folds->end(), name) != options.folds->end();
}

// Folds whose operators do not end where they can act as one: `into` and what it absorbed on the NPU (a few folds: on
// delegate-cpu), those and what still runs beside them in one partition.
std::vector<Fold> BrokenFolds(const Plan& plan) {
  std::vector<Fold> broken;
  for (const Fold& fold : plan.folds) {
    const int partition = plan.ops[fold.into].partition;
    const Placement wanted = fold.on_cpu ? Placement::kDelegateCpu : Placement::kNpu;
    const auto placed = [&](int op) { return plan.ops[op].placement == wanted; };
    const std::vector<int> group = fold.group();
    const bool whole =
        partition >= 0 && placed(fold.into) && std::all_of(fold.absorbed.begin(), fold.absorbed.end(), placed) &&
        std::all_of(fold.rewritten.begin(), fold.rewritten.end(), placed) &&
        std::all_of(group.begin(), group.end(), [&](int op) { return plan.ops[op].partition == partition; });
    if (!whole) broken.push_back(fold);
  }
  return broken;
}

}  // namespace

std::string_view PlacementName(Placement placement) {
  switch (placement) {
    case Placement::kNpu: return "npu";
    case Placement::kDelegateCpu: return "delegate-cpu";
    case Placement::kHost: return "host";
  }
  return "host";
}

std::string ReasonText(const Reason& reason) {
  return fmt::format("{} is {}; allowed is {}", reason.text, reason.actual, reason.allowed);
}

Result<Plan> MakePlan(std::shared_ptr<Graph> graph, const PlanOptions& options, const PlacementModels* models) {
  const InferenceResult inference = InferShapes(*graph);
  std::vector<Fold> given_up;
  for (int round = 0;; ++round) {
    FoldedGraph folded = FoldGraph(graph, inference, [&](const Fold& fold) {
      return round < kMaxFoldRounds && WantsFold(options, fold.name) &&
             std::none_of(given_up.begin(), given_up.end(), [&](const Fold& f) { return f.Matches(fold); });
    });
    Plan plan;
    plan.options = options;
    plan.graph = graph;
    plan.compute_graph = std::move(folded.graph);
    plan.folds = std::move(folded.folds);
    plan.declined_folds = std::move(folded.declined);
    for (const Fold& fold : given_up) {
      plan.declined_folds.push_back(
          {fold.name, fold.into, fold.on_cpu ? "its operators are not all on delegate-cpu in one partition"
                                           : "its operators do not all reach the NPU in one partition"});
    }
    NPU_ASSIGN_OR_RETURN(plan.uint8_inputs, SelectUint8Inputs(*graph, options.input_uint8));
    NPU_RETURN_IF_ERROR(Planner(plan, inference, models).Run());
    std::vector<Fold> broken = BrokenFolds(plan);
    if (broken.empty()) {
      for (const OpPlan& op : plan.ops) plan.total_macs = SaturatingAdd(plan.total_macs, op.macs);
      plan.boundaries = FindBoundaries(plan);
      NPU_RETURN_IF_ERROR(CheckUint8Readers(plan));
      return plan;
    }
    given_up.insert(given_up.end(), std::make_move_iterator(broken.begin()),
                    std::make_move_iterator(broken.end()));
  }
}

}  // namespace npu
