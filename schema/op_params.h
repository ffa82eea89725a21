// One plain struct per operator parameter family: what the file (BuiltinOptions, flexbuffer) or the
// host (its parameter structs) says about an operator, in our own units and enums.
// Readers fill them; values outside an enum's range never get here (the reader refuses the model, the
// host graph declines the node). Numeric ranges (stride >= 1, ...) are the op room's Check.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace npu {

// In the format's order. kExplicit stands in no file: a fold (partitioner/fold.h) makes it of operators around
// a window, and PaddingEdges hold the pixels.
enum class Padding : uint8_t { kSame, kValid, kExplicit };

// Pixels of padding on each side of an image, >= 0. Read with Padding::kExplicit only.
struct PaddingEdges {
  int32_t top = 0, bottom = 0, left = 0, right = 0;
};

// Fused activations, in the format's order. kRelu0To1 stands in no file: a fold makes it.
enum class Activation : uint8_t { kNone, kRelu, kReluN1To1, kRelu6, kTanh, kSignBit, kRelu0To1 };

enum class WeightsFormat : uint8_t { kDefault, kShuffled4x16Int8 };

// Operators without parameters, and operators whose parameters nothing here reads.
struct NoParams {};

struct Conv2DParams {
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1;      // pixels
  int32_t dilation_h = 1, dilation_w = 1;  // pixels between taps
  Activation activation = Activation::kNone;
  PaddingEdges edges{};
};

struct DepthwiseConv2DParams {
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;
  int32_t depth_multiplier = 0;  // as written; 0 = absent. The shapes decide, Check compares.
  Activation activation = Activation::kNone;
  PaddingEdges edges{};
};

struct Pool2DParams {
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1;
  int32_t filter_h = 1, filter_w = 1;
  Activation activation = Activation::kNone;
  PaddingEdges edges{};
};

struct FullyConnectedParams {
  Activation activation = Activation::kNone;
  WeightsFormat weights_format = WeightsFormat::kDefault;
  bool keep_num_dims = false;
  bool asymmetric_quantize_inputs = false;  // hybrid models only
};

// ADD, SUB, MUL, DIV
struct BinaryParams {
  Activation activation = Activation::kNone;
  bool pot_scale_int16 = false;  // ADD, SUB: int16 only
};

struct ConcatenationParams {
  int32_t axis = 0;  // negative counts from the last
  Activation activation = Activation::kNone;
};

struct SoftmaxParams {
  float beta = 1.0f;
};

// The new shape of RESHAPE when it is not given as a second input.
struct ReshapeParams {
  std::vector<int32_t> new_shape;  // at most one -1
};

struct SqueezeParams {
  std::vector<int32_t> squeeze_dims;  // empty: every dimension of size 1
};

// MEAN, SUM, REDUCE_*
struct ReducerParams {
  bool keep_dims = false;
};

// RESIZE_BILINEAR, RESIZE_NEAREST_NEIGHBOR
struct ResizeParams {
  bool align_corners = false;
  bool half_pixel_centers = false;
};

struct LeakyReluParams {
  float alpha = 0.0f;
};

struct GeluParams {
  bool approximate = false;  // by tanh, instead of the error function
};

// Bit i of a mask speaks of entry i of begin/end/strides.
struct StridedSliceParams {
  int32_t begin_mask = 0, end_mask = 0, ellipsis_mask = 0, new_axis_mask = 0, shrink_axis_mask = 0;
  bool offset = false;  // end is relative to begin
};

// SPLIT, SPLIT_V
struct SplitParams {
  int32_t num_splits = 0;
};

struct PackParams {
  int32_t values_count = 0;
  int32_t axis = 0;
};

struct ShapeParams {
  bool int64_output = false;
};

struct CastParams {};

// ARG_MAX, ARG_MIN
struct ArgMinMaxParams {
  bool int64_output = false;  // else INT32
};

struct L2NormParams {
  Activation activation = Activation::kNone;
};

struct TransposeConvParams {
  Padding padding = Padding::kSame;
  int32_t stride_h = 1, stride_w = 1;
  Activation activation = Activation::kNone;
};

struct GatherParams {
  int32_t axis = 0;
  int32_t batch_dims = 0;
};

struct UnpackParams {
  int32_t num = 0;
  int32_t axis = 0;
};

// SPACE_TO_DEPTH, DEPTH_TO_SPACE
struct SpaceDepthParams {
  int32_t block_size = 0;  // pixels, of height and width
};

// Without or with the edge itself, in the format's order.
enum class MirrorMode : uint8_t { kReflect, kSymmetric };

struct MirrorPadParams {
  MirrorMode mode = MirrorMode::kReflect;
};

struct BatchMatmulParams {
  bool adj_x = false, adj_y = false;        // that operand's last two dimensions are swapped
  bool asymmetric_quantize_inputs = false;  // hybrid models only
};

// UNIDIRECTIONAL_SEQUENCE_LSTM; LSTM, which has one time step and no time_major
struct SequenceLstmParams {
  Activation activation = Activation::kNone;
  float cell_clip = 0.0f, proj_clip = 0.0f;  // in real units; 0: no clipping
  bool time_major = false;                   // [time, batch, input], else [batch, time, input]
  bool asymmetric_quantize_inputs = false;   // hybrid models only
};

struct SvdfParams {
  int32_t rank = 0;
  Activation activation = Activation::kNone;
  bool asymmetric_quantize_inputs = false;  // hybrid models only
};

// VAR_HANDLE: the two names that tell one resource variable from another.
struct VarHandleParams {
  std::string container, shared_name;
};

struct CallOnceParams {
  int32_t init_subgraph = 0;  // index into Model::subgraphs
};

// TFLite_Detection_PostProcess's flexbuffer map.
struct DetectionPostProcessParams {
  int32_t max_detections = 0;
  int32_t max_classes_per_detection = 0;  // fast non-maximum suppression only
  int32_t detections_per_class = 100;     // regular non-maximum suppression only
  bool use_regular_nms = false;
  float score_threshold = 0.0f, iou_threshold = 0.0f;
  int32_t num_classes = 0;  // without the background class
  float y_scale = 0.0f, x_scale = 0.0f, h_scale = 0.0f, w_scale = 0.0f;  // of the box encodings
};

// LceBconv2d's flexbuffer map.
struct LceBconv2dParams {
  int32_t channels_in = 0;
  int32_t stride_h = 1, stride_w = 1;
  int32_t dilation_h = 1, dilation_w = 1;
  Padding padding = Padding::kSame;
  int32_t pad_values = 0;  // 0 or 1
  Activation activation = Activation::kNone;
};

// LceBMaxPool2d's flexbuffer map.
struct LceBMaxPool2dParams {
  int32_t filter_h = 1, filter_w = 1;
  int32_t stride_h = 1, stride_w = 1;
  Padding padding = Padding::kSame;
};

using OpParams =
    std::variant<NoParams, Conv2DParams, DepthwiseConv2DParams, Pool2DParams, FullyConnectedParams,
                 BinaryParams, ConcatenationParams, SoftmaxParams, ReshapeParams, SqueezeParams,
                 ReducerParams, ResizeParams, LeakyReluParams, GeluParams, StridedSliceParams, SplitParams, PackParams,
                 ShapeParams, CastParams, ArgMinMaxParams, L2NormParams, TransposeConvParams, GatherParams,
                 UnpackParams, SpaceDepthParams, MirrorPadParams, BatchMatmulParams, SequenceLstmParams, SvdfParams,
                 VarHandleParams, CallOnceParams, DetectionPostProcessParams, LceBconv2dParams, LceBMaxPool2dParams>;

}  // namespace npu
