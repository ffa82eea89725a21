// SPDX-License-Identifier: Apache-2.0
#include "tools/model-edit/verify.h"

#include <fmt/format.h>

#include <cstring>
#include <random>
#include <vector>

#include "tools/model-edit/api.h"
#include "tools/model-edit/graph_edit.h"

namespace model_edit {
namespace {

using npu::Fail;
using npu::Result;
using Bytes = std::vector<std::byte>;

constexpr int kRuns = 3;  // different random inputs

struct Runner {
  ModelPtr model;
  PlanPtr plan;
  SessionPtr session;
  std::vector<npu_tensor_info> inputs, outputs;
};

Result<Runner> Open(std::span<const std::byte> bytes) {
  const npu_option options[] = {{"device", "reference"}, {"folds", "none"}};
  Runner runner;
  npu_model* model = nullptr;
  npu_plan* plan = nullptr;
  npu_session* session = nullptr;
  NPU_RETURN_IF_ERROR(Check(npu_model_open_memory(bytes.data(), bytes.size(), &model)));
  runner.model.reset(model);
  NPU_RETURN_IF_ERROR(Check(npu_plan_create(model, options, std::size(options), &plan)));
  runner.plan.reset(plan);
  NPU_RETURN_IF_ERROR(Check(npu_session_create(plan, &session)));
  runner.session.reset(session);
  runner.inputs.resize(npu_session_input_count(session));
  runner.outputs.resize(npu_session_output_count(session));
  for (size_t i = 0; i < runner.inputs.size(); ++i) {
    runner.inputs[i].struct_size = sizeof(npu_tensor_info);
    NPU_RETURN_IF_ERROR(Check(npu_session_input(session, i, &runner.inputs[i])));
  }
  for (size_t i = 0; i < runner.outputs.size(); ++i) {
    runner.outputs[i].struct_size = sizeof(npu_tensor_info);
    NPU_RETURN_IF_ERROR(Check(npu_session_output(session, i, &runner.outputs[i])));
  }
  return runner;
}

bool Is8Bit(const npu_tensor_info& info) { return info.type == NPU_TYPE_INT8 || info.type == NPU_TYPE_UINT8; }

float At(const Bytes& bytes, size_t i) {
  float value;
  std::memcpy(&value, bytes.data() + i * sizeof(value), sizeof(value));
  return value;
}

Bytes RandomBytes(const npu_tensor_info& info, std::mt19937_64& engine) {
  Bytes bytes(info.bytes);
  if (info.type == NPU_TYPE_FLOAT32) {
    std::uniform_real_distribution<float> distribution(-1.0f, 1.0f);
    for (size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
      const float value = distribution(engine);
      std::memcpy(bytes.data() + i * sizeof(value), &value, sizeof(value));
    }
    return bytes;
  }
  // Indices and booleans: 0 and 1 are always right. Larq's packed words and 8-bit numbers are anything.
  const bool small = !Is8Bit(info) && info.packed_channels == 0;
  const size_t element = info.type == NPU_TYPE_INT64   ? 8
                         : info.type == NPU_TYPE_INT32 ? 4
                         : info.type == NPU_TYPE_INT16 ? 2
                                                       : 1;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(engine() >> (small ? 63 : 56));
    if (small && i % element != 0) bytes[i] = std::byte{0};
  }
  return bytes;
}

// The same numbers in another type; `from` is 8-bit.
Result<Bytes> Convert(const npu_tensor_info& from, const npu_tensor_info& to, const Bytes& bytes) {
  Bytes result;
  if (Is8Bit(from) && Is8Bit(to) && from.bytes == to.bytes) {
    const int shift = to.zero_point - from.zero_point;
    for (const std::byte byte : bytes) result.push_back(static_cast<std::byte>(std::to_integer<int>(byte) + shift));
    return result;
  }
  if (Is8Bit(from) && to.type == NPU_TYPE_FLOAT32 && from.scale > 0) {
    result.resize(bytes.size() * sizeof(float));
    for (size_t i = 0; i < bytes.size(); ++i) {
      const int q = from.type == NPU_TYPE_INT8 ? static_cast<int8_t>(bytes[i]) : std::to_integer<int>(bytes[i]);
      const float value = from.scale * static_cast<float>(q - from.zero_point);  // DEQUANTIZE
      std::memcpy(result.data() + i * sizeof(value), &value, sizeof(value));
    }
    return result;
  }
  return Fail(npu::ErrorCode::kUnsupported,
              fmt::format("\"{}\" changed its type in a way that cannot be compared", to.name));
}

// +1 and -1, as LceDequantize gives them, of any of its types.
std::vector<int8_t> Signs(const npu_tensor_info& info, const Bytes& bytes) {
  std::vector<int8_t> signs;
  for (size_t i = 0; i < (info.type == NPU_TYPE_FLOAT32 ? bytes.size() / sizeof(float) : bytes.size()); ++i) {
    const int negative = info.type == NPU_TYPE_FLOAT32 ? At(bytes, i) < 0
                         : info.type == NPU_TYPE_INT8  ? static_cast<int8_t>(bytes[i]) < info.zero_point
                                                       : bytes[i] == std::byte{0};  // BOOL: true is +1
    signs.push_back(negative != 0 ? -1 : 1);
  }
  return signs;
}

Result<bool> SameOutput(const npu_tensor_info& before, const npu_tensor_info& after, const Bytes& a, const Bytes& b) {
  if (before.type == after.type) {
    if (before.type != NPU_TYPE_FLOAT32 || a.size() != b.size()) return a == b;
    for (size_t i = 0; i < a.size() / sizeof(float); ++i) {
      if (At(a, i) != At(b, i) && (At(a, i) == At(a, i) || At(b, i) == At(b, i))) return false;  // NaN is NaN
    }
    return true;
  }
  if (after.type == NPU_TYPE_INT32 && before.rank > 0) {
    const int32_t channels = before.dims[before.rank - 1];
    const std::vector<int8_t> expected = Signs(before, a);
    std::vector<int8_t> found(expected.size());
    if (channels < 1 || b.size() != expected.size() / channels * ((channels + 31) / 32) * sizeof(int32_t)) return false;
    NPU_RETURN_IF_ERROR(Check(npu_unpack_signs(b.data(), expected.size() / channels, channels, found.data())));
    return found == expected;
  }
  if (Is8Bit(before)) {
    NPU_ASSIGN_OR_RETURN(const Bytes expected, Convert(before, after, a));
    return expected == b;
  }
  NPU_ASSIGN_OR_RETURN(const Bytes found, Convert(after, before, b));
  return found == a;
}

npu::Status Feed(Runner& runner, size_t i, const Bytes& bytes) {
  return Check(npu_session_copy_input(runner.session.get(), i, bytes.data(), bytes.size()));
}

Result<Bytes> OutputOf(Runner& runner, size_t i) {
  // Sizes that depend on the input are known after the invocation.
  NPU_RETURN_IF_ERROR(Check(npu_session_output(runner.session.get(), i, &runner.outputs[i])));
  Bytes bytes(runner.outputs[i].bytes);
  NPU_RETURN_IF_ERROR(Check(npu_session_copy_output(runner.session.get(), i, bytes.data(), bytes.size())));
  return bytes;
}

// The name of the first output that differs; "": none does.
Result<std::string> CompareOnce(Runner& before, Runner& after, std::mt19937_64& engine) {
  for (size_t i = 0; i < before.inputs.size(); ++i) {
    const npu_tensor_info &a = before.inputs[i], &b = after.inputs[i];
    const bool from_before = a.type == b.type || Is8Bit(a);
    const Bytes bytes = RandomBytes(from_before ? a : b, engine);
    Bytes converted = bytes;
    if (a.type != b.type) {
      NPU_ASSIGN_OR_RETURN(converted, from_before ? Convert(a, b, bytes) : Convert(b, a, bytes));
    }
    NPU_RETURN_IF_ERROR(Feed(before, i, from_before ? bytes : converted));
    NPU_RETURN_IF_ERROR(Feed(after, i, from_before ? converted : bytes));
  }
  NPU_RETURN_IF_ERROR(Check(npu_session_invoke(before.session.get())));
  NPU_RETURN_IF_ERROR(Check(npu_session_invoke(after.session.get())));
  for (size_t i = 0; i < before.outputs.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(const Bytes a, OutputOf(before, i));
    NPU_ASSIGN_OR_RETURN(const Bytes b, OutputOf(after, i));
    NPU_ASSIGN_OR_RETURN(const bool same, SameOutput(before.outputs[i], after.outputs[i], a, b));
    if (!same) return fmt::format("output {} (\"{}\")", i, Printable(after.outputs[i].name));
  }
  return std::string();
}

Result<std::string> CompareCutOnce(Runner& probe, Runner& cut, std::span<const int> sources, std::mt19937_64& engine) {
  std::vector<Bytes> inputs;
  for (size_t i = 0; i < probe.inputs.size(); ++i) {
    inputs.push_back(RandomBytes(probe.inputs[i], engine));
    NPU_RETURN_IF_ERROR(Feed(probe, i, inputs.back()));
  }
  NPU_RETURN_IF_ERROR(Check(npu_session_invoke(probe.session.get())));
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] < 0) {
      NPU_RETURN_IF_ERROR(Feed(cut, i, inputs[-1 - sources[i]]));
      continue;
    }
    NPU_ASSIGN_OR_RETURN(const Bytes bytes, OutputOf(probe, sources[i]));
    NPU_RETURN_IF_ERROR(Feed(cut, i, bytes));
  }
  NPU_RETURN_IF_ERROR(Check(npu_session_invoke(cut.session.get())));
  const size_t first = probe.outputs.size() - cut.outputs.size();
  for (size_t i = 0; i < cut.outputs.size(); ++i) {
    NPU_ASSIGN_OR_RETURN(const Bytes a, OutputOf(probe, first + i));
    NPU_ASSIGN_OR_RETURN(const Bytes b, OutputOf(cut, i));
    NPU_ASSIGN_OR_RETURN(const bool same, SameOutput(probe.outputs[first + i], cut.outputs[i], a, b));
    if (!same) return fmt::format("output {} (\"{}\")", i, Printable(cut.outputs[i].name));
  }
  return std::string();
}

// Both models, or in `verdict` why a session does not run them.
bool OpenBoth(std::span<const std::byte> before, std::span<const std::byte> after, Result<Runner>& a, Result<Runner>& b,
              Verdict& verdict) {
  a = Open(before);
  b = Open(after);
  const bool first = !a.has_value();
  if (!first && b.has_value()) return true;
  verdict.text = fmt::format("the {} model does not run in a session: {}", first ? "original" : "edited",
                             Printable((first ? a : b).error().text));
  return false;
}

template <typename CompareOnce>
Verdict CompareRuns(size_t outputs, CompareOnce compare_once) {
  Verdict verdict;
  std::mt19937_64 engine(1);
  for (int run = 0; run < kRuns; ++run) {
    const Result<std::string> differs = compare_once(engine);
    if (!differs) {
      verdict.text = Printable(differs.error().text);
      return verdict;
    }
    verdict.ran = true;
    if (!differs->empty()) {
      verdict.text = *differs + " differs from the original's on random input";
      return verdict;
    }
  }
  verdict.equal = true;
  verdict.text = fmt::format("{} outputs equal the original's on {} random inputs (CPU reference)", outputs, kRuns);
  return verdict;
}

}  // namespace

Result<Verdict> Verify(std::span<const std::byte> before, std::span<const std::byte> after) {
  Verdict verdict;
  Result<Runner> a, b;
  if (!OpenBoth(before, after, a, b, verdict)) return verdict;
  if (a->inputs.size() != b->inputs.size() || a->outputs.size() != b->outputs.size()) {
    return Fail(npu::ErrorCode::kInternal, "the edited model has another number of inputs or outputs");
  }
  return CompareRuns(a->outputs.size(), [&](std::mt19937_64& engine) { return CompareOnce(*a, *b, engine); });
}

Result<Verdict> VerifyCut(std::span<const std::byte> probe, std::span<const std::byte> cut, std::span<const int> sources) {
  Verdict verdict;
  Result<Runner> a, b;
  if (!OpenBoth(probe, cut, a, b, verdict)) return verdict;
  if (b->inputs.size() != sources.size() || a->outputs.size() < b->outputs.size()) {
    return Fail(npu::ErrorCode::kInternal, "the cut has another number of inputs or outputs");
  }
  return CompareRuns(b->outputs.size(), [&](std::mt19937_64& engine) { return CompareCutOnce(*a, *b, sources, engine); });
}

}  // namespace model_edit
