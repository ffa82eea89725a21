// SPDX-License-Identifier: Apache-2.0
#include "capi/random_input.h"

#include <cstring>

namespace npu {

std::vector<std::byte> RandomInput(const Tensor& tensor, std::mt19937_64& engine) {
  std::vector<std::byte> bytes(tensor.byte_size().value_or(0));
  if (tensor.type == DataType::kFloat32) {
    std::uniform_real_distribution<float> distribution(-8.0f, 8.0f);
    for (size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
      const float value = distribution(engine);
      std::memcpy(bytes.data() + i, &value, sizeof(value));
    }
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine() >> 56);
  return bytes;
}

}  // namespace npu
