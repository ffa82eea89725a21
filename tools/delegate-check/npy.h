// Reads NumPy's .npy files (format versions 1 to 3, C order, little endian): model inputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace delegate_check {

struct NpyArray {
  std::string descr;  // "|i1", "|u1", "<f4", ...
  std::vector<int64_t> shape;
  std::vector<std::byte> data;
};

// Throws Failure (usage) naming the file and what is wrong with it.
NpyArray ReadNpy(const std::string& path);

}  // namespace delegate_check
