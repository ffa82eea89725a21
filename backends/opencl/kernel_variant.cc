// SPDX-License-Identifier: Apache-2.0
#include "backends/opencl/kernel_variant.h"

#include <fmt/format.h>

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "backends/cpu_features.h"

namespace npu {
namespace {

constexpr KernelVariant kX86Avx2{"x86_avx2", "-DNPU_X86_AVX2"};
constexpr KernelVariant kX86Avx512Bw{"x86_avx512bw", "-DNPU_X86_AVX512BW"};
constexpr KernelVariant kX86Vnni{"x86_vnni", "-DNPU_X86_VNNI"};
constexpr KernelVariant kX86Vbmi{"x86_vbmi", "-DNPU_X86_VNNI -DNPU_X86_VBMI"};
constexpr KernelVariant kX86Amx{"x86_amx", "-DNPU_X86_VNNI -DNPU_X86_VBMI -DNPU_X86_AMX"};

constexpr std::string_view kArmHeader = "dot_product_arm.h";
constexpr KernelVariant kArmDot{"arm_dot", "-DNPU_ARM_DOT", true, kArmHeader};
constexpr KernelVariant kArmI8mm{"arm_i8mm", "-DNPU_ARM_DOT -DNPU_ARM_I8MM", true, kArmHeader};

constexpr KernelVariant kNvidiaDp4a{"nvidia_dp4a", "-DNPU_SIMT -DNPU_NVIDIA_DP4A"};
constexpr KernelVariant kKhrDot{"khr_dot", "-cl-std=CL3.0 -DNPU_SIMT -DNPU_KHR_DOT"};
constexpr KernelVariant kSimt{"simt", "-DNPU_SIMT", false};

constexpr const KernelVariant* kAll[] = {&kPortableVariant, &kX86Avx2, &kX86Avx512Bw, &kX86Vnni, &kX86Vbmi, &kX86Amx,
                                         &kArmDot,          &kArmI8mm, &kSimt,        &kKhrDot,  &kNvidiaDp4a};
constexpr const KernelVariant* kGpuDevice[] = {&kNvidiaDp4a, &kKhrDot, &kSimt, &kPortableVariant};
constexpr const KernelVariant* kX86AmxDevice[] = {&kX86Amx, &kX86Vbmi, &kX86Vnni, &kX86Avx512Bw, &kX86Avx2, &kPortableVariant};
constexpr const KernelVariant* kX86VbmiDevice[] = {&kX86Vbmi, &kX86Vnni, &kX86Avx512Bw, &kX86Avx2, &kPortableVariant};
constexpr const KernelVariant* kX86VnniDevice[] = {&kX86Vnni, &kX86Avx512Bw, &kX86Avx2, &kPortableVariant};
constexpr const KernelVariant* kX86Avx512BwDevice[] = {&kX86Avx512Bw, &kX86Avx2, &kPortableVariant};
constexpr const KernelVariant* kX86Avx2Device[] = {&kX86Avx2, &kPortableVariant};
constexpr const KernelVariant* kArmI8mmDevice[] = {&kArmI8mm, &kArmDot, &kPortableVariant};
constexpr const KernelVariant* kArmDotDevice[] = {&kArmDot, &kPortableVariant};
constexpr const KernelVariant* kAnyDevice[] = {&kPortableVariant};

// That the processor has tiles, and that the system saves their registers and lets this process use them. Linux wants to be asked
// (arch/x86/xstate in its documentation): the answer holds for all threads, and asking again changes nothing.
bool ProcessMayUseAmx() {
#if defined(__x86_64__) && defined(__linux__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kOsUsesXsave = 1u << 27;
  if (!CpuHasAmxInt8() || __get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsUsesXsave) == 0) return false;
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kTileConfiguration = 1u << 17, kTileData = 1u << 18;
  if ((low & kTileConfiguration) == 0 || (low & kTileData) == 0) return false;
  constexpr int kRequestPermission = 0x1023, kTileDataFeature = 18;  // ARCH_REQ_XCOMP_PERM of asm/prctl.h
  return syscall(SYS_arch_prctl, kRequestPermission, kTileDataFeature) == 0;
#else
  return false;
#endif
}

// Shapes of kernels/self_test.cl.
constexpr int kLanes = 16, kSteps = 64, kResults = 3 * kLanes + 3 * 64 + 2 + 256 + 64;

struct TestData {
  std::array<uint32_t, kSteps> activations{};
  std::array<std::array<uint32_t, kLanes>, kSteps> words{};
};

// Bytes over their whole ranges, the extremes first: 255 * -128 four times is what saturating forms get
// wrong.
TestData MakeTestData() {
  TestData data;
  uint32_t state = 12345;
  const auto next = [&state] { return state = state * 1664525u + 1013904223u; };
  for (int k = 0; k < kSteps; ++k) {
    data.activations[k] = k < 2 ? 0xffffffffu : next() ^ (next() >> 16);
    for (uint32_t& word : data.words[k])
      word = k == 0 ? 0x80808080u : k == 1 ? 0x7f7f7f7fu : next() ^ (next() >> 16);
  }
  return data;
}

int32_t DotProduct(uint32_t activations, uint32_t weights) {
  int32_t sum = 0;
  for (int i = 0; i < 4; ++i) {
    sum += static_cast<int32_t>((activations >> (8 * i)) & 255u) *
           static_cast<int8_t>((weights >> (8 * i)) & 255u);
  }
  return sum;
}

// What kernels/self_test.cl leaves in `results`.
std::vector<int32_t> Expected(const TestData& data) {
  std::vector<int32_t> results(kResults, 0);
  for (int lane = 0; lane < kLanes; ++lane) {
    for (int k = 0; k < kSteps; ++k) {
      results[lane] += DotProduct(data.activations[k], data.words[k][lane]);
      results[kLanes + lane] += DotProduct(data.words[k][lane], data.words[kSteps - 1 - k][lane]);
    }
    results[2 * kLanes + lane] = results[lane];  // the portable form
  }
  // Four vectors of 16 numbers around the byte range, stored as bytes.
  for (int i = 0; i < 64; ++i) {
    const auto number = static_cast<int32_t>(data.words[2 + i / kLanes][i % kLanes] % 1024u) - 384;
    results[3 * kLanes + i] = std::clamp(number, 3, 250);
  }
  // Channels interleaved from four rows of 64 bytes, and the first row's bytes stored again.
  const auto byte = [&data](int row, int channel) {
    return (data.words[2 + row][channel / 4] >> (8 * (channel % 4))) & 255u;
  };
  for (int c = 0; c < 64; ++c) {
    const int at = c % 16 / 4 * 16 + c / 16 * 4 + c % 4;
    results[112 + at] =
        static_cast<int32_t>(byte(0, c) | byte(1, c) << 8 | byte(2, c) << 16 | byte(3, c) << 24);
    results[176 + c] = std::clamp(static_cast<int32_t>(byte(0, c)), 3, 250);
  }
  // Seven of 16 numbers; the eighth byte is as it was.
  std::array<uint8_t, 8> few;
  for (int i = 0; i < 7; ++i) few[i] = static_cast<uint8_t>(results[3 * kLanes + i]);
  few[7] = 0xff;
  std::memcpy(&results[240], few.data(), few.size());
  for (int row = 0; row < kLanes; ++row) {
    for (int channel = 0; channel < kLanes; ++channel) {
      for (int k = 0; k < kLanes; ++k) {
        results[242 + kLanes * row + channel] += DotProduct(data.words[row][k], data.words[kLanes + k][channel]);
      }
    }
  }
  const auto byte_at = [&data](int at) {  // of all words, row by row
    return static_cast<int>((data.words[at / 64][at % 64 / 4] >> (8 * (at % 4))) & 255u);
  };
  for (int i = 0; i < 64; ++i) results[498 + i] = byte_at(byte_at(256 + i));
  return results;
}

class Tester {
 public:
  Tester(const cl::Context& context, const cl::Device& device, const cl::Program& program)
      : context_(context), queue_(context, device), kernel_(program, "npu_self_test", &code_) {}

  std::string Run(double& speedup) {
    if (code_ != CL_SUCCESS) return "it has no self-test";
    const TestData data = MakeTestData();
    const cl::Buffer activations = Upload(data.activations.data(), sizeof(data.activations));
    const cl::Buffer words = Upload(data.words.data(), sizeof(data.words));
    std::vector<int32_t> results(kResults, -1);
    const cl::Buffer out = Upload(results.data(), results.size() * sizeof(int32_t));
    Note(kernel_.setArg(0, activations));
    Note(kernel_.setArg(1, words));
    Note(kernel_.setArg(2, out));
    constexpr int kNone = 0, kOwn = 1, kReplaced = 2;
    Launch(kNone, 0);
    Note(queue_.enqueueReadBuffer(out, CL_TRUE, 0, results.size() * sizeof(int32_t), results.data()));
    if (code_ != CL_SUCCESS) return fmt::format("the self-test ended with {} ({})", ClCodeName(code_), code_);
    const std::vector<int32_t> expected = Expected(data);
    for (size_t i = 0; i < expected.size(); ++i) {
      if (results[i] != expected[i]) {
        return fmt::format("self-test number {} is {}, not {}", i, results[i], expected[i]);
      }
    }
    // The fastest of several runs, by turns: another process may take the core during some. Enough rounds to
    // outweigh what a launch costs.
    constexpr int kRounds = 200, kRuns = 7;
    double own = 1e9, replaced = 1e9;
    for (int run = 0; run < kRuns; ++run) {
      own = std::min(own, Time(kOwn, kRounds));
      replaced = std::min(replaced, Time(kReplaced, kRounds));
    }
    if (code_ != CL_SUCCESS) return fmt::format("the self-test ended with {} ({})", ClCodeName(code_), code_);
    speedup = replaced / own;
    return "";
  }

 private:
  void Note(cl_int code) {
    if (code_ == CL_SUCCESS) code_ = code;
  }
  cl::Buffer Upload(const void* data, size_t bytes) {
    cl_int code = CL_SUCCESS;
    // The driver copies the bytes; the pointer is not const in the bindings.
    cl::Buffer buffer(context_, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, bytes, const_cast<void*>(data),
                      &code);
    Note(code);
    return buffer;
  }
  void Launch(int form, int rounds) {
    Note(kernel_.setArg(3, sizeof(form), &form));
    Note(kernel_.setArg(4, sizeof(rounds), &rounds));
    Note(queue_.enqueueNDRangeKernel(kernel_, cl::NullRange, cl::NDRange(1), cl::NDRange(1)));
    Note(queue_.finish());
  }
  double Time(int form, int rounds) {
    const auto start = std::chrono::steady_clock::now();
    Launch(form, rounds);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  const cl::Context& context_;
  cl_int code_ = CL_SUCCESS;
  cl::CommandQueue queue_;
  cl::Kernel kernel_;
};

}  // namespace

constexpr KernelVariant kPortableVariant{"portable", ""};

const KernelVariant* FindVariant(std::string_view name) {
  const auto found = std::find_if(std::begin(kAll), std::end(kAll), [&](const KernelVariant* v) { return v->name == name; });
  return found == std::end(kAll) ? nullptr : *found;
}

std::string VariantNames() {
  std::string names;
  for (const KernelVariant* variant : kAll) names.append(names.empty() ? "" : ", ").append(variant->name);
  return names;
}

bool HasHeader(const KernelVariant& variant, std::string_view header) {
  return variant.header == header ||
         std::none_of(std::begin(kAll), std::end(kAll), [&](const KernelVariant* v) { return v->header == header; });
}

std::span<const KernelVariant* const> VariantsFor(const cl::Device& device) {
  cl_device_type type = 0;
  const cl_int code = clGetDeviceInfo(device(), CL_DEVICE_TYPE, sizeof(type), &type, nullptr);
  // Kernels of a CPU device run on this processor.
  const bool cpu = code == CL_SUCCESS && (type & CL_DEVICE_TYPE_CPU) != 0;
  if (code == CL_SUCCESS && (type & CL_DEVICE_TYPE_GPU) != 0) return kGpuDevice;
  static const bool amx = CpuHasVbmi() && ProcessMayUseAmx();
  if (cpu && amx) return kX86AmxDevice;
  if (cpu && CpuHasVbmi()) return kX86VbmiDevice;
  if (cpu && CpuHasVnni()) return kX86VnniDevice;
  if (cpu && CpuHasAvx512()) return kX86Avx512BwDevice;
  if (cpu && CpuHasAvx2()) return kX86Avx2Device;
  if (cpu && CpuHasArmI8mm()) return kArmI8mmDevice;
  if (cpu && CpuHasArmDot()) return kArmDotDevice;
  return kAnyDevice;
}

std::string SelfTest(const cl::Context& context, const cl::Device& device, const cl::Program& program,
                     double& speedup) {
  return Tester(context, device, program).Run(speedup);
}

}  // namespace npu
