// SPDX-License-Identifier: Apache-2.0
#include "partitioner/profile_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace npu {
namespace {

using Json = nlohmann::json;

// One process for all; its rows ("threads").
constexpr int kProcess = 1, kHostRow = 1, kComputeRow = 2;

Json NameOf(std::string_view what, int row, std::string name) {
  return {{"ph", "M"}, {"name", what}, {"pid", kProcess}, {"tid", row}, {"args", {{"name", std::move(name)}}}};
}

}  // namespace

void TimelineWriter::Add(int partition, const ProfiledExecutable& executable, const InvokeTrace& trace) {
  if (trace.segments.empty()) return;
  events_.push_back({trace.segments.front().begin_ns, trace.segments.back().end_ns, kHostRow,
                     fmt::format("partition {}", partition), "partition", Json::object()});
  for (const SegmentTrace& segment : trace.segments) AddSegment(executable, segment);
}

void TimelineWriter::AddSegment(const ProfiledExecutable& executable, const SegmentTrace& segment) {
  const bool on_device = segment.clock != TraceClock::kHost;
  events_.push_back({segment.begin_ns, segment.end_ns, kHostRow,
                     fmt::format("segment {} on {}", segment.part, on_device ? "opencl" : "cpu"), "segment",
                     {{"replaced", segment.replaced}}});
  if (on_device) {
    const std::tuple<const char*, int64_t, int64_t> phases[] = {
        {"upload", segment.begin_ns, segment.uploaded_ns},
        {"queue", segment.uploaded_ns, segment.queued_ns},
        {"run", segment.queued_ns, segment.ran_ns},
        {"download", segment.ran_ns, segment.end_ns},
    };
    for (const auto& [name, begin, end] : phases) {
      events_.push_back({begin, end, kHostRow, name, "phase", Json::object()});
    }
  }
  for (const TraceStep& step : segment.steps) {
    const int op = executable.plan_op.empty() ? step.op : executable.plan_op[step.op];
    const Op& graph_op = plan_.graph->ops[op];
    const bool named = !graph_op.outputs.empty() && graph_op.outputs[0] != kNoTensor;
    events_.push_back({step.begin_ns, step.end_ns, kComputeRow, fmt::format("{}@{}", OpName(graph_op), op), "op",
                       {{"op", op},
                        {"kernel", std::string(step.kernel)},
                        {"output", named ? plan_.graph->tensors[graph_op.outputs[0]].name : ""}}});
  }
}

nlohmann::json TimelineWriter::Events() const {
  Json json = Json::array();
  json.push_back(NameOf("process_name", 0, "npu-delegate on " + device_));
  json.push_back(NameOf("thread_name", kHostRow, "invoke"));
  json.push_back(NameOf("thread_name", kComputeRow, "operators"));
  std::vector<const Event*> sorted;
  for (const Event& event : events_) sorted.push_back(&event);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Event* a, const Event* b) {
    return std::tuple(a->begin_ns, -a->end_ns) < std::tuple(b->begin_ns, -b->end_ns);
  });
  const int64_t start = sorted.empty() ? 0 : sorted.front()->begin_ns;
  for (const Event* event : sorted) {
    json.push_back({{"ph", "X"},
                    {"name", event->name},
                    {"cat", event->category},
                    {"pid", kProcess},
                    {"tid", event->row},
                    {"ts", static_cast<double>(event->begin_ns - start) / 1e3},
                    {"dur", static_cast<double>(event->end_ns - event->begin_ns) / 1e3},
                    {"args", event->args}});
  }
  return json;
}

}  // namespace npu
