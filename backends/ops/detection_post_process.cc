// TFLite_Detection_PostProcess: the end of an SSD network. Decodes a box for every anchor, then keeps the best of
// those that do not overlap (non-maximum suppression, NMS).
//   y = encoding.y / y_scale * anchor.h + anchor.y          half_h = exp(encoding.h / h_scale) * anchor.h / 2
//   box = (y - half_h, x - half_w, y + half_h, x + half_w)   and so x and half_w; computed in double, kept in float
// Inputs: box encodings [1, boxes, >= 4], class predictions [1, boxes, classes (+ 1: background first)], anchors
// [boxes, 4]. Outputs, all float: boxes [1, n, 4], classes [1, n], scores [1, n], how many there are [1], with
// n = max_detections * max_classes_per_detection.
//   fast NMS      one list: every box with its best class; a kept box gives max_classes_per_detection rows
//   regular NMS   a list per class of at most detections_per_class; the best max_detections of all are kept
// Rows past the last detection are 0 (LiteRT leaves what fast NMS does not write as it was).
// Source: LiteRT 2.3's and tflite-runtime 2.14's kernel, bit for bit.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numeric>

#include "backends/ops/data_movement.h"
#include "backends/ops/rules.h"
#include "base/checked.h"

namespace npu {
namespace {

constexpr int kEncodings = 0, kPredictions = 1, kAnchors = 2;                    // inputs
constexpr int kBoxes = 0, kClasses = 1, kScores = 2, kCount = 3, kOutputs = 4;  // outputs
constexpr int32_t kCoordinates = 4;
constexpr std::string_view kInputRoles[] = {"box encodings", "class predictions", "anchors"};

struct Sizes {
  int32_t boxes = 0;
  int32_t classes = 0;  // without background
  int32_t columns = 0;  // of the predictions: classes, and the background before them if there is one
  int32_t rows = 0;     // of the outputs
};

// --- Shapes and rules ---

bool RequireParameters(const DetectionPostProcessParams& p, Verdict& verdict) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  bool ok = RequireRange("max_detections", p.max_detections, 1, kMost, verdict);
  ok = RequireRange("max_classes_per_detection", p.max_classes_per_detection, 1, kMost, verdict) && ok;
  ok = RequireRange("num_classes", p.num_classes, 1, kMost, verdict) && ok;
  if (p.use_regular_nms) {
    ok = RequireRange("detections_per_class", p.detections_per_class, 1, kMost, verdict) && ok;
  }
  if (!(p.iou_threshold > 0.0f && p.iou_threshold <= 1.0f)) {
    verdict.Add(ReasonCode::kInvalidArgument, "nms_iou_threshold", fmt::format("{}", p.iou_threshold),
                "above 0, at most 1");
    ok = false;
  }
  for (const auto& [name, scale] : {std::pair{"y_scale", p.y_scale}, std::pair{"x_scale", p.x_scale},
                                    std::pair{"h_scale", p.h_scale}, std::pair{"w_scale", p.w_scale}}) {
    if (scale != 0.0f) continue;
    verdict.Add(ReasonCode::kInvalidArgument, name, "0", "a number other than 0");
    ok = false;
  }
  return ok;
}

std::optional<Sizes> PlanDetections(const OpView& op, Verdict& verdict) {
  const auto& params = op.op.as<DetectionPostProcessParams>();
  bool ok = RequireParameters(params, verdict);
  for (int i : {kEncodings, kPredictions, kAnchors}) ok = RequireInput(op, i, kInputRoles[i], verdict) && ok;
  if (!ok) return std::nullopt;
  const Tensor &encodings = *op.input(kEncodings), &predictions = *op.input(kPredictions),
               &anchors = *op.input(kAnchors);
  ok = RequireRank(encodings, "input 0 (box encodings)", 3, 3, verdict);
  ok = RequireRank(predictions, "input 1 (class predictions)", 3, 3, verdict) && ok;
  if (!ok) return std::nullopt;
  ok = RequireRange("box encodings dimension 0", encodings.shape[0], 1, 1, verdict);
  ok = RequireRange("box encodings dimension 1", encodings.shape[1], 1, kMaxTensorElements, verdict) && ok;
  ok = RequireRange("box encodings dimension 2", encodings.shape[2], kCoordinates, kMaxTensorElements,
                    verdict) && ok;
  Sizes plan{.boxes = encodings.shape[1], .classes = params.num_classes, .columns = predictions.shape[2]};
  ok = RequireRange("class predictions dimension 2", plan.columns, plan.classes, int64_t{plan.classes} + 1,
                    verdict) && ok;
  ok = RequireShape(predictions, "input 1 (class predictions)",
                    std::array<int32_t, 3>{1, plan.boxes, plan.columns}, verdict) && ok;
  ok = RequireShape(anchors, "input 2 (anchors)", std::array<int32_t, 2>{plan.boxes, kCoordinates},
                    verdict) && ok;
  const auto rows = CheckedElementCount(
      std::array<int32_t, 3>{params.max_detections, params.max_classes_per_detection, kCoordinates});
  if (!rows) {
    verdict.Add(ReasonCode::kInvalidArgument, "max_detections * max_classes_per_detection",
                fmt::format("{} * {}", params.max_detections, params.max_classes_per_detection),
                fmt::format("at most {} output elements", kMaxTensorElements));
    ok = false;
  }
  if (!ok) return std::nullopt;
  plan.rows = params.max_detections * params.max_classes_per_detection;
  return plan;
}

std::array<std::vector<int32_t>, kOutputs> OutputShapes(const Sizes& plan) {
  return {{{1, plan.rows, kCoordinates}, {1, plan.rows}, {1, plan.rows}, {1}}};
}

Status Infer(Graph& graph, const Op& op) {
  Verdict verdict;
  const auto plan = PlanDetections({graph, op}, verdict);
  if (!plan) return FirstReason(verdict);
  auto shapes = OutputShapes(*plan);
  for (int i = 0; i < kOutputs; ++i) SetOutputShape(graph, op, i, std::move(shapes[i]));
  return {};
}

void CheckOnCpu(const OpView& op, Verdict& verdict) {
  const auto plan = PlanDetections(op, verdict);
  for (int i : {kEncodings, kPredictions}) {
    if (RequireInputType(op, i, kInputRoles[i], {DataType::kFloat32, DataType::kUInt8}, verdict) &&
        Is8Bit(op.input(i)->type)) {
      RequirePerTensor(*op.input(i), fmt::format("input {}", i), verdict);
    }
  }
  // TFLite reads the anchors in the encodings' type, whatever theirs is.
  const Tensor *encodings = op.input(kEncodings), *anchors = op.input(kAnchors);
  if (encodings != nullptr && anchors != nullptr) {
    if (anchors->type != encodings->type) {
      verdict.Add(ReasonCode::kUnsupportedInputType, "input 2 (anchors) element type",
                  std::string(DataTypeName(anchors->type)),
                  fmt::format("{}, as input 0", DataTypeName(encodings->type)));
    } else if (Is8Bit(anchors->type)) {
      RequirePerTensor(*anchors, "input 2", verdict);
    }
  }
  for (int i = 0; i < kOutputs; ++i) {
    RequireOutputType(op, i, {DataType::kFloat32}, verdict);
    if (plan && op.output(i) != nullptr) {
      RequireShape(*op.output(i), fmt::format("output {}", i), OutputShapes(*plan)[i], verdict);
    }
  }
}

void Check(const OpView& op, Verdict& verdict) {
  RequireOutputType(op, kBoxes, {DataType::kInt8, DataType::kUInt8}, verdict);
  CheckOnCpu(op, verdict);
}

// --- Reference ---

struct Box {
  float ymin, xmin, ymax, xmax;
};

struct Detection {
  int32_t box, klass;
  float score;
};

// Element i of a FLOAT32 or UINT8 tensor of any alignment, as a real number.
float ElementOf(const Tensor& tensor, const std::byte* data, int64_t i) {
  if (tensor.type == DataType::kUInt8) {
    return static_cast<float>(std::to_integer<int32_t>(data[i]) - tensor.zero_point()) * tensor.scale();
  }
  float value;
  std::memcpy(&value, data + i * static_cast<int64_t>(sizeof(value)), sizeof(value));
  return value;
}

Box Decode(const ReferenceArgs& args, int64_t i) {
  const auto& p = args.view.op.as<DetectionPostProcessParams>();
  const Tensor &encodings = *args.view.input(kEncodings), &anchors = *args.view.input(kAnchors);
  const int64_t first = i * encodings.shape[2];
  const auto encoding = [&](int k) -> double { return ElementOf(encodings, args.inputs[kEncodings], first + k); };
  const auto anchor = [&](int k) -> double {
    return ElementOf(anchors, args.inputs[kAnchors], i * kCoordinates + k);
  };
  const double anchor_h = anchor(2), anchor_w = anchor(3);
  const auto y = static_cast<float>(encoding(0) / p.y_scale * anchor_h + anchor(0));
  const auto x = static_cast<float>(encoding(1) / p.x_scale * anchor_w + anchor(1));
  const auto half_h = static_cast<float>(0.5 * std::exp(encoding(2) / p.h_scale) * anchor_h);
  const auto half_w = static_cast<float>(0.5 * std::exp(encoding(3) / p.w_scale) * anchor_w);
  return {y - half_h, x - half_w, y + half_h, x + half_w};
}

float Area(const Box& box) { return (box.ymax - box.ymin) * (box.xmax - box.xmin); }

float IntersectionOverUnion(const Box& a, const Box& b) {
  const float area_a = Area(a), area_b = Area(b);
  if (area_a <= 0 || area_b <= 0) return 0.0f;
  const float height = std::min(a.ymax, b.ymax) - std::max(a.ymin, b.ymin);
  const float width = std::min(a.xmax, b.xmax) - std::max(a.xmin, b.xmin);
  const float intersection = std::max(height, 0.0f) * std::max(width, 0.0f);
  return intersection / (area_a + area_b - intersection);
}

class Suppression {
 public:
  Suppression(const ReferenceArgs& args, const Sizes& plan)
      : args_(args), params_(args.view.op.as<DetectionPostProcessParams>()), plan_(plan) {}

  Status Run() {
    boxes_.reserve(plan_.boxes);
    for (int32_t i = 0; i < plan_.boxes; ++i) {
      const Box& box = boxes_.emplace_back(Decode(args_, i));
      // Negative anchors, or scales of other signs: TFLite fails likewise.
      if (box.ymin > box.ymax || box.xmin > box.xmax) {
        return Fail(ErrorCode::kUnsupported,
                    fmt::format("box {} is inside out: [{}, {}, {}, {}]", i, box.ymin, box.xmin, box.ymax, box.xmax));
      }
    }
    for (int i = 0; i < kOutputs; ++i) {
      std::memset(args_.outputs[i], 0, static_cast<size_t>(args_.view.output(i)->byte_size().value_or(0)));
    }
    return params_.use_regular_nms ? Regular() : Fast();
  }

 private:
  float Score(int64_t box, int32_t klass) const {
    return ElementOf(*args_.view.input(kPredictions), args_.inputs[kPredictions],
                     box * plan_.columns + (plan_.columns - plan_.classes) + klass);
  }

  // Boxes, best score first (of equals the earlier one), without those that overlap a better one: at most `limit`.
  std::vector<int32_t> Select(const std::vector<float>& scores, int32_t limit) const {
    std::vector<int32_t> candidates;
    for (int32_t i = 0; i < plan_.boxes; ++i) {
      if (scores[i] >= params_.score_threshold) candidates.push_back(i);
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
    std::vector<int32_t> selected;
    for (const int32_t candidate : candidates) {
      if (static_cast<int64_t>(selected.size()) >= limit) break;
      const bool overlaps = std::any_of(selected.begin(), selected.end(), [&](int32_t better) {
        return IntersectionOverUnion(boxes_[better], boxes_[candidate]) > params_.iou_threshold;
      });
      if (!overlaps) selected.push_back(candidate);
    }
    return selected;
  }

  // The `count` best classes of a box come first in `order`, which holds all of them. The order of equal ones is
  // TFLite's: the first of the largest alone, and as std::partial_sort leaves them when there are more.
  void RankClasses(const std::vector<float>& scores, int32_t count, std::vector<int32_t>& order) const {
    std::iota(order.begin(), order.end(), 0);
    if (count == 1) {
      std::swap(order[0], *std::max_element(order.begin(), order.end(),
                                            [&](int32_t a, int32_t b) { return scores[a] < scores[b]; }));
      return;
    }
    std::partial_sort(order.begin(), order.begin() + count, order.end(),
                      [&](int32_t a, int32_t b) { return scores[a] > scores[b]; });
  }

  Status Fast() const {
    const int32_t kept = std::min(params_.max_classes_per_detection, plan_.classes);
    std::vector<float> best(plan_.boxes), scores(plan_.classes);
    std::vector<int32_t> order(plan_.classes);
    const auto rank = [&](int32_t box) {
      for (int32_t c = 0; c < plan_.classes; ++c) scores[c] = Score(box, c);
      RankClasses(scores, kept, order);
    };
    for (int32_t box = 0; box < plan_.boxes; ++box) {
      rank(box);
      best[box] = scores[order[0]];
    }
    const std::vector<int32_t> selected = Select(best, params_.max_detections);
    for (size_t i = 0; i < selected.size(); ++i) {
      rank(selected[i]);
      for (int32_t k = 0; k < kept; ++k) {
        Write(static_cast<int64_t>(i) * params_.max_classes_per_detection + k,
              {selected[i], order[k], scores[order[k]]});
      }
    }
    WriteCount(selected.size());
    return {};
  }

  Status Regular() const {
    const int32_t limit = std::min(params_.detections_per_class, params_.max_detections);
    std::vector<Detection> merged;
    std::vector<float> scores(plan_.boxes);
    for (int32_t klass = 0; klass < plan_.classes; ++klass) {
      for (int32_t box = 0; box < plan_.boxes; ++box) scores[box] = Score(box, klass);
      const auto middle = static_cast<ptrdiff_t>(merged.size());
      for (const int32_t box : Select(scores, limit)) merged.push_back({box, klass, scores[box]});
      std::inplace_merge(merged.begin(), merged.begin() + middle, merged.end(),
                         [](const Detection& a, const Detection& b) { return a.score > b.score; });
      if (static_cast<int64_t>(merged.size()) > params_.max_detections) {
        merged.resize(params_.max_detections);
      }
    }
    for (size_t i = 0; i < merged.size(); ++i) Write(static_cast<int64_t>(i), merged[i]);
    WriteCount(merged.size());
    return {};
  }

  void Write(int64_t row, const Detection& detection) const {
    const auto klass = static_cast<float>(detection.klass);
    std::memcpy(args_.outputs[kBoxes] + row * sizeof(Box), &boxes_[detection.box], sizeof(Box));
    std::memcpy(args_.outputs[kClasses] + row * sizeof(float), &klass, sizeof(float));
    std::memcpy(args_.outputs[kScores] + row * sizeof(float), &detection.score, sizeof(float));
  }

  void WriteCount(size_t detections) const {
    const auto count = static_cast<float>(detections);
    std::memcpy(args_.outputs[kCount], &count, sizeof(count));
  }

  const ReferenceArgs& args_;
  const DetectionPostProcessParams& params_;
  const Sizes plan_;
  std::vector<Box> boxes_;
};

Status Reference(const ReferenceArgs& args) {
  Verdict verdict;
  CheckOnCpu(args.view, verdict);
  const auto plan = PlanDetections(args.view, verdict);
  if (!verdict.eligible() || !plan) return FirstReason(verdict);
  return Suppression(args, *plan).Run();
}

constexpr std::string_view kRules[] = {
    "NPU: never, since its outputs are FLOAT32. delegate-cpu: all of the following.",
    "max_detections, max_classes_per_detection and num_classes at least 1, and detections_per_class with "
    "use_regular_nms; nms_iou_threshold in (0, 1]; no scale is 0.",
    "box encodings [1, boxes, 4 or more], FLOAT32 or UINT8; class predictions [1, boxes, num_classes or one more], "
    "FLOAT32 or UINT8; anchors [boxes, 4] of the encodings' type. UINT8 is quantized per tensor (LiteRT has no "
    "INT8 kernel).",
    "The outputs are FLOAT32: boxes [1, n, 4], classes [1, n], scores [1, n], count [1], n = max_detections * "
    "max_classes_per_detection. Rows past the last detection are 0.",
};

}  // namespace

extern const OpRoom kDetectionPostProcessRoom;
const OpRoom kDetectionPostProcessRoom = {
    .name = "detection_post_process",
    .infer = Infer,
    .check = Check,
    .check_cpu = CheckOnCpu,
    .reference = Reference,
    .lower = nullptr,
    .macs = nullptr,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 4,
    .max_outputs = 4,
    .rules = kRules,
};

}  // namespace npu
