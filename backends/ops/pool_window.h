// The window of a pooling operator over an NHWC image, of numbers (POOL) or of packed signs (LceBMaxPool2d): its
// geometry, the output's shape and the rules. Pixels outside the image do not take part.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "backends/ops/window.h"

namespace npu {

struct PoolWindowParams {
  explicit PoolWindowParams(const Pool2DParams& p)
      : rows(p.padding, p.edges.top, p.edges.bottom),
        columns(p.padding, p.edges.left, p.edges.right),
        filter_h(p.filter_h),
        filter_w(p.filter_w),
        stride_h(p.stride_h),
        stride_w(p.stride_w) {}
  explicit PoolWindowParams(const LceBMaxPool2dParams& p)
      : rows(p.padding),
        columns(p.padding),
        filter_h(p.filter_h),
        filter_w(p.filter_w),
        stride_h(p.stride_h),
        stride_w(p.stride_w) {}

  AxisPadding rows, columns;
  int32_t filter_h, filter_w, stride_h, stride_w;
};

// One axis of it: [begin, end) are the input positions of window i that lie inside the image.
struct PoolAxis : WindowAxis {
  int64_t begin(int64_t i) const { return std::max<int64_t>(i * stride - pad_before, 0); }
  int64_t end(int64_t i) const { return std::min<int64_t>(i * stride - pad_before + filter, input); }
};

struct PoolWindow {
  PoolAxis rows, columns;
};

// nullopt if no window fits. The input is of rank 4.
std::optional<PoolWindow> MakePoolWindow(const PoolWindowParams& params, const Tensor& input);

// Sets output 0 to [batch, rows, columns, channels] for input 0; the Infer of both rooms.
Status InferPoolOutput(Graph& graph, const Op& op, const PoolWindowParams& params);

// Rules: input 0 of rank 4 and not empty, filter and strides in range. Returns whether they hold.
bool CheckPoolParams(const OpView& op, const PoolWindowParams& params, Verdict& verdict);

// Rule, where CheckPoolParams holds: output 0 has the shape that Infer gives.
void CheckPoolOutput(const OpView& op, const PoolWindowParams& params, Verdict& verdict);

}  // namespace npu
