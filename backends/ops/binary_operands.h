// What operators of two tensors broadcast against each other share: shapes, the rules of their operands, the
// reference loop, and the choice between the two forms of a kernel (kernels/binary.cl): "flat" where one
// operand has the output's shape and the other repeats with a period, "rows" for any broadcast.
// Refuses operands of different types and shapes that do not fit together; knows nothing of arithmetic.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "backends/ops/broadcast.h"
#include "backends/ops/room.h"

namespace npu {

// Infer: output 0 has the shape of inputs 0 and 1, broadcast.
Status InferBroadcast(Graph& graph, const Op& op);

// Check: both inputs and the output are INT8 or UINT8, of one type, quantized per tensor. Returns whether.
bool CheckBinaryOperands(const OpView& op, Verdict& verdict);
// The same for operators that have a 16-bit form, too: INT16 is allowed, with zero point 0.
bool CheckBinaryOperandsOrInt16(const OpView& op, Verdict& verdict);

// Check: shapes have elements, fit together and need no more loops than a kernel has.
void CheckBroadcast(const OpView& op, Verdict& verdict);

// Fails unless ComputeBroadcast may run: a Reference may be asked at plan time, before any Check. The output
// is of the inputs' type, or of `output_type`.
Status ExpectBroadcast(const OpView& op);
Status ExpectBroadcast(const OpView& op, DataType output_type);

// Output element = function(element of input 0, element of input 1), for operands that passed
// ExpectBroadcast. T: the inputs' elements.
template <typename T, typename Output = T, typename Function>
void ComputeBroadcast(const ReferenceArgs& args, Function function) {
  const std::vector<BroadcastLoop> loops =
      BroadcastLoops(args.view.input(0)->shape, args.view.input(1)->shape);
  const int64_t count = args.view.output(0)->element_count().value_or(0);
  const BroadcastLoop& inner = loops[0];
  const T* a = args.in<T>(0);
  const T* b = args.in<T>(1);
  Output* y = args.out<Output>(0);
  std::vector<int64_t> index(loops.size());
  for (int64_t done = 0; done < count; done += inner.size) {
    for (int64_t i = 0; i < inner.size; ++i) {
      y[done + i] = static_cast<Output>(function(a[i * inner.a_stride], b[i * inner.b_stride]));
    }
    for (size_t k = 1; k < loops.size(); ++k) {
      a += loops[k].a_stride;
      b += loops[k].b_stride;
      if (++index[k] < loops[k].size) break;
      a -= loops[k].a_stride * loops[k].size;
      b -= loops[k].b_stride * loops[k].size;
      index[k] = 0;
    }
  }
}

// The two forms of a kernel; literals. flat: empty when there is none.
struct BinaryKernels {
  std::string_view flat, rows;
};

// One launch. arguments(swap): the kernel's last arguments, of the arithmetic with operand 0 and 1 exchanged
// if `swap`; called once.
void LowerBroadcast(const OpView& op, const BinaryKernels& kernels,
                    const std::function<std::vector<KernelArg>(bool swap)>& arguments, Lowering& lowering);

// One launch of an operator of two bytes, as a table over all pairs of them. function(stored byte of operand
// 0, stored byte of operand 1): the output's stored byte, 0 to 255.
void LowerPairTable(const OpView& op, const std::function<int32_t(int, int)>& function, Lowering& lowering);

}  // namespace npu
