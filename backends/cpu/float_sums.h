// Sums of products of floats for many windows and filters at once, one form for each kind of CPU, chosen when the
// program runs. Each sum is made in the order of the values, one product after the other, each rounded: no fused
// multiply-add, no partial sums. So all forms give the same numbers, those of the hosts' reference kernels.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace npu {

struct FloatSums {
  std::string_view name;
  int windows;  // taken at once
  int filters;  // taken at once
  // sums[w * stride + f] = sum over k of windows[w][k] * filters[k][f]
  //   windows  [windows][values]
  //   filters  [values][filters]
  void (*compute)(const float* windows, int64_t values, const float* filters, float* sums, int64_t stride);
};

// Those that this CPU can run, the fastest first.
std::span<const FloatSums> FloatSumsForms();

}  // namespace npu
