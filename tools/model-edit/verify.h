// Runs a model before and after an edit on the same random input, with the CPU reference and without folds, and compares
// what they say: equal bytes where both have the same type, equal numbers where an input or output changed its type (INT8,
// UINT8 with the zero point moved by 128, FLOAT32), equal signs where one is packed.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace model_edit {

struct Verdict {
  bool ran = false;  // false: a session cannot run one of the models; `text` says why
  bool equal = false;
  std::string text;  // one line
};

npu::Result<Verdict> Verify(std::span<const std::byte> before, std::span<const std::byte> after);

// A cut (extract.h): `probe` is run on random input, `cut` on what `probe` has where the cut begins. sources: see Probe.
npu::Result<Verdict> VerifyCut(std::span<const std::byte> probe, std::span<const std::byte> cut,
                               std::span<const int> sources);

}  // namespace model_edit
