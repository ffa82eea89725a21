// SPDX-License-Identifier: Apache-2.0
#include "partitioner/compile.h"

#include <fmt/format.h>

#include "backends/cpu/cpu_backend.h"
#include "backends/host_speed.h"
#include "backends/opencl/opencl_backend.h"
#include "partitioner/uint8_inputs.h"

namespace npu {

Result<Backends> OpenBackends(const Options& options) {
  Backends backends;
  if (options.device == "reference") {
    backends.cpu = MakeCpuBackend();
    backends.npu = backends.cpu;
    return backends;
  }
  backends.cpu = MakeFastCpuBackend();
  NPU_ASSIGN_OR_RETURN(backends.npu, OpenClBackend(options.device, options.cache_dir));
  return backends;
}

std::optional<double> MeasuredPeakGmacs(const Options& options) {
  if (options.device == "reference") return std::nullopt;
  const Result<double> peak = MeasureOpenClPeak(options.device, options.compute.threads);
  return peak ? std::optional(*peak) : std::nullopt;
}

Result<std::optional<PlacementModels>> MeasuredModels(const Options& options) {
  if (options.plan.placement == PlacementRule::kAll || options.device == "reference") return std::nullopt;
  auto speed = MeasureOpenClSpeed(options.device, options.compute.threads, options.cache_dir);
  if (!speed) return tl::unexpected<Error>(speed.error().WithContext("placement=auto measures the device"));
  return PlacementModels{*speed, HostSpeed(options.compute.threads)};
}

Result<std::unique_ptr<FrameConverter>> MakeConverter(const Options& options,
                                                      std::shared_ptr<const Conversion> conversion) {
  if (options.device == "reference") return MakeReferenceConverter(std::move(conversion));
  if (conversion->is_copy()) return MakeRowConverter(std::move(conversion));
  return OpenClFrameConverter(options.device, options.compute.threads, std::move(conversion));
}

PartitionSpec SpecOf(const Plan& plan, const Partition& partition, const Backends& backends) {
  PartitionSpec spec;
  spec.inputs = partition.inputs;
  spec.outputs = partition.outputs;
  spec.states = partition.states;
  spec.uint8_inputs = Uint8Inputs(plan, spec.inputs);
  for (int index : partition.segments) {
    const Segment& segment = plan.segments[index];
    spec.parts.push_back({segment.placement == Placement::kNpu ? backends.npu : backends.cpu, segment.ops});
  }
  return spec;
}

Result<std::unique_ptr<Executable>> CompilePlanPartition(const Plan& plan, int partition,
                                                         const Backends& backends,
                                                         const ComputeOptions& options) {
  if (partition < 0 || static_cast<size_t>(partition) >= plan.partitions.size()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("partition {} does not exist; the plan has {}",
                                                         partition, plan.partitions.size()));
  }
  return CompilePartition(plan.compute_graph, SpecOf(plan, plan.partitions[partition], backends), options);
}

}  // namespace npu
