// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "backends/file_cache.h"
#include "backends/opencl/kernel_forms.h"
#include "base/log.h"

namespace npu {
namespace {

// What of a build log goes into an Error: the first errors say it, the rest is their consequences.
constexpr size_t kLogLines = 12;
constexpr size_t kLogBytes = 1500;

constexpr const char* kVariantVariable = "NPU_DELEGATE_KERNELS";

std::string Beginning(std::string_view log) {
  size_t end = 0;
  for (size_t line = 0; line < kLogLines && end < log.size(); ++line) {
    const size_t next = log.find('\n', end);
    end = next == std::string_view::npos ? log.size() : next + 1;
  }
  end = std::min({end, kLogBytes, log.size()});
  while (end > 0 && std::isspace(static_cast<unsigned char>(log[end - 1]))) --end;
  return std::string(log.substr(0, end));
}

// The name of the kernel whose definition starts in `line`; empty: none does. Kernels are written as
// "__kernel void name(" or with one of our macros for __kernel and its attributes, which may have arguments. Lines of a
// macro's body (they end with '\') define nothing.
std::string_view KernelName(std::string_view line) {
  constexpr std::string_view kVoid = " void ";
  const size_t at = line.find(kVoid);
  std::string_view before = line.substr(0, at);
  if (before.ends_with(')')) before = before.substr(0, before.find('('));
  const bool kernel = line.starts_with("__kernel ") || before.ends_with("_KERNEL");
  if (!kernel || at == std::string_view::npos || line.ends_with('\\')) return {};
  const std::string_view name = line.substr(at + kVoid.size());
  return name.substr(0, name.find('('));
}

// The name of the kernel that `line` defines as a whole: "NPU_..._KERNEL(name, ...)"; empty: none.
std::string_view OneLineKernelName(std::string_view line) {
  constexpr std::string_view kMacroEnd = "_KERNEL(";
  const size_t at = line.find(kMacroEnd);
  if (!line.starts_with("NPU_") || at == std::string_view::npos || !KernelName(line).empty()) return {};
  const std::string_view name = line.substr(at + kMacroEnd.size());
  return name.substr(0, name.find(','));
}

bool IsNeeded(std::string_view kernel, std::span<const KernelNeed> needs) {
  return std::any_of(needs.begin(), needs.end(), [&](const KernelNeed& need) { return need.kernel == kernel; });
}

// A file of kernels for a program.
struct FileText {
  std::string text;  // with an empty line for each line of the kernels that are not needed
  bool needed = false;  // a kernel is left
};

// A kernel ends with the first "}" that starts a line.
FileText WithoutOtherKernels(std::string_view file, std::span<const KernelNeed> needs) {
  FileText result;
  bool inside_other = false;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size());
    const std::string_view line = file.substr(0, end);
    bool other_line = false;
    for (const std::string_view name : {KernelName(line), OneLineKernelName(line)}) {
      if (name.empty()) continue;
      const bool needed = IsNeeded(name, needs);
      result.needed = result.needed || needed;
      other_line = other_line || !needed;
    }
    if (!KernelName(line).empty() && other_line) inside_other = true;
    if (!inside_other && !other_line) result.text += line;
    result.text += '\n';
    if (line.starts_with('}')) inside_other = false;
    file.remove_prefix(std::min(end + 1, file.size()));
  }
  return result;
}

// Files named alike use what the shorter name defines: binary_int16.cl has binary.cl before it.
bool Uses(std::string_view file, std::string_view other) {
  constexpr std::string_view kEnd = ".cl";
  if (!other.ends_with(kEnd)) return false;
  other.remove_suffix(kEnd.size());
  return file.starts_with(other) && file.substr(other.size()).starts_with('_');
}

std::string OneLine(std::string_view text) {
  constexpr size_t kMost = 240;  // the first error of a build log is inside
  std::string line(text.substr(0, kMost));
  std::replace(line.begin(), line.end(), '\n', ' ');
  return line;
}

}  // namespace

ProgramCache::ProgramCache(cl::Context context, cl::Device device, std::string device_name,
                           const KernelSource* sources)
    : context_(std::move(context)),
      device_(std::move(device)),
      device_name_(std::move(device_name)),
      sources_(sources),
      prelude_(RunsInCaller(device_) ? kIdPrelude : "") {}

Result<KernelPrograms> ProgramCache::Programs(std::span<const KernelNeed> needs, const KernelVariant* variant,
                                              Requantize requantize) {
  const std::lock_guard lock(mutex_);
  if (variant == nullptr) {
    if (chosen_ == nullptr) Choose(needs, requantize);
    variant = chosen_;
  }
  KernelPrograms programs;
  const auto whole = programs_.find({variant, requantize});
  if (whole != programs_.end() && whole->second) {
    for (const KernelNeed& need : needs) programs.emplace(need.kernel, *whole->second);
    return programs;
  }
  if (const std::vector<KernelNeed> missing = Missing(needs, variant, requantize); !missing.empty()) {
    NPU_ASSIGN_OR_RETURN(const cl::Program program, Build(*variant, requantize, Text(missing, variant)));
    Add(missing, variant, requantize, program);
  }
  for (const KernelNeed& need : needs) {
    programs.emplace(need.kernel, kernels_.at({variant, requantize, std::string(need.kernel)}).program);
  }
  return programs;
}

// Under mutex_.
std::vector<KernelNeed> ProgramCache::Missing(std::span<const KernelNeed> needs, const KernelVariant* variant,
                                              Requantize requantize) const {
  std::vector<KernelNeed> missing;
  for (const KernelNeed& need : needs) {
    const auto found = kernels_.find({variant, requantize, std::string(need.kernel)});
    if (found == kernels_.end()) {
      missing.push_back(need);
    } else if ((need.parts & ~found->second.parts) != 0) {
      missing.push_back({need.kernel, found->second.times > 1 ? kAllParts : need.parts | found->second.parts});
    }
  }
  return missing;
}

// Under mutex_.
void ProgramCache::Add(std::span<const KernelNeed> needs, const KernelVariant* variant, Requantize requantize,
                       const cl::Program& program) {
  for (const KernelNeed& need : needs) {
    Compiled& compiled = kernels_[{variant, requantize, std::string(need.kernel)}];
    compiled = {program, need.parts, compiled.times + 1};
  }
}

Result<cl::Program> ProgramCache::Program(const KernelVariant* variant, Requantize requantize) {
  const std::lock_guard lock(mutex_);
  if (variant == nullptr) {
    if (chosen_ == nullptr) Choose({}, Requantize::kExact);
    variant = chosen_;
  }
  const auto key = std::pair(variant, requantize);
  const auto found = programs_.find(key);
  if (found != programs_.end()) return found->second;
  return programs_.emplace(key, Build(*variant, requantize, Text({}, variant))).first->second;
}

Result<cl::Kernel> ProgramCache::CreateKernel(const cl::Program& program, std::string_view kernel) const {
  const std::string name(kernel);
  cl_int code = CL_SUCCESS;
  cl::Kernel object(program, name.c_str(), &code);
  if (code == CL_INVALID_KERNEL_NAME) {
    return Fail(ErrorCode::kInternal, fmt::format("no embedded OpenCL source has a kernel \"{}\"", kernel));
  }
  NPU_RETURN_IF_CL_ERROR(code, fmt::format("clCreateKernel({})", kernel), device_name_);
  return object;
}

Result<cl::Program> ProgramCache::BuildWith(std::span<const KernelNeed> needs, Requantize requantize) {
  const std::lock_guard lock(mutex_);
  if (chosen_ == nullptr) Choose({}, Requantize::kExact);
  return Build(*chosen_, requantize, Text(needs, chosen_));
}

const std::string& ProgramCache::sources_digest() {
  const std::lock_guard lock(mutex_);
  if (digest_.empty()) digest_ = Sha256Hex(Text({}, nullptr));
  return digest_;
}

cl::Program ProgramCache::Kept(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(name);
  return found == kept_.end() ? cl::Program() : found->second;
}

void ProgramCache::Keep(const std::string& name, cl::Program program) {
  const std::lock_guard lock(mutex_);
  kept_.insert_or_assign(name, std::move(program));
}

void ProgramCache::ChooseVariant() {
  const std::lock_guard lock(mutex_);
  if (chosen_ == nullptr) Choose({}, Requantize::kExact);
}

const KernelVariant& ProgramCache::variant() {
  const std::lock_guard lock(mutex_);
  return chosen_ == nullptr ? kPortableVariant : *chosen_;
}

std::vector<ProgramCache::Trial> ProgramCache::trials() {
  const std::lock_guard lock(mutex_);
  return trials_;
}

// Under mutex_. The first candidate, which most devices take, is tried with the kernels that are needed in the same
// program, which are then there; the others alone: a variant that is not chosen need not be built whole.
void ProgramCache::Choose(std::span<const KernelNeed> needs, Requantize requantize) {
  // For tests and for reports of faults: one variant, untested. A set-user-id program ignores its caller's environment.
  if (const char* name = secure_getenv(kVariantVariable)) {
    chosen_ = FindVariant(name);
    if (chosen_ != nullptr) return;
    Log(LogLevel::kWarning, "{}={}: there is no such variant of the kernels; there are: {}", kVariantVariable, name,
        VariantNames());
  }
  for (const KernelVariant* variant : VariantsFor(device_)) {
    chosen_ = variant;
    if (variant == &kPortableVariant) return;  // nothing is left to fall back to
    std::vector<KernelNeed> kernels{{"npu_self_test"}};
    const bool with_needs = trials_.empty();
    if (with_needs) kernels.insert(kernels.end(), needs.begin(), needs.end());
    const Result<cl::Program> program = Build(*variant, requantize, Text(kernels, variant));
    double speedup = 0;
    const std::string problem =
        program ? SelfTest(context_, device_, *program, speedup) : program.error().text;
    trials_.push_back({variant, OneLine(problem), speedup});
    if (problem.empty() && (speedup > 1 || !variant->timed)) {
      Log(LogLevel::kInfo, "{}: kernels of variant {}, {:.1f} times as fast as those they replace", device_name_,
          variant->name, speedup);
      if (with_needs) Add(needs, variant, requantize, *program);
      return;
    }
    if (problem.empty()) {
      Log(LogLevel::kInfo, "{}: kernels of variant {} are no faster than those they replace", device_name_,
          variant->name);
    } else {
      // Compilers that do not take an instruction are common (a device narrower than its processor, no inline assembly);
      // one that takes it and computes something else is not.
      Log(program ? LogLevel::kWarning : LogLevel::kInfo,
          "{}: kernels of variant {} do not work, slower ones are used: {}", device_name_, variant->name,
          OneLine(problem));
    }
  }
}

// Everything but the kernels, files of kernels and parts that are not needed; all of it when `needs` is empty. variant:
// whose headers; null: all headers.
std::string ProgramCache::Text(std::span<const KernelNeed> needs, const KernelVariant* variant) const {
  std::string text(prelude_);
  for (const KernelNeed& need : needs) {
    if (need.parts != kAllParts) text += fmt::format("#define NPU_PARTS_{} {:#x}u\n", need.kernel, need.parts);
  }
  std::vector<std::pair<const KernelSource*, FileText>> files;
  for (const KernelSource* source = sources_; source->name != nullptr; ++source) {
    if (variant != nullptr && !HasHeader(*variant, source->name)) continue;
    files.emplace_back(source, needs.empty() ? FileText{source->text, true} : WithoutOtherKernels(source->text, needs));
  }
  for (const auto& [source, file] : files) {
    const std::string_view name = source->name;
    const bool used = std::any_of(files.begin(), files.end(), [&](const auto& other) {
      return other.second.needed && Uses(other.first->name, name);
    });
    // Errors name the file and its own line.
    if (file.needed || used || !name.ends_with(".cl")) text += fmt::format("#line 1 \"{}\"\n{}\n", name, file.text);
  }
  return text;
}

Result<cl::Program> ProgramCache::Build(const KernelVariant& variant, Requantize requantize,
                                        const std::string& text) const {
  cl_int code = CL_SUCCESS;
  cl::Program program(context_, text, false, &code);
  NPU_RETURN_IF_CL_ERROR(code, "clCreateProgramWithSource", device_name_);
  const cl_device_id device = device_();
  const std::string options = fmt::format("{} {}{}", kBuildOptions, variant.defines,
                                          requantize == Requantize::kFloat ? " -DNPU_REQUANTIZE_FLOAT" : "");
  code = clBuildProgram(program(), 1, &device, options.c_str(), nullptr, nullptr);
  if (code == CL_SUCCESS) return program;
  Error error = ClFail("clBuildProgram", code, device_name_).value();
  std::string log;
  if (program.getBuildInfo(device_, CL_PROGRAM_BUILD_LOG, &log) == CL_SUCCESS && !log.empty()) {
    error.text += "\n" + Beginning(log.c_str());
  }
  return tl::unexpected(std::move(error));
}

}  // namespace npu
