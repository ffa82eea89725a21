// placement=auto: how long a partition would take on the NPU and on the host, estimated from the numbers of two
// SpeedModels, so that what would be slower there stays with the host. Pure: no clock, no device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "backends/speed_model.h"
#include "schema/graph.h"

namespace npu {

struct PlacementModels {
  SpeedModel npu, host;
};

struct PlacementEstimate {
  double npu_us = 0, host_us = 0;
  // Estimates are off by that factor (geometric mean over networks: bench/placement.py, docs/performance.md). To do no harm,
  // it is counted against the NPU.
  static constexpr double kError = 1.25;
  double npu_limit_us() const { return host_us / kError; }
  bool npu_is_slower() const { return npu_us > npu_limit_us(); }
};

// What decides how long an operator takes: of one kind the products, of another the bytes.
struct OpWork {
  enum class Class : uint8_t { kConvolution, kDepthwise, kFullyConnected, kOther } kind = Class::kOther;
  double macs = 0, outputs = 0, bytes = 0;
};
OpWork WorkOf(const Graph& graph, const Op& op);
double EstimateUs(const OpWork& work, const SpeedModel& speed);

// What a device that was measured operator by operator reaches inside networks: other shapes than the measured ones, and
// operands that another operator has left somewhere. Fitted to whole networks (bench/placement.py; docs/performance.md).
SpeedModel InNetworks(SpeedModel alone);

// True if a stock host has no kernel for it (Larq's operators): whatever it costs, it is not the host's.
bool HostLacks(const Op& op);

struct PlacedOp {
  int op = 0;
  bool on_npu = true;  // false: delegate-cpu
};

// npu: what runs, in `compute_graph`, in execution order; neighbours of one placement are one segment. host: what the host
// would run instead, in `graph`. boundary_bytes: of the tensors that cross into the partition and out of it.
PlacementEstimate EstimatePartition(const Graph& compute_graph, std::span<const PlacedOp> npu, const Graph& graph,
                                    std::span<const int> host, int64_t boundary_bytes, const PlacementModels& models);

}  // namespace npu
