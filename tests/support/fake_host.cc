// SPDX-License-Identifier: Apache-2.0
#include "tests/support/fake_host.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "backends/ops/inference.h"
#include "backends/ops/room.h"
#include "partitioner/segments.h"

namespace npu::test {
namespace {

int32_t HostType(DataType type) {
  // Position in the host's numbering, which starts at 1.
  constexpr DataType kOrder[] = {
      DataType::kFloat32, DataType::kInt32,        DataType::kUInt8,     DataType::kInt64,
      DataType::kString,  DataType::kBool,         DataType::kInt16,     DataType::kComplex64,
      DataType::kInt8,    DataType::kFloat16,      DataType::kFloat64,   DataType::kComplex128,
      DataType::kUInt64,  DataType::kResource,     DataType::kVariant,   DataType::kUInt32,
      DataType::kUInt16,  DataType::kInt4,         DataType::kBFloat16,  DataType::kInt2,
      DataType::kUInt4,   DataType::kFloat8E4M3Fn, DataType::kFloat8E5M2};
  const auto found = std::find(std::begin(kOrder), std::end(kOrder), type);
  return static_cast<int32_t>(found - std::begin(kOrder)) + 1;
}

int32_t Code(Padding padding) { return padding == Padding::kSame ? 1 : 2; }
int32_t Code(Activation activation) { return static_cast<int32_t>(activation); }
uint8_t Code(bool flag) { return flag ? 1 : 0; }

template <typename T>
std::vector<std::byte> BytesOf(const T& value) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

host::ReshapeParams DimsBlock(const std::vector<int32_t>& dims) {
  host::ReshapeParams block{};
  block.count = static_cast<int32_t>(std::min<size_t>(dims.size(), 8));
  std::copy_n(dims.begin(), block.count, block.dims);
  return block;
}

// What a host allocates for an operator's parameters; empty: a null builtin_data.
struct ToBuiltinData {
  OpKind kind;
  std::vector<std::byte> operator()(const Conv2DParams& p) const {
    return BytesOf(host::ConvParams{Code(p.padding), p.stride_w, p.stride_h, Code(p.activation), p.dilation_w,
                                    p.dilation_h});
  }
  std::vector<std::byte> operator()(const DepthwiseConv2DParams& p) const {
    return BytesOf(host::DepthwiseConvParams{Code(p.padding), p.stride_w, p.stride_h, p.depth_multiplier,
                                             Code(p.activation), p.dilation_w, p.dilation_h});
  }
  std::vector<std::byte> operator()(const Pool2DParams& p) const {
    return BytesOf(host::PoolParams{Code(p.padding), p.stride_w, p.stride_h, p.filter_w, p.filter_h,
                                    Code(p.activation)});
  }
  std::vector<std::byte> operator()(const FullyConnectedParams& p) const {
    return BytesOf(host::FullyConnectedParams{Code(p.activation), static_cast<int32_t>(p.weights_format),
                                              Code(p.keep_num_dims), Code(p.asymmetric_quantize_inputs)});
  }
  std::vector<std::byte> operator()(const BinaryParams& p) const {
    if (kind == OpKind::kMul || kind == OpKind::kDiv) return BytesOf(host::MulParams{Code(p.activation)});
    return BytesOf(host::AddParams{Code(p.activation), Code(p.pot_scale_int16)});
  }
  std::vector<std::byte> operator()(const ConcatenationParams& p) const {
    return BytesOf(host::ConcatenationParams{p.axis, Code(p.activation)});
  }
  std::vector<std::byte> operator()(const SoftmaxParams& p) const {
    return BytesOf(host::SoftmaxParams{p.beta});
  }
  std::vector<std::byte> operator()(const ReshapeParams& p) const { return BytesOf(DimsBlock(p.new_shape)); }
  std::vector<std::byte> operator()(const SqueezeParams& p) const {
    return BytesOf(DimsBlock(p.squeeze_dims));
  }
  std::vector<std::byte> operator()(const ReducerParams& p) const {
    return BytesOf(host::ReducerParams{Code(p.keep_dims)});
  }
  std::vector<std::byte> operator()(const ResizeParams& p) const {
    return BytesOf(host::ResizeParams{Code(p.align_corners), Code(p.half_pixel_centers)});
  }
  std::vector<std::byte> operator()(const LeakyReluParams& p) const {
    return BytesOf(host::LeakyReluParams{p.alpha});
  }
  std::vector<std::byte> operator()(const GeluParams& p) const {
    return BytesOf(host::GeluParams{Code(p.approximate)});
  }
  std::vector<std::byte> operator()(const StridedSliceParams& p) const {
    return BytesOf(host::StridedSliceParams{p.begin_mask, p.end_mask, p.ellipsis_mask, p.new_axis_mask,
                                            p.shrink_axis_mask, Code(p.offset)});
  }
  std::vector<std::byte> operator()(const SplitParams& p) const {
    return BytesOf(host::SplitParams{p.num_splits});
  }
  std::vector<std::byte> operator()(const PackParams& p) const {
    return BytesOf(host::PackParams{p.values_count, p.axis});
  }
  std::vector<std::byte> operator()(const ShapeParams& p) const {
    return BytesOf(host::ShapeParams{p.int64_output ? host::kTypeInt64 : host::kTypeInt32});
  }
  std::vector<std::byte> operator()(const ArgMinMaxParams& p) const {
    return BytesOf(host::ArgMinMaxParams{p.int64_output ? host::kTypeInt64 : host::kTypeInt32});
  }
  std::vector<std::byte> operator()(const L2NormParams& p) const {
    return BytesOf(host::L2NormParams{static_cast<int32_t>(p.activation)});
  }
  std::vector<std::byte> operator()(const TransposeConvParams& p) const {
    return BytesOf(host::TransposeConvParams{Code(p.padding), p.stride_w, p.stride_h, Code(p.activation)});
  }
  std::vector<std::byte> operator()(const GatherParams& p) const {
    return BytesOf(host::GatherParams{p.axis, p.batch_dims});
  }
  std::vector<std::byte> operator()(const UnpackParams& p) const {
    return BytesOf(host::UnpackParams{p.num, p.axis});
  }
  std::vector<std::byte> operator()(const SpaceDepthParams& p) const {
    return BytesOf(host::SpaceDepthParams{p.block_size});
  }
  std::vector<std::byte> operator()(const MirrorPadParams& p) const {
    return BytesOf(host::MirrorPadParams{p.mode == MirrorMode::kReflect ? 1 : 2});
  }
  std::vector<std::byte> operator()(const BatchMatmulParams& p) const {
    return BytesOf(
        host::BatchMatmulParams{Code(p.adj_x), Code(p.adj_y), Code(p.asymmetric_quantize_inputs)});
  }
  std::vector<std::byte> operator()(const SequenceLstmParams& p) const {
    return BytesOf(host::SequenceLstmParams{Code(p.activation), p.cell_clip, p.proj_clip, Code(p.time_major),
                                            Code(p.asymmetric_quantize_inputs)});
  }
  std::vector<std::byte> operator()(const SvdfParams& p) const {
    return BytesOf(host::SvdfParams{p.rank, Code(p.activation), Code(p.asymmetric_quantize_inputs)});
  }
  // The graph outlives the host, and with it these texts.
  std::vector<std::byte> operator()(const VarHandleParams& p) const {
    return BytesOf(host::VarHandleParams{p.container.c_str(), p.shared_name.c_str()});
  }
  std::vector<std::byte> operator()(const CallOnceParams& p) const {
    return BytesOf(host::CallOnceParams{p.init_subgraph});
  }
  template <typename Other>
  std::vector<std::byte> operator()(const Other&) const {
    return {};
  }
};

template <typename Array, typename T>
std::unique_ptr<std::byte[]> ArrayBlock(const std::vector<T>& values) {
  auto block = std::make_unique<std::byte[]>(sizeof(Array) + values.size() * sizeof(T));
  auto* array = reinterpret_cast<Array*>(block.get());
  array->size = static_cast<int32_t>(values.size());
  if (!values.empty()) std::memcpy(array->data, values.data(), values.size() * sizeof(T));
  return block;
}

void RememberError(host::Context* context, const char* format, ...) {
  char text[4096];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  static_cast<FakeHost*>(context->impl)->errors.emplace_back(text);
}

}  // namespace

// A node that stands for a partition, with the lists that it points to.
struct FakeHost::KernelNode {
  host::Registration registration;
  host::Node node{};
  host::Delegate* delegate;
  std::unique_ptr<std::byte[]> nodes, inputs, outputs;
  host::DelegateParams params{};
};

host::IntArray* FakeHost::NewArray(const std::vector<int32_t>& values) {
  auto* array =
      static_cast<host::IntArray*>(std::malloc(sizeof(host::IntArray) + values.size() * sizeof(int32_t)));
  array->size = static_cast<int32_t>(values.size());
  if (!values.empty()) std::memcpy(array->data, values.data(), values.size() * sizeof(int32_t));
  return array;
}

FakeHost::FakeHost(std::shared_ptr<const Graph> graph) : graph_(std::move(graph)) {
  tensors.reserve(graph_->tensors.size());
  for (const Tensor& tensor : graph_->tensors) AddTensor(tensor);
  for (const Op& op : graph_->ops) AddNode(op);
  plan.resize(nodes.size());
  std::iota(plan.begin(), plan.end(), 0);
  memory_.resize(tensors.size());

  context.tensors_size = tensors.size();
  context.tensors = tensors.data();
  context.impl = this;
  context.recommended_num_threads = -1;
  context.report_error = RememberError;
  context.get_execution_plan = [](host::Context* self, host::IntArray** out) {
    FakeHost& host = Of(self);
    if (!host.in_delegate_prepare_) return host::kError;
    std::free(host.plan_copy_);
    *out = host.plan_copy_ = NewArray(host.plan);
    return host::kOk;
  };
  context.get_node_and_registration = [](host::Context* self, int32_t index, host::Node** node,
                                         host::Registration** registration) {
    FakeHost& host = Of(self);
    if (!host.in_delegate_prepare_ || index < 0 || static_cast<size_t>(index) >= host.nodes.size())
      return host::kError;
    *node = &host.nodes[index];
    *registration = &host.registrations[index];
    return host::kOk;
  };
  context.resize_tensor = [](host::Context* self, host::Tensor* tensor, host::IntArray* dims) {
    std::free(tensor->dims);
    tensor->dims = dims;
    Of(self).SetSize(*tensor);
    return host::kOk;
  };
  context.preview_delegate_partitioning = [](host::Context* self, const host::IntArray* claimed,
                                             host::DelegateParams** out, int32_t* count) {
    FakeHost& host = Of(self);
    host.preview_.clear();
    for (const Partition& partition : host.Cut(claimed, true)) {
      host.blocks_.push_back(ArrayBlock<host::IntArray>(partition.outputs));
      host.preview_.push_back(
          {nullptr, nullptr, nullptr, reinterpret_cast<host::IntArray*>(host.blocks_.back().get())});
    }
    *out = host.preview_.data();
    *count = static_cast<int32_t>(host.preview_.size());
    return host::kOk;
  };
  context.replace_node_subsets_with_delegate_kernels =
      [](host::Context* self, host::Registration registration, const host::IntArray* claimed,
         host::Delegate* delegate) {
        FakeHost& host = Of(self);
        std::vector<int32_t> new_plan;
        const std::vector<int32_t> wanted(claimed->data, claimed->data + claimed->size);
        for (const Partition& partition : host.Cut(claimed, false)) {
          if (std::find(wanted.begin(), wanted.end(), partition.nodes.front()) == wanted.end()) {
            new_plan.insert(new_plan.end(), partition.nodes.begin(), partition.nodes.end());
            continue;
          }
          auto kernel = std::make_unique<KernelNode>();
          kernel->registration = registration;
          kernel->nodes = ArrayBlock<host::IntArray>(partition.nodes);
          kernel->inputs = ArrayBlock<host::IntArray>(partition.inputs);
          kernel->outputs = ArrayBlock<host::IntArray>(partition.outputs);
          kernel->params = {delegate, reinterpret_cast<host::IntArray*>(kernel->nodes.get()),
                            reinterpret_cast<host::IntArray*>(kernel->inputs.get()),
                            reinterpret_cast<host::IntArray*>(kernel->outputs.get())};
          kernel->node.inputs = kernel->params.input_tensors;
          kernel->node.outputs = kernel->params.output_tensors;
          kernel->node.delegate = delegate;
          kernel->node.user_data =
              registration.init(self, reinterpret_cast<const char*>(&kernel->params), sizeof(kernel->params));
          new_plan.push_back(static_cast<int32_t>(host.nodes.size() + host.kernels_.size()));
          host.kernels_.push_back(std::move(kernel));
        }
        host.plan = std::move(new_plan);
        return host::kOk;
      };
}

FakeHost::~FakeHost() {
  for (auto& kernel : kernels_) kernel->registration.free(&context, kernel->node.user_data);
  for (host::Tensor& tensor : tensors) std::free(tensor.dims);
  std::free(plan_copy_);
}

void FakeHost::AddTensor(const Tensor& source) {
  host::Tensor tensor{};
  tensor.type = HostType(source.type);
  tensor.dims = NewArray(source.shape_known ? source.shape : std::vector<int32_t>{});
  tensor.name = source.name.c_str();
  tensor.is_variable = Code(source.is_variable);
  tensor.buffer_handle = -1;
  tensor.allocation_type = host::kAllocationArenaRw;
  if (source.is_sparse) tensor.sparsity = this;
  if (!source.shape_signature.empty()) {
    blocks_.push_back(ArrayBlock<host::IntArray>(source.shape_signature));
    tensor.dims_signature = reinterpret_cast<const host::IntArray*>(blocks_.back().get());
  }
  if (source.is_constant()) {
    tensor.allocation_type = host::kAllocationMmapRo;
    tensor.data = const_cast<std::byte*>(source.data.bytes.data());
    tensor.bytes = source.data.bytes.size();
  }
  if (source.has_unknown_quantization) tensor.quantization_kind = 2;
  if (!source.quantization.empty()) {
    const Quantization& q = source.quantization;
    const std::vector<int32_t> zero_points(q.zero_point.begin(), q.zero_point.end());
    blocks_.push_back(ArrayBlock<host::FloatArray>(q.scale));
    auto* scale = reinterpret_cast<host::FloatArray*>(blocks_.back().get());
    blocks_.push_back(ArrayBlock<host::IntArray>(zero_points));
    auto* zero_point = reinterpret_cast<host::IntArray*>(blocks_.back().get());
    blocks_.push_back(std::make_unique<std::byte[]>(sizeof(host::AffineQuantization)));
    auto* affine = reinterpret_cast<host::AffineQuantization*>(blocks_.back().get());
    *affine = {scale, zero_point, q.quantized_dimension};
    tensor.quantization_kind = host::kQuantizationAffine;
    tensor.quantization = affine;
  }
  tensors.push_back(tensor);
}

void FakeHost::AddNode(const Op& op) {
  const auto new_list = [this](const std::vector<int>& values) {
    blocks_.push_back(ArrayBlock<host::IntArray>(values));
    return reinterpret_cast<host::IntArray*>(blocks_.back().get());
  };
  host::Node node{};
  node.inputs = new_list(op.inputs);
  node.outputs = new_list(op.outputs);
  const std::vector<std::byte> data = std::visit(ToBuiltinData{op.kind}, op.params);
  if (!data.empty()) {
    blocks_.push_back(std::make_unique<std::byte[]>(data.size()));
    std::copy(data.begin(), data.end(), blocks_.back().get());
    node.builtin_data = blocks_.back().get();
  }
  nodes.push_back(node);
  host::Registration registration{};
  registration.builtin_code = GetOpInfo(op.kind).builtin_code;
  if (registration.builtin_code == host::kBuiltinCustom) registration.custom_name = OpName(op).data();
  registration.version = op.version;
  registrations.push_back(registration);
}

// Real hosts' algorithm, on the graph as it was before anything was spoiled.
std::vector<FakeHost::Partition> FakeHost::Cut(const host::IntArray* claimed, bool only_claimed) {
  ++partitioning_count;
  std::vector<int> colour(graph_->ops.size(), 0), ops(graph_->ops.size());
  std::iota(ops.begin(), ops.end(), 0);
  for (int32_t i = 0; i < claimed->size; ++i) {
    if (static_cast<size_t>(claimed->data[i]) < colour.size()) colour[claimed->data[i]] = 1;
  }
  std::vector<Partition> result;
  for (ColourGroup& group : GroupByColour(*graph_, ops, colour)) {
    if (only_claimed && group.colour == 0) continue;
    std::vector<std::vector<int>> pieces;
    if (keep_all_tensors) {
      for (int op : group.ops) pieces.push_back({op});
    } else {
      pieces.push_back(std::move(group.ops));
    }
    for (std::vector<int>& piece : pieces) {
      SegmentOps boundary = BoundaryOf(*graph_, piece);
      result.push_back({std::move(piece), std::move(boundary.inputs), std::move(boundary.outputs)});
    }
  }
  return result;
}

host::StatusCode FakeHost::Apply(host::Delegate* delegate) {
  in_delegate_prepare_ = true;
  const host::StatusCode status = delegate->prepare(&context, delegate);
  in_delegate_prepare_ = false;
  return status;
}

void FakeHost::SetSize(host::Tensor& tensor) {
  int64_t count = 1;
  for (int32_t i = 0; i < tensor.dims->size; ++i) count *= tensor.dims->data[i];
  const size_t index = static_cast<size_t>(&tensor - tensors.data());
  tensor.bytes = static_cast<size_t>(ByteSize(graph_->tensors[index].type, count).value_or(0));
}

void FakeHost::Resize(int tensor, const std::vector<int32_t>& dims) {
  std::free(tensors[tensor].dims);
  tensors[tensor].dims = NewArray(dims);
  SetSize(tensors[tensor]);
}

host::StatusCode FakeHost::Allocate() {
  for (host::Tensor& tensor : tensors) {
    if (tensor.allocation_type != host::kAllocationMmapRo && tensor.dims != nullptr) SetSize(tensor);
  }
  for (int32_t index : plan) {
    if (static_cast<size_t>(index) < nodes.size()) continue;
    KernelNode& kernel = *kernels_[index - nodes.size()];
    const host::StatusCode status = kernel.registration.prepare(&context, &kernel.node);
    if (status != host::kOk) return status;
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].allocation_type == host::kAllocationMmapRo) continue;
    memory_[i].resize(tensors[i].bytes + 1);
    tensors[i].data = memory_[i].data();
  }
  return host::kOk;
}

host::StatusCode FakeHost::RunReference(int node) {
  Graph graph = *graph_;
  for (size_t i = 0; i < tensors.size(); ++i) {
    graph.tensors[i].shape = Dims(static_cast<int>(i));
    graph.tensors[i].shape_known = true;
  }
  const Op& op = graph.ops[node];
  const OpRoom* room = FindRoom(op.kind);
  if (room == nullptr || room->reference == nullptr) return host::kError;
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
  for (int index : op.inputs) {
    inputs.push_back(index == kNoTensor ? nullptr : static_cast<const std::byte*>(tensors[index].data));
  }
  for (int index : op.outputs) outputs.push_back(static_cast<std::byte*>(tensors[index].data));
  return room->reference({OpView{graph, op}, inputs, outputs, ComputeOptions{}}) ? host::kOk : host::kError;
}

host::StatusCode FakeHost::Invoke() {
  for (int32_t index : plan) {
    host::StatusCode status = host::kOk;
    if (static_cast<size_t>(index) < nodes.size()) {
      status = RunReference(index);
    } else {
      KernelNode& kernel = *kernels_[index - nodes.size()];
      status = kernel.registration.invoke(&context, &kernel.node);
    }
    if (status != host::kOk) return status;
  }
  return host::kOk;
}

void FakeHost::SetInput(int tensor, const std::vector<std::byte>& bytes) {
  memory_[tensor].assign(bytes.begin(), bytes.end());
  memory_[tensor].push_back({});
  tensors[tensor].data = memory_[tensor].data();
}

std::vector<std::byte> FakeHost::Read(int tensor) const {
  const auto* data = static_cast<const std::byte*>(tensors[tensor].data);
  return {data, data + tensors[tensor].bytes};
}

std::vector<int32_t> FakeHost::Dims(int tensor) const {
  const host::IntArray* dims = tensors[tensor].dims;
  if (dims == nullptr) return {};
  return {dims->data, dims->data + dims->size};
}

int FakeHost::host_node_count() const {
  return static_cast<int>(std::count_if(
      plan.begin(), plan.end(), [&](int32_t index) { return static_cast<size_t>(index) < nodes.size(); }));
}

}  // namespace npu::test
