// model-edit SUBCOMMAND IN OUT: changes a .tflite file and leaves everything else in it as it was.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "base/write_file.h"
#include "tools/model-edit/api.h"
#include "tools/model-edit/edits.h"
#include "tools/model-edit/extract.h"
#include "tools/model-edit/info.h"
#include "tools/model-edit/model_file.h"
#include "tools/model-edit/verify.h"

namespace model_edit {
namespace {

namespace fs = std::filesystem;
using npu::ErrorCode;
using npu::Fail;
using npu::Status;

// The contract with scripts, delegate-check's numbers; docs/model-edit.md and --help list them.
enum ExitCode { kOk = 0, kDiffers = 1, kModelError = 2, kUsageError = 3, kDeviceError = 4 };

struct Arguments {
  std::string in, out;
  bool in_place = false;
  bool verify = false, no_verify = false;
};

ExitCode ExitCodeOf(ErrorCode code) {
  if (code == ErrorCode::kInvalidArgument || code == ErrorCode::kInvalidOption) return kUsageError;
  return code == ErrorCode::kDevice ? kDeviceError : kModelError;
}

int Report(const npu::Error& error) {
  fmt::print(stderr, "model-edit: {}\n", error.text);
  return ExitCodeOf(error.code);
}

// Where to write: --in-place follows a link to the file itself.
npu::Result<std::string> Target(const Arguments& arguments) {
  std::error_code error;
  if (arguments.in_place) {
    if (!arguments.out.empty()) return Fail(ErrorCode::kInvalidArgument, "--in-place and an output file; give one of them");
    const fs::path path = fs::canonical(arguments.in, error);
    return error ? arguments.in : path.string();
  }
  if (arguments.out.empty())
    return Fail(ErrorCode::kInvalidArgument, "no output file given (or --in-place to overwrite the input)");
  if (fs::equivalent(arguments.in, arguments.out, error)) {
    return Fail(ErrorCode::kInvalidArgument, arguments.out + " is the input; --in-place overwrites it");
  }
  if (fs::is_directory(arguments.out, error))
    return Fail(ErrorCode::kInvalidArgument, arguments.out + " is a directory; expected a file to write");
  return arguments.out;
}

Status WriteModel(const std::string& path, const std::vector<std::byte>& bytes) {
  std::error_code error;
  const fs::file_status old = fs::status(path, error);
  const auto status = npu::WriteFileAtomically(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!status) return tl::unexpected<npu::Error>(status.error().WithContext(path));
  if (fs::is_regular_file(old)) fs::permissions(path, old.permissions(), error);
  const auto written = ReadModelFile(path);
  if (!written) return tl::unexpected<npu::Error>(written.error());
  return {};
}

using Bytes = std::vector<std::byte>;
using Verifier = std::function<npu::Result<Verdict>(const Bytes& before, const Bytes& after)>;

int EditFile(const Arguments& arguments, const std::function<Done(ModelFile&)>& edit, const Verifier& verifier) {
  const auto target = Target(arguments);
  if (!target) return Report(target.error());
  auto file = ReadModelFile(arguments.in);
  if (!file) return Report(file.error());
  const Done done = edit(*file);
  if (!done) return Report(done.error().WithContext(arguments.in));
  const auto bytes = Serialize(*file);
  if (!bytes) return Report(bytes.error());
  std::string note = "not verified (--no-verify)";
  if (!arguments.no_verify) {
    const auto verdict = verifier(file->bytes, *bytes);
    if (!verdict) return Report(verdict.error());
    if (verdict->ran && !verdict->equal) {
      fmt::print(stderr, "model-edit: {}; nothing is written\n", verdict->text);
      return kDiffers;
    }
    if (!verdict->ran && arguments.verify)
      return Report({ErrorCode::kUnsupported, "--verify: " + verdict->text + "; nothing is written"});
    note = (verdict->ran ? "verified: " : "not verified: ") + verdict->text;
  }
  if (const Status status = WriteModel(*target, *bytes); !status) return Report(status.error());
  for (const std::string& line : *done) fmt::print("{}\n", line);
  fmt::print("{}\n", note);
  return kOk;
}

int Edit(const Arguments& arguments, const std::function<Done(fbs::ModelT&)>& edit) {
  return EditFile(
      arguments, [&](ModelFile& file) { return edit(*file.model); },
      [](const Bytes& before, const Bytes& after) { return Verify(before, after); });
}

int ExtractOps(const Arguments& arguments, const std::string& ops) {
  Cut cut;
  const auto edit = [&](ModelFile& file) -> Done {
    NPU_ASSIGN_OR_RETURN(cut, FindCut(*file.model, ops));
    return Extract(file, cut);
  };
  return EditFile(arguments, edit, [&](const Bytes& before, const Bytes& after) -> npu::Result<Verdict> {
    NPU_ASSIGN_OR_RETURN(const Probe probe, MakeProbe(before, cut));
    return VerifyCut(probe.bytes, after, probe.sources);
  });
}

int ShowInfo(const Arguments& arguments) {
  const auto file = ReadModelFile(arguments.in);
  if (!file) return Report(file.error());
  for (const std::string& line : Info(*file)) fmt::print("{}\n", line);
  return kOk;
}

constexpr char kFooter[] = R"(Examples:
  model-edit info network.tflite
  model-edit strip-lce-dequantize signs.tflite packed.tflite
  model-edit io-type float_io.tflite int8_io.tflite --inputs int8 --outputs int8
  model-edit unshare-constants float.tflite float_unshared.tflite
  model-edit extract network.tflite bug.tflite --ops 3:7

Before anything is written the edited model is read back and, where a session can run both models,
compared with the original on random inputs.
Exit codes: 0 done; 1 the edited model computes something else (nothing is written); 2 model unreadable,
or the edit cannot be made; 3 usage; 4 device error.)";

const std::vector<std::string> kIoTypes = {"int8", "uint8", "float32"};

std::optional<fbs::TensorType> IoType(const std::string& name) {
  if (name.empty()) return std::nullopt;
  return name == "int8" ? fbs::TensorType::INT8 : name == "uint8" ? fbs::TensorType::UINT8 : fbs::TensorType::FLOAT32;
}

CLI::App* AddEdit(CLI::App& app, Arguments& arguments, const char* name, const char* description) {
  CLI::App* command = app.add_subcommand(name, description);
  command->add_option("IN", arguments.in, "the .tflite file to read")->required();
  command->add_option("OUT", arguments.out, "the .tflite file to write");
  command->add_flag("--in-place", arguments.in_place, "overwrite IN");
  auto* verify =
      command->add_flag("--verify", arguments.verify, "fail where a session cannot run both models to compare them");
  command->add_flag("--no-verify", arguments.no_verify, "do not run the models")->excludes(verify);
  return command;
}

int Main(int argc, char** argv) {
  CLI::App app{"model-edit: changes a .tflite file and leaves everything else in it as it was."};
  app.set_version_flag("--version", std::string("model-edit ") + npu_version());
  app.require_subcommand(1);
  Arguments arguments;
  const CLI::App* strip =
      AddEdit(app, arguments, "strip-lce-dequantize",
              "Larq: outputs that LceDequantize unpacks become the packed signs (INT32, channel c in bit "
              "c % 32 of word c / 32, 0 for +1 and 1 for -1)");
  CLI::App* io_type =
      AddEdit(app, arguments, "io-type",
              "inputs and outputs of another type: the QUANTIZE or DEQUANTIZE at the border is added or removed");
  std::string inputs, outputs;
  io_type->add_option("--inputs", inputs, "int8, uint8 or float32")->check(CLI::IsMember(kIoTypes));
  io_type->add_option("--outputs", outputs, "int8, uint8 or float32")->check(CLI::IsMember(kIoTypes));
  CLI::App* unshare = AddEdit(app, arguments, "unshare-constants",
                              "FLOAT32 constants that several operators read: one copy for each (tensorflow#40055)");
  std::optional<int> tensor;
  unshare->add_option("--tensor", tensor, "only this constant, of any type: the number behind T#");
  CLI::App* extract =
      AddEdit(app, arguments, "extract", "a sub-model, for bug reports: these operators and what they need");
  std::string ops;
  extract->add_option("--ops", ops, "A:B, both included, or A: the numbers behind Op#")->required();
  CLI::App* info = app.add_subcommand("info", "say what the file holds");
  info->add_option("IN", arguments.in, "the .tflite file to read")->required();
  app.footer(kFooter);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsageError;
  }
  try {
    if (strip->parsed()) return Edit(arguments, StripLceDequantize);
    if (io_type->parsed()) {
      if (inputs.empty() && outputs.empty())
        return Report({ErrorCode::kInvalidArgument, "io-type: give --inputs or --outputs"});
      return Edit(arguments, [&](fbs::ModelT& model) { return ChangeIoTypes(model, IoType(inputs), IoType(outputs)); });
    }
    if (unshare->parsed()) {
      return Edit(arguments, [&](fbs::ModelT& model) { return UnshareConstants(model, tensor); });
    }
    if (extract->parsed()) return ExtractOps(arguments, ops);
    if (info->parsed()) return ShowInfo(arguments);
    return kUsageError;
  } catch (const std::exception& error) {
    fmt::print(stderr, "model-edit: unexpected: {}\n", error.what());
    return kModelError;
  }
}

}  // namespace
}  // namespace model_edit

int main(int argc, char** argv) { return model_edit::Main(argc, argv); }
