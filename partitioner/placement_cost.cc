// SPDX-License-Identifier: Apache-2.0
#include "partitioner/placement_cost.h"

#include <cmath>

#include "backends/ops/room.h"

namespace npu {
namespace {

// From so many rows on a fully connected layer reuses its weights as a convolution does.
constexpr double kManyRows = 8;

// Convolutions compute this many output channels at once, whether they are there or not: our kernels and XNNPACK's.
constexpr double kChannelsAtOnce = 64;

// delegate-cpu computes with the exact reference, which is written to be read: about as many bytes a second whatever the
// operator (bench/kernels and the profiles of BlazeFace: DEQUANTIZE and QUANTIZE in vectors).
constexpr double kReferenceGbs = 2;

double Elements(const Graph& graph, int tensor) {
  return tensor == kNoTensor ? 0 : static_cast<double>(graph.tensors[tensor].element_count().value_or(0));
}

double Bytes(const Graph& graph, int tensor) {
  return tensor == kNoTensor ? 0 : static_cast<double>(graph.tensors[tensor].byte_size().value_or(0));
}

// Nothing is launched for it on the NPU.
bool IsView(OpKind kind) {
  return kind == OpKind::kReshape || kind == OpKind::kSqueeze || kind == OpKind::kExpandDims;
}

}  // namespace

OpWork WorkOf(const Graph& graph, const Op& op) {
  OpWork work;
  work.macs = static_cast<double>(Macs(graph, op));
  for (int t : op.outputs) work.outputs += Elements(graph, t);
  for (const std::vector<int>* list : {&op.inputs, &op.outputs}) {
    for (int t : *list) work.bytes += Bytes(graph, t);
  }
  if (work.macs <= 0) return work;
  switch (op.kind) {
    case OpKind::kConv2D: {
      work.kind = OpWork::Class::kConvolution;
      const std::vector<int32_t>& shape = graph.tensors[op.outputs[0]].shape;
      const double channels = shape.empty() ? 0 : shape.back();
      if (channels < 1) break;
      const double computed = std::ceil(channels / kChannelsAtOnce) * kChannelsAtOnce;
      work.macs *= computed / channels;
      work.outputs *= computed / channels;
      break;
    }
    // Hosts and kernels are about as slow with transposed convolutions as with depthwise ones.
    case OpKind::kTransposeConv:
    case OpKind::kDepthwiseConv2D: work.kind = OpWork::Class::kDepthwise; break;
    default: {
      // Rows: how often a weight is used.
      const double weights = op.inputs.size() > 1 ? Elements(graph, op.inputs[1]) : 0;
      const bool many_rows = weights > 0 && work.macs >= kManyRows * weights;
      work.kind = many_rows ? OpWork::Class::kConvolution : OpWork::Class::kFullyConnected;
    }
  }
  return work;
}

double EstimateUs(const OpWork& work, const SpeedModel& speed) {
  constexpr double kGigaPerUs = 1e3;  // 1e9 a second
  const double us = speed.launch_us;
  switch (work.kind) {
    case OpWork::Class::kConvolution:
      return us + work.macs / (kGigaPerUs * speed.convolution_gmacs) +
             work.outputs / (kGigaPerUs * speed.convolution_gouts);
    case OpWork::Class::kDepthwise: return us + work.macs / (kGigaPerUs * speed.depthwise_gmacs);
    case OpWork::Class::kFullyConnected: return us + work.macs / (kGigaPerUs * speed.fully_connected_gmacs);
    case OpWork::Class::kOther: break;
  }
  return us + work.bytes / (kGigaPerUs * speed.move_gbs);
}

SpeedModel InNetworks(SpeedModel alone) {
  alone.convolution_gmacs *= 0.8;
  alone.depthwise_gmacs *= 0.7;
  alone.launch_us *= 4;
  return alone;
}

bool HostLacks(const Op& op) { return op.custom_name.starts_with("Lce"); }

PlacementEstimate EstimatePartition(const Graph& compute_graph, std::span<const PlacedOp> npu, const Graph& graph,
                                    std::span<const int> host, int64_t boundary_bytes, const PlacementModels& models) {
  constexpr double kGigaPerUs = 1e3;
  const SpeedModel npu_speed = InNetworks(models.npu);
  PlacementEstimate estimate;
  estimate.npu_us = static_cast<double>(boundary_bytes) / (kGigaPerUs * npu_speed.copy_gbs);
  bool before = false;
  for (const PlacedOp& placed : npu) {
    const Op& op = compute_graph.ops[placed.op];
    if (placed.on_npu && !before) estimate.npu_us += npu_speed.invoke_us;
    before = placed.on_npu;
    const OpWork work = WorkOf(compute_graph, op);
    if (!placed.on_npu) {
      estimate.npu_us += work.bytes / (kGigaPerUs * kReferenceGbs);
    } else if (!IsView(op.kind)) {
      estimate.npu_us += EstimateUs(work, npu_speed);
    }
  }
  for (int op : host) estimate.host_us += EstimateUs(WorkOf(graph, graph.ops[op]), models.host);
  return estimate;
}

}  // namespace npu
