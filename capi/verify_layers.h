// Where does the device go wrong? Every tensor that the operators of a plan make, on the device and on the
// CPU reference, compared in two ways:
//   isolated    one operator alone, fed with the reference's inputs: is this operator right?
//   cumulative  whole segments, each fed with what the ones before it made on the device: is the network
//   right?
// The reference computes the model's own operators, without folds, one by one; where a fold has taken in
// operators that have no reference (float arithmetic), the folded operator's own one. Operators of the host
// are computed by the reference, too, where it can; what others make is drawn from `seed`, and said to be.
// With requantize=float, operators alone may differ by 1, and the network is shown without being judged.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "capi/tensor_difference.h"
#include "partitioner/compile.h"
#include "partitioner/plan.h"

namespace npu {

struct LayerTensor {
  int tensor = -1;
  int op = -1;  // that makes it; -1: an input of the model, or a variable before the run
  const Tensor* info = nullptr;
  const std::byte* reference = nullptr;
  const std::byte* cumulative = nullptr;  // null: not computed on the device
  const std::byte* isolated = nullptr;
};

struct LayerRun {
  uint64_t seed = 1;
  std::vector<TensorBytes> inputs =
      {};  // as Graph::inputs, each of its tensor's size; empty: drawn from seed
  std::function<void(const LayerTensor&)> sink =
      {};  // gets every tensor compared, and the inputs; may be empty
};

// The comparison as JSON, in the form that npu_plan_verify_layers (npu_delegate.h) documents. Of one
// invocation: states begin as they do in a new session. kInvalidArgument for inputs that do not fit, kDevice.
Result<std::string> VerifyLayers(const Plan& plan, const Backends& backends, const ComputeOptions& options,
                                 const LayerRun& run);

}  // namespace npu
