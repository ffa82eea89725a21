// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/inputs.h"

#include <fmt/format.h>

#include <cstring>
#include <random>
#include <utility>

#include "tools/delegate-check/npy.h"

namespace delegate_check {
namespace {

using Json = nlohmann::ordered_json;

Bytes LoadInput(const std::string& path, const npu_tensor_info& info) {
  NpyArray array = ReadNpy(path);
  if (array.descr != NpyDescr(info.type)) {
    throw Failure(kUsageError, "NPU_INVALID_ARGUMENT",
                  fmt::format("{}: element type {}; input \"{}\" takes {}", path, array.descr, info.name,
                              NpyDescr(info.type)));
  }
  if (array.data.size() != info.bytes) {
    throw Failure(
        kUsageError, "NPU_INVALID_ARGUMENT",
        fmt::format("{}: {} bytes; input \"{}\" takes {}", path, array.data.size(), info.name, info.bytes));
  }
  return std::move(array.data);
}

Bytes RandomInput(const npu_tensor_info& info, uint64_t seed) {
  Bytes bytes(info.bytes);
  std::mt19937_64 engine(seed);
  if (info.type == NPU_TYPE_FLOAT32) {
    std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
    for (size_t i = 0; i + sizeof(float) <= bytes.size(); i += sizeof(float)) {
      const float value = distribution(engine);
      std::memcpy(bytes.data() + i, &value, sizeof(value));
    }
    return bytes;
  }
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(engine() >> 56);
  return bytes;
}

void CheckCount(const Arguments& arguments, size_t count) {
  if (arguments.inputs.empty() || arguments.inputs.size() == count) return;
  throw Failure(
      kUsageError, "NPU_INVALID_ARGUMENT",
      fmt::format("--input is given {} times; the model has {} inputs", arguments.inputs.size(), count));
}

// Of a tensor as reports describe it.
npu_tensor_info InfoOf(const Json& tensor) {
  constexpr std::pair<const char*, npu_type> kTypes[] = {
      {"FLOAT32", NPU_TYPE_FLOAT32}, {"FLOAT16", NPU_TYPE_FLOAT16}, {"INT32", NPU_TYPE_INT32},
      {"UINT8", NPU_TYPE_UINT8},     {"INT64", NPU_TYPE_INT64},     {"BOOL", NPU_TYPE_BOOL},
      {"INT16", NPU_TYPE_INT16},     {"INT8", NPU_TYPE_INT8}};
  const auto& name = tensor["name"].get_ref<const std::string&>();
  for (size_t i = 0; i < std::size(kTypes); ++i) {
    if (tensor["type"] != kTypes[i].first || tensor["shape"].is_null()) continue;
    npu_tensor_info info{};
    info.name = name.c_str();
    info.type = kTypes[i].second;
    info.bytes = NpyElementBytes(NpyDescr(info.type));
    for (const Json& dim : tensor["shape"]) info.bytes *= dim.get<size_t>();
    return info;
  }
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT",
                fmt::format("--input: input \"{}\" is {} of unknown size: no file fits", name,
                            tensor["type"].get<std::string>()));
}

}  // namespace

npu_tensor_info InputInfo(const npu_session* session, size_t i) {
  npu_tensor_info info{};
  info.struct_size = sizeof(info);
  Check(npu_session_input(session, i, &info));
  return info;
}

std::vector<Bytes> MakeInputs(const npu_session* session, const Arguments& arguments) {
  const size_t count = npu_session_input_count(session);
  CheckCount(arguments, count);
  std::vector<Bytes> inputs;
  for (size_t i = 0; i < count; ++i) {
    const npu_tensor_info info = InputInfo(session, i);
    inputs.push_back(arguments.inputs.empty() ? RandomInput(info, arguments.seed + i)
                                              : LoadInput(arguments.inputs[i], info));
  }
  return inputs;
}

std::vector<Bytes> GivenInputs(const Json& report, const Arguments& arguments) {
  const Json& tensors = report["model"]["inputs"];
  CheckCount(arguments, tensors.size());
  std::vector<Bytes> inputs;
  for (size_t i = 0; i < arguments.inputs.size(); ++i)
    inputs.push_back(LoadInput(arguments.inputs[i], InfoOf(tensors[i])));
  return inputs;
}

}  // namespace delegate_check
