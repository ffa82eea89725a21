#!/usr/bin/env bash
# tools/test_intel_opencl.sh [CTEST_ARGUMENT...]: the operator, unit and C API tests on Intel's OpenCL runtime for CPUs (from
# PyPI) instead of PoCL: a second, newer implementation with another compiler, for portability rather than speed. Builds
# release first. About ten minutes; not part of tools/test.sh.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "$0")/common.sh"
case ${1:-} in
  -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
esac

step "packages"
install_packages

step "release build"
build_preset release

step "Intel's OpenCL runtime"
host_env intel-opencl
runtime=$ROOT/build/venv/intel-opencl/lib
# The wheel's own .icd names a folder of the machine that it was made on.
icds=$ROOT/build/venv/intel-opencl/icd
mkdir -p "$icds"
echo "$runtime/libintelocl.so" >"$icds/intel.icd"
export OCL_ICD_VENDORS=$icds LD_LIBRARY_PATH=$runtime

step "tests"
# This runtime keeps nothing between processes: every test that uses the device compiles all kernels first, half a minute.
# The program cache's tests look for PoCL's variants; the corpus runs on PoCL.
(cd "$ROOT/build/release" && ctest -L 'ops|unit' -E 'program_cache_test|opencl_absence' --output-on-failure -j2 --timeout 900 "$@")
