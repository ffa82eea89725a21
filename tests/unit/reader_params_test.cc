// Operator parameters: every field arrives in the right place, absent tables mean the format's defaults, and
// wrong ones become params_error.
// SPDX-License-Identifier: Apache-2.0
#include <flatbuffers/flexbuffers.h>
#include <gtest/gtest.h>

#include <limits>

#include "schema/reader.h"
#include "tests/support/model_promises.h"
#include "tests/support/tflite_file.h"

namespace npu::test {
namespace {

// The only operator of a file, read back.
npu::Op ReadOnlyOp(const fbs::ModelT& file) {
  const auto bytes = WriteFile(file);
  const auto model = ReadModel(bytes, nullptr);
  if (!model) {
    ADD_FAILURE() << model.error().text;
    return {};
  }
  EXPECT_EQ(BrokenPromise(*model), "");
  return model->subgraphs[0]->ops[0];
}

template <typename Options>
npu::Op ReadOpWith(fbs::BuiltinOperator code, Options options, int inputs = 1) {
  fbs::BuiltinOptionsUnion u;
  u.Set(std::move(options));
  const npu::Op op = ReadOnlyOp(*OneOpFileModel(code, std::move(u), inputs));
  EXPECT_EQ(op.params_error, "");
  return op;
}

npu::Op ReadOpWithout(fbs::BuiltinOperator code) { return ReadOnlyOp(*OneOpFileModel(code, {})); }

TEST(ReaderParams, Conv2D) {
  fbs::Conv2DOptionsT o;
  o.padding = fbs::Padding::VALID;
  o.stride_h = 2, o.stride_w = 3, o.dilation_h_factor = 4, o.dilation_w_factor = 5;
  o.fused_activation_function = fbs::ActivationFunctionType::RELU6;
  const npu::Op op = ReadOpWith(fbs::BuiltinOperator::CONV_2D, o);
  const auto& p = op.as<Conv2DParams>();
  EXPECT_EQ(p.padding, Padding::kValid);
  EXPECT_EQ((std::vector{p.stride_h, p.stride_w, p.dilation_h, p.dilation_w}), (std::vector{2, 3, 4, 5}));
  EXPECT_EQ(p.activation, Activation::kRelu6);
}

TEST(ReaderParams, DepthwiseConv2D) {
  fbs::DepthwiseConv2DOptionsT o;
  o.stride_h = 2, o.stride_w = 3, o.dilation_h_factor = 4, o.dilation_w_factor = 5, o.depth_multiplier = 6;
  o.fused_activation_function = fbs::ActivationFunctionType::RELU;
  const npu::Op op = ReadOpWith(fbs::BuiltinOperator::DEPTHWISE_CONV_2D, o);
  const auto& p = op.as<DepthwiseConv2DParams>();
  EXPECT_EQ(p.padding, Padding::kSame);
  EXPECT_EQ((std::vector{p.stride_h, p.stride_w, p.dilation_h, p.dilation_w, p.depth_multiplier}),
            (std::vector{2, 3, 4, 5, 6}));
  EXPECT_EQ(p.activation, Activation::kRelu);
}

TEST(ReaderParams, Pool2D) {
  fbs::Pool2DOptionsT o;
  o.padding = fbs::Padding::VALID;
  o.stride_h = 2, o.stride_w = 3, o.filter_height = 4, o.filter_width = 5;
  o.fused_activation_function = fbs::ActivationFunctionType::RELU_N1_TO_1;
  for (const auto code : {fbs::BuiltinOperator::MAX_POOL_2D, fbs::BuiltinOperator::AVERAGE_POOL_2D}) {
    const npu::Op op = ReadOpWith(code, o);
    const auto& p = op.as<Pool2DParams>();
    EXPECT_EQ(p.padding, Padding::kValid);
    EXPECT_EQ((std::vector{p.stride_h, p.stride_w, p.filter_h, p.filter_w}), (std::vector{2, 3, 4, 5}));
    EXPECT_EQ(p.activation, Activation::kReluN1To1);
  }
}

TEST(ReaderParams, FullyConnected) {
  fbs::FullyConnectedOptionsT o;
  o.fused_activation_function = fbs::ActivationFunctionType::TANH;
  o.weights_format = fbs::FullyConnectedOptionsWeightsFormat::SHUFFLED4x16INT8;
  o.keep_num_dims = true;
  const npu::Op op = ReadOpWith(fbs::BuiltinOperator::FULLY_CONNECTED, o);
  const auto& p = op.as<FullyConnectedParams>();
  EXPECT_EQ(p.activation, Activation::kTanh);
  EXPECT_EQ(p.weights_format, WeightsFormat::kShuffled4x16Int8);
  EXPECT_TRUE(p.keep_num_dims);
  EXPECT_FALSE(p.asymmetric_quantize_inputs);
}

TEST(ReaderParams, Binary) {
  fbs::AddOptionsT add;
  add.pot_scale_int16 = false;
  add.fused_activation_function = fbs::ActivationFunctionType::RELU;
  const npu::Op op = ReadOpWith(fbs::BuiltinOperator::ADD, add, 2);
  EXPECT_EQ(op.as<BinaryParams>().activation, Activation::kRelu);
  EXPECT_FALSE(op.as<BinaryParams>().pot_scale_int16);
  EXPECT_TRUE(
      ReadOpWith(fbs::BuiltinOperator::SUB, fbs::SubOptionsT(), 2).as<BinaryParams>().pot_scale_int16);
  fbs::MulOptionsT mul;
  mul.fused_activation_function = fbs::ActivationFunctionType::SIGN_BIT;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::MUL, mul, 2).as<BinaryParams>().activation,
            Activation::kSignBit);
}

TEST(ReaderParams, ShapesAndSlices) {
  fbs::ConcatenationOptionsT concatenation;
  concatenation.axis = -2;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::CONCATENATION, concatenation).as<ConcatenationParams>().axis,
            -2);
  fbs::ReshapeOptionsT reshape;
  reshape.new_shape = {2, -1};
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::RESHAPE, reshape).as<ReshapeParams>().new_shape,
            (std::vector<int32_t>{2, -1}));
  fbs::SqueezeOptionsT squeeze;
  squeeze.squeeze_dims = {0, 3};
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::SQUEEZE, squeeze).as<SqueezeParams>().squeeze_dims,
            (std::vector<int32_t>{0, 3}));
  fbs::SplitOptionsT split;
  split.num_splits = 3;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::SPLIT, split).as<SplitParams>().num_splits, 3);
  fbs::PackOptionsT pack;
  pack.values_count = 2, pack.axis = 1;
  const npu::Op packed = ReadOpWith(fbs::BuiltinOperator::PACK, pack, 2);
  EXPECT_EQ(packed.as<PackParams>().values_count, 2);
  EXPECT_EQ(packed.as<PackParams>().axis, 1);
  fbs::GatherOptionsT gather;
  gather.axis = 2, gather.batch_dims = 1;
  const npu::Op gathered = ReadOpWith(fbs::BuiltinOperator::GATHER, gather);
  EXPECT_EQ(gathered.as<GatherParams>().axis, 2);
  EXPECT_EQ(gathered.as<GatherParams>().batch_dims, 1);
  fbs::UnpackOptionsT unpack;
  unpack.num = 3, unpack.axis = -1;
  const npu::Op unpacked = ReadOpWith(fbs::BuiltinOperator::UNPACK, unpack);
  EXPECT_EQ(unpacked.as<UnpackParams>().num, 3);
  EXPECT_EQ(unpacked.as<UnpackParams>().axis, -1);
  fbs::SplitVOptionsT split_v;
  split_v.num_splits = 5;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::SPLIT_V, split_v).as<SplitParams>().num_splits, 5);
  fbs::SpaceToDepthOptionsT to_depth;
  to_depth.block_size = 2;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::SPACE_TO_DEPTH, to_depth).as<SpaceDepthParams>().block_size, 2);
  fbs::DepthToSpaceOptionsT to_space;
  to_space.block_size = 3;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::DEPTH_TO_SPACE, to_space).as<SpaceDepthParams>().block_size, 3);
  fbs::MirrorPadOptionsT mirror;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::MIRROR_PAD, mirror).as<MirrorPadParams>().mode,
            MirrorMode::kReflect);
  mirror.mode = fbs::MirrorPadMode::SYMMETRIC;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::MIRROR_PAD, mirror).as<MirrorPadParams>().mode,
            MirrorMode::kSymmetric);
  fbs::StridedSliceOptionsT slice;
  slice.begin_mask = 1, slice.end_mask = 2, slice.ellipsis_mask = 3, slice.new_axis_mask = 4;
  slice.shrink_axis_mask = 5, slice.offset = true;
  const npu::Op sliced = ReadOpWith(fbs::BuiltinOperator::STRIDED_SLICE, slice);
  const auto& s = sliced.as<StridedSliceParams>();
  EXPECT_EQ((std::vector{s.begin_mask, s.end_mask, s.ellipsis_mask, s.new_axis_mask, s.shrink_axis_mask}),
            (std::vector{1, 2, 3, 4, 5}));
  EXPECT_TRUE(s.offset);
}

TEST(ReaderParams, TheRest) {
  fbs::SoftmaxOptionsT softmax;
  softmax.beta = 0.25f;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::SOFTMAX, softmax).as<SoftmaxParams>().beta, 0.25f);
  fbs::LeakyReluOptionsT leaky;
  leaky.alpha = 0.125f;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::LEAKY_RELU, leaky).as<LeakyReluParams>().alpha, 0.125f);
  fbs::GeluOptionsT gelu;
  gelu.approximate = true;
  EXPECT_TRUE(ReadOpWith(fbs::BuiltinOperator::GELU, gelu).as<GeluParams>().approximate);
  fbs::DivOptionsT div;
  div.fused_activation_function = fbs::ActivationFunctionType::RELU6;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::DIV, div).as<BinaryParams>().activation, Activation::kRelu6);
  fbs::ReducerOptionsT mean;
  mean.keep_dims = true;
  EXPECT_TRUE(ReadOpWith(fbs::BuiltinOperator::MEAN, mean).as<ReducerParams>().keep_dims);
  for (const auto reducer : {fbs::BuiltinOperator::SUM, fbs::BuiltinOperator::REDUCE_MAX,
                             fbs::BuiltinOperator::REDUCE_MIN, fbs::BuiltinOperator::REDUCE_PROD}) {
    EXPECT_TRUE(ReadOpWith(reducer, mean).as<ReducerParams>().keep_dims);
  }
  fbs::ResizeBilinearOptionsT bilinear;
  bilinear.half_pixel_centers = true;
  const npu::Op resized = ReadOpWith(fbs::BuiltinOperator::RESIZE_BILINEAR, bilinear);
  EXPECT_TRUE(resized.as<ResizeParams>().half_pixel_centers);
  EXPECT_FALSE(resized.as<ResizeParams>().align_corners);
  fbs::ResizeNearestNeighborOptionsT nearest;
  nearest.align_corners = true;
  EXPECT_TRUE(
      ReadOpWith(fbs::BuiltinOperator::RESIZE_NEAREST_NEIGHBOR, nearest).as<ResizeParams>().align_corners);
  fbs::ShapeOptionsT shape;
  shape.out_type = fbs::TensorType::INT64;
  EXPECT_TRUE(ReadOpWith(fbs::BuiltinOperator::SHAPE, shape).as<ShapeParams>().int64_output);
  fbs::ArgMaxOptionsT largest;
  largest.output_type = fbs::TensorType::INT64;
  EXPECT_TRUE(ReadOpWith(fbs::BuiltinOperator::ARG_MAX, largest).as<ArgMinMaxParams>().int64_output);
  fbs::ArgMinOptionsT smallest;
  smallest.output_type = fbs::TensorType::INT32;
  EXPECT_FALSE(ReadOpWith(fbs::BuiltinOperator::ARG_MIN, smallest).as<ArgMinMaxParams>().int64_output);
  fbs::TransposeConvOptionsT transposed;
  transposed.padding = fbs::Padding::VALID;
  transposed.stride_h = 2, transposed.stride_w = 3;
  transposed.fused_activation_function = fbs::ActivationFunctionType::RELU6;
  const npu::Op transpose_conv = ReadOpWith(fbs::BuiltinOperator::TRANSPOSE_CONV, transposed);
  const auto& t = transpose_conv.as<TransposeConvParams>();
  EXPECT_EQ(t.padding, Padding::kValid);
  EXPECT_EQ((std::vector{t.stride_h, t.stride_w}), (std::vector{2, 3}));
  EXPECT_EQ(t.activation, Activation::kRelu6);
  fbs::L2NormOptionsT norm;
  norm.fused_activation_function = fbs::ActivationFunctionType::RELU;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::L2_NORMALIZATION, norm).as<L2NormParams>().activation,
            Activation::kRelu);
}

TEST(ReaderParams, AbsentOptionsMeanTheFormatsDefaults) {
  EXPECT_EQ(ReadOpWithout(fbs::BuiltinOperator::ADD).as<BinaryParams>().activation, Activation::kNone);
  const npu::Op conv = ReadOpWithout(fbs::BuiltinOperator::CONV_2D);
  EXPECT_EQ(conv.params_error, "");
  EXPECT_EQ(conv.as<Conv2DParams>().stride_h, 0);
  EXPECT_EQ(conv.as<Conv2DParams>().dilation_w, 1);
  EXPECT_EQ(ReadOpWithout(fbs::BuiltinOperator::SOFTMAX).as<SoftmaxParams>().beta, 0.0f);
  EXPECT_TRUE(ReadOpWithout(fbs::BuiltinOperator::RESHAPE).as<ReshapeParams>().new_shape.empty());
}

// CVE-2021-37681 and relatives: the union's type says one table, the operator needs another.
TEST(ReaderParams, OptionsOfAnotherTypeBecomeParamsError) {
  fbs::BuiltinOptionsUnion softmax;
  softmax.Set(fbs::SoftmaxOptionsT());
  const npu::Op op = ReadOnlyOp(*OneOpFileModel(fbs::BuiltinOperator::CONV_2D, std::move(softmax)));
  EXPECT_NE(op.params_error.find("SoftmaxOptions"), std::string::npos) << op.params_error;
  EXPECT_NE(op.params_error.find("expected 1 (Conv2DOptions)"), std::string::npos) << op.params_error;
  EXPECT_EQ(op.as<Conv2DParams>().stride_h, 1);
}

TEST(ReaderParams, ShapeOfAnotherTypeBecomesParamsError) {
  EXPECT_NE(ReadOpWithout(fbs::BuiltinOperator::SHAPE).params_error.find("out_type is 0 (FLOAT32)"),
            std::string::npos);
}

TEST(ReaderParams, MatmulStateAndVariables) {
  fbs::BatchMatMulOptionsT matmul;
  matmul.adj_y = true;
  const npu::Op product = ReadOpWith(fbs::BuiltinOperator::BATCH_MATMUL, matmul, 2);
  EXPECT_FALSE(product.as<BatchMatmulParams>().adj_x);
  EXPECT_TRUE(product.as<BatchMatmulParams>().adj_y);
  fbs::UnidirectionalSequenceLSTMOptionsT lstm;
  lstm.fused_activation_function = fbs::ActivationFunctionType::TANH;
  lstm.cell_clip = 10.0f, lstm.proj_clip = 2.5f, lstm.time_major = true;
  const npu::Op recurrent = ReadOpWith(fbs::BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM, lstm);
  const auto& p = recurrent.as<SequenceLstmParams>();
  EXPECT_EQ(p.activation, Activation::kTanh);
  EXPECT_EQ(p.cell_clip, 10.0f);
  EXPECT_EQ(p.proj_clip, 2.5f);
  EXPECT_TRUE(p.time_major);
  fbs::SVDFOptionsT svdf;
  svdf.rank = 2, svdf.fused_activation_function = fbs::ActivationFunctionType::RELU;
  const npu::Op filter = ReadOpWith(fbs::BuiltinOperator::SVDF, svdf);
  EXPECT_EQ(filter.as<SvdfParams>().rank, 2);
  EXPECT_EQ(filter.as<SvdfParams>().activation, Activation::kRelu);
  fbs::VarHandleOptionsT handle;
  handle.container = "box", handle.shared_name = "buffer/1";
  const npu::Op variable = ReadOpWith(fbs::BuiltinOperator::VAR_HANDLE, handle);
  EXPECT_EQ(variable.as<VarHandleParams>().container, "box");
  EXPECT_EQ(variable.as<VarHandleParams>().shared_name, "buffer/1");
  fbs::CallOnceOptionsT call;
  call.init_subgraph_index = 1;
  EXPECT_EQ(ReadOpWith(fbs::BuiltinOperator::CALL_ONCE, call).as<CallOnceParams>().init_subgraph, 1);
}

TEST(ReaderParams, IntermediatesAreReadAndBounded) {
  auto model = OneOpFileModel(fbs::BuiltinOperator::UNIDIRECTIONAL_SEQUENCE_LSTM, {});
  model->subgraphs[0]->operators[0]->intermediates = {1, 0};
  EXPECT_EQ(ReadOnlyOp(*model).intermediates, (std::vector<int>{1, 0}));
  model->subgraphs[0]->operators[0]->intermediates = {2};
  const auto bytes = WriteFile(*model);
  const auto read = ReadModel(bytes, nullptr);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("intermediate 0"), std::string::npos) << read.error().text;
}

using Entries = std::vector<std::pair<const char*, int64_t>>;

const Entries kBconv = {{"channels_in", 64},
                        {"stride_height", 2},
                        {"stride_width", 3},
                        {"dilation_height_factor", 4},
                        {"dilation_width_factor", 5},
                        {"padding", 1},
                        {"pad_values", 1},
                        {"fused_activation_function", 1}};

std::vector<uint8_t> FlexMap(const Entries& entries) {
  flexbuffers::Builder builder;
  builder.Map([&] {
    for (const auto& [key, value] : entries) builder.Int(key, value);
  });
  builder.Finish();
  return builder.GetBuffer();
}

Entries Changed(Entries entries, const std::string& key, int64_t value) {
  for (auto& [name, old] : entries) {
    if (name == key) old = value;
  }
  return entries;
}

TEST(ReaderParams, LceBconv2d) {
  const npu::Op op = ReadOnlyOp(*CustomOpFileModel("LceBconv2d", FlexMap(kBconv)));
  EXPECT_EQ(op.kind, OpKind::kLceBconv2d);
  EXPECT_EQ(op.custom_name, "LceBconv2d");
  EXPECT_EQ(op.params_error, "");
  const auto& p = op.as<LceBconv2dParams>();
  EXPECT_EQ((std::vector{p.channels_in, p.stride_h, p.stride_w, p.dilation_h, p.dilation_w, p.pad_values}),
            (std::vector{64, 2, 3, 4, 5, 1}));
  EXPECT_EQ(p.padding, Padding::kValid);
  EXPECT_EQ(p.activation, Activation::kRelu);
}

TEST(ReaderParams, LceBMaxPool2d) {
  const Entries entries = {
      {"filter_height", 2}, {"filter_width", 3}, {"stride_height", 4}, {"stride_width", 5}, {"padding", 0}};
  const npu::Op op = ReadOnlyOp(*CustomOpFileModel("LceBMaxPool2d", FlexMap(entries)));
  EXPECT_EQ(op.params_error, "");
  const auto& p = op.as<LceBMaxPool2dParams>();
  EXPECT_EQ((std::vector{p.filter_h, p.filter_w, p.stride_h, p.stride_w}), (std::vector{2, 3, 4, 5}));
  EXPECT_EQ(p.padding, Padding::kSame);
}

TEST(ReaderParams, DetectionPostProcess) {
  const auto write = [](bool full, float iou) {
    flexbuffers::Builder builder;
    builder.Map([&] {
      builder.Int("max_detections", 10);
      builder.Int("max_classes_per_detection", 1);
      builder.Int("num_classes", 90);
      builder.Float("nms_score_threshold", 0.25f);
      builder.Float("nms_iou_threshold", iou);
      builder.Float("y_scale", 10.0f);
      builder.Float("x_scale", 10.0f);
      builder.Int("h_scale", 5);
      builder.Float("w_scale", 5.0f);
      if (full) {
        builder.Int("detections_per_class", 7);
        builder.Bool("use_regular_nms", true);
      }
    });
    builder.Finish();
    return ReadOnlyOp(*CustomOpFileModel("TFLite_Detection_PostProcess", builder.GetBuffer()));
  };
  const npu::Op op = write(true, 0.5f);
  EXPECT_EQ(op.params_error, "");
  const auto& p = op.as<DetectionPostProcessParams>();
  EXPECT_EQ((std::vector{p.max_detections, p.max_classes_per_detection, p.detections_per_class, p.num_classes}),
            (std::vector{10, 1, 7, 90}));
  EXPECT_TRUE(p.use_regular_nms);
  EXPECT_EQ((std::vector{p.score_threshold, p.iou_threshold, p.y_scale, p.x_scale, p.h_scale, p.w_scale}),
            (std::vector{0.25f, 0.5f, 10.0f, 10.0f, 5.0f, 5.0f}));
  const npu::Op older = write(false, 0.5f);
  EXPECT_EQ(older.params_error, "");
  EXPECT_EQ(older.as<DetectionPostProcessParams>().detections_per_class, 100);
  EXPECT_FALSE(older.as<DetectionPostProcessParams>().use_regular_nms);
  EXPECT_NE(write(true, std::numeric_limits<float>::infinity()).params_error.find("nms_iou_threshold"),
            std::string::npos);
}

TEST(ReaderParams, BadFlexbuffersBecomeParamsError) {
  flexbuffers::Builder number, text;
  number.Int(5);
  number.Finish();
  text.Map([&] { text.String("channels_in", "64"); });
  text.Finish();
  const std::pair<std::vector<uint8_t>, std::string> kCases[] = {
      {{}, "0 bytes; expected a flexbuffer map"},
      {std::vector<uint8_t>(64, 0xff), "not a valid flexbuffer"},
      {std::vector<uint8_t>(5000, 0), "5000 bytes"},
      {number.GetBuffer(), "not a flexbuffer map"},
      {text.GetBuffer(), "\"channels_in\" is not an integer"},
      {FlexMap({kBconv.begin() + 1, kBconv.end()}), "\"channels_in\" is missing"},
      {FlexMap(Changed(kBconv, "channels_in", int64_t{1} << 40)), "\"channels_in\" is 1099511627776"},
      {FlexMap(Changed(kBconv, "pad_values", 2)), "\"pad_values\" is 2; expected 0 to 1"},
      {FlexMap(Changed(kBconv, "padding", -1)), "\"padding\" is -1; expected 0 to 1"},
      {FlexMap(Changed(kBconv, "fused_activation_function", 6)), "is 6; expected 0 to 5"},
  };
  for (const auto& [options, says] : kCases) {
    const npu::Op op = ReadOnlyOp(*CustomOpFileModel("LceBconv2d", options));
    EXPECT_NE(op.params_error.find(says), std::string::npos) << says << " is not in: " << op.params_error;
    EXPECT_EQ(op.as<LceBconv2dParams>().channels_in, 0);
  }
}

TEST(ReaderParams, UnknownCustomOperatorsKeepTheirName) {
  const npu::Op op = ReadOnlyOp(*CustomOpFileModel("AcmeMagic", {1, 2, 3}));
  EXPECT_EQ(op.kind, OpKind::kCustom);
  EXPECT_EQ(op.custom_name, "AcmeMagic");
  EXPECT_EQ(op.params_error, "");
}

}  // namespace
}  // namespace npu::test
