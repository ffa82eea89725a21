// An output of the model as real numbers, whatever type it has: what heads read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <npu_delegate.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace camera_run {

struct Tensor {
  npu_tensor_info info{};
  std::vector<std::byte> data;

  // dims without leading 1s that batches leave: {1, 91, 4} is 91 x 4.
  std::vector<int> shape() const {
    std::vector<int> dims(info.dims, info.dims + info.rank);
    if (dims.size() > 1 && dims[0] == 1) dims.erase(dims.begin());
    return dims;
  }
  size_t elements() const {
    size_t count = 1;
    for (int i = 0; i < info.rank; ++i) count *= static_cast<size_t>(info.dims[i]);
    return count;
  }
  double operator[](size_t i) const {
    switch (info.type) {
      case NPU_TYPE_FLOAT32: return Get<float>(i);
      case NPU_TYPE_INT32: return Real(Get<int32_t>(i));
      case NPU_TYPE_INT64: return static_cast<double>(Get<int64_t>(i));
      case NPU_TYPE_UINT8: return Real(Get<uint8_t>(i));
      case NPU_TYPE_INT8: return Real(Get<int8_t>(i));
      case NPU_TYPE_INT16: return Real(Get<int16_t>(i));
      case NPU_TYPE_BOOL: return Get<uint8_t>(i);
      default: return 0;
    }
  }

 private:
  template <typename T>
  T Get(size_t i) const {
    T value;
    std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  double Real(int32_t q) const { return info.scale == 0 ? q : static_cast<double>(info.scale) * (q - info.zero_point); }
};

}  // namespace camera_run
