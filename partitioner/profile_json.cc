// A Profile as the document that profile.h describes. Start at Json.
// SPDX-License-Identifier: Apache-2.0
#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string_view>

#include "backends/ops/room.h"
#include "partitioner/profile.h"
#include "partitioner/profile_timeline.h"

namespace npu {
namespace {

using Json = nlohmann::json;

constexpr int kSchemaVersion = 1;

double Us(int64_t ns) { return static_cast<double>(ns) / 1e3; }

// Times of one thing over the kept invocations.
class Series {
 public:
  void Add(int64_t ns) { values_.push_back(ns); }
  double MedianNs() const {
    if (values_.empty()) return 0;
    std::vector<int64_t> sorted = values_;
    std::sort(sorted.begin(), sorted.end());
    const size_t middle = sorted.size() / 2;
    if (sorted.size() % 2 == 1) return static_cast<double>(sorted[middle]);
    return (static_cast<double>(sorted[middle - 1]) + static_cast<double>(sorted[middle])) / 2;
  }
  Json Statistics() const {
    if (values_.empty()) return nullptr;
    const auto [min, max] = std::minmax_element(values_.begin(), values_.end());
    return {{"median", MedianNs() / 1e3}, {"min", Us(*min)}, {"max", Us(*max)}, {"count", values_.size()}};
  }

 private:
  std::vector<int64_t> values_;
};

// What is known of an operator of the plan.
struct OpTimes {
  Series ns;
  std::set<std::string_view> kernels;
  int launches = 0;  // of one invocation
  bool ran = false, measured = false, on_device = false;
  int64_t macs = 0, bytes = 0;
};

// Bytes that an operator reads and writes, each operand once.
int64_t OperandBytes(const Graph& graph, const Op& op) {
  int64_t bytes = 0;
  for (const std::vector<int>* list : {&op.inputs, &op.outputs}) {
    for (int tensor : *list) {
      if (tensor == kNoTensor) continue;
      const Tensor& t = graph.tensors[tensor];
      bytes += t.is_constant() ? static_cast<int64_t>(t.data.bytes.size()) : t.byte_size().value_or(0);
    }
  }
  return bytes;
}

Json MemoryJson(const MemoryUse& memory) {
  return {{"arena_bytes", memory.arena_bytes},
          {"constant_bytes", memory.constant_bytes},
          {"staging_bytes", memory.staging_bytes},
          {"uncopied_bytes", memory.uncopied_bytes}};
}

void Add(MemoryUse& sum, const MemoryUse& memory) {
  sum.arena_bytes += memory.arena_bytes;
  sum.constant_bytes += memory.constant_bytes;
  sum.staging_bytes += memory.staging_bytes;
  sum.uncopied_bytes += memory.uncopied_bytes;
}

std::string_view ClockName(TraceClock clock) {
  switch (clock) {
    case TraceClock::kHost: return "host";
    case TraceClock::kDevice: return "device";
    case TraceClock::kLaunch: return "launch";
  }
  return "host";
}

}  // namespace

class ProfileWriter {
 public:
  explicit ProfileWriter(const Profile& profile) : profile_(profile), plan_(*profile.plan_) {}

  std::string Write() {
    ops_.resize(plan_.ops.size());
    for (const Profile::Entry& entry : profile_.entries_) ReadOps(entry);
    Json partitions = Json::array(), segments = Json::array();
    MemoryUse memory;
    double total_us = 0;
    for (size_t i = 0; i < profile_.entries_.size(); ++i) {
      const Profile::Entry& entry = profile_.entries_[i];
      Series ns;
      for (const InvokeTrace& trace : entry.traces) {
        if (trace.segments.empty()) continue;
        ns.Add(trace.segments.back().end_ns - trace.segments.front().begin_ns);
      }
      total_us += ns.MedianNs() / 1e3;
      Add(memory, entry.executable.memory);
      partitions.push_back({{"index", i},
                            {"invocations", entry.invocations},
                            {"us", ns.Statistics()},
                            {"memory", MemoryJson(entry.executable.memory)}});
      SegmentsJson(static_cast<int>(i), entry, segments);
    }
    Json memory_json = MemoryJson(memory);
    struct rusage usage {};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
      memory_json["process_peak_rss_bytes"] = static_cast<int64_t>(usage.ru_maxrss) * 1024;  // of kB
    }
    const ProfileDevice& device = profile_.device_;
    Json profile = {{"schema_version", kSchemaVersion},
                    {"device",
                     {{"name", device.name},
                      {"threads", device.threads},
                      {"peak_gmacs", device.peak_gmacs ? Json(*device.peak_gmacs) : Json(nullptr)}}},
                    {"invocations", profile_.recorded_},
                    {"us", total_us},
                    {"partitions", std::move(partitions)},
                    {"segments", std::move(segments)},
                    {"ops", OpsJson()},
                    {"memory", std::move(memory_json)}};
    const Json document = {
        {"displayTimeUnit", "ns"}, {"traceEvents", Timeline()}, {"profile", std::move(profile)}};
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

 private:
  static int PlanOp(const Profile::Entry& entry, int op) {
    return entry.executable.plan_op.empty() ? op : entry.executable.plan_op[op];
  }

  void ReadOps(const Profile::Entry& entry) {
    for (const InvokeTrace& trace : entry.traces) {
      std::map<int, std::pair<int64_t, int>> times;  // by op: nanoseconds, steps
      for (const SegmentTrace& segment : trace.segments) {
        for (const TraceStep& step : segment.steps) {
          auto& [ns, steps] = times[step.op];
          ns += step.end_ns - step.begin_ns;
          ++steps;
          OpTimes& op = ops_[PlanOp(entry, step.op)];
          op.on_device = segment.clock != TraceClock::kHost;
          if (!step.kernel.empty()) op.kernels.insert(step.kernel);
        }
      }
      for (const auto& [index, time] : times) {
        const Op& graph_op = entry.executable.graph->ops[index];
        OpTimes& op = ops_[PlanOp(entry, index)];
        op.ran = true;
        op.ns.Add(time.first);
        op.launches = op.on_device ? time.second : 0;
        op.macs = Macs(*entry.executable.graph, graph_op);
        op.bytes = OperandBytes(*entry.executable.graph, graph_op);
      }
    }
    if (entry.traces.empty()) return;
    for (size_t i = 0; i < entry.executable.graph->ops.size(); ++i) ops_[PlanOp(entry, static_cast<int>(i))].measured = true;
  }

  Json Rate(int64_t macs, double ns) const {
    return macs > 0 && ns > 0 ? Json(static_cast<double>(macs) / ns) : Json(nullptr);
  }
  Json PeakShare(int64_t macs, double ns) const {
    const std::optional<double>& peak = profile_.device_.peak_gmacs;
    return macs > 0 && ns > 0 && peak && *peak > 0 ? Json(static_cast<double>(macs) / ns / *peak) : Json(nullptr);
  }

  void SegmentsJson(int partition, const Profile::Entry& entry, Json& segments) const {
    std::map<int, std::vector<const SegmentTrace*>> parts;
    for (const InvokeTrace& trace : entry.traces) {
      for (const SegmentTrace& segment : trace.segments) parts[segment.part].push_back(&segment);
    }
    for (const auto& [part, traces] : parts) {
      Series total, upload, queue, run, download, busy;
      std::vector<int> ops;
      int64_t macs = 0;
      const SegmentTrace& last = *traces.back();
      for (const SegmentTrace* trace : traces) {
        total.Add(trace->end_ns - trace->begin_ns);
        upload.Add(trace->uploaded_ns - trace->begin_ns);
        queue.Add(trace->queued_ns - trace->uploaded_ns);
        run.Add(trace->ran_ns - trace->queued_ns);
        download.Add(trace->end_ns - trace->ran_ns);
        busy.Add(std::accumulate(trace->steps.begin(), trace->steps.end(), int64_t{0},
                                 [](int64_t sum, const TraceStep& step) { return sum + step.end_ns - step.begin_ns; }));
      }
      for (const TraceStep& step : last.steps) {
        const int op = PlanOp(entry, step.op);
        if (!ops.empty() && ops.back() == op) continue;
        ops.push_back(op);
        macs += Macs(*entry.executable.graph, entry.executable.graph->ops[step.op]);
      }
      const double busy_ns = busy.MedianNs();
      segments.push_back(
          {{"partition", partition},
           {"part", part},
           {"backend", last.clock == TraceClock::kHost ? "cpu" : "opencl"},
           {"clock", ClockName(last.clock)},
           {"replaced", last.replaced},
           {"ops", std::move(ops)},
           {"us", total.Statistics()},
           {"upload_us", upload.MedianNs() / 1e3},
           {"queue_us", queue.MedianNs() / 1e3},
           {"run_us", run.MedianNs() / 1e3},
           {"download_us", download.MedianNs() / 1e3},
           {"busy_us", busy_ns / 1e3},
           {"launches", last.clock == TraceClock::kHost ? 0 : static_cast<int64_t>(last.steps.size())},
           {"macs", macs},
           {"gmacs", Rate(macs, busy_ns)},
           {"peak_share", last.clock == TraceClock::kHost ? Json(nullptr) : PeakShare(macs, busy_ns)},
           {"upload_bytes", last.upload_bytes},
           {"download_bytes", last.download_bytes}});
    }
  }

  std::string_view State(size_t index) const {
    const OpPlan& op = plan_.ops[index];
    if (ops_[index].ran) return ops_[index].on_device ? "opencl" : "cpu";
    if (op.evaluated) return "evaluated";
    if (op.folded_into >= 0) return "folded";
    if (op.placement == Placement::kHost) return "host";
    return ops_[index].measured ? "view" : "not measured";
  }

  Json OpsJson() const {
    std::map<int, std::vector<int>> does;  // by op: those folded into it
    double sum = 0;
    for (size_t i = 0; i < ops_.size(); ++i) {
      sum += ops_[i].ns.MedianNs();
      if (State(i) == "folded") does[plan_.ops[i].folded_into].push_back(static_cast<int>(i));
    }
    Json json = Json::array();
    for (size_t i = 0; i < ops_.size(); ++i) {
      const OpTimes& op = ops_[i];
      const Op& graph_op = plan_.graph->ops[i];
      const double ns = op.ns.MedianNs();
      const bool named = !graph_op.outputs.empty() && graph_op.outputs[0] != kNoTensor;
      const bool folded = State(i) == "folded";
      json.push_back({{"index", i},
                      {"op", OpName(graph_op)},
                      {"name", named ? plan_.graph->tensors[graph_op.outputs[0]].name : ""},
                      {"state", State(i)},
                      {"into", folded ? plan_.ops[i].folded_into : -1},
                      {"does", does.contains(static_cast<int>(i)) ? Json(does[static_cast<int>(i)]) : Json::array()},
                      {"kernels", std::vector<std::string>(op.kernels.begin(), op.kernels.end())},
                      {"launches", op.launches},
                      {"us", op.ns.Statistics()},
                      {"share", sum > 0 ? ns / sum : 0.0},
                      {"macs", op.macs},
                      {"gmacs", Rate(op.macs, ns)},
                      {"peak_share", op.on_device ? PeakShare(op.macs, ns) : Json(nullptr)},
                      {"bytes", op.bytes}});
    }
    return json;
  }

  Json Timeline() const {
    TimelineWriter timeline(plan_, profile_.device_.name);
    for (size_t i = 0; i < profile_.entries_.size(); ++i) {
      const Profile::Entry& entry = profile_.entries_[i];
      const size_t skipped = entry.traces.size() - std::min(entry.traces.size(), kTimelineInvocations);
      for (size_t t = skipped; t < entry.traces.size(); ++t) {
        timeline.Add(static_cast<int>(i), entry.executable, entry.traces[t]);
      }
    }
    return timeline.Events();
  }

  const Profile& profile_;
  const Plan& plan_;
  std::vector<OpTimes> ops_;  // by op of the plan
};

std::string Profile::Json() const {
  const std::lock_guard lock(mutex_);
  return ProfileWriter(*this).Write();
}

}  // namespace npu
