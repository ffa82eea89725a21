// What a room's Lower emits: kernel launches over tensors and constants, in terms no device is named in.
// The OpenCL executable turns them into cl_kernel calls; nothing outside backends/opencl includes CL/.
//
// The u8 domain. Inside an NPU segment every 8-bit tensor is stored as uint8: an INT8 tensor's byte q is
// stored as q + 128 (q ^ 0x80), a UINT8 tensor's as it is, so that one kernel serves both. Kernels see
// stored bytes and stored zero points (StoredZeroPoint). The executable converts at the boundary and
// when it uploads constant tensors. Weights are packed by the room itself, in whatever form it likes.
// The u8 domain is for 8-bit tensors only: INT16 tensors (whose zero point is 0), and INT32, INT64 and BOOL
// outputs (indices, comparisons) are stored as they are.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "schema/graph.h"

namespace npu {

// Added to a value of this type to get what is stored (u8 domain): 128 for INT8, 0 for UINT8 and INT16.
inline int32_t StorageOffset(DataType type) { return type == DataType::kInt8 ? 128 : 0; }
inline int32_t StoredZeroPoint(const Tensor& tensor) {
  return tensor.zero_point() + StorageOffset(tensor.type);
}

struct TensorArg { int tensor; };      // __global uchar* (INT16: short*): a tensor of the graph, NHWC, dense
struct ConstantArg { int constant; };  // __global const *: index into Lowering::constants()
struct ScratchArg { int scratch; };    // __global *: index into Lowering::scratch_bytes()
using KernelArg = std::variant<TensorArg, ConstantArg, ScratchArg, int32_t, float>;

// Parts of a kernel that a launch may need, as bits that only its room and its source know: what no launch of a plan
// needs is left out of its program (backends/opencl/program.h). Kernels without optional parts ignore it.
inline constexpr uint32_t kAllParts = ~uint32_t{0};

// `bytes` bytes that one tensor has in common with another: source[source_offset + i] == target[target_offset + i].
struct RangeCopy {
  int source = 0, target = 0;
  int64_t source_offset = 0, target_offset = 0, bytes = 0;
};

struct KernelLaunch {
  std::string_view kernel;  // a __kernel of backends/opencl/kernels/*.cl; must be a literal
  std::array<size_t, 3> global{1, 1, 1};  // work-items; kernels check bounds, no local size is assumed
  std::vector<KernelArg> args;            // in the kernel's order
  // Set when the launch does nothing but this copy: the memory plan may make one tensor a part of the other
  // instead, and drops the launch then. No other launch of the operator writes these bytes of the target.
  std::optional<RangeCopy> copy{};
  uint32_t parts = kAllParts;
};

class Lowering {
 public:
  void Launch(std::string_view kernel, std::array<size_t, 3> global, std::vector<KernelArg> args,
              uint32_t parts = kAllParts) {
    launches_.push_back({.kernel = kernel, .global = global, .args = std::move(args), .parts = parts});
  }
  // A launch that copies one range of bytes between two 8-bit tensors and does nothing else.
  void LaunchCopy(std::string_view kernel, std::array<size_t, 3> global, std::vector<KernelArg> args,
                  const RangeCopy& copy) {
    launches_.push_back({kernel, global, std::move(args), copy});
  }
  // Bytes uploaded once, when the segment is compiled.
  ConstantArg AddConstant(std::vector<std::byte> bytes) {
    constants_.push_back(std::move(bytes));
    return {static_cast<int>(constants_.size()) - 1};
  }
  template <typename T>
  ConstantArg AddConstant(std::span<const T> values) {
    std::vector<std::byte> bytes(values.size_bytes());
    if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
    return AddConstant(std::move(bytes));
  }
  template <typename T>
  ConstantArg AddConstant(const std::vector<T>& values) {
    return AddConstant(std::span<const T>(values));
  }
  // Device memory that lives during this op only.
  ScratchArg AddScratch(int64_t bytes) {
    scratch_bytes_.push_back(bytes);
    return {static_cast<int>(scratch_bytes_.size()) - 1};
  }
  // Output has the same bytes as input (RESHAPE): the memory plan makes it a view, or copies when it
  // cannot. Nothing else needs to be launched.
  void Alias(int output_tensor, int input_tensor) { aliases_.push_back({output_tensor, input_tensor}); }

  const std::vector<KernelLaunch>& launches() const { return launches_; }
  const std::vector<std::vector<std::byte>>& constants() const { return constants_; }
  const std::vector<int64_t>& scratch_bytes() const { return scratch_bytes_; }
  const std::vector<std::pair<int, int>>& aliases() const { return aliases_; }

 private:
  std::vector<KernelLaunch> launches_;
  std::vector<std::vector<std::byte>> constants_;
  std::vector<int64_t> scratch_bytes_;
  std::vector<std::pair<int, int>> aliases_;
};

}  // namespace npu
