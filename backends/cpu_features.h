// What this processor's instruction set has beyond its baseline, for code that picks one of several forms when it runs.
// false on other architectures.
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace npu {

bool CpuHasAvx2();
bool CpuHasAvx512();     // F, BW, DQ and VL
bool CpuHasVnni();       // AVX-512 and its VNNI
bool CpuHasVbmi();       // AVX-512 VNNI and VBMI
bool CpuHasVpopcntdq();  // AVX-512 and its VPOPCNTDQ
bool CpuHasAmxInt8();    // tiles and their 8-bit products; whether the process may use them is another question

// 64-bit Arm, as Linux says it of all its cores.
bool CpuHasArmDot();   // SDOT and UDOT
bool CpuHasArmI8mm();  // those and USDOT

}  // namespace npu
