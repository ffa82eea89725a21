// placement [--threads N] [--device NAME] [--cache-dir DIR] MODEL.tflite ...: what placement=auto sees. One JSON line per
// model: the work of its operators by kind, the estimates for its partitions, and the numbers that they come from.
// bench/placement.py runs it and compares with measured times.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backends/host_speed.h"
#include "partitioner/compile.h"
#include "partitioner/plan.h"
#include "schema/reader.h"

namespace {

using namespace npu;
using Json = nlohmann::ordered_json;

Json SpeedJson(const SpeedModel& model) {
  Json json;
#define NPU_SPEED_FIELD(name, unit, what) json[#name] = model.name;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  return json;
}

// Sums over the operators that would run: what SpeedModel's numbers are multiplied with.
Json WorkJson(const Plan& plan, bool unfolded) {
  const Graph& graph = unfolded ? *plan.graph : *plan.compute_graph;
  double conv_macs = 0, conv_outputs = 0, depthwise_macs = 0, connected_macs = 0, bytes = 0;
  int ops = 0;
  for (size_t i = 0; i < plan.ops.size(); ++i) {
    if (plan.ops[i].evaluated || (!unfolded && plan.ops[i].folded_into >= 0)) continue;
    const OpWork work = WorkOf(graph, graph.ops[i]);
    ++ops;
    switch (work.kind) {
      case OpWork::Class::kConvolution: conv_macs += work.macs; conv_outputs += work.outputs; break;
      case OpWork::Class::kDepthwise: depthwise_macs += work.macs; break;
      case OpWork::Class::kFullyConnected: connected_macs += work.macs; break;
      case OpWork::Class::kOther: bytes += work.bytes; break;
    }
  }
  return {{"conv_macs", conv_macs}, {"conv_outputs", conv_outputs}, {"depthwise_macs", depthwise_macs},
          {"connected_macs", connected_macs}, {"bytes", bytes}, {"ops", ops}};
}

int Fail(const std::string& text) {
  std::fprintf(stderr, "placement: %s\n", text.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  KeyValues options = {{"placement", "auto"}};
  std::vector<std::string> models;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--") && i + 1 < argc) {
      std::string key = argument.substr(2);
      std::replace(key.begin(), key.end(), '-', '_');
      options.emplace_back(key, argv[++i]);
    } else {
      models.push_back(argument);
    }
  }
  const auto parsed = ParseOptions(options);
  if (!parsed) return Fail(parsed.error().text);
  const auto measured = MeasuredModels(*parsed);
  if (!measured || !*measured) return Fail(measured ? "no models" : measured.error().text);
  for (const std::string& path : models) {
    auto model = ReadModelFile(path);
    if (!model) return Fail(model.error().text);
    // Everything on the NPU, with its estimate: what would be left to the host is to be measured, too.
    PlacementModels generous = **measured;
    generous.host.launch_us = 1e12;
    PlanOptions plan_options = parsed->plan;
    auto plan = MakePlan(std::make_shared<Graph>(*model->subgraphs.at(0)), plan_options, &generous);
    if (!plan) return Fail(plan.error().text);
    double npu_us = 0, host_us = 0;
    for (const Partition& partition : plan->partitions) {
      if (!partition.estimate) continue;
      npu_us += partition.estimate->npu_us;
      // As in the plan, with the real host.
      for (int op : partition.ops) {
        if (!plan->ops[op].evaluated) host_us += EstimateUs(WorkOf(*plan->graph, plan->graph->ops[op]), (*measured)->host);
      }
    }
    const Json line = {{"model", path},
                       {"partitions", plan->partitions.size()},
                       {"npu_us", npu_us},
                       {"host_us", host_us},
                       {"leaves", PlacementEstimate{npu_us, host_us}.npu_is_slower()},
                       {"npu_work", WorkJson(*plan, false)},
                       {"host_work", WorkJson(*plan, true)},
                       {"npu_speed", SpeedJson((*measured)->npu)},
                       {"host_speed", SpeedJson((*measured)->host)}};
    std::printf("%s\n", line.dump().c_str());
  }
  return 0;
}
