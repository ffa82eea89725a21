// float-unary, float-binary, float-concat, float-move and float-math: DEQUANTIZE → float operators → QUANTIZE between
// 8-bit tensors as tables.
//
// DEQUANTIZE makes one of 256 floats of each element, float operators of one element make others of them, and
// QUANTIZE a byte: 256 results, computed here with the host's own arithmetic (IEEE single precision, BUILTIN_REF's
// formulas), are the whole function. Two tensors have 65,536. A table cannot differ from what it was filled with;
// what is left to be exact is the arithmetic that fills it, and that is a handful of IEEE operations which every host
// rounds alike. Functions of the math library (EXP, TANH ...) are not among them: their last bit differs between
// hosts, and then a result can fall on the other side of a rounding step. How many of a table's entries that
// concerns is computed and told; the fold float-math, off by default, accepts it.
// SPDX-License-Identifier: Apache-2.0
#include "partitioner/fold_float.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "backends/ops/elementwise.h"

namespace npu {

extern const FoldRule kFloatUnaryFold;
extern const FoldRule kFloatBinaryFold;
extern const FoldRule kFloatConcatFold;
extern const FoldRule kFloatMoveFold;
extern const FoldRule kFloatMathFold;

bool IsQuantizeTo8Bit(const FoldSite& site, int op) {
  const OpView view{site.graph(), site.op(op)};
  return view.op.kind == OpKind::kQuantize && view.input(0) != nullptr && view.output(0) != nullptr &&
         view.input(0)->type == DataType::kFloat32 && Is8Bit(view.output(0)->type) &&
         CheckCpu(site.graph(), view.op).eligible();
}

std::optional<std::vector<std::byte>> QuantizedTable(const std::vector<float>& values, const Tensor& output) {
  std::vector<std::byte> table;
  table.reserve(values.size());
  for (const float x : values) {
    // Past 2^30 the zero point could carry the sum out of an int32.
    if (!(std::abs(x / output.scale()) < 0x1p30f)) return std::nullopt;
    table.push_back(static_cast<std::byte>(QuantizedValue(x, output) + StorageOffset(output.type)));
  }
  return table;
}

Tensor TableTensor(std::string name, std::vector<int32_t> shape, std::vector<std::byte> bytes) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.type = DataType::kUInt8;
  tensor.shape = std::move(shape);
  auto owner = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
  tensor.data = {*owner, owner};
  return tensor;
}

bool IsIdentity(std::span<const std::byte> table) {
  for (size_t i = 0; i < table.size(); ++i) {
    if (std::to_integer<size_t>(table[i]) != i) return false;
  }
  return true;
}

namespace {

constexpr char kUndefined[] = "QUANTIZE would convert floats past 2^30 steps, which LiteRT leaves undefined";

// Relative error of a math library's result, each way: two units in the last place, twice what libraries promise.
constexpr float kMathError = 0x1p-22f;

struct Sandwich {
  std::optional<FoldMatch> match{};
  std::string refusal{};  // beside a match: why the fold is made on request only
};

Sandwich Refuse(std::string why) { return {.refusal = std::move(why)}; }

std::string Sources(const FoldSite& site, const FloatTrace& trace) {
  std::string text;
  for (int source : trace.sources) {
    text += fmt::format("{}T#{} \"{}\"", text.empty() ? "" : " and ", source, site.tensor(source).name);
  }
  return text;
}

// How far the table's entries lie apart when the math library errs downwards and upwards.
std::string MathDifference(const FoldSite& site, const Op& quantize, const std::vector<std::byte>& table) {
  int64_t concerned = 0;
  int most = 0;
  for (const float error : {-kMathError, kMathError}) {
    FloatTracer tracer(site, {.math_error = error});
    const auto trace = tracer.Trace(quantize.inputs[0]);
    const auto other = trace ? QuantizedTable(trace->values, site.tensor(quantize.outputs[0])) : std::nullopt;
    if (!other) continue;
    for (size_t i = 0; i < table.size(); ++i) {
      const int steps = std::abs(std::to_integer<int>(table[i]) - std::to_integer<int>((*other)[i]));
      concerned += steps > 0;
      most = std::max(most, steps);
    }
  }
  if (concerned == 0) return fmt::format("none of {} results is near a rounding step", table.size());
  return fmt::format("{} of {} results could differ by at most {} step{}", std::min<int64_t>(concerned, table.size()),
                     table.size(), most, most == 1 ? "" : "s");
}

Sandwich FoldTrace(const FoldSite& site, int into, const FloatTrace& trace) {
  Sandwich sandwich;
  const Op& quantize = site.op(into);
  const Tensor& output = site.tensor(quantize.outputs[0]);
  auto table = QuantizedTable(trace.values, output);
  if (!table) return Refuse(kUndefined);
  const bool pair = trace.sources.size() == 2;
  if (pair && trace.reshaped) return Refuse("the sum of two tensors is reshaped before QUANTIZE");
  FoldMatch match;
  match.rule = !trace.math.empty() ? &kFloatMathFold : pair ? &kFloatBinaryFold : &kFloatUnaryFold;
  match.absorbed = trace.ops;
  match.may_bypass = true;
  match.why = fmt::format("Every one of the {} results that {} can have was computed with the float operators and "
                          "QUANTIZE themselves.",
                          table->size(), Sources(site, trace));
  if (!trace.math.empty()) {
    const std::string difference = MathDifference(site, quantize, *table);
    sandwich.refusal = fmt::format(
        "{} is computed by the host's math library, whose last bit differs between hosts: {}; name float-math in "
        "the option folds to accept that",
        trace.math, difference);
    match.why = fmt::format("Not exact on every host: {} is a function of the math library; {}.", trace.math,
                            difference);
  }
  match.op.kind = pair ? OpKind::kTablePair : OpKind::kTable;
  match.op.inputs = trace.sources;
  match.op.inputs.push_back(static_cast<int>(site.graph().tensors.size()));
  match.op.outputs = quantize.outputs;
  const std::vector<int32_t> shape = pair ? std::vector<int32_t>{256, 256} : std::vector<int32_t>{256};
  match.new_tensors.push_back(TableTensor(output.name + "/table", shape, *std::move(table)));
  sandwich.match = std::move(match);
  return sandwich;
}

Sandwich FoldConcatenation(const FoldSite& site, int into, int concatenation) {
  const Op& quantize = site.op(into);
  const Op& concat = site.op(concatenation);
  const Tensor& output = site.tensor(quantize.outputs[0]);
  FoldMatch match;
  std::vector<std::byte> tables;
  bool plain = true;  // bytes may be copied as they are
  for (int part = 0; part < static_cast<int>(concat.inputs.size()); ++part) {
    FloatTracer tracer(site, {.concatenation = concatenation, .part = part});
    const auto trace = tracer.Trace(quantize.inputs[0]);
    if (!trace) return Refuse(tracer.refusal());
    if (trace->sources.size() != 1 || trace->reshaped) {
      return Refuse("a part of the concatenation depends on two tensors or has another shape than its 8-bit tensor");
    }
    if (!trace->math.empty()) {
      return Refuse(fmt::format("{} in a concatenation is computed by the host's math library, whose last bit "
                                "differs between hosts: results could differ by a step",
                                trace->math));
    }
    const auto table = QuantizedTable(trace->values, output);
    if (!table) return Refuse(kUndefined);
    const int source = trace->sources[0];
    plain = plain && IsIdentity(*table) && QuantizedAlike(site.tensor(source), output);
    match.op.inputs.push_back(source);
    tables.insert(tables.end(), table->begin(), table->end());
    match.absorbed.insert(match.absorbed.end(), trace->ops.begin(), trace->ops.end());
  }
  std::sort(match.absorbed.begin(), match.absorbed.end());
  match.absorbed.erase(std::unique(match.absorbed.begin(), match.absorbed.end()), match.absorbed.end());
  match.rule = &kFloatConcatFold;
  match.may_bypass = true;
  match.op.kind = plain ? OpKind::kConcatenation : OpKind::kTableConcatenation;
  match.op.outputs = quantize.outputs;
  match.op.params = ConcatenationParams{concat.as<ConcatenationParams>().axis, Activation::kNone};
  match.why = plain ? "All parts and the result have one scale and zero point: the bytes stay what they are."
                    : "Every one of the 256 results that a byte of each part can have was computed with the float "
                      "operators and QUANTIZE themselves.";
  if (!plain) {
    const auto parts = static_cast<int32_t>(match.op.inputs.size());
    match.op.inputs.push_back(static_cast<int>(site.graph().tensors.size()));
    match.new_tensors.push_back(TableTensor(output.name + "/table", {parts, 256}, std::move(tables)));
  }
  return {.match = std::move(match)};
}

Sandwich Analyze(const FoldSite& site, int into) {
  if (!IsQuantizeTo8Bit(site, into)) return {};
  const Op& quantize = site.op(into);
  if (!ComesFromBytes(site, quantize.inputs[0])) return {};
  FloatTracer tracer(site);
  if (const auto trace = tracer.Trace(quantize.inputs[0])) return FoldTrace(site, into, *trace);
  if (tracer.concatenation() >= 0) return FoldConcatenation(site, into, tracer.concatenation());
  Sandwich sandwich;
  sandwich.match = MatchFloatMove(site, into, sandwich.refusal);
  if (sandwich.match) {
    sandwich.match->rule = &kFloatMoveFold;
  } else if (tracer.is_final()) {
    sandwich.refusal = tracer.refusal();  // movers are not to blame
  }
  return sandwich;
}

// For all rules of this file at once: what a sandwich is made of is known only when its tables are.
std::optional<FoldMatch> Match(const FoldSite& site, int into) {
  Sandwich sandwich = Analyze(site, into);
  if (!sandwich.refusal.empty()) site.Decline(into, sandwich.refusal);
  return std::move(sandwich.match);
}

}  // namespace

const FoldRule kFloatUnaryFold = {
    .name = "float-unary",
    .summary = "DEQUANTIZE, float operators of one element (RELU, ADD with one number, HARD_SWISH, RESHAPE ...) and "
               "QUANTIZE become one table of 256 bytes",
    .match = Match,
};

const FoldRule kFloatBinaryFold = {
    .name = "float-binary",
    .summary = "Two DEQUANTIZEs, a float ADD, SUB, MUL, DIV, MAXIMUM or MINIMUM, and QUANTIZE become one table of "
               "65,536 bytes; operators of one element may be before and after",
    .match = nullptr,
};

const FoldRule kFloatConcatFold = {
    .name = "float-concat",
    .summary = "DEQUANTIZEs, a float CONCATENATION and QUANTIZE become an 8-bit CONCATENATION, with a table of 256 "
               "bytes for each part that needs one",
    .match = nullptr,
};

const FoldRule kFloatMoveFold = {
    .name = "float-move",
    .summary = "DEQUANTIZE, operators that only move floats or take the largest (TRANSPOSE, PAD, SLICE, MAX_POOL_2D "
               "...) and QUANTIZE become the same operators on bytes, and a table of 256 bytes if one is needed",
    .match = nullptr,
};

const FoldRule kFloatMathFold = {
    .name = "float-math",
    .summary = "as float-unary and float-binary with functions of the math library (LOGISTIC, TANH, EXP, LOG, SIN, "
               "COS, ELU), whose last bit differs between hosts: only when the option names it",
    .match = nullptr,
    .on_request = true,
};

}  // namespace npu
