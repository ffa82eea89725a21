// Cutting a sub-model out, for bug reports: the operators Op#A to Op#B of the first subgraph with what they need.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tools/model-edit/model_file.h"

namespace model_edit {

// Tensors of the original's first subgraph.
struct Cut {
  int first = 0, last = 0;  // operators, both included
  std::vector<int> inputs;  // read by them, made by none of them; no constants, no variable tensors
  std::vector<int>
      outputs;  // made by them and read outside, or outputs of the graph; those that nothing reads if there are none
};

// "3:7" or "3". kInvalidArgument; kUnsupported where a resource would have to cross the border.
npu::Result<Cut> FindCut(const fbs::ModelT& model, const std::string& ops);

// Leaves nothing in the file that the operators do not need: tensors, buffers, operator codes, subgraphs without control
// flow that calls them, and what speaks of the whole model (signatures, TFLITE_METADATA and its archive).
std::vector<std::string> Extract(ModelFile& file, const Cut& cut);

// The original with other outputs: the cut's inputs that operators make, then the cut's outputs. The i-th input of the cut
// is sources[i] of the outputs, or, below 0, input -1 - sources[i].
struct Probe {
  std::vector<std::byte> bytes;
  std::vector<int> sources;
};
npu::Result<Probe> MakeProbe(const std::vector<std::byte>& original, const Cut& cut);

}  // namespace model_edit
