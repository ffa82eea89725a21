// SPDX-License-Identifier: Apache-2.0
#include "tools/delegate-check/extract.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "tools/delegate-check/layout.h"
#include "tools/delegate-check/open_model.h"
#include "tools/delegate-check/output.h"
#include "tools/model-edit/extract.h"
#include "tools/model-edit/verify.h"

namespace delegate_check {
namespace {

[[noreturn]] void RefuseUsage(const std::string& text) {
  throw Failure(kUsageError, "NPU_INVALID_ARGUMENT", fmt::format("--extract {}", text));
}

template <typename T>
T ValueOf(npu::Result<T> result) {
  if (result) return std::move(*result);
  const npu::Error& error = result.error();
  const auto status = static_cast<npu_status>(error.code);  // the same values (base/result.h)
  throw Failure(ExitCodeOf(status), npu_status_name(status), error.text);
}

// "3:7" for "3-7", "Op#3-7" and "3".
std::string Range(std::string text) {
  if (text.starts_with("Op#")) text.erase(0, 3);
  std::replace(text.begin(), text.end(), '-', ':');
  return text;
}

}  // namespace

std::string ExtractModel(const std::string& path, const Arguments& arguments) {
  if (arguments.output == "-") RefuseUsage("writes a model: name it with -o FILE.tflite");
  if (path == "-") RefuseUsage("needs a file, not standard input");
  std::error_code error;
  if (std::filesystem::equivalent(path, arguments.output, error)) RefuseUsage("would overwrite the model itself; give another -o");
  OpenModel(path);  // for its words on what is no model
  model_edit::ModelFile file = ValueOf(model_edit::ReadModelFile(path));
  const auto cut = model_edit::FindCut(*file.model, Range(arguments.extract));
  if (!cut && cut.error().code == npu::ErrorCode::kInvalidArgument) {
    const size_t ops = file.model->subgraphs[0]->operators.size();
    RefuseUsage(ops == 0 ? arguments.extract + ": the model has no operators"
                         : fmt::format("{}: expected N, or N-M with both included; the model has Op#0 to Op#{}",
                                       arguments.extract, ops - 1));
  }
  const model_edit::Cut found = ValueOf(cut);
  const std::vector<std::string> done = model_edit::Extract(file, found);
  const std::vector<std::byte> bytes = ValueOf(model_edit::Serialize(file));
  const model_edit::Probe probe = ValueOf(model_edit::MakeProbe(file.bytes, found));
  const model_edit::Verdict verdict = ValueOf(model_edit::VerifyCut(probe.bytes, bytes, probe.sources));
  if (verdict.ran && !verdict.equal) throw Failure(kModelError, "NPU_INTERNAL", fmt::format("{}; nothing is written", verdict.text));
  Write(arguments.output, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, "the cut");
  const std::string ops = found.first == found.last ? fmt::format("Op#{}", found.first)
                                                    : fmt::format("Op#{} to Op#{}", found.first, found.last);
  std::string text = fmt::format("{}: {} of {}, {}\n", arguments.output, ops, path, HumanBytes(static_cast<int64_t>(bytes.size())));
  for (const std::string& line : done) text += fmt::format("  {}\n", line);
  return text + fmt::format("  {}{}\n", verdict.ran ? "verified: " : "not verified: ", verdict.text);
}

}  // namespace delegate_check
