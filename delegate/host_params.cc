// SPDX-License-Identifier: Apache-2.0
#include "delegate/host_params.h"

#include <fmt/format.h>

#include <type_traits>

#include "schema/custom_options.h"

namespace npu {
namespace {

// StridedSlice's `offset` exists from this operator version on, and only hosts that have the field accept
// the version.
constexpr int kStridedSliceOffsetVersion = 8;

// TransposeConv's activation likewise: hosts that lack the field accept versions up to 3 only.
constexpr int kTransposeConvActivationVersion = 4;

// Reads one node's parameters and remembers the first thing that cannot be.
class ParamsReader {
 public:
  ParamsReader(const host::Node& node, Op& op) : node_(node), op_(op) {}

  template <typename T>
  const T* Data() {
    if (node_.builtin_data == nullptr) Refuse("the host gave no parameters");
    return static_cast<const T*>(node_.builtin_data);
  }

  Padding ReadPadding(int32_t value) {
    if (value == 1) return Padding::kSame;
    if (value != 2) Refuse(fmt::format("padding {}; expected 1 (SAME) or 2 (VALID)", value));
    return Padding::kValid;
  }

  Activation ReadActivation(int32_t value) {
    constexpr auto kLast = static_cast<int32_t>(Activation::kSignBit);
    if (value >= 0 && value <= kLast) return static_cast<Activation>(value);
    Refuse(fmt::format("fused activation {}; expected 0 to {}", value, kLast));
    return Activation::kNone;
  }

  WeightsFormat ReadWeightsFormat(int32_t value) {
    if (value == 0) return WeightsFormat::kDefault;
    if (value != 1) Refuse(fmt::format("weights format {}; expected 0 or 1", value));
    return WeightsFormat::kShuffled4x16Int8;
  }

  std::vector<int32_t> ReadDims(const host::ReshapeParams& p) {
    constexpr auto kMost = static_cast<int32_t>(std::extent_v<decltype(p.dims)>);
    if (p.count < 0 || p.count > kMost) {
      Refuse(fmt::format("{} dimensions; expected 0 to {}", p.count, kMost));
      return {};
    }
    return {p.dims, p.dims + p.count};
  }

  MirrorMode ReadMirrorMode(int32_t value) {
    if (value == 1) return MirrorMode::kReflect;
    if (value != 2) Refuse(fmt::format("mode {}; expected 1 (REFLECT) or 2 (SYMMETRIC)", value));
    return MirrorMode::kSymmetric;
  }

  // Whether it is INT64.
  bool ReadIndexType(int32_t value) {
    if (value != host::kTypeInt32 && value != host::kTypeInt64) {
      Refuse(fmt::format("output type {}; expected {} (INT32) or {} (INT64)", value, host::kTypeInt32,
                         host::kTypeInt64));
    }
    return value == host::kTypeInt64;
  }

  void Read(Conv2DParams& out) {
    const auto* p = Data<host::ConvParams>();
    if (p == nullptr) return;
    out = {ReadPadding(p->padding), p->stride_height,  p->stride_width,
           p->dilation_height,      p->dilation_width, ReadActivation(p->activation)};
  }
  void Read(DepthwiseConv2DParams& out) {
    const auto* p = Data<host::DepthwiseConvParams>();
    if (p == nullptr) return;
    out = {ReadPadding(p->padding),      p->stride_height,  p->stride_width,
           p->dilation_height,           p->dilation_width, p->depth_multiplier,
           ReadActivation(p->activation)};
  }
  void Read(Pool2DParams& out) {
    const auto* p = Data<host::PoolParams>();
    if (p == nullptr) return;
    out = {ReadPadding(p->padding), p->stride_height, p->stride_width,
           p->filter_height,        p->filter_width,  ReadActivation(p->activation)};
  }
  void Read(FullyConnectedParams& out) {
    const auto* p = Data<host::FullyConnectedParams>();
    if (p == nullptr) return;
    out = {ReadActivation(p->activation), ReadWeightsFormat(p->weights_format), p->keep_num_dims != 0,
           p->asymmetric_quantize_inputs != 0};
  }
  void Read(BinaryParams& out) {
    if (op_.kind == OpKind::kMul || op_.kind == OpKind::kDiv) {  // both hold an activation alone
      const auto* p = Data<host::MulParams>();
      if (p != nullptr) out = {ReadActivation(p->activation), false};
      return;
    }
    const auto* p = Data<host::AddParams>();
    if (p != nullptr) out = {ReadActivation(p->activation), p->pot_scale_int16 != 0};
  }
  void Read(ConcatenationParams& out) {
    const auto* p = Data<host::ConcatenationParams>();
    if (p != nullptr) out = {p->axis, ReadActivation(p->activation)};
  }
  void Read(SoftmaxParams& out) {
    const auto* p = Data<host::SoftmaxParams>();
    if (p != nullptr) out = {p->beta};
  }
  void Read(ReshapeParams& out) {
    const auto* p = Data<host::ReshapeParams>();
    if (p != nullptr) out = {ReadDims(*p)};
  }
  void Read(SqueezeParams& out) {
    const auto* p = Data<host::ReshapeParams>();
    if (p != nullptr) out = {ReadDims(*p)};
  }
  void Read(ReducerParams& out) {
    const auto* p = Data<host::ReducerParams>();
    if (p != nullptr) out = {p->keep_dims != 0};
  }
  void Read(ResizeParams& out) {
    const auto* p = Data<host::ResizeParams>();
    if (p != nullptr) out = {p->align_corners != 0, p->half_pixel_centers != 0};
  }
  void Read(LeakyReluParams& out) {
    const auto* p = Data<host::LeakyReluParams>();
    if (p != nullptr) out = {p->alpha};
  }
  void Read(GeluParams& out) {
    const auto* p = Data<host::GeluParams>();
    if (p != nullptr) out = {p->approximate != 0};
  }
  void Read(StridedSliceParams& out) {
    const auto* p = Data<host::StridedSliceParams>();
    if (p == nullptr) return;
    const bool offset = op_.version >= kStridedSliceOffsetVersion && p->offset != 0;
    out = {p->begin_mask, p->end_mask, p->ellipsis_mask, p->new_axis_mask, p->shrink_axis_mask, offset};
  }
  void Read(SplitParams& out) {
    const auto* p = Data<host::SplitParams>();
    if (p != nullptr) out = {p->num_splits};
  }
  void Read(PackParams& out) {
    const auto* p = Data<host::PackParams>();
    if (p != nullptr) out = {p->values_count, p->axis};
  }
  void Read(ShapeParams& out) {
    const auto* p = Data<host::ShapeParams>();
    if (p != nullptr) out = {ReadIndexType(p->out_type)};
  }
  void Read(ArgMinMaxParams& out) {
    const auto* p = Data<host::ArgMinMaxParams>();
    if (p != nullptr) out = {ReadIndexType(p->output_type)};
  }
  void Read(L2NormParams& out) {
    const auto* p = Data<host::L2NormParams>();
    if (p != nullptr) out = {ReadActivation(p->activation)};
  }
  void Read(TransposeConvParams& out) {
    const auto* p = Data<host::TransposeConvParams>();
    if (p == nullptr) return;
    const bool fused = op_.version >= kTransposeConvActivationVersion;
    out = {ReadPadding(p->padding), p->stride_height, p->stride_width,
           fused ? ReadActivation(p->activation) : Activation::kNone};
  }
  void Read(GatherParams& out) {
    const auto* p = Data<host::GatherParams>();
    if (p != nullptr) out = {p->axis, p->batch_dims};
  }
  void Read(UnpackParams& out) {
    const auto* p = Data<host::UnpackParams>();
    if (p != nullptr) out = {p->num, p->axis};
  }
  void Read(SpaceDepthParams& out) {
    const auto* p = Data<host::SpaceDepthParams>();
    if (p != nullptr) out = {p->block_size};
  }
  void Read(MirrorPadParams& out) {
    const auto* p = Data<host::MirrorPadParams>();
    if (p != nullptr) out = {ReadMirrorMode(p->mode)};
  }
  void Read(BatchMatmulParams& out) {
    const auto* p = Data<host::BatchMatmulParams>();
    if (p != nullptr) out = {p->adj_x != 0, p->adj_y != 0, p->asymmetric_quantize_inputs != 0};
  }
  void Read(SequenceLstmParams& out) {
    const auto* p = Data<host::SequenceLstmParams>();
    if (p == nullptr) return;
    out = {ReadActivation(p->activation), p->cell_clip, p->proj_clip, p->time_major != 0,
           p->asymmetric_quantize_inputs != 0};
    // LSTM's parameters begin likewise and go on with others; it has one time step.
    if (op_.kind == OpKind::kLstm) out.time_major = out.asymmetric_quantize_inputs = false;
  }
  void Read(SvdfParams& out) {
    const auto* p = Data<host::SvdfParams>();
    if (p != nullptr) out = {p->rank, ReadActivation(p->activation), p->asymmetric_quantize_inputs != 0};
  }
  void Read(VarHandleParams& out) {
    const auto* p = Data<host::VarHandleParams>();
    if (p == nullptr) return;
    if (p->container != nullptr) out.container = p->container;
    if (p->shared_name != nullptr) out.shared_name = p->shared_name;
  }
  void Read(CallOnceParams& out) {
    const auto* p = Data<host::CallOnceParams>();
    if (p != nullptr) out = {p->init_subgraph_index};
  }
  void Read(NoParams&) {}
  void Read(CastParams&) {}
  void Read(DetectionPostProcessParams&) {}
  void Read(LceBconv2dParams&) {}
  void Read(LceBMaxPool2dParams&) {}

 private:
  void Refuse(std::string text) {
    if (op_.params_error.empty()) op_.params_error = std::move(text);
  }

  const host::Node& node_;
  Op& op_;
};

std::span<const std::byte> CustomOptions(const host::Node& node) {
  if (node.custom_initial_data == nullptr || node.custom_initial_data_size <= 0) return {};
  return {static_cast<const std::byte*>(node.custom_initial_data),
          static_cast<size_t>(node.custom_initial_data_size)};
}

}  // namespace

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

void ReadHostParams(const host::Node& node, Op& op) {
  op.params = DefaultParams(op.kind);
  if (GetOpInfo(op.kind).builtin_code == host::kBuiltinCustom) {
    if (!std::holds_alternative<NoParams>(op.params)) reader::ReadCustomParams(CustomOptions(node), &op);
    return;
  }
  ParamsReader params_reader(node, op);
  std::visit([&](auto& params) { params_reader.Read(params); }, op.params);
}

}  // namespace npu
