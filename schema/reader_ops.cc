// Operators of a file: kind, version, operands, parameters.
// An options table that is absent means the format's defaults, as it does for hosts. One of another type is
// no reason to refuse the file: the operator keeps default parameters and says so in params_error.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "schema/reader_internal.h"

namespace npu::reader {
namespace {

// A table without any field, so that every getter returns the format's default: a vtable of two 16-bit
// sizes (vtable 4 bytes, table 4 bytes), then the table, which holds its distance to the vtable (4).
template <typename Options>
const Options& AbsentOptions() {
  alignas(4) static constexpr uint8_t kEmptyTable[] = {4, 0, 4, 0, 4, 0, 0, 0};
  return *reinterpret_cast<const Options*>(kEmptyTable + 4);
}

// Reads one operator's fields; the first enum out of range is the operator's error.
class ParamsReader {
 public:
  ParamsReader(Source& source, const fbs::Operator& from, const std::string& where, Op* op)
      : source_(source), from_(from), where_(where), op_(op) {}

  Status Read();

 private:
  template <typename Options>
  const Options& OptionsAs() {
    const fbs::BuiltinOptions type = from_.builtin_options_type();
    constexpr fbs::BuiltinOptions kWanted = fbs::BuiltinOptionsTraits<Options>::enum_value;
    if (type == kWanted && from_.builtin_options() != nullptr) {
      return *static_cast<const Options*>(from_.builtin_options());
    }
    if (type != kWanted && type != fbs::BuiltinOptions::NONE) {
      op_->params_error = fmt::format("builtin_options are of type {} ({}); expected {} ({})",
                                      static_cast<int>(type), fbs::EnumNameBuiltinOptions(type),
                                      static_cast<int>(kWanted), fbs::EnumNameBuiltinOptions(kWanted));
    }
    return AbsentOptions<Options>();
  }

  template <typename To, typename From>
  To Enum(const char* field, From value, To last) {
    const int number = static_cast<int>(value);
    if (number >= 0 && number <= static_cast<int>(last)) return static_cast<To>(number);
    if (status_) {
      status_ = Invalid("{}: {} is {}; expected 0 to {}", where_, field, number, static_cast<int>(last));
    }
    return To{};
  }
  Padding ToPadding(fbs::Padding value) { return Enum("padding", value, Padding::kValid); }
  Activation ToActivation(fbs::ActivationFunctionType value) {
    return Enum("fused_activation_function", value, Activation::kSignBit);
  }
  std::vector<int32_t> ToInts(const char* field, const flatbuffers::Vector<int32_t>* vector) {
    auto values = CopyVector(source_, vector, where_ + " " + field);
    if (values) return std::move(*values);
    if (status_) status_ = tl::unexpected<Error>(std::move(values.error()));
    return {};
  }

  std::string ToText(const char* field, const flatbuffers::String* text) {
    if (text == nullptr) return {};
    if (source_.Charge(text->size())) return text->str();
    if (status_) status_ = OverBudget(fmt::format("{} {}", where_, field));
    return {};
  }

  OpParams Conv2D(const fbs::Conv2DOptions& o) {
    return Conv2DParams{.padding = ToPadding(o.padding()),
                        .stride_h = o.stride_h(),
                        .stride_w = o.stride_w(),
                        .dilation_h = o.dilation_h_factor(),
                        .dilation_w = o.dilation_w_factor(),
                        .activation = ToActivation(o.fused_activation_function())};
  }
  OpParams DepthwiseConv2D(const fbs::DepthwiseConv2DOptions& o) {
    return DepthwiseConv2DParams{.padding = ToPadding(o.padding()),
                                 .stride_h = o.stride_h(),
                                 .stride_w = o.stride_w(),
                                 .dilation_h = o.dilation_h_factor(),
                                 .dilation_w = o.dilation_w_factor(),
                                 .depth_multiplier = o.depth_multiplier(),
                                 .activation = ToActivation(o.fused_activation_function())};
  }
  OpParams Pool2D(const fbs::Pool2DOptions& o) {
    return Pool2DParams{.padding = ToPadding(o.padding()),
                        .stride_h = o.stride_h(),
                        .stride_w = o.stride_w(),
                        .filter_h = o.filter_height(),
                        .filter_w = o.filter_width(),
                        .activation = ToActivation(o.fused_activation_function())};
  }
  OpParams TransposeConv(const fbs::TransposeConvOptions& o) {
    return TransposeConvParams{.padding = ToPadding(o.padding()),
                               .stride_h = o.stride_h(),
                               .stride_w = o.stride_w(),
                               .activation = ToActivation(o.fused_activation_function())};
  }
  OpParams FullyConnected(const fbs::FullyConnectedOptions& o) {
    return FullyConnectedParams{
        .activation = ToActivation(o.fused_activation_function()),
        .weights_format = Enum("weights_format", o.weights_format(), WeightsFormat::kShuffled4x16Int8),
        .keep_num_dims = o.keep_num_dims(),
        .asymmetric_quantize_inputs = o.asymmetric_quantize_inputs()};
  }
  OpParams StridedSlice(const fbs::StridedSliceOptions& o) {
    return StridedSliceParams{.begin_mask = o.begin_mask(),
                              .end_mask = o.end_mask(),
                              .ellipsis_mask = o.ellipsis_mask(),
                              .new_axis_mask = o.new_axis_mask(),
                              .shrink_axis_mask = o.shrink_axis_mask(),
                              .offset = o.offset()};
  }
  // Whether `type` is INT64; the operator's error if it is not INT32 either.
  bool IsInt64(const char* field, fbs::TensorType type) {
    if (op_->params_error.empty() && type != fbs::TensorType::INT32 && type != fbs::TensorType::INT64) {
      op_->params_error = fmt::format("{} is {} ({}); expected INT32 or INT64", field, static_cast<int>(type),
                                      fbs::EnumNameTensorType(type));
    }
    return type == fbs::TensorType::INT64;
  }
  template <typename Options>
  OpParams Resize(const Options& o) {
    return ResizeParams{o.align_corners(), o.half_pixel_centers()};
  }
  template <typename Options>
  OpParams Binary(const Options& o, bool pot_scale_int16) {
    return BinaryParams{ToActivation(o.fused_activation_function()), pot_scale_int16};
  }

  OpParams BuiltinParams();

  Source& source_;
  const fbs::Operator& from_;
  const std::string& where_;
  Op* op_;
  Status status_;
};

OpParams DefaultParams(OpKind kind) {
  switch (kind) {
// clang-format off
#define NPU_OP(kind, code, name, version, params, room) case OpKind::kind: return params{};
#define NPU_CUSTOM_OP(kind, name, params, room) case OpKind::kind: return params{};
#define NPU_FOLDED_OP(kind, name, params, room) case OpKind::kind: return params{};
#include "schema/ops.def"
    // clang-format on
  }
  return NoParams{};
}

OpParams ParamsReader::BuiltinParams() {
  switch (op_->kind) {
    case OpKind::kConv2D: return Conv2D(OptionsAs<fbs::Conv2DOptions>());
    case OpKind::kDepthwiseConv2D: return DepthwiseConv2D(OptionsAs<fbs::DepthwiseConv2DOptions>());
    case OpKind::kAveragePool2D:
    case OpKind::kMaxPool2D: return Pool2D(OptionsAs<fbs::Pool2DOptions>());
    case OpKind::kTransposeConv: return TransposeConv(OptionsAs<fbs::TransposeConvOptions>());
    case OpKind::kFullyConnected: return FullyConnected(OptionsAs<fbs::FullyConnectedOptions>());
    case OpKind::kAdd: {
      const auto& o = OptionsAs<fbs::AddOptions>();
      return Binary(o, o.pot_scale_int16());
    }
    case OpKind::kSub: {
      const auto& o = OptionsAs<fbs::SubOptions>();
      return Binary(o, o.pot_scale_int16());
    }
    case OpKind::kMul: return Binary(OptionsAs<fbs::MulOptions>(), false);
    case OpKind::kDiv: return Binary(OptionsAs<fbs::DivOptions>(), false);
    case OpKind::kConcatenation: {
      const auto& o = OptionsAs<fbs::ConcatenationOptions>();
      return ConcatenationParams{o.axis(), ToActivation(o.fused_activation_function())};
    }
    case OpKind::kSoftmax: return SoftmaxParams{OptionsAs<fbs::SoftmaxOptions>().beta()};
    case OpKind::kReshape:
      return ReshapeParams{ToInts("new_shape", OptionsAs<fbs::ReshapeOptions>().new_shape())};
    case OpKind::kSqueeze:
      return SqueezeParams{ToInts("squeeze_dims", OptionsAs<fbs::SqueezeOptions>().squeeze_dims())};
    case OpKind::kMean:
    case OpKind::kSum:
    case OpKind::kReduceMax:
    case OpKind::kReduceMin:
    case OpKind::kReduceProd: return ReducerParams{OptionsAs<fbs::ReducerOptions>().keep_dims()};
    case OpKind::kArgMax:
      return ArgMinMaxParams{IsInt64("output_type", OptionsAs<fbs::ArgMaxOptions>().output_type())};
    case OpKind::kArgMin:
      return ArgMinMaxParams{IsInt64("output_type", OptionsAs<fbs::ArgMinOptions>().output_type())};
    case OpKind::kL2Normalization:
      return L2NormParams{ToActivation(OptionsAs<fbs::L2NormOptions>().fused_activation_function())};
    case OpKind::kResizeBilinear: return Resize(OptionsAs<fbs::ResizeBilinearOptions>());
    case OpKind::kResizeNearestNeighbor: return Resize(OptionsAs<fbs::ResizeNearestNeighborOptions>());
    case OpKind::kLeakyRelu: return LeakyReluParams{OptionsAs<fbs::LeakyReluOptions>().alpha()};
    case OpKind::kGelu: return GeluParams{OptionsAs<fbs::GeluOptions>().approximate()};
    case OpKind::kStridedSlice: return StridedSlice(OptionsAs<fbs::StridedSliceOptions>());
    case OpKind::kSplit: return SplitParams{OptionsAs<fbs::SplitOptions>().num_splits()};
    case OpKind::kPack: {
      const auto& o = OptionsAs<fbs::PackOptions>();
      return PackParams{o.values_count(), o.axis()};
    }
    case OpKind::kUnpack: {
      const auto& o = OptionsAs<fbs::UnpackOptions>();
      return UnpackParams{o.num(), o.axis()};
    }
    case OpKind::kSplitV: return SplitParams{OptionsAs<fbs::SplitVOptions>().num_splits()};
    case OpKind::kSpaceToDepth: return SpaceDepthParams{OptionsAs<fbs::SpaceToDepthOptions>().block_size()};
    case OpKind::kDepthToSpace: return SpaceDepthParams{OptionsAs<fbs::DepthToSpaceOptions>().block_size()};
    case OpKind::kMirrorPad:
      return MirrorPadParams{Enum("mode", OptionsAs<fbs::MirrorPadOptions>().mode(), MirrorMode::kSymmetric)};
    case OpKind::kShape: return ShapeParams{IsInt64("out_type", OptionsAs<fbs::ShapeOptions>().out_type())};
    case OpKind::kGather: {
      const auto& o = OptionsAs<fbs::GatherOptions>();
      return GatherParams{o.axis(), o.batch_dims()};
    }
    case OpKind::kBatchMatmul: {
      const auto& o = OptionsAs<fbs::BatchMatMulOptions>();
      return BatchMatmulParams{o.adj_x(), o.adj_y(), o.asymmetric_quantize_inputs()};
    }
    case OpKind::kUnidirectionalSequenceLstm: {
      const auto& o = OptionsAs<fbs::UnidirectionalSequenceLSTMOptions>();
      return SequenceLstmParams{ToActivation(o.fused_activation_function()), o.cell_clip(), o.proj_clip(),
                                o.time_major(), o.asymmetric_quantize_inputs()};
    }
    case OpKind::kLstm: {
      const auto& o = OptionsAs<fbs::LSTMOptions>();
      return SequenceLstmParams{ToActivation(o.fused_activation_function()), o.cell_clip(), o.proj_clip(), false,
                                o.asymmetric_quantize_inputs()};
    }
    case OpKind::kSvdf: {
      const auto& o = OptionsAs<fbs::SVDFOptions>();
      return SvdfParams{o.rank(), ToActivation(o.fused_activation_function()),
                        o.asymmetric_quantize_inputs()};
    }
    case OpKind::kVarHandle: {
      const auto& o = OptionsAs<fbs::VarHandleOptions>();
      return VarHandleParams{ToText("container", o.container()), ToText("shared_name", o.shared_name())};
    }
    case OpKind::kCallOnce: return CallOnceParams{OptionsAs<fbs::CallOnceOptions>().init_subgraph_index()};
    default: return DefaultParams(op_->kind);
  }
}

Status ParamsReader::Read() {
  op_->params = BuiltinParams();
  NPU_RETURN_IF_ERROR(status_);
  if (!op_->params_error.empty()) op_->params = DefaultParams(op_->kind);
  return {};
}

Result<std::span<const std::byte>> CustomOptions(const Source& source, const fbs::Operator& from,
                                                 const std::string& where) {
  if (LiesOutside(from.large_custom_options_offset())) {
    return OutsideBytes(source, from.large_custom_options_offset(), from.large_custom_options_size(),
                        where + " large_custom_options");
  }
  const auto* options = from.custom_options();
  if (options == nullptr) return std::span<const std::byte>();
  return std::as_bytes(std::span(options->Data(), options->size()));
}

// Fills kind, version and the custom name from the operator code that `from` points to.
Status ReadKind(Source& source, const fbs::Operator& from, int index, Op* op) {
  const auto* codes = source.model->operator_codes();
  const uint32_t count = codes == nullptr ? 0 : codes->size();
  if (from.opcode_index() >= count) {
    return Invalid("Op#{}: opcode_index is {}; expected 0 to {} ({} operator codes in the file)", index,
                   from.opcode_index(), int64_t{count} - 1, count);
  }
  const fbs::OperatorCode& code = *codes->Get(from.opcode_index());
  const int builtin = std::max<int>(code.deprecated_builtin_code(), static_cast<int>(code.builtin_code()));
  const auto kind = FindBuiltinOp(builtin);
  if (!kind) {
    return Invalid("Op#{}: builtin_code is {}; expected 0 to {} (a newer file than this reader?)", index,
                   builtin, static_cast<int>(fbs::BuiltinOperator::MAX));
  }
  op->kind = *kind;
  op->version = code.version();
  if (op->version < 1) {
    return Invalid("Op#{} {}: version is {}; expected >= 1", index, GetOpInfo(op->kind).name, op->version);
  }
  if (op->kind != OpKind::kCustom) return {};
  const auto* name = code.custom_code();
  if (name == nullptr || name->size() == 0) {
    return Invalid("Op#{} CUSTOM: custom_code is missing; expected the custom operator's name", index);
  }
  if (!source.Charge(name->size())) return OverBudget(fmt::format("Op#{} custom_code", index));
  op->custom_name = name->str();
  op->kind = FindCustomOp(op->custom_name).value_or(OpKind::kCustom);
  return {};
}

}  // namespace

Result<Op> ReadOp(Source& source, const fbs::Operator& from, int index) {
  Op op;
  NPU_RETURN_IF_ERROR(ReadKind(source, from, index, &op));
  const std::string where = op.custom_name.empty() ? fmt::format("Op#{} {}", index, GetOpInfo(op.kind).name)
                                                   : fmt::format("Op#{} custom operator", index);
  NPU_ASSIGN_OR_RETURN(op.inputs, CopyVector(source, from.inputs(), where + " inputs"));
  NPU_ASSIGN_OR_RETURN(op.outputs, CopyVector(source, from.outputs(), where + " outputs"));
  NPU_ASSIGN_OR_RETURN(op.intermediates, CopyVector(source, from.intermediates(), where + " intermediates"));
  if (op.custom_name.empty()) {
    NPU_RETURN_IF_ERROR(ParamsReader(source, from, where, &op).Read());
    return op;
  }
  NPU_ASSIGN_OR_RETURN(const auto options, CustomOptions(source, from, where));
  op.params = DefaultParams(op.kind);
  if (op.params.index() == 0) return op;
  if (from.custom_options_format() != fbs::CustomOptionsFormat::FLEXBUFFERS) {
    op.params_error = fmt::format("custom_options_format is {}; expected 0 (flexbuffers)",
                                  static_cast<int>(from.custom_options_format()));
    return op;
  }
  ReadCustomParams(options, &op);
  return op;
}

}  // namespace npu::reader
