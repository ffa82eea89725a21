// SPDX-License-Identifier: Apache-2.0
#include "delegate/kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "backends/invoke_trace.h"
#include "base/log.h"
#include "delegate/host_graph.h"

namespace npu {
namespace {

// What Node::user_data points to: a kernel, or why there is none.
struct KernelSlot {
  std::unique_ptr<Kernel> kernel;
  std::string error;
};

// Stands for a slot that there was no memory for.
KernelSlot out_of_memory_slot;

template <typename Body>
host::StatusCode Guard(host::Context* context, const host::Node* node, Body body) noexcept {
  try {
    auto* slot = node != nullptr ? static_cast<KernelSlot*>(node->user_data) : nullptr;
    Status status;
    if (slot == nullptr || slot->kernel == nullptr) {
      status = Fail(ErrorCode::kInternal,
                    slot == nullptr || slot->error.empty() ? "no memory for the kernel" : slot->error);
    } else {
      status = body(*slot->kernel);
    }
    if (status) return host::kOk;
    const std::string text = "npu_delegate: " + status.error().text;
    Log(LogLevel::kError, "{}", status.error().text);
    ReportError(context, text);
  } catch (...) {
    std::fputs("npu_delegate: unexpected exception in a kernel\n", stderr);
  }
  return host::kError;
}

void* Init(host::Context*, const char* buffer, size_t) noexcept {
  try {
    auto slot = std::make_unique<KernelSlot>();
    const auto* params = reinterpret_cast<const host::DelegateParams*>(buffer);
    if (params == nullptr || params->delegate == nullptr) {
      slot->error = "the host created a kernel without parameters";
    } else if (auto kernel = Kernel::Create(*params, PreparedGraph::Current()); kernel) {
      slot->kernel = std::move(*kernel);
    } else {
      slot->error = kernel.error().text;
    }
    return slot.release();
  } catch (...) {
    return &out_of_memory_slot;
  }
}

void Free(host::Context*, void* user_data) noexcept {
  auto* slot = static_cast<KernelSlot*>(user_data);
  if (slot != &out_of_memory_slot) delete slot;
}

host::StatusCode Prepare(host::Context* context, host::Node* node) noexcept {
  return Guard(context, node, [context](Kernel& kernel) { return kernel.Prepare(context); });
}

host::StatusCode Invoke(host::Context* context, host::Node* node) noexcept {
  return Guard(context, node, [context](Kernel& kernel) { return kernel.Invoke(context); });
}

const char* ProfilingString(const host::Context*, const host::Node* node) noexcept {
  const auto* slot = node != nullptr ? static_cast<const KernelSlot*>(node->user_data) : nullptr;
  return slot != nullptr && slot->kernel != nullptr ? slot->kernel->description() : "npu_delegate";
}

// The plan's ops of the host's nodes, ascending. Nodes are unique and ours: we named them.
Result<std::vector<int>> OpsOfNodes(std::span<const int32_t> nodes, std::span<const int> node_of_op) {
  std::vector<int> ops;
  for (int32_t node : nodes) {
    const auto found = std::find(node_of_op.begin(), node_of_op.end(), node);
    if (found == node_of_op.end()) {
      return Fail(ErrorCode::kInternal,
                  fmt::format("the host handed over node {}, which is not in its plan", node));
    }
    ops.push_back(static_cast<int>(found - node_of_op.begin()));
  }
  std::sort(ops.begin(), ops.end());
  ops.erase(std::unique(ops.begin(), ops.end()), ops.end());
  return ops;
}

}  // namespace

host::Registration KernelRegistration() {
  host::Registration registration{};
  registration.init = Init;
  registration.free = Free;
  registration.prepare = Prepare;
  registration.invoke = Invoke;
  registration.profiling_string = ProfilingString;
  registration.builtin_code = host::kBuiltinDelegate;
  registration.custom_name = "NpuDelegate";
  registration.version = 1;
  return registration;
}

Kernel::Kernel(std::shared_ptr<DelegateState> state, PartitionCompiler compiler,
               const PreparedGraph& prepared)
    : state_(std::move(state)),
      compiler_(std::move(compiler)),
      compute_(prepared.compute),
      profile_(prepared.profile) {
  const Result<Backends>& backends = state_->backends();
  description_ = fmt::format("NpuDelegate: {} operators on {}", compiler_.ops().size(),
                             backends ? backends->npu->device_name() : "no device");
}

Kernel::~Kernel() {
  if (profile_ != nullptr) profile_->Write();
}

void Kernel::ProfileCompiled() {
  if (profile_ == nullptr || compiled_->executable == nullptr) return;
  ProfiledExecutable compiled{compiled_->graph, compiler_.plan_ops(), compiled_->executable->memory_use()};
  if (profiled_ < 0) {
    profiled_ = profile_->profile().Add(std::move(compiled));
  } else {
    profile_->profile().Replace(profiled_, std::move(compiled));
  }
}

Result<std::unique_ptr<Kernel>> Kernel::Create(const host::DelegateParams& params, PreparedGraph* prepared) {
  if (prepared == nullptr) {
    return Fail(ErrorCode::kInternal, "the host created a kernel outside of the delegate's prepare");
  }
  NPU_ASSIGN_OR_RETURN(std::vector<int> ops, OpsOfNodes(View(params.nodes_to_replace), prepared->node_of_op));
  const std::span<const int32_t> wanted = View(params.output_tensors);
  std::vector<int> outputs(wanted.begin(), wanted.end());
  std::shared_ptr<DelegateState> state = DelegateState::From(params.delegate)->Share();
  for (PreparedPartition& partition : prepared->partitions) {
    if (partition.compiler.ops() != ops || partition.compiler.outputs() != outputs) continue;
    std::unique_ptr<Kernel> kernel(new Kernel(std::move(state), partition.compiler, *prepared));
    kernel->compiled_ = std::move(partition.compiled);
    kernel->ProfileCompiled();
    return kernel;
  }
  NPU_ASSIGN_OR_RETURN(PartitionCompiler compiler,
                       PartitionCompiler::Create(prepared->plan, std::move(ops), std::move(outputs)));
  return std::unique_ptr<Kernel>(new Kernel(std::move(state), std::move(compiler), *prepared));
}

Result<std::vector<Shape>> Kernel::InputShapes(host::Context* context) const {
  std::vector<Shape> shapes;
  for (int index : compiler_.inputs()) {
    if (static_cast<size_t>(index) >= context->tensors_size || context->tensors == nullptr) {
      return Fail(ErrorCode::kInternal, fmt::format("the host no longer has tensor {}", index));
    }
    const host::IntArray* dims = context->tensors[index].dims;
    if (dims == nullptr || dims->size < 0) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the host gave tensor {} no shape", index));
    }
    const std::span<const int32_t> view = View(dims);
    if (std::any_of(view.begin(), view.end(), [](int32_t dim) { return dim < 0; })) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the host gave tensor {} the shape {}", index, ShapeString(view)));
    }
    shapes.emplace_back(view.begin(), view.end());
  }
  return shapes;
}

Status Kernel::Compile(host::Context* context, std::vector<Shape> shapes) {
  const Result<Backends>& backends = state_->backends();
  if (!backends) return Fail(backends.error().code, backends.error().text);
  auto compiled = compiler_.Compile(shapes, *backends, compute_);
  if (!compiled && compiled.error().code != ErrorCode::kUnsupported) {
    // These nodes are ours for good: the CPU computes the same bytes.
    Warn(context,
         "the device cannot take the new shapes, the CPU computes instead: " + compiled.error().text);
    compiled = compiler_.Compile(std::move(shapes), {backends->cpu, backends->cpu}, compute_);
  }
  if (!compiled) return Fail(compiled.error().code, compiled.error().text);
  compiled_ = std::move(*compiled);
  ProfileCompiled();
  return {};
}

Status Kernel::ResizeOutputs(host::Context* context) const {
  for (int index : compiler_.outputs()) {
    if (static_cast<size_t>(index) >= context->tensors_size) {
      return Fail(ErrorCode::kInternal, fmt::format("the host no longer has tensor {}", index));
    }
    const Tensor& tensor = compiled_->graph->tensors[index];
    host::IntArray* dims = MakeIntArray(tensor.shape);
    if (dims == nullptr) return Fail(ErrorCode::kResourceExhausted, "no memory for an output's shape");
    // The host owns `dims` from here on, also if it refuses.
    if (context->resize_tensor(context, &context->tensors[index], dims) != host::kOk) {
      return Fail(ErrorCode::kInternal, fmt::format("the host refused to resize T#{} \"{}\" to {}", index,
                                                    tensor.name, ShapeString(tensor)));
    }
  }
  return {};
}

Status Kernel::Prepare(host::Context* context) {
  if (context->resize_tensor == nullptr) return Fail(ErrorCode::kInternal, "the host cannot resize tensors");
  NPU_ASSIGN_OR_RETURN(std::vector<Shape> shapes, InputShapes(context));
  if (!compiled_ || compiled_->input_shapes != shapes) {
    compiled_.reset();
    NPU_RETURN_IF_ERROR(Compile(context, std::move(shapes)));
  }
  input_pointers_.assign(compiled_->inputs.size() + compiled_->states.size(), nullptr);
  input_bytes_.clear();
  for (const std::vector<int>* tensors : {&compiled_->inputs, &compiled_->states}) {
    for (int tensor : *tensors) {
      input_bytes_.push_back(static_cast<size_t>(compiled_->graph->tensors[tensor].byte_size().value_or(0)));
    }
  }
  output_pointers_.assign(compiled_->outputs.size() + compiled_->states.size(), nullptr);
  return ResizeOutputs(context);
}

Result<std::byte*> Kernel::Data(host::Context* context, int index) const {
  const Tensor& tensor = compiled_->graph->tensors[index];
  if (static_cast<size_t>(index) >= context->tensors_size) {
    return Fail(ErrorCode::kInternal, fmt::format("the host no longer has tensor {}", index));
  }
  const host::Tensor& source = context->tensors[index];
  const std::span<const int32_t> dims = View(source.dims);
  const auto bytes = tensor.byte_size();
  if (!std::equal(dims.begin(), dims.end(), tensor.shape.begin(), tensor.shape.end()) || !bytes ||
      source.bytes != static_cast<size_t>(*bytes)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("T#{} \"{}\" is now {} with {} bytes, but was prepared as {}: allocate the tensors again "
                    "after a resize",
                    index, tensor.name, ShapeString(dims), source.bytes, ShapeString(tensor)));
  }
  if (source.data == nullptr && *bytes > 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the host gave T#{} \"{}\" no memory", index, tensor.name));
  }
  return static_cast<std::byte*>(source.data);
}

Status Kernel::Invoke(host::Context* context) {
  if (!compiled_) return Fail(ErrorCode::kInternal, "invoke without a successful prepare");
  for (size_t i = 0; i < compiled_->inputs.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(input_pointers_[i], Data(context, compiled_->inputs[i]));
  }
  for (size_t i = 0; i < compiled_->outputs.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(output_pointers_[i], Data(context, compiled_->outputs[i]));
  }
  // States live in the host's persistent memory, so that its reset of variables is ours, too.
  for (size_t i = 0; i < compiled_->states.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(std::byte * state, Data(context, compiled_->states[i]));
    input_pointers_[compiled_->inputs.size() + i] = state;
    output_pointers_[compiled_->outputs.size() + i] = state;
  }
  for (int index : compiled_->constant_outputs) {
    NPU_ASSIGN_OR_RETURN(std::byte * data, Data(context, index));
    const std::span<const std::byte> value = compiled_->graph->tensors[index].data.bytes;
    if (!value.empty()) std::memcpy(data, value.data(), value.size());
  }
  if (compiled_->executable == nullptr) return {};
  NPU_RETURN_IF_ERROR(reads_.Begin(input_pointers_, input_bytes_, state_->options().frame_timeout));
  Status status = Run();
  if (Status ended = reads_.End(); status && !ended) status = std::move(ended);
  return status;
}

Status Kernel::Run() {
  if (profile_ == nullptr) return compiled_->executable->Invoke(input_pointers_, output_pointers_);
  InvokeTrace trace;
  NPU_RETURN_IF_ERROR(compiled_->executable->InvokeTraced(input_pointers_, output_pointers_, trace));
  profile_->profile().Record(profiled_, std::move(trace));
  return {};
}

}  // namespace npu
