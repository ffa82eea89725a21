// SPDX-License-Identifier: Apache-2.0
#include "partitioner/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "partitioner/advice.h"
#include "partitioner/io_notes.h"
#include "partitioner/op_notes.h"
#include "partitioner/plan_memory.h"

namespace npu {
namespace {

// The default object type sorts its keys.
using Json = nlohmann::json;

constexpr int kSchemaVersion = 1;

Json TensorJson(const Graph& graph, int index) {
  const Tensor& tensor = graph.tensors[index];
  Json json = {{"index", index},
               {"name", tensor.name},
               {"type", DataTypeName(tensor.type)},
               {"shape", tensor.shape_known ? Json(tensor.shape) : Json(nullptr)}};
  if (tensor.quantization.per_tensor()) {
    json["scale"] = tensor.scale();
    json["zero_point"] = tensor.zero_point();
  }
  return json;
}

// A tensor for those who explain or draw the model: what TensorJson says, its size and where it comes from.
Json WholeTensorJson(const Graph& graph, int index) {
  const Tensor& tensor = graph.tensors[index];
  Json json = TensorJson(graph, index);
  const std::optional<int64_t> bytes = tensor.byte_size();
  json["bytes"] = bytes ? Json(*bytes) : Json(nullptr);
  json["constant"] = tensor.is_constant();
  json["variable"] = tensor.is_variable;
  const std::vector<float>& scales = tensor.quantization.scale;
  if (scales.size() > 1) {
    const auto [min, max] = std::minmax_element(scales.begin(), scales.end());
    json["per_channel"] = {{"axis", tensor.quantization.quantized_dimension}, {"count", scales.size()}, {"min_scale", *min}, {"max_scale", *max}};
  }
  return json;
}

// Of all tensors that an operator or the graph's inputs and outputs name, ascending.
Json UsedTensorsJson(const Graph& graph) {
  std::vector<bool> used(graph.tensors.size(), false);
  const auto use = [&](const std::vector<int>& tensors) {
    for (int tensor : tensors) {
      if (tensor != kNoTensor) used[tensor] = true;
    }
  };
  use(graph.inputs);
  use(graph.outputs);
  for (const Op& op : graph.ops) {
    use(op.inputs);
    use(op.outputs);
  }
  Json json = Json::array();
  for (size_t i = 0; i < used.size(); ++i) {
    if (used[i]) json.push_back(WholeTensorJson(graph, static_cast<int>(i)));
  }
  return json;
}

Json TensorsJson(const Graph& graph, const std::vector<int>& tensors) {
  Json json = Json::array();
  for (int index : tensors) json.push_back(TensorJson(graph, index));
  return json;
}

Json IoNotesJson(const Plan& plan) {
  std::vector<std::string> notes = IoNotes(*plan.graph);
  for (int tensor : plan.uint8_inputs) {
    notes.push_back(fmt::format("input \"{}\": given as UINT8, 128 above its INT8 value (option input_uint8)",
                                plan.graph->tensors[tensor].name));
  }
  return notes;
}

Json ModelJson(const Plan& plan, const Diagnosis& diagnosis, const ReportContext& context) {
  const Graph& graph = *plan.graph;
  return {{"kind", diagnosis.code},
          {"kind_sentence", diagnosis.sentence},
          {"description", context.model_description},
          {"subgraph_name", graph.name},
          {"io_notes", IoNotesJson(plan)},
          {"inputs", TensorsJson(graph, graph.inputs)},
          {"outputs", TensorsJson(graph, graph.outputs)},
          {"ops", graph.ops.size()},
          {"size_bytes", context.model_size_bytes}};
}

Json SummaryJson(const Plan& plan) {
  int64_t counts[3] = {};
  int64_t npu_macs = 0;
  for (const OpPlan& op : plan.ops) {
    ++counts[static_cast<size_t>(op.placement)];
    if (op.placement == Placement::kNpu) npu_macs += op.macs;
  }
  const int64_t host = counts[static_cast<size_t>(Placement::kHost)];
  const double share = plan.total_macs > 0
                           ? static_cast<double>(npu_macs) / static_cast<double>(plan.total_macs)
                           : (host == 0 ? 1.0 : 0.0);
  return {{"ops", plan.ops.size()},
          {"npu", counts[static_cast<size_t>(Placement::kNpu)]},
          {"delegate_cpu", counts[static_cast<size_t>(Placement::kDelegateCpu)]},
          {"host", host},
          {"macs", plan.total_macs},
          {"npu_macs", npu_macs},
          {"npu_mac_share", share},
          {"partitions", plan.partitions.size()},
          {"segments", plan.segments.size()}};
}

Json PartitionsJson(const Plan& plan) {
  Json json = Json::array();
  for (size_t i = 0; i < plan.partitions.size(); ++i) {
    const Partition& partition = plan.partitions[i];
    json.push_back({{"index", i},
                    {"ops", partition.ops},
                    {"inputs", partition.inputs},
                    {"outputs", partition.outputs},
                    {"macs", partition.macs}});
    if (partition.estimate) {
      json.back()["estimate"] = {{"npu_us", partition.estimate->npu_us}, {"host_us", partition.estimate->host_us}};
    }
  }
  return json;
}

Json SegmentsJson(const Plan& plan) {
  Json json = Json::array();
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    const Segment& segment = plan.segments[i];
    json.push_back({{"index", i},
                    {"partition", segment.partition},
                    {"placement", PlacementName(segment.placement)},
                    {"ops", segment.ops.ops},
                    {"inputs", segment.ops.inputs},
                    {"outputs", segment.ops.outputs},
                    {"macs", segment.macs}});
  }
  return json;
}

Json BoundariesJson(const Plan& plan) {
  Json json = Json::array();
  for (size_t i = 0; i < plan.boundaries.size(); ++i) {
    const Boundary& boundary = plan.boundaries[i];
    json.push_back({{"index", i},
                    {"from", boundary.from},
                    {"to", boundary.to},
                    {"tensors", boundary.tensors},
                    {"bytes", boundary.bytes},
                    {"causes", boundary.causes},
                    {"host_ops", boundary.host_ops},
                    {"host_macs", boundary.host_macs}});
  }
  return json;
}

Json UseJson(const MemoryUse& use) {
  return {{"arena_bytes", use.arena_bytes},
          {"constant_bytes", use.constant_bytes},
          {"uncopied_bytes", use.uncopied_bytes}};
}

Json MemoryJson(const Plan& plan) {
  const Result<PlanMemoryUse> memory = MemoryOfPlan(plan);
  if (!memory) return {{"error", memory.error().text}};
  Json json = UseJson(memory->total);
  const auto list = [](const std::vector<MemoryUse>& uses) {
    Json entries = Json::array();
    for (size_t i = 0; i < uses.size(); ++i) {
      entries.push_back(UseJson(uses[i]));
      entries.back()["index"] = i;
    }
    return entries;
  };
  json["partitions"] = list(memory->partitions);
  json["segments"] = list(memory->segments);
  return json;
}

Json FoldsJson(const Plan& plan) {
  Json json = Json::array();
  for (const Fold& fold : plan.folds) {
    json.push_back({{"name", fold.name},
                    {"into", fold.into},
                    {"absorbed", fold.absorbed},
                    {"bypassed", fold.bypassed},
                    {"rewritten", fold.rewritten},
                    {"why", fold.why}});
  }
  return json;
}

Json DeclinedFoldsJson(const Plan& plan) {
  Json json = Json::array();
  for (const DeclinedFold& fold : plan.declined_folds) {
    json.push_back({{"name", fold.name}, {"into", fold.into}, {"why", fold.why}});
  }
  return json;
}

Json IdJson(const MaybeAdvice& advice) { return advice ? Json(GetAdvice(*advice).name) : Json(nullptr); }

Json ReasonsJson(const Plan& plan, const PlanAdvice& advice, size_t op) {
  Json json = Json::array();
  for (size_t i = 0; i < plan.ops[op].reasons.size(); ++i) {
    const Reason& reason = plan.ops[op].reasons[i];
    json.push_back({{"code", ReasonCodeName(reason.code)},
                    {"kind", ReasonKindName(reason.code)},
                    {"text", reason.text},
                    {"actual", reason.actual},
                    {"allowed", reason.allowed},
                    {"advice", IdJson(advice.reasons[op][i])}});
  }
  return json;
}

Json OpJson(const Plan& plan, const PlanAdvice& advice, size_t index, const std::vector<std::string>& notes) {
  const Op& op = plan.graph->ops[index];
  const OpPlan& op_plan = plan.ops[index];
  const bool has_output = !op.outputs.empty() && op.outputs[0] != kNoTensor;
  return {{"index", index},
          {"op", OpName(op)},
          {"version", op.version},
          {"name", has_output ? plan.graph->tensors[op.outputs[0]].name : ""},
          {"inputs", op.inputs},
          {"outputs", op.outputs},
          {"macs", op_plan.macs},
          {"placement", PlacementName(op_plan.placement)},
          {"segment", op_plan.segment},
          {"partition", op_plan.partition},
          {"evaluated", op_plan.evaluated},
          {"folded_into", op_plan.folded_into},
          {"notes", notes},
          {"reasons", ReasonsJson(plan, advice, index)}};
}

Json BlockersJson(const Plan& plan, const PlanAdvice& advice, const std::vector<Blocker>& blockers) {
  Json list = Json::array();
  for (const Blocker& blocker : blockers) {
    const int first = blocker.ops.front();
    Json ids = Json::array();
    for (const MaybeAdvice& id : advice.reasons[first]) {
      if (id && std::find(ids.begin(), ids.end(), IdJson(id)) == ids.end()) ids.push_back(IdJson(id));
    }
    list.push_back({{"op", OpName(plan.graph->ops[first])},
                    {"ops", blocker.ops},
                    {"placement", PlacementName(plan.ops[first].placement)},
                    {"reasons", ReasonsJson(plan, advice, first)},
                    {"advice", std::move(ids)},
                    {"macs", blocker.macs},
                    {"victims", blocker.victims},
                    {"victim_macs", blocker.victim_macs},
                    {"bytes", blocker.bytes},
                    {"boundaries", blocker.boundaries},
                    {"extra_partitions", blocker.extra_partitions ? Json(*blocker.extra_partitions) : Json(nullptr)}});
  }
  return list;
}

Json AdviceJson(const PlanAdvice& advice) {
  Json list = Json::array();
  for (const Advice& item : advice.ranked) {
    const AdviceText& text = GetAdvice(item.id);
    list.push_back({{"id", text.name},
                    {"title", text.title},
                    {"text", text.text},
                    {"ops", item.ops},
                    {"macs", item.macs},
                    {"url", AdviceUrl(item.id)}});
  }
  return list;
}

Json SubgraphsJson(const ReportContext& context) {
  Json json = Json::array();
  for (size_t i = 0; i < context.subgraphs.size(); ++i) {
    const SubgraphPlan& subgraph = context.subgraphs[i];
    Json entry = {{"index", i + 1}, {"name", subgraph.name}};
    if (subgraph.plan) {
      entry["summary"] = SummaryJson(*subgraph.plan);
    } else {
      entry["error"] = subgraph.plan.error().text;
    }
    json.push_back(std::move(entry));
  }
  return json;
}

Json FindingsJson(const std::vector<Finding>& findings, const PlanAdvice& advice) {
  Json list = Json::array();
  for (size_t i = 0; i < findings.size(); ++i) {
    list.push_back({{"code", findings[i].code},
                    {"op", findings[i].op},
                    {"text", findings[i].text},
                    {"advice", IdJson(advice.findings[i])}});
  }
  return list;
}

}  // namespace

std::string ReportJson(const Plan& plan, const ReportContext& context) {
  const Diagnosis diagnosis = Diagnose(*plan.graph);
  const std::vector<Finding> findings = FindProblems(*plan.graph);
  const std::vector<Blocker> blockers = FindBlockers(plan);
  const PlanAdvice advice = AdvisePlan(plan, diagnosis, findings, blockers);
  const std::vector<std::vector<std::string>> notes = OpNotes(plan);
  Json ops = Json::array();
  for (size_t i = 0; i < plan.ops.size(); ++i) ops.push_back(OpJson(plan, advice, i, notes[i]));
  const Json json = {{"schema_version", kSchemaVersion},
                     {"model", ModelJson(plan, diagnosis, context)},
                     {"summary", SummaryJson(plan)},
                     {"partitions", PartitionsJson(plan)},
                     {"segments", SegmentsJson(plan)},
                     {"memory", MemoryJson(plan)},
                     {"boundaries", BoundariesJson(plan)},
                     {"blockers", BlockersJson(plan, advice, blockers)},
                     {"advice", AdviceJson(advice)},
                     {"ops", std::move(ops)},
                     {"tensors", UsedTensorsJson(*plan.graph)},
                     {"folds", FoldsJson(plan)},
                     {"declined_folds", DeclinedFoldsJson(plan)},
                     {"findings", FindingsJson(findings, advice)},
                     {"subgraphs", SubgraphsJson(context)}};
  // Names come from the model and may be any bytes; the default handler would throw.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace npu
