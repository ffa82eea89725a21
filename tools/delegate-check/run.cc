// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "tools/delegate-check/inputs.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

// How many of an output's largest elements --run shows.
constexpr size_t kLargest = 5;

template <typename T>
std::vector<double> ValuesAs(const Bytes& bytes) {
  std::vector<double> values;
  for (size_t i = 0; i + sizeof(T) <= bytes.size(); i += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + i, sizeof(value));
    values.push_back(static_cast<double>(value));
  }
  return values;
}

}  // namespace

npu_tensor_info OutputInfo(const npu_session* session, size_t i) {
  npu_tensor_info info{};
  info.struct_size = sizeof(info);
  Check(npu_session_output(session, i, &info));
  return info;
}

std::vector<Bytes> Invoke(npu_session* session, const std::vector<Bytes>& inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    Check(npu_session_copy_input(session, i, inputs[i].data(), inputs[i].size()));
  }
  Check(npu_session_invoke(session));
  std::vector<Bytes> outputs;
  for (size_t i = 0; i < npu_session_output_count(session); ++i) {
    outputs.emplace_back(OutputInfo(session, i).bytes);
    Check(npu_session_copy_output(session, i, outputs.back().data(), outputs.back().size()));
  }
  return outputs;
}

std::vector<double> Values(const npu_tensor_info& info, const Bytes& bytes) {
  switch (info.type) {
    case NPU_TYPE_FLOAT32: return ValuesAs<float>(bytes);
    case NPU_TYPE_INT64: return ValuesAs<int64_t>(bytes);
    case NPU_TYPE_INT32: return ValuesAs<int32_t>(bytes);
    case NPU_TYPE_INT16: return ValuesAs<int16_t>(bytes);
    case NPU_TYPE_INT8: return ValuesAs<int8_t>(bytes);
    default: return ValuesAs<uint8_t>(bytes);
  }
}

PlanPtr MakeReferencePlan(const npu_model* model, const Arguments& arguments) {
  PlanPtr plan = MakePlan(model, arguments, "reference", "none");
  return HasHostOps(plan.get()) ? MakePlan(model, arguments, "reference", arguments.folds) : std::move(plan);
}

bool HasHostOps(const npu_plan* plan) {
  for (size_t i = 0; i < npu_plan_op_count(plan); ++i) {
    npu_op_info info{};
    info.struct_size = sizeof(info);
    Check(npu_plan_op(plan, i, &info));
    if (info.placement == NPU_PLACEMENT_HOST) return true;
  }
  return false;
}

SessionPtr MakeSession(const npu_plan* plan) {
  npu_session* session = nullptr;
  Check(npu_session_create(plan, &session));
  return SessionPtr(session);
}

Json Run(const npu_plan* plan, const Arguments& arguments) {
  const SessionPtr session = MakeSession(plan);
  const std::vector<Bytes> outputs = Invoke(session.get(), MakeInputs(session.get(), arguments));
  Json result{{"device", npu_session_device(session.get())},
              {"input", arguments.inputs.empty() ? "random" : "given"},
              {"outputs", Json::array()}};
  for (size_t i = 0; i < outputs.size(); ++i) {
    const npu_tensor_info info = OutputInfo(session.get(), i);
    const std::vector<double> values = Values(info, outputs[i]);
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const size_t shown = std::min(kLargest, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(shown), order.end(),
                      [&](size_t a, size_t b) { return values[a] != values[b] ? values[a] > values[b] : a < b; });
    Json largest = Json::array();
    for (size_t k = 0; k < shown; ++k) largest.push_back({{"index", order[k]}, {"value", values[order[k]]}});
    result["outputs"].push_back(
        {{"name", info.name}, {"elements", values.size()}, {"largest", std::move(largest)}});
  }
  return result;
}

Json Profile(const npu_plan* plan, const Arguments& arguments) {
  char* json = nullptr;
  const auto runs = static_cast<size_t>(arguments.profile_runs);
  if (HasHostOps(plan)) {
    if (!arguments.inputs.empty()) {
      throw Failure(kUsageError, "NPU_INVALID_ARGUMENT",
                    "--input: operators stay with the host, so that --profile runs each partition alone, on random inputs");
    }
    Check(npu_plan_profile(plan, arguments.seed, runs, &json));
    return Json::parse(StringPtr(json).get());
  }
  const SessionPtr session = MakeSession(plan);
  const std::vector<Bytes> inputs = MakeInputs(session.get(), arguments);
  for (size_t i = 0; i < inputs.size(); ++i) {
    Check(npu_session_copy_input(session.get(), i, inputs[i].data(), inputs[i].size()));
  }
  // Twice: with the first measured invocation the queue that takes times is made.
  Check(npu_session_profile_start(session.get()));
  Check(npu_session_invoke(session.get()));
  Check(npu_session_profile_start(session.get()));
  for (size_t run = 0; run < runs; ++run) Check(npu_session_invoke(session.get()));
  Check(npu_session_profile_json(session.get(), &json));
  return Json::parse(StringPtr(json).get());
}

Json Verify(const npu_model* model, const npu_plan* plan, const Arguments& arguments) {
  // It may be that only folds bring all of a model into the delegate; then its segments are compared, each with its own
  // operators as they are in the model.
  const PlanPtr reference_plan = MakePlan(model, arguments, "reference", "none");
  // With requantize=float operators are compared one by one, since differences of 1 grow on their way through a model.
  if (arguments.requantize == "float" || HasHostOps(plan) || HasHostOps(reference_plan.get())) {
    char* json = nullptr;
    Check(npu_plan_verify(plan, arguments.seed, &json));
    return Json::parse(StringPtr(json).get());
  }
  const SessionPtr device = MakeSession(plan), reference = MakeSession(reference_plan.get());
  const std::vector<Bytes> inputs = MakeInputs(device.get(), arguments);
  const std::vector<Bytes> actual = Invoke(device.get(), inputs), expected = Invoke(reference.get(), inputs);
  Json result{{"device", npu_session_device(device.get())}, {"outputs", Json::array()}};
  double max_difference = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    const npu_tensor_info info = OutputInfo(device.get(), i);
    const std::vector<double> a = Values(info, actual[i]), e = Values(info, expected[i]);
    double difference = 0;
    int64_t differing = 0;
    for (size_t k = 0; k < a.size(); ++k) {
      if (a[k] == e[k] || (std::isnan(a[k]) && std::isnan(e[k]))) continue;
      difference = std::max(difference, std::abs(a[k] - e[k]));
      ++differing;
    }
    max_difference = std::max(max_difference, difference);
    result["outputs"].push_back({{"name", info.name},
                                 {"elements", a.size()},
                                 {"max_difference", difference},
                                 {"differing", differing}});
  }
  result["max_difference"] = max_difference;
  return result;
}

bool Agrees(const Json& verify) {
  const Json& compared = verify.contains("operators") ? verify["operators"] : verify;
  // null: infinitely far apart.
  const Json& difference = compared["max_difference"];
  return !difference.is_null() && difference.get<double>() <= verify.value("tolerance", 0.0);
}

}  // namespace delegate_check
