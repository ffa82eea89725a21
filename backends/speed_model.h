// How fast something computes 8-bit networks, in the few numbers that tell how long an operator takes there: measured of
// a device (opencl/calibration.h), estimated of the host (partitioner/placement_cost.h). Plain data and its text form.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace npu {

// NPU_SPEED_FIELD(name, "unit", "what it is"): every number of a SpeedModel, in the order it is shown.
#define NPU_SPEED_FIELDS                                                                                      \
  NPU_SPEED_FIELD(peak_gmacs, "GMAC/s", "most 8-bit multiply-accumulates, on registers")                      \
  NPU_SPEED_FIELD(convolution_gmacs, "GMAC/s", "convolutions of long inner products")                         \
  NPU_SPEED_FIELD(convolution_gouts, "G/s", "outputs of convolutions, for what one costs beside its products") \
  NPU_SPEED_FIELD(depthwise_gmacs, "GMAC/s", "depthwise convolutions")                                        \
  NPU_SPEED_FIELD(fully_connected_gmacs, "GMAC/s", "fully connected layers of one row")                       \
  NPU_SPEED_FIELD(move_gbs, "GB/s", "operators without products, by the bytes they read and write")           \
  NPU_SPEED_FIELD(launch_us, "us", "one more operator, however small")                                        \
  NPU_SPEED_FIELD(invoke_us, "us", "one invocation of a segment, whatever is in it")                          \
  NPU_SPEED_FIELD(copy_gbs, "GB/s", "inputs and outputs of a segment: copying and converting")

struct SpeedModel {
#define NPU_SPEED_FIELD(name, unit, what) double name = 0;
  NPU_SPEED_FIELDS
#undef NPU_SPEED_FIELD
  friend bool operator==(const SpeedModel&, const SpeedModel&) = default;
};

// "peak_gmacs 546.1\n...": every field in a line.
std::string SpeedModelText(const SpeedModel& model);
// nullopt unless every field is there once, finite and above 0.
std::optional<SpeedModel> ReadSpeedModel(std::string_view text);

}  // namespace npu
