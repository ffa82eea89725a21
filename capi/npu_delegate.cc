// The C API: thin shims over the C++ below, each stopping every exception at the door.
// SPDX-License-Identifier: Apache-2.0
#include "capi/npu_delegate.h"

#include <cstdio>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

#include "backends/opencl/opencl_backend.h"
#include "backends/ops/lce.h"
#include "capi/device_info.h"
#include "capi/profile_plan.h"
#include "capi/shim.h"
#include "capi/verify.h"
#include "partitioner/compile.h"
#include "partitioner/report.h"
#include "schema/reader.h"

struct npu_model {
  npu::Model model;
};

namespace npu {
namespace {

Result<Options> ReadOptions(const npu_option* options, size_t count) {
  if (options == nullptr && count > 0) {
    return Fail(ErrorCode::kInvalidArgument, "options is NULL but option_count is not 0");
  }
  KeyValues key_values;
  for (size_t i = 0; i < count; ++i) {
    if (options[i].key == nullptr || options[i].value == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "an option's key or value is NULL");
    }
    key_values.emplace_back(options[i].key, options[i].value);
  }
  return ParseOptions(key_values);
}

npu_placement ToC(Placement placement) {
  switch (placement) {
    case Placement::kNpu: return NPU_PLACEMENT_NPU;
    case Placement::kDelegateCpu: return NPU_PLACEMENT_DELEGATE_CPU;
    case Placement::kHost: break;
  }
  return NPU_PLACEMENT_HOST;
}

npu_status CheckBuffer(std::span<const std::byte> tensor, size_t bytes) {
  if (bytes == tensor.size()) return NPU_OK;
  return SetError(NPU_INVALID_ARGUMENT, "buffer has " + std::to_string(bytes) + " bytes; expected " +
                                            std::to_string(tensor.size()));
}

npu_status CheckIndex(const char* what, size_t index, size_t count) {
  if (index < count) return NPU_OK;
  return SetError(NPU_INVALID_ARGUMENT, std::string(what) + " " + std::to_string(index) +
                                            " is out of range; there are " + std::to_string(count));
}

}  // namespace
}  // namespace npu

using npu::BadArgument;
using npu::CheckIndex;
using npu::Guard;
using npu::CheckIdle;
using npu::SetError;

#define NPU_C_RETURN_IF_ERROR(expr)                          \
  do {                                                       \
    if (npu_status s = (expr); s != NPU_OK) return s;        \
  } while (false)

extern "C" {

const char* npu_last_error(void) { return npu::LastError(); }
const char* npu_version(void) { return NPU_VERSION; }

const char* npu_status_name(npu_status status) {
  switch (status) {
    case NPU_OK: return "NPU_OK";
    case NPU_INVALID_ARGUMENT: return "NPU_INVALID_ARGUMENT";
    case NPU_INVALID_MODEL: return "NPU_INVALID_MODEL";
    case NPU_INVALID_OPTION: return "NPU_INVALID_OPTION";
    case NPU_UNSUPPORTED: return "NPU_UNSUPPORTED";
    case NPU_DEVICE_ERROR: return "NPU_DEVICE_ERROR";
    case NPU_IO_ERROR: return "NPU_IO_ERROR";
    case NPU_RESOURCE_EXHAUSTED: return "NPU_RESOURCE_EXHAUSTED";
    case NPU_INTERNAL: return "NPU_INTERNAL";
    case NPU_TIMEOUT: return "NPU_TIMEOUT";
  }
  return "unknown npu_status";
}

const char* npu_options_help(void) {
  static const std::string help = npu::OptionsHelp();
  return help.c_str();
}

npu_status npu_devices_json(char** out_json) {
  return Guard([&]() -> npu_status {
    if (out_json == nullptr) return BadArgument("out_json is NULL");
    nlohmann::ordered_json devices = nlohmann::ordered_json::array();
    // No platform at all is an empty list, not a failure of this function.
    if (const auto found = npu::ListOpenClDevices()) {
      for (size_t i = 0; i < found->size(); ++i) {
        const npu::OpenClDeviceInfo& info = (*found)[i];
        devices.push_back({{"index", i}, {"platform", info.platform}, {"name", info.name},
                           {"driver_version", info.driver_version}});
      }
    }
    *out_json = npu::CopyString(devices.dump(2) + "\n");
    return NPU_OK;
  });
}

npu_status npu_supported_ops(char** out_markdown) {
  return Guard([&]() -> npu_status {
    if (out_markdown == nullptr) return BadArgument("out_markdown is NULL");
    *out_markdown = npu::CopyString(npu::OperatorsMarkdown(""));
    return NPU_OK;
  });
}

npu_status npu_device_info_json(const npu_option* options, size_t option_count, char** out_json) {
  return Guard([&]() -> npu_status {
    if (out_json == nullptr) return BadArgument("out_json is NULL");
    *out_json = nullptr;
    const auto parsed = npu::ReadOptions(options, option_count);
    if (!parsed) return SetError(parsed.error());
    npu::SetLogLevel(parsed->log_level);
    *out_json = npu::CopyString(npu::DeviceInfoJson(*parsed));
    return NPU_OK;
  });
}

void npu_string_destroy(char* string) { delete[] string; }

npu_status npu_model_open_file(const char* path, npu_model** out_model) {
  return Guard([&]() -> npu_status {
    if (path == nullptr || out_model == nullptr) return BadArgument("path or out_model is NULL");
    *out_model = nullptr;
    auto model = npu::ReadModelFile(path);
    if (!model) return SetError(model.error());
    *out_model = new npu_model{std::move(*model)};
    return NPU_OK;
  });
}

npu_status npu_model_open_memory(const void* bytes, size_t size, npu_model** out_model) {
  return Guard([&]() -> npu_status {
    if (bytes == nullptr || out_model == nullptr) return BadArgument("bytes or out_model is NULL");
    *out_model = nullptr;
    auto model = npu::ReadModel({static_cast<const std::byte*>(bytes), size}, nullptr);
    if (!model) return SetError(model.error());
    *out_model = new npu_model{std::move(*model)};
    return NPU_OK;
  });
}

void npu_model_destroy(npu_model* model) { delete model; }

npu_status npu_plan_create(const npu_model* model, const npu_option* options, size_t option_count,
                           npu_plan** out_plan) {
  return Guard([&]() -> npu_status {
    if (model == nullptr || out_plan == nullptr) return BadArgument("model or out_plan is NULL");
    *out_plan = nullptr;
    auto parsed = npu::ReadOptions(options, option_count);
    if (!parsed) return SetError(parsed.error());
    npu::SetLogLevel(parsed->log_level);
    // The plan works on its own copy, since inference writes shapes; constants are shared.
    auto graph = std::make_shared<npu::Graph>(*model->model.subgraphs.at(0));
    const auto models = npu::MeasuredModels(*parsed);
    if (!models) return SetError(models.error());
    const npu::PlacementModels* model_or_null = *models ? &**models : nullptr;
    auto plan = npu::MakePlan(std::move(graph), parsed->plan, model_or_null);
    if (!plan) return SetError(plan.error());
    auto made = std::make_unique<npu_plan>();
    made->plan = std::make_shared<const npu::Plan>(std::move(*plan));
    made->options = std::move(*parsed);
    made->subgraphs = model->model.subgraphs;
    made->context = {model->model.size_bytes, model->model.description};
    for (size_t i = 1; i < model->model.subgraphs.size(); ++i) {
      auto body = std::make_shared<npu::Graph>(*model->model.subgraphs[i]);
      std::string name = body->name;
      made->context.subgraphs.push_back({std::move(name), npu::MakePlan(std::move(body), made->options.plan, model_or_null)});
    }
    *out_plan = made.release();
    return NPU_OK;
  });
}

void npu_plan_destroy(npu_plan* plan) { delete plan; }

size_t npu_plan_op_count(const npu_plan* plan) { return plan == nullptr ? 0 : plan->plan->ops.size(); }

npu_status npu_plan_op(const npu_plan* plan, size_t op, npu_op_info* out_info) {
  return Guard([&]() -> npu_status {
    if (plan == nullptr) return BadArgument("plan is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("op", op, plan->plan->ops.size()));
    const npu::OpPlan& op_plan = plan->plan->ops[op];
    const npu::Op& graph_op = plan->plan->graph->ops[op];
    npu_op_info info{};
    // Both kinds of names are null-terminated: a literal of ops.def, or the op's own string.
    info.name = npu::OpName(graph_op).data();
    info.version = graph_op.version;
    info.placement = npu::ToC(op_plan.placement);
    info.segment = op_plan.segment;
    info.partition = op_plan.partition;
    info.macs = op_plan.macs;
    info.reason_count = op_plan.reasons.size();
    return npu::Fill(out_info, info);
  });
}

npu_status npu_plan_reason(const npu_plan* plan, size_t op, size_t reason, npu_reason* out_reason) {
  return Guard([&]() -> npu_status {
    if (plan == nullptr) return BadArgument("plan is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("op", op, plan->plan->ops.size()));
    const auto& reasons = plan->plan->ops[op].reasons;
    NPU_C_RETURN_IF_ERROR(CheckIndex("reason", reason, reasons.size()));
    const npu::Reason& r = reasons[reason];
    npu_reason info{};
    info.code = npu::ReasonCodeName(r.code).data();
    info.text = r.text.c_str();
    info.actual = r.actual.c_str();
    info.allowed = r.allowed.c_str();
    return npu::Fill(out_reason, info);
  });
}

size_t npu_plan_segment_count(const npu_plan* plan) { return plan == nullptr ? 0 : plan->plan->segments.size(); }

npu_status npu_plan_segment(const npu_plan* plan, size_t segment, npu_segment_info* out_info) {
  return Guard([&]() -> npu_status {
    if (plan == nullptr) return BadArgument("plan is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("segment", segment, plan->plan->segments.size()));
    const npu::Segment& s = plan->plan->segments[segment];
    npu_segment_info info{};
    info.placement = npu::ToC(s.placement);
    info.partition = s.partition;
    info.op_count = s.ops.ops.size();
    info.macs = s.macs;
    return npu::Fill(out_info, info);
  });
}

size_t npu_plan_partition_count(const npu_plan* plan) {
  return plan == nullptr ? 0 : plan->plan->partitions.size();
}

const char* npu_plan_json(const npu_plan* plan) {
  if (plan == nullptr) return "";
  const npu_status status = Guard([&]() -> npu_status {
    std::call_once(plan->json_written, [plan] { plan->json = npu::ReportJson(*plan->plan, plan->context); });
    return NPU_OK;
  });
  return status == NPU_OK ? plan->json.c_str() : "";
}

npu_status npu_plan_verify(const npu_plan* plan, uint64_t seed, char** out_json) {
  return Guard([&]() -> npu_status {
    if (plan == nullptr || out_json == nullptr) return BadArgument("plan or out_json is NULL");
    *out_json = nullptr;
    const auto json = npu::VerifyPlan(*plan->plan, plan->options, seed);
    if (!json) return SetError(json.error());
    *out_json = npu::CopyString(*json);
    return NPU_OK;
  });
}

npu_status npu_plan_profile(const npu_plan* plan, uint64_t seed, size_t runs, char** out_json) {
  return Guard([&]() -> npu_status {
    if (plan == nullptr || out_json == nullptr) return BadArgument("plan or out_json is NULL");
    *out_json = nullptr;
    const auto json = npu::ProfilePlan(plan->plan, plan->options, seed, runs);
    if (!json) return SetError(json.error());
    *out_json = npu::CopyString(*json + "\n");
    return NPU_OK;
  });
}

npu_status npu_session_create(const npu_plan* plan, npu_session** out_session) {
  return Guard([&]() -> npu_status {
    if (plan == nullptr || out_session == nullptr) return BadArgument("plan or out_session is NULL");
    *out_session = nullptr;
    auto session = npu::Session::Create(plan->plan, plan->options, plan->subgraphs);
    if (!session) return SetError(session.error());
    *out_session = new npu_session{std::move(*session), nullptr};
    return NPU_OK;
  });
}

void npu_session_destroy(npu_session* session) { delete session; }

size_t npu_session_input_count(const npu_session* session) {
  return session == nullptr ? 0 : session->session->graph().inputs.size();
}

size_t npu_session_output_count(const npu_session* session) {
  return session == nullptr ? 0 : session->session->graph().outputs.size();
}

npu_status npu_session_input(const npu_session* session, size_t index, npu_tensor_info* out_info) {
  return Guard([&]() -> npu_status {
    if (session == nullptr) return BadArgument("session is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("input", index, npu_session_input_count(session)));
    const npu::Graph& graph = session->session->graph();
    return npu::DescribeTensor(graph, graph.inputs[index], out_info);
  });
}

npu_status npu_session_output(const npu_session* session, size_t index, npu_tensor_info* out_info) {
  return Guard([&]() -> npu_status {
    if (session == nullptr) return BadArgument("session is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("output", index, npu_session_output_count(session)));
    const npu::Graph& graph = session->session->graph();
    return npu::DescribeTensor(graph, graph.outputs[index], out_info);
  });
}

npu_status npu_unpack_signs(const void* words, size_t pixels, int32_t channels, int8_t* out_signs) {
  return Guard([&]() -> npu_status {
    if (words == nullptr || out_signs == nullptr) return BadArgument("words or out_signs is NULL");
    if (channels < 1) return BadArgument("channels is below 1");
    const auto* from = static_cast<const unsigned char*>(words);
    const size_t bytes = size_t{4} * static_cast<size_t>(npu::PackedWords(channels));
    for (size_t pixel = 0; pixel < pixels; ++pixel, from += bytes) {
      for (int32_t c = 0; c < channels; ++c) {
        uint32_t word;
        std::memcpy(&word, from + c / 32 * 4, sizeof(word));
        *out_signs++ = (word >> (c % 32) & 1) != 0 ? -1 : 1;
      }
    }
    return NPU_OK;
  });
}

npu_status npu_session_copy_input(npu_session* session, size_t index, const void* data, size_t bytes) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    if (data == nullptr) return BadArgument("data is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("input", index, npu_session_input_count(session)));
    if (session->session->input_bound(static_cast<int>(index))) {
      return BadArgument("the input is bound to the caller's memory; unbind it (bind NULL) before copying");
    }
    const auto memory = session->session->input(static_cast<int>(index));
    NPU_C_RETURN_IF_ERROR(npu::CheckBuffer(memory, bytes));
    std::memcpy(memory.data(), data, bytes);
    return NPU_OK;
  });
}

npu_status npu_session_copy_output(npu_session* session, size_t index, void* data, size_t bytes) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    if (data == nullptr) return BadArgument("data is NULL");
    NPU_C_RETURN_IF_ERROR(CheckIndex("output", index, npu_session_output_count(session)));
    const auto memory = session->session->output(static_cast<int>(index));
    NPU_C_RETURN_IF_ERROR(npu::CheckBuffer(memory, bytes));
    std::memmove(data, memory.data(), bytes);
    return NPU_OK;
  });
}

npu_status npu_session_bind_input(npu_session* session, size_t index, const void* data, size_t bytes) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    NPU_C_RETURN_IF_ERROR(CheckIndex("input", index, npu_session_input_count(session)));
    const int i = static_cast<int>(index);
    if (data != nullptr) NPU_C_RETURN_IF_ERROR(npu::CheckBuffer(session->session->input(i), bytes));
    session->session->BindInput(i, static_cast<const std::byte*>(data));
    return NPU_OK;
  });
}

npu_status npu_session_bind_output(npu_session* session, size_t index, void* data, size_t bytes) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    NPU_C_RETURN_IF_ERROR(CheckIndex("output", index, npu_session_output_count(session)));
    const int i = static_cast<int>(index);
    if (data != nullptr) NPU_C_RETURN_IF_ERROR(npu::CheckBuffer(session->session->output(i), bytes));
    session->session->BindOutput(i, static_cast<std::byte*>(data));
    return NPU_OK;
  });
}

npu_status npu_session_invoke(npu_session* session) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    if (const npu::Status status = session->session->Invoke(); !status) return SetError(status.error());
    return NPU_OK;
  });
}

npu_status npu_session_reset(npu_session* session) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    session->session->Reset();
    return NPU_OK;
  });
}

npu_status npu_session_profile_start(npu_session* session) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    session->session->StartProfile();
    return NPU_OK;
  });
}

npu_status npu_session_profile_json(const npu_session* session, char** out_json) {
  return Guard([&]() -> npu_status {
    NPU_C_RETURN_IF_ERROR(CheckIdle(session));
    if (out_json == nullptr) return BadArgument("out_json is NULL");
    *out_json = nullptr;
    const npu::Profile* profile = session->session->profile();
    if (profile == nullptr) return BadArgument("nothing was measured: call npu_session_profile_start first");
    *out_json = npu::CopyString(profile->Json() + "\n");
    return NPU_OK;
  });
}

const char* npu_session_device(const npu_session* session) {
  return session == nullptr ? "" : session->session->device_name().c_str();
}

}  // extern "C"
