// UNIDIRECTIONAL_SEQUENCE_LSTM and LSTM: a recurrent layer in integers, INT8 activations and weights, INT16 cell
// state. Per time step, with h the output state and c the cell state:
//   i, f, o = logistic(W x + R h + p * c + b)      g = tanh(W x + R h + b)      one W, R, p, b for each
//   c = clip(f * c + i * g)                        h = clip(P (o * tanh(c)) + b)
// Without an input gate i = 1 - f (CIFG); the peephole weights p, the projection P and the clips are optional.
// x [batch, time, inputs], or [time, batch, inputs] (time_major), or [batch, inputs] (LSTM: one step); outputs
// likewise with h, whose bytes they are. Both states go on from one invocation to the next.
// The arithmetic: lstm_cell.h. On the NPU one launch per time step; with a projection the CPU computes.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

#include "backends/ops/data_movement.h"
#include "backends/ops/elementwise.h"
#include "backends/ops/fixed_point16.h"
#include "backends/ops/lstm_cell.h"
#include "backends/ops/rules.h"

namespace npu {
namespace {

using namespace lstm;  // NOLINT: the room of that cell

constexpr int kStates[] = {kOutputState, kCellState};
constexpr int kIntermediates = 5;
// |x * w| is at most 128 * 128: with as many of them, and as many for the zero point, a sum is within 32 bits.
constexpr int64_t kMaxDepth = int64_t{1} << 16;
// Each is a launch, and each launch a kernel object.
constexpr int32_t kMaxTimeOnNpu = 1024;
constexpr std::array<std::string_view, kGates> kGateNames = {"input", "forget", "cell", "output"};

std::string Role(int slot, std::string_view what, int gate) {
  return fmt::format("input {} ({} of the {} gate)", slot, what, kGateNames[gate]);
}

// --- Shapes ---

// Sizes from the operands that every variant has.
std::optional<Sizes> PlanSizes(const OpView& op, Verdict& verdict) {
  bool ok = RequireInput(op, kInput, "input", verdict);
  const int weights = kInputWeights + kOutputGate, recurrent = kRecurrentWeights + kOutputGate;
  ok = RequireInput(op, weights, "input weights of the output gate", verdict) && ok;
  ok = RequireInput(op, recurrent, "recurrent weights of the output gate", verdict) && ok;
  if (!ok) return std::nullopt;
  const bool steps = op.op.kind == OpKind::kUnidirectionalSequenceLstm;
  ok = RequireRank(*op.input(kInput), "input 0", steps ? 3 : 2, steps ? 3 : 2, verdict);
  ok = RequireRank(*op.input(weights), Role(weights, "input weights", kOutputGate), 2, 2, verdict) && ok;
  // Of rank 1 they are diagonal, which TFLite has for float only.
  ok = RequireRank(*op.input(recurrent), Role(recurrent, "recurrent weights", kOutputGate), 2, 2, verdict) && ok;
  if (!ok) return std::nullopt;
  const std::vector<int32_t>& shape = op.input(kInput)->shape;
  Sizes sizes{.inputs = shape.back(),
              .cells = op.input(weights)->shape[0],
              .outputs = op.input(recurrent)->shape[1],
              .time_major = steps && op.op.as<SequenceLstmParams>().time_major};
  sizes.batch = steps ? shape[sizes.time_major ? 1 : 0] : shape[0];
  sizes.time = steps ? shape[sizes.time_major ? 0 : 1] : 1;
  ok = RequireNonEmpty(*op.input(kInput), "input 0", verdict);
  ok = RequireRange("inputs", sizes.inputs, 1, kMaxDepth, verdict) && ok;
  ok = RequireRange("cells", sizes.cells, 1, kMaxDepth, verdict) && ok;
  ok = RequireRange("outputs", sizes.outputs, 1, kMaxDepth, verdict) && ok;
  if (!ok) return std::nullopt;
  return sizes;
}

std::vector<int32_t> OutputShape(const OpView& op, const Sizes& sizes) {
  std::vector<int32_t> shape = op.input(kInput)->shape;
  shape.back() = sizes.outputs;
  return shape;
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  const OpView view{graph, op};
  const auto sizes = PlanSizes(view, verdict);
  if (!sizes) return FirstReason(verdict);
  SetOutputShape(graph, op, 0, OutputShape(view, *sizes));
  return {};
}

// --- Rules ---

// A constant of this type and shape, per tensor with zero point 0.
bool RequireWeights(const OpView& op, int slot, const std::string& role, DataType type,
                    std::span<const int32_t> shape, Verdict& verdict) {
  if (!RequireInput(op, slot, role, verdict)) return false;
  bool ok = RequireInputType(op, slot, role, {type}, verdict);
  ok = RequireConstant(op, slot, role, verdict) && ok;
  ok = RequireShape(*op.input(slot), role, shape, verdict) && ok;
  if (type == DataType::kInt32) return ok;
  if (!RequirePerTensor(*op.input(slot), role, verdict)) return false;
  if (op.input(slot)->zero_point() == 0) return ok;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, role + " zero point",
              std::to_string(op.input(slot)->zero_point()), "0");
  return false;
}

bool RequireGates(const OpView& op, const Sizes& sizes, Verdict& verdict) {
  bool ok = true;
  const bool peephole = op.input(PeepholeSlot(kOutputGate)) != nullptr;
  for (int gate = 0; gate < kGates; ++gate) {
    // Without any of its weights there is no input gate.
    if (gate == kInputGate && op.input(kInputWeights) == nullptr && op.input(kRecurrentWeights) == nullptr) continue;
    const int weights = kInputWeights + gate, recurrent = kRecurrentWeights + gate, bias = kGateBias + gate;
    ok = RequireWeights(op, weights, Role(weights, "input weights", gate), DataType::kInt8,
                        std::array{sizes.cells, sizes.inputs}, verdict) && ok;
    ok = RequireWeights(op, recurrent, Role(recurrent, "recurrent weights", gate), DataType::kInt8,
                        std::array{sizes.cells, sizes.outputs}, verdict) && ok;
    ok = RequireWeights(op, bias, Role(bias, "bias", gate), DataType::kInt32, std::array{sizes.cells}, verdict) && ok;
    const int slot = PeepholeSlot(gate);
    if (slot >= 0 && peephole) {
      ok = RequireWeights(op, slot, Role(slot, "peephole weights", gate), DataType::kInt16,
                          std::array{sizes.cells}, verdict) && ok;
    }
  }
  if (peephole && sizes.cells != sizes.outputs) {
    verdict.Add(ReasonCode::kUnsupportedOperandSize, "peephole weights with a projection",
                fmt::format("{} cells and {} outputs", sizes.cells, sizes.outputs),
                "as many of both (LiteRT mixes them up)");
    ok = false;
  }
  for (int slot = kLayerNorm; slot < kLayerNorm + kGates; ++slot) {
    if (op.input(slot) == nullptr) continue;
    verdict.Add(ReasonCode::kUnsupportedOperator, fmt::format("input {} (layer normalization)", slot), "present",
                "an LSTM without layer normalization");
    ok = false;
  }
  return ok;
}

bool RequireProjection(const OpView& op, const Sizes& sizes, Verdict& verdict) {
  if (op.input(kProjection) == nullptr) {
    if (sizes.cells == sizes.outputs) return true;
    verdict.Add(ReasonCode::kShapeMismatch, "outputs without a projection", std::to_string(sizes.outputs),
                fmt::format("{}, as many as cells", sizes.cells));
    return false;
  }
  bool ok = RequireWeights(op, kProjection, "input 16 (projection)", DataType::kInt8,
                           std::array{sizes.outputs, sizes.cells}, verdict);
  if (op.input(kProjectionBias) != nullptr) {
    ok = RequireWeights(op, kProjectionBias, "input 17 (projection bias)", DataType::kInt32,
                        std::array{sizes.outputs}, verdict) && ok;
  }
  return ok;
}

// One element count decides: TFLite takes states of any rank.
bool RequireStateSize(const OpView& op, int slot, int64_t count, Verdict& verdict) {
  if (!RequireInput(op, slot, "state", verdict)) return false;
  if (op.input(slot)->element_count() == count) return true;
  verdict.Add(ReasonCode::kShapeMismatch, fmt::format("input {} (state) shape", slot),
              ShapeString(*op.input(slot)), fmt::format("{} elements", count));
  return false;
}

bool RequireStates(const OpView& op, const Sizes& sizes, Verdict& verdict) {
  bool ok = RequireStateSize(op, kOutputState, int64_t{sizes.batch} * sizes.outputs, verdict);
  ok = RequireStateSize(op, kCellState, int64_t{sizes.batch} * sizes.cells, verdict) && ok;
  if (!ok) return false;
  ok = RequireInputType(op, kOutputState, "output state", {DataType::kInt8}, verdict);
  ok = RequireInputType(op, kCellState, "cell state", {DataType::kInt16}, verdict) && ok;
  ok = RequirePerTensor(*op.input(kOutputState), "input 18 (output state)", verdict) && ok;
  ok = RequirePerTensor(*op.input(kCellState), "input 19 (cell state)", verdict) && ok;
  if (!ok) return false;
  const auto power = PowerOfTwo(op.input(kCellState)->scale());
  // tanh takes 0 to 6 integer bits.
  if (power && *power >= -15 && *power <= -9 && op.input(kCellState)->zero_point() == 0) return true;
  verdict.Add(ReasonCode::kUnsupportedQuantizationParameters, "input 19 (cell state) quantization",
              fmt::format("scale {} zero_point {}", op.input(kCellState)->scale(), op.input(kCellState)->zero_point()),
              "a power of two from 2^-15 to 2^-9, zero point 0");
  return false;
}

bool RequireHidden(const OpView& op, Verdict& verdict) {
  const auto& intermediates = op.op.intermediates;
  if (static_cast<int>(intermediates.size()) != kIntermediates) {
    verdict.Add(ReasonCode::kMissingRequiredOperand, "number of intermediates", std::to_string(intermediates.size()),
                "5 (INT16 gates; hosts compute 12, of INT8 gates, otherwise)");
    return false;
  }
  if (intermediates[kHidden] == kNoTensor) {
    verdict.Add(ReasonCode::kMissingRequiredOperand, "intermediate 4 (hidden)", "absent", "present");
    return false;
  }
  return RequirePerTensor(op.graph.tensors[intermediates[kHidden]], "intermediate 4 (hidden)", verdict);
}

void RequireRescales(const OpView& op, Verdict& verdict) {
  for (int gate = 0; gate < kGates; ++gate) {
    if (op.input(kInputWeights + gate) == nullptr) continue;
    const auto what = [&](std::string_view term) {
      return fmt::format("rescale of {} in the {} gate", term, kGateNames[gate]);
    };
    RequireRescale(InputRescale(op, gate), what("the input"), verdict);
    RequireRescale(RecurrentRescale(op, gate), what("the output state"), verdict);
    if (PeepholeSlot(gate) >= 0 && op.input(PeepholeSlot(gate)) != nullptr) {
      RequireRescale(PeepholeRescale(op, gate), what("the cell state"), verdict);
    }
  }
  RequireRescale(HiddenRescale(op), "2^-30 / hidden scale", verdict);
  if (op.input(kProjection) != nullptr) {
    RequireRescale(ProjectionRescale(op), "projection scale * hidden scale / output state scale", verdict);
  }
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<SequenceLstmParams>();
  // Hosts' integer kernels compute tanh whatever this says.
  if (params.activation != Activation::kTanh) {
    verdict.Add(ReasonCode::kUnsupportedActivation, "fused activation",
                std::string(ActivationName(params.activation)), "TANH");
  }
  for (const auto& [name, clip] : {std::pair{"cell_clip", params.cell_clip}, std::pair{"proj_clip", params.proj_clip}}) {
    if (clip >= 0 && std::isfinite(clip)) continue;
    verdict.Add(ReasonCode::kInvalidArgument, name, fmt::format("{}", clip), "0 (none) or a positive number");
  }
  bool typed = RequireInputType(op, kInput, "input", {DataType::kInt8}, verdict);
  typed = RequireOutputType(op, 0, {DataType::kInt8}, verdict) && typed;
  const auto sizes = PlanSizes(op, verdict);
  if (!sizes || !typed) return;
  bool ok = RequirePerTensor(*op.input(kInput), "input 0", verdict);
  ok = RequirePerTensor(*op.output(0), "output 0", verdict) && ok;
  ok = RequireShape(*op.output(0), "output 0", OutputShape(op, *sizes), verdict) && ok;
  ok = RequireGates(op, *sizes, verdict) && ok;
  ok = RequireProjection(op, *sizes, verdict) && ok;
  ok = RequireStates(op, *sizes, verdict) && ok;
  ok = RequireHidden(op, verdict) && ok;
  if (ok) RequireRescales(op, verdict);
}

void Check(const OpView& op, Verdict& verdict) {
  CheckOnCpu(op, verdict);
  if (op.input(kProjection) != nullptr) {
    verdict.Add(ReasonCode::kUnsupportedOperator, "input 16 (projection)", "present",
                "an LSTM without projection (delegate-cpu takes it)");
  }
  Verdict ignored;
  if (const auto sizes = PlanSizes(op, ignored)) {
    RequireRange("time steps", sizes->time, 1, kMaxTimeOnNpu, verdict);
  }
}

// --- Reference ---

Status Reference(const ReferenceArgs& args) {
  const OpView& op = args.view;
  Verdict verdict;
  CheckOnCpu(op, verdict);
  const auto sizes = PlanSizes(op, verdict);
  if (!verdict.eligible() || !sizes) return FirstReason(verdict);
  const Cell cell = MakeCell(op, *sizes);
  const Weights weights = ReadWeights(op);
  std::vector<int8_t> scratch(sizes->cells);
  std::vector<int16_t> cells(sizes->cells);
  for (int32_t b = 0; b < sizes->batch; ++b) {
    auto* h = reinterpret_cast<int8_t*>(args.states[0]) + int64_t{b} * sizes->outputs;
    std::byte* c = args.states[1] + int64_t{b} * sizes->cells * static_cast<int64_t>(sizeof(int16_t));
    std::memcpy(cells.data(), c, cells.size() * sizeof(int16_t));
    for (int32_t t = 0; t < sizes->time; ++t) {
      const int64_t row = sizes->time_major ? int64_t{t} * sizes->batch + b : int64_t{b} * sizes->time + t;
      Step(cell, weights, args.in<int8_t>(kInput) + row * sizes->inputs, h, cells.data(), scratch);
      std::memcpy(args.out<int8_t>(0) + row * sizes->outputs, h, sizes->outputs);
    }
    std::memcpy(c, cells.data(), cells.size() * sizeof(int16_t));
  }
  return {};
}

// --- Lower ---

// Per gate: multiplier and shift of the input, of the output state, of the cell state, whether it has a peephole.
// An absent input gate's are all 0.
constexpr int kGateNumbers = 8;  // kernels/lstm.cl has the same

Status Lower(const OpView& op, const ComputeOptions&, Lowering& lowering) {
  Verdict verdict;
  const auto sizes = PlanSizes(op, verdict);
  if (!sizes) return FirstReason(verdict);
  const Cell cell = MakeCell(op, *sizes);
  const Weights weights = ReadWeights(op);
  std::vector<int8_t> input_weights, recurrent_weights;
  std::vector<int32_t> biases, numbers;
  std::vector<int16_t> peephole;
  for (int gate = 0; gate < kGates; ++gate) {
    const Gate& g = cell.gates[gate];
    input_weights.insert(input_weights.end(), weights.input[gate].begin(), weights.input[gate].end());
    recurrent_weights.insert(recurrent_weights.end(), weights.recurrent[gate].begin(), weights.recurrent[gate].end());
    input_weights.resize(size_t(gate + 1) * sizes->cells * sizes->inputs);
    recurrent_weights.resize(size_t(gate + 1) * sizes->cells * sizes->outputs);
    for (const std::vector<int32_t>* bias : {&g.input_bias, &g.recurrent_bias}) {
      biases.insert(biases.end(), bias->begin(), bias->end());
      biases.resize(size_t(2 * gate + (bias == &g.recurrent_bias ? 2 : 1)) * sizes->cells);
    }
    peephole.insert(peephole.end(), weights.peephole[gate].begin(), weights.peephole[gate].end());
    peephole.resize(size_t(gate + 1) * sizes->cells);
    for (int32_t number : {g.input.multiplier, g.input.shift, g.recurrent.multiplier, g.recurrent.shift,
                           g.cell.multiplier, g.cell.shift, int32_t{g.peephole}, 0}) {
      numbers.push_back(number);
    }
  }
  static_assert(kGateNumbers == 8);
  // Logistic, tanh of the cell gate, tanh of the cell state.
  std::vector<int16_t> tables = LogisticTable();
  for (const int bits : {3, cell.cell_integer_bits}) {
    const std::vector<int16_t> table = TanhTable(bits);
    tables.insert(tables.end(), table.begin(), table.end());
  }
  const KernelArg x = TensorArg{op.op.inputs[kInput]}, y = TensorArg{op.op.outputs[0]},
                  h = TensorArg{op.op.inputs[kOutputState]}, c = TensorArg{op.op.inputs[kCellState]};
  const KernelArg w = lowering.AddConstant(input_weights), r = lowering.AddConstant(recurrent_weights),
                  bias = lowering.AddConstant(biases), p = lowering.AddConstant(peephole),
                  gate_numbers = lowering.AddConstant(numbers), functions = lowering.AddConstant(tables);
  const std::array<size_t, 3> global{static_cast<size_t>(sizes->cells), static_cast<size_t>(sizes->batch), 1};
  const int32_t time_stride = sizes->time_major ? sizes->batch : 1, batch_stride = sizes->time_major ? 1 : sizes->time;
  for (int32_t t = 0; t < sizes->time; ++t) {
    lowering.Launch("npu_lstm_step", global,
                    {x, h, c, y, w, r, bias, p, gate_numbers, functions, t, time_stride, batch_stride, sizes->batch,
                     sizes->inputs, sizes->cells, int32_t{!cell.gates[kInputGate].present}, cell.update_shift(),
                     cell.cell_clip, cell.hidden.multiplier, cell.hidden.shift, cell.hidden_zero});
  }
  lowering.Launch("npu_lstm_keep", global,
                  {y, h, sizes->time - 1, time_stride, batch_stride, sizes->batch, sizes->cells});
  return {};
}

int64_t CountMacs(const OpView& op) {
  Verdict verdict;
  const auto sizes = PlanSizes(op, verdict);
  if (!sizes) return 0;
  const int64_t gates = op.input(kInputWeights) != nullptr ? kGates : kGates - 1;
  const int64_t projected = op.input(kProjection) != nullptr ? int64_t{sizes->cells} * sizes->outputs : 0;
  return int64_t{sizes->batch} * sizes->time *
         (gates * sizes->cells * (int64_t{sizes->inputs} + sizes->outputs) + projected);
}

constexpr std::string_view kRules[] = {
    "input and output INT8, rank 3 (LSTM: 2), quantized per tensor; fused activation TANH; clips 0 or positive",
    "input and recurrent weights INT8 of rank 2, peephole weights INT16, biases INT32: constants, the weights per tensor "
    "with zero point 0; no dimension above 65536",
    "the input gate's weights may be absent together (CIFG); peephole weights of all gates or of none, and only with as "
    "many outputs as cells",
    "no layer normalization; NPU: no projection (delegate-cpu takes it) and at most 1024 time steps",
    "output state INT8 and cell state INT16, of batch * outputs and batch * cells elements: variable tensors of this "
    "operator alone; the cell state's scale a power of two from 2^-15 to 2^-9",
    "5 intermediates (INT16 gates), the last one, the hidden output, quantized per tensor",
    "every rescale below 2^23",
};

}  // namespace

extern const OpRoom kLstmRoom;
const OpRoom kLstmRoom = {
    .name = "lstm",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckOnCpu,
    .reference = Reference,
    .lower = Lower,
    .macs = CountMacs,
    .min_inputs = 20,
    .max_inputs = 24,
    .min_outputs = 1,
    .max_outputs = 1,
    .rules = kRules,
    .states = kStates,
};

}  // namespace npu
