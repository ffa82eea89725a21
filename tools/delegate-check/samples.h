// The samples of --accuracy: inputs of a classifier, and what they show.
// A folder of .npy files, one input each, in the order of their names; labels in its labels.txt, a line per
// file: "3", or "file.npy 3". Or an .npz with the arrays x (samples, ...) and y (samples). Without labels
// there is agreement alone. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tools/delegate-check/inputs.h"

namespace delegate_check {

struct Samples {
  std::vector<Bytes> inputs;    // as the model takes them
  std::vector<int64_t> labels;  // of every sample, or empty
  std::string conversion;       // what was done to the data, in words
};

// Throws a Failure (usage) that names the file and the fix. input: the model's, of real = scale * (q -
// zero_point).
Samples ReadSamples(const std::string& path, const npu_tensor_info& input);

}  // namespace delegate_check
