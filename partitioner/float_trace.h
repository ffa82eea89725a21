// A float tensor between DEQUANTIZE and QUANTIZE as a function of the bytes it is made from: one float per
// byte of one 8-bit tensor, or per pair of bytes of two, computed by the float operators one by one as LiteRT's
// reference kernels do (IEEE single precision, every step rounded, nothing fused). There are few bytes, so the
// function is known completely, and an 8-bit table of it is exact by construction.
// Refuses what is no function of one element (CONV_2D ...) and floats that are not finite. Functions of the
// host's math library are followed only on request, since their last bit differs between hosts.
// Start at FloatTracer::Trace.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "partitioner/fold_rules.h"

namespace npu {

struct FloatTrace {
  std::vector<int> sources;   // one 8-bit tensor, or two
  std::vector<float> values;  // by stored byte (256), or by stored byte of source 0 * 256 + that of source 1
  std::vector<int> ops;       // everything between sources and tensor, DEQUANTIZE included, ascending
  bool reshaped = false;      // the elements are in the sources' order under another shape
  std::string math;           // names of the math library's functions in it; empty: exact
};

// What a trace may lead through, besides operators of one element.
struct TraceSettings {
  // Follows CONCATENATION op `concatenation` into its input `part` only.
  int concatenation = -1, part = -1;
  // Results of the math library, times 1 + math_error: how far off a host's may be.
  float math_error = 0.0f;
};

class FloatTracer {
 public:
  explicit FloatTracer(const FoldSite& site, const TraceSettings& settings = {})
      : site_(site), settings_(settings) {}

  // nullopt: refusal() says why.
  std::optional<FloatTrace> Trace(int tensor);

  const std::string& refusal() const { return refusal_; }
  // The refusal is not about an operator of several elements, which somebody else may know what to do with.
  bool is_final() const { return !refusal_.empty() && !met_other_operator_; }
  // The CONCATENATION that the trace did not follow; -1: it met none.
  int concatenation() const { return concatenation_; }

  // The operator as a function of one element of its input 0, in place of values that are that input's:
  // unary operators, and binary ones with a constant of one element. False: it is none; refusal() says why.
  bool ApplyOne(const Op& op, FloatTrace& trace);

 private:
  std::optional<FloatTrace> TraceOp(int index);
  std::optional<FloatTrace> TraceTensor(int tensor);
  std::optional<FloatTrace> TraceBinary(int index);
  std::optional<FloatTrace> Refuse(std::string why);
  bool Finish(int index, FloatTrace& trace);

  const FoldSite& site_;
  TraceSettings settings_;
  std::string refusal_;
  int concatenation_ = -1;
  bool met_other_operator_ = false;
  int ops_left_ = 0;
};

// Whether a DEQUANTIZE of an 8-bit tensor is among the makers of a float tensor, at most a few operators away:
// only then is a refusal worth telling.
bool ComesFromBytes(const FoldSite& site, int tensor);

// DEQUANTIZE of an INT8 or UINT8 tensor that is no constant and quantized per tensor.
bool IsDequantizeOf8Bit(const FoldSite& site, int op);

// RESHAPE, SQUEEZE, EXPAND_DIMS.
bool KeepsElements(OpKind kind);

}  // namespace npu
