// The forms in which kernels can be built: by processor instructions that only a
// compile-time define brings in (kernels/dot_product.h), and by how work is spread over
// work-items: vectors in few of them for CPUs, one lane each for GPUs (kernels/conv2d_simt.cl). Which one a device gets is decided when a program
// is first needed: a candidate must build, answer a self-test with known numbers, and be faster than the
// form that it replaces and that its program holds beside its own (vectors for tiles, portable code for vectors). What a driver says about itself is not asked. A
// candidate whose instructions the processor, or the system for this process, would refuse is never started: that
// ends the process.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "backends/opencl/cl.h"

namespace npu {

struct KernelVariant {
  const char* name;     // for logs and tests: "x86_amx", "x86_vnni"
  const char* defines;  // build options
  // Whether it must be faster than the form that it replaces, in one work-item. What spreads its work over more
  // work-items shows nothing there.
  bool timed = true;
  // A header of kernels/ that only this variant's programs have, and others that name it; empty: none.
  std::string_view header = {};
};

extern const KernelVariant kPortableVariant;

// The variant of that name, whether or not a device may run it; null: there is none.
const KernelVariant* FindVariant(std::string_view name);
// "portable, simt, ...", for messages.
std::string VariantNames();

// Whether programs of `variant` have this header of kernels/: all have those that are no variant's own.
bool HasHeader(const KernelVariant& variant, std::string_view header);

// Those that this device may run, best first; kPortableVariant, which needs nothing, is the last.
std::span<const KernelVariant* const> VariantsFor(const cl::Device& device);

// Empty if `program`, built as one of the variants, answers the self-test; else what is wrong.
// speedup: of its products over the form that they replace, measured (about a millisecond).
std::string SelfTest(const cl::Context& context, const cl::Device& device, const cl::Program& program,
                     double& speedup);

}  // namespace npu
