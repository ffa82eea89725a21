// The dot products of dot_product.h for 64-bit Arm CPUs, in its place for all that follows. OpenCL C. Only programs of
// these variants have this file (KernelVariant::header), so that those of other devices, and what drivers cache of
// them, stay as they are.
//   NPU_ARM_DOT         Armv8.2 DotProd: SDOT, signed by signed
//   NPU_ARM_I8MM        Armv8.6 I8MM as well: USDOT, unsigned by signed
// Neither is asked of the compiler by target attributes, for the reason given in dot_product.h, and LLVM's assembler
// refuses their names when the compilation target lacks them: they are written as the numbers that they are.
// SPDX-License-Identifier: Apache-2.0

// An operand prints as v7; .Lnpu_v7 is 7, from the first of these instructions in a program on. (PoCL 3.1 drops assembly
// outside of functions, and instructions that do not assemble: the self-test misses their sums.)
#define NPU_ARM_REGISTER_NUMBERS                                                                         \
  ".ifndef .Lnpu_v31\n\t"                                                                                \
  ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n\t"     \
  ".set .Lnpu_v\\n, \\n\n\t"                                                                             \
  ".endr\n\t"                                                                                            \
  ".endif\n\t"
// acc.4s += a.16b times b.16b, four bytes per lane. Arm ARM (DDI 0487), C7.2: Rm at bit 16, Rn at bit 5, Rd at bit 0.
#define NPU_ARM_INSTRUCTION(code, acc, a, b)                                                            \
  __asm__(NPU_ARM_REGISTER_NUMBERS ".inst " code " | (.Lnpu_%2 << 16) | (.Lnpu_%1 << 5) | .Lnpu_%0" : "+w"(acc) \
          : "w"(a), "w"(b))
#define NPU_ARM_SDOT(acc, a, b) NPU_ARM_INSTRUCTION("0x4e809400", acc, a, b)   // both signed
#define NPU_ARM_USDOT(acc, a, b) NPU_ARM_INSTRUCTION("0x4e809c00", acc, a, b)  // a unsigned

#ifdef NPU_ARM_I8MM

static inline int4 npu_arm_dot4_quarter(int4 acc, int4 words, uint4 x) {
  NPU_ARM_USDOT(acc, x, words);
  return acc;
}

#else

// x - 128 fits a signed byte (its upper bit flipped), and x * w = (x - 128) * w - (-128) * w. The latter sums depend on
// the weights only: compilers compute them once for all pixels that meet the same words.
static inline int4 npu_arm_dot4_quarter(int4 acc, int4 words, uint4 x) {
  const uint4 upper_bits = (uint4)(0x80808080u), x_signed = x ^ upper_bits;
  int4 offsets = (int4)(0);
  NPU_ARM_SDOT(offsets, words, upper_bits);
  NPU_ARM_SDOT(acc, words, x_signed);
  return acc - offsets;
}

#endif

static inline int16 npu_arm_dot4_lanes(int16 acc, int16 words, uint16 x) {
  return (int16)(npu_arm_dot4_quarter(acc.s0123, words.s0123, x.s0123),
                 npu_arm_dot4_quarter(acc.s4567, words.s4567, x.s4567),
                 npu_arm_dot4_quarter(acc.s89ab, words.s89ab, x.s89ab),
                 npu_arm_dot4_quarter(acc.scdef, words.scdef, x.scdef));
}

static inline int16 npu_arm_dot4(int16 acc, int16 words, uint x) { return npu_arm_dot4_lanes(acc, words, (uint16)(x)); }

#define npu_dot4_lanes npu_arm_dot4_lanes
#define npu_dot4 npu_arm_dot4
