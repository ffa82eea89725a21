// SPDX-License-Identifier: Apache-2.0
#include "partitioner/io_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "partitioner/operator_advice.h"
#include "schema/quantization.h"

namespace npu {
namespace {

// A network's head is never longer than this behind the operator that decides it.
constexpr int kMostSteps = 16;

std::vector<int> MakersOf(const Graph& graph) {
  std::vector<int> makers(graph.tensors.size(), -1);
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (int tensor : graph.ops[i].outputs) {
      if (tensor != kNoTensor) makers[tensor] = static_cast<int>(i);
    }
  }
  return makers;
}

bool OnlyPasses(OpKind kind) {
  switch (kind) {
    case OpKind::kQuantize:
    case OpKind::kDequantize:
    case OpKind::kReshape:
    case OpKind::kSqueeze:
    case OpKind::kExpandDims:
    case OpKind::kCast:
    case OpKind::kConcatenation:
    case OpKind::kPack:
    case OpKind::kTranspose: return true;
    default: return false;
  }
}

bool IsFloat32(const Tensor& tensor) { return tensor.type == DataType::kFloat32; }

std::string What(const char* border, const Graph& graph, int tensor) {
  const Tensor& t = graph.tensors[tensor];
  return fmt::format("{} \"{}\" {}{}", border, t.name, DataTypeName(t.type), ShapeString(t));
}

// "0 to 1": the real values that the smallest and the largest byte stand for.
std::string RealRange(const Tensor& tensor) {
  const auto real = [&](int32_t q) {
    return static_cast<double>(tensor.scale()) * (static_cast<double>(q) - tensor.zero_point());
  };
  return fmt::format("{:.4g} to {:.4g}", real(TypeMin(tensor.type)), real(TypeMax(tensor.type)));
}

Head HeadOf(const Graph& graph, const std::vector<int>& makers, int output) {
  int tensor = output;
  for (int step = 0; step < kMostSteps; ++step) {
    const int maker = tensor == kNoTensor ? -1 : makers[tensor];
    if (maker < 0) return Head::kOther;
    const Op& op = graph.ops[maker];
    switch (op.kind) {
      case OpKind::kSoftmax:
      case OpKind::kLogSoftmax:
      case OpKind::kLogistic: return Head::kScores;
      case OpKind::kArgMax:
      case OpKind::kArgMin:
      case OpKind::kTopkV2: return Head::kChoice;
      case OpKind::kDetectionPostProcess:
      case OpKind::kNonMaxSuppressionV4:
      case OpKind::kNonMaxSuppressionV5: return Head::kDetection;
      case OpKind::kCustom: return Head::kOther;
      default: break;
    }
    if (OnlyPasses(op.kind) && !op.inputs.empty()) {
      tensor = op.inputs[0];
      continue;
    }
    const Tensor& made = graph.tensors[output];
    if (!made.shape_known) return Head::kOther;
    if (made.shape.size() <= 2) return Head::kVector;
    return made.shape.size() == 4 && (made.shape[1] > 1 || made.shape[2] > 1) ? Head::kMap : Head::kOther;
  }
  return Head::kOther;
}

std::string InputNote(const Graph& graph, int index, bool quantized) {
  const Tensor& tensor = graph.tensors[index];
  const bool known = tensor.quantization.per_tensor();
  const std::string what = What("input", graph, index);
  const std::string stands = known ? fmt::format("; pixels 0 to 255 stand for {}", RealRange(tensor)) : std::string();
  if (IsImage(tensor) || MayBeGreyImage(tensor)) {
    const char* grey = IsImage(tensor) ? "" : "if it is a picture, ";
    if (tensor.type == DataType::kUInt8) return fmt::format("{}: {}a camera's bytes go straight in{}", what, grey, stands);
    if (tensor.type == DataType::kInt8) {
      return fmt::format("{}: {}a camera's bytes go in after XOR 0x80, which subtracts 128{}", what, grey, stands);
    }
    if (tensor.type == DataType::kInt16 && known) {
      return fmt::format("{}: {}a camera's bytes must be widened to 16 bits (scale {:.4g}) on the CPU", what, grey, tensor.scale());
    }
    if (IsFloat32(tensor) && quantized) {
      return fmt::format("{}: {}every frame is converted to float and quantized on the CPU ({} values); a uint8 or int8 input "
                         "takes a camera's bytes", what, grey, tensor.element_count().value_or(0));
    }
    if (IsFloat32(tensor)) return fmt::format("{}: {}every frame must be converted to float", what, grey);
    return {};
  }
  if (IsFloat32(tensor) && quantized) return fmt::format("{}: quantized on the CPU at every invocation", what);
  if ((Is8Bit(tensor.type) || tensor.type == DataType::kInt16) && known) {
    return fmt::format("{}: quantized by the application: q = round(x / {:.6g}) + {}, which holds {}", what, tensor.scale(),
                       tensor.zero_point(), RealRange(tensor));
  }
  return {};
}

std::string OutputNote(const Graph& graph, int index, Head head, bool dequantized) {
  const Tensor& tensor = graph.tensors[index];
  const std::string what = What("output", graph, index);
  const bool bytes = Is8Bit(tensor.type) && tensor.quantization.per_tensor();
  switch (head) {
    case Head::kScores:
      if (bytes) return fmt::format("{}: class scores in steps of {:.4g}", what, tensor.scale());
      return dequantized ? fmt::format("{}: class scores, converted to float on the CPU", what) : std::string();
    case Head::kVector:
      if (bytes) {
        return fmt::format("{}: 256 values in steps of {:.4g} ({}); enough to pick the largest, coarse for an embedding or a "
                           "regression, which want a float (or 16-bit) head", what, tensor.scale(), RealRange(tensor));
      }
      return dequantized ? fmt::format("{}: float, but DEQUANTIZE makes it: it has only the values of the quantized tensor before it, "
                                       "coarse for an embedding or a regression", what)
                         : std::string();
    case Head::kDetection: return fmt::format("{}: boxes, classes or scores of detections", what);
    case Head::kMap:
      if (bytes) return fmt::format("{}: a map of values in steps of {:.4g} ({})", what, tensor.scale(), RealRange(tensor));
      return {};
    case Head::kChoice: return fmt::format("{}: indices, exact whatever the scale", what);
    case Head::kOther: break;
  }
  return {};
}

}  // namespace

std::vector<Head> HeadsOf(const Graph& graph) {
  const std::vector<int> makers = MakersOf(graph);
  std::vector<Head> heads;
  for (int output : graph.outputs) heads.push_back(HeadOf(graph, makers, output));
  return heads;
}

bool ComputesInIntegers(const Graph& graph) {
  return std::any_of(graph.ops.begin(), graph.ops.end(), [&](const Op& op) {
    if (op.kind == OpKind::kQuantize || op.kind == OpKind::kDequantize) return false;
    return std::any_of(op.outputs.begin(), op.outputs.end(), [&](int tensor) {
      return tensor != kNoTensor && (Is8Bit(graph.tensors[tensor].type) || graph.tensors[tensor].type == DataType::kInt16);
    });
  });
}

std::vector<std::string> IoNotes(const Graph& graph) {
  const bool quantized = ComputesInIntegers(graph);
  const std::vector<int> makers = MakersOf(graph);
  std::vector<std::string> notes;
  const auto add = [&](std::string note) {
    if (!note.empty()) notes.push_back(std::move(note));
  };
  for (int tensor : graph.inputs) add(InputNote(graph, tensor, quantized));
  for (int tensor : graph.outputs) {
    const int maker = makers[tensor];
    const bool dequantized = maker >= 0 && graph.ops[maker].kind == OpKind::kDequantize;
    add(OutputNote(graph, tensor, HeadOf(graph, makers, tensor), dequantized));
  }
  return notes;
}

}  // namespace npu
