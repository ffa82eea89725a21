#!/usr/bin/env bash
# bench/nvidia_code.sh [ARCHITECTURE]: compiles the kernels, in the form for GPUs, to NVIDIA machine code (sm_90) without a
# GPU, and lists registers, stack and spills of each: a kernel whose arrays do not stay in registers is slow there.
# Needs clang-14 and libclc-14 (Debian packages) and ptxas (the CUDA toolkit).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cd "$(dirname "$0")/.."
architecture=${1:-sm_90}
library=/usr/lib/clc/nvptx64--nvidiacl.bc
for tool in clang-14 ptxas; do
  command -v $tool >/dev/null || { echo "$tool is not installed" >&2; exit 2; }
done
[ -e $library ] || { echo "$library is not there: install libclc-14" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat backends/opencl/kernels/*.h backends/opencl/kernels/*.cl >"$work/all.cl"
# clang 14 knows dp4a's assembly on every target that it lets through; ptxas is told the real one.
clang-14 -x cl -cl-std=CL1.2 -target nvptx64--nvidiacl -Xclang -target-cpu -Xclang sm_70 -Xclang -finclude-default-header \
  -Xclang -mlink-builtin-bitcode -Xclang $library -DNPU_SIMT -DNPU_NVIDIA_DP4A -O2 -S -o "$work/all.ptx" "$work/all.cl"
sed -i "s/^\\.target.*/.target $architecture/; s/^\\.version.*/.version 7.8/" "$work/all.ptx"
ptxas -arch="$architecture" -v "$work/all.ptx" -o "$work/all.cubin" 2>&1 | awk '
  BEGIN { printf "%-28s %9s %6s %6s\n", "kernel", "registers", "stack", "spills" }
  /Compiling entry function/ { split($0, parts, "\047"); name = parts[2] }
  /bytes stack frame/ { stack = $1; spills = $5 }
  /Used [0-9]+ registers/ { for (i = 1; i < NF; ++i) if ($i == "Used") printf "%-28s %9s %6s %6s\n", name, $(i + 1), stack, spills }'
