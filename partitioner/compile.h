// Plan → Executable: the last arrow of the house. Opens the backends that the options name and compiles
// one partition of a plan. The delegate's kernel and the C API's session both come through here.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>

#include "backends/backend.h"
#include "backends/frames/frame_converter.h"
#include "backends/partition_executable.h"
#include "partitioner/options.h"
#include "partitioner/plan.h"

namespace npu {

struct Backends {
  std::shared_ptr<Backend> npu;  // OpenCL, or the CPU reference for device=reference
  std::shared_ptr<Backend> cpu;  // of delegate-cpu segments
};

// kDevice if the named device is not there.
Result<Backends> OpenBackends(const Options& options);

// Of the device that the options name, for the share of it that a profile shows; nullopt where it cannot be measured.
// Takes a few milliseconds, and the time that the driver takes to compile a small kernel.
std::optional<double> MeasuredPeakGmacs(const Options& options);

// What MakePlan estimates with under placement=auto: of the device and of this machine's CPU, measured once per process.
// nullopt for placement=all and for device=reference. kDevice.
Result<std::optional<PlacementModels>> MeasuredModels(const Options& options);

// What reads camera frames for the device that the options name. kDevice.
Result<std::unique_ptr<FrameConverter>> MakeConverter(const Options& options,
                                                      std::shared_ptr<const Conversion> conversion);

// The partition's parts, each on the backend that its placement names.
PartitionSpec SpecOf(const Plan& plan, const Partition& partition, const Backends& backends);

// The Executable's inputs/outputs follow plan.partitions[partition].inputs/outputs, then its states.
Result<std::unique_ptr<Executable>> CompilePlanPartition(const Plan& plan, int partition,
                                                         const Backends& backends,
                                                         const ComputeOptions& options);

}  // namespace npu
