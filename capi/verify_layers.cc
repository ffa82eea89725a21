// SPDX-License-Identifier: Apache-2.0
#include "capi/verify_layers.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backends/cpu/cpu_backend.h"
#include "capi/layer_values.h"

namespace npu {
namespace {

using Json = nlohmann::ordered_json;

// What requantize=float may do to one operator: its integers by one, and nothing else.
constexpr double kFloatTolerance = 1;

bool Rounded(DataType type) {
  return type == DataType::kInt8 || type == DataType::kUInt8 || type == DataType::kInt16;
}

Json DifferenceJson(const Difference& difference) {
  return {{"differing", difference.differing}, {"max_difference", difference.max}};
}

class LayerVerifier {
 public:
  LayerVerifier(const Plan& plan, const Backends& backends, const ComputeOptions& options,
                const LayerRun& run)
      : plan_(plan),
        graph_(*plan.compute_graph),
        backends_(backends),
        options_(options),
        run_(run),
        tolerance_(options.requantize == Requantize::kFloat ? kFloatTolerance : 0),
        reference_(MakeCpuBackend()),
        values_(plan, reference_, options, run.seed),
        cumulative_(graph_.tensors.size()),
        known_(graph_.tensors.size()),
        states_after_(graph_.tensors.size()) {}

  Result<std::string> Run() {
    NPU_RETURN_IF_ERROR(values_.SetInputs(run_.inputs));
    for (int tensor : plan_.graph->inputs) Give(tensor, -1, nullptr, nullptr);
    // Before the reference runs, all that is known is where the device begins, too.
    Begin();
    values_.Compute();
    NPU_RETURN_IF_ERROR(RunNetwork());
    Json ops = Json::array();
    for (size_t i = 0; i < plan_.ops.size(); ++i) {
      NPU_ASSIGN_OR_RETURN(Json op, OpJson(static_cast<int>(i)));
      ops.push_back(std::move(op));
    }
    const Json report{{"device", backends_.npu->device_name()},
                      {"inputs", run_.inputs.empty() ? "random" : "given"},
                      {"ops", std::move(ops)},
                      {"compared_tensors", compared_},
                      {"tolerance", tolerance_},
                      {"first_diverging", first_diverging_},
                      {"max_difference", max_difference_}};
    return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  }

 private:
  void Begin() {
    for (size_t i = 0; i < known_.size(); ++i) {
      if (!values_.known(static_cast<int>(i))) continue;
      known_[i] = true;
      cumulative_[i] = values_.values()[i];
    }
  }

  Backend& BackendOf(const Segment& segment) const {
    return segment.placement == Placement::kNpu ? *backends_.npu : *backends_.cpu;
  }

  // Segments and the host's operators, each as soon as what it reads is there.
  Status RunNetwork() {
    std::vector<bool> segment_done(plan_.segments.size()), op_done(plan_.ops.size());
    for (bool progress = true; progress;) {
      progress = false;
      for (size_t s = 0; s < segment_done.size(); ++s) {
        if (segment_done[s] || !LayerValues::Ready(plan_.segments[s].ops, known_)) continue;
        NPU_RETURN_IF_ERROR(RunSegment(plan_.segments[s]));
        segment_done[s] = progress = true;
      }
      for (size_t i = 0; i < op_done.size(); ++i) {
        if (op_done[i] || plan_.ops[i].placement != Placement::kHost) continue;
        if (RunHostOp(static_cast<int>(i))) op_done[i] = progress = true;
      }
    }
    return {};
  }

  // With every tensor that it makes as an output.
  Status RunSegment(const Segment& segment) {
    SegmentOps all = segment.ops;
    all.outputs.clear();
    for (int op : all.ops) {
      const SegmentOps alone = LayerValues::Alone(graph_, op);
      all.outputs.insert(all.outputs.end(), alone.outputs.begin(), alone.outputs.end());
    }
    std::ranges::sort(all.outputs);
    NPU_ASSIGN_OR_RETURN(std::vector<TensorBytes> results,
                         RunOnce(BackendOf(segment), plan_.compute_graph, all, options_, cumulative_));
    for (size_t i = 0; i < all.outputs.size(); ++i) {
      cumulative_[all.outputs[i]] = std::move(results[i]);
      known_[all.outputs[i]] = true;
    }
    for (size_t i = 0; i < all.states.size(); ++i) {
      states_after_[all.states[i]] = std::move(results[all.outputs.size() + i]);
    }
    return {};
  }

  // What the reference computes of the host's, it computes from what the device made; the rest is what was
  // drawn.
  bool RunHostOp(int op) {
    const SegmentOps alone = LayerValues::Alone(*plan_.graph, op);
    if (values_.drawn(op)) {
      for (int tensor : alone.outputs) {
        cumulative_[tensor] = values_.values()[tensor];
        known_[tensor] = true;
      }
      return true;
    }
    if (!values_.own_reference(op) || !LayerValues::Ready(alone, known_)) return false;
    if (alone.outputs.empty()) return true;
    auto results = RunOnce(*reference_, plan_.graph, alone, options_, cumulative_);
    if (!results) return false;
    for (size_t i = 0; i < alone.outputs.size(); ++i) {
      cumulative_[alone.outputs[i]] = std::move((*results)[i]);
      known_[alone.outputs[i]] = true;
    }
    return true;
  }

  Result<Json> OpJson(int op) {
    const OpPlan& plan = plan_.ops[op];
    const Op& model_op = plan_.graph->ops[op];
    Json json{{"index", op},
              {"op", OpName(model_op)},
              {"name", model_op.outputs.empty() || model_op.outputs[0] == kNoTensor
                           ? ""
                           : plan_.graph->tensors[model_op.outputs[0]].name},
              {"placement", PlacementName(plan.placement)},
              {"segment", plan.segment}};
    if (plan.placement == Placement::kHost) {
      json["state"] = "host";
      json["made_by"] = values_.drawn(op) ? "random" : values_.own_reference(op) ? "reference" : "nobody";
    } else if (plan.folded_into >= 0) {
      json["state"] = "folded";
      json["into"] = plan.folded_into;
    } else if (plan.evaluated || plan.segment < 0) {
      json["state"] = "evaluated";
    } else {
      NPU_RETURN_IF_ERROR(CompareOp(op, json));
    }
    return json;
  }

  Status CompareOp(int op, Json& json) {
    const Segment& segment = plan_.segments[plan_.ops[op].segment];
    const SegmentOps alone = LayerValues::Alone(graph_, op);
    const bool has_reference = values_.ready(alone) && std::ranges::all_of(alone.outputs, [&](int tensor) {
                                 return values_.known(tensor);
                               });
    if (!has_reference) {
      json["state"] = "not compared";
      json["why"] = values_.problem(op).empty() ? "what it reads has no size that the model knows"
                                                : values_.problem(op);
      return {};
    }
    json["state"] = "compared";
    const bool own = std::ranges::all_of(alone.outputs, [&](int tensor) { return values_.by_model(tensor); });
    json["reference"] = own ? "model" : "folded operator";
    auto isolated = RunOnce(BackendOf(segment), plan_.compute_graph, alone, options_, values_.values());
    if (!isolated) return tl::unexpected<Error>(isolated.error().WithContext(DescribeOp(graph_, op)));
    Json outputs = Json::array();
    const std::vector<int> tensors = WithStates(alone.outputs, alone);
    for (size_t i = 0; i < tensors.size(); ++i) {
      const int tensor = tensors[i];
      const bool state = i >= alone.outputs.size();
      const TensorBytes& expected = state ? values_.state_after(tensor) : values_.values()[tensor];
      const TensorBytes* network = state ? &states_after_[tensor] : &cumulative_[tensor];
      if (network->size() != expected.size()) network = nullptr;
      outputs.push_back(CompareTensor(op, tensor, expected, (*isolated)[i], network));
      if (state)
        outputs.back()["state"] = true;
      else
        Give(tensor, op, network, &(*isolated)[i]);
    }
    json["outputs"] = std::move(outputs);
    return {};
  }

  // Differences of one operator grow on their way through the network, so that with a tolerance only the
  // operators alone can be judged.
  bool Agrees(const Tensor& info, const Difference& alone, const Difference& whole) const {
    if (tolerance_ == 0) return alone.differing == 0 && whole.differing == 0;
    return alone.differing == 0 || (Rounded(info.type) && alone.max <= tolerance_);
  }

  Json CompareTensor(int op, int tensor, const TensorBytes& expected, const TensorBytes& isolated,
                     const TensorBytes* network) {
    const Tensor& info = graph_.tensors[tensor];
    const Difference alone = Compare(info, expected, isolated);
    const Difference whole = network == nullptr ? Difference() : Compare(info, expected, *network);
    ++compared_;
    max_difference_ = std::max({max_difference_, alone.max, whole.max});
    const bool agrees = Agrees(info, alone, whole);
    if (first_diverging_.is_null() && !agrees) {
      first_diverging_ = {{"op", op},
                          {"name", OpName(plan_.graph->ops[op])},
                          {"tensor", tensor},
                          {"tensor_name", info.name},
                          {"in", alone.differing > 0 ? "isolated" : "cumulative"}};
    }
    return {{"tensor", tensor},
            {"name", info.name},
            {"elements", alone.elements},
            {"isolated", DifferenceJson(alone)},
            {"cumulative", network == nullptr ? Json(nullptr) : DifferenceJson(whole)},
            {"agrees", agrees}};
  }

  void Give(int tensor, int op, const TensorBytes* network, const TensorBytes* isolated) const {
    if (!run_.sink) return;
    run_.sink({tensor, op, &graph_.tensors[tensor], values_.values()[tensor].data(),
               network == nullptr ? nullptr : network->data(),
               isolated == nullptr ? nullptr : isolated->data()});
  }

  const Plan& plan_;
  const Graph& graph_;
  const Backends& backends_;
  const ComputeOptions& options_;
  const LayerRun& run_;
  const double tolerance_;
  const std::shared_ptr<Backend> reference_;
  LayerValues values_;
  std::vector<TensorBytes> cumulative_;  // by tensor
  std::vector<bool> known_;
  std::vector<TensorBytes> states_after_;
  int64_t compared_ = 0;
  double max_difference_ = 0;
  Json first_diverging_ = nullptr;
};

}  // namespace

Result<std::string> VerifyLayers(const Plan& plan, const Backends& backends, const ComputeOptions& options,
                                 const LayerRun& run) {
  return LayerVerifier(plan, backends, options, run).Run();
}

}  // namespace npu
