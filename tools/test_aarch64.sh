#!/usr/bin/env bash
# tools/test_aarch64.sh [CTEST_ARGUMENT...]: convolutions, FULLY_CONNECTED and the choice of a kernel variant on 64-bit Arm
# processors: cross-built, with PoCL for arm64, under qemu-user, for each kind of processor that has a variant of its own.
# For exactness: an emulator says nothing about speed. Needs Debian's packages within reach. The tests take about 4 minutes of
# a core for each processor, the build before them longer. Not part of tools/test.sh.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "$0")/common.sh"
case ${1:-} in
  -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
esac
WORK=$ROOT/build/aarch64 SYSROOT=$ROOT/build/aarch64/sysroot BUILD=$ROOT/build/aarch64/release
LIBRARIES="libc6-dev libstdc++6 libflatbuffers-dev libspdlog-dev libfmt-dev libexpected-dev nlohmann-json3-dev libcli11-dev
  libdtl-dev ocl-icd-opencl-dev opencl-headers opencl-clhpp-headers pocl-opencl-icd libmbedtls-dev libdrm-dev libpng-dev
  libturbojpeg0-dev libzip-dev libgtest-dev"

# Debian's packages for arm64 and all that they need, unpacked, beside the system's own package lists.
make_sysroot() {
  local apt=$WORK/apt
  [ ! -f "$SYSROOT/.complete" ] || return 0
  rm -rf "$SYSROOT" "$apt"
  mkdir -p "$SYSROOT" "$apt/state/lists/partial" "$apt/cache/archives/partial"
  : >"$apt/status"
  local options=(-qq -o "APT::Architecture=arm64" -o "APT::Architectures=arm64" -o "Dir::State=$apt/state"
    -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt/cache" -o "Debug::NoLocking=1" -o "APT::Sandbox::User=")
  apt-get "${options[@]}" update
  # shellcheck disable=SC2086  # a list of words
  apt-get "${options[@]}" install --download-only -y --no-install-recommends $LIBRARIES >/dev/null
  local package
  for package in "$apt"/cache/archives/*.deb; do dpkg-deb -x "$package" "$SYSROOT"; done
  rm -rf "$apt"
  touch "$SYSROOT/.complete"
}

# PoCL links its kernels with the program of this name, which runs outside the emulator.
make_linker() {
  mkdir -p "$WORK/bin"
  cat >"$WORK/bin/aarch64-unknown-linux-gnu-ld" <<LINKER
#!/bin/sh
exec aarch64-linux-gnu-ld --sysroot='$SYSROOT' "\$@" -L"$(dirname "$(aarch64-linux-gnu-gcc -print-libgcc-file-name)")" \\
  -L=/usr/lib/aarch64-linux-gnu -L=/lib/aarch64-linux-gnu
LINKER
  chmod +x "$WORK/bin/aarch64-unknown-linux-gnu-ld"
}

step "packages"
install_packages qemu-user-static g++-aarch64-linux-gnu cmake ninja-build pkg-config ccache flatbuffers-compiler

step "libraries for arm64"
make_sysroot
make_linker

step "cross build"
cmake -S "$ROOT" -B "$BUILD" -G Ninja -DCMAKE_BUILD_TYPE=Release -DNPU_BUILD_BENCH=OFF \
  -DCMAKE_TOOLCHAIN_FILE="$ROOT/cmake/aarch64-linux-gnu.cmake" -DNPU_SYSROOT="$SYSROOT" >/dev/null
cmake --build "$BUILD" --target conv2d_test depthwise_conv2d_test fully_connected_test program_cache_test

# The dot products in the kernels that the tests left in PoCL's cache: they run every variant that the processor may.
instructions() {
  find "$POCL_CACHE_DIR" -path '*/conv2d/*' -name '*.so' -exec aarch64-linux-gnu-objdump -d {} + |
    awk '$3 ~ /^(us|s)dot$/ { print $3 }' | sort -u | xargs
}

export PATH=$WORK/bin:$PATH OCL_ICD_VENDORS=$SYSROOT/usr/lib/aarch64-linux-gnu/libpocl.so.2
# PROCESSOR and the instructions that its kernels are to have: I8MM and DotProd, DotProd alone, neither.
while read -r processor expected; do
  export QEMU_CPU=$processor POCL_CACHE_DIR=$WORK/pocl/$processor XDG_CACHE_HOME=$WORK/cache/$processor
  rm -rf "$POCL_CACHE_DIR"
  mkdir -p "$POCL_CACHE_DIR" "$XDG_CACHE_HOME"
  step "$processor: operators"
  (cd "$BUILD" && ctest -R '^ops\.(conv2d|depthwise_conv2d|fully_connected)_test$' --output-on-failure -j2 --timeout 1800 "$@" </dev/null)
  step "$processor: the kernels have ${expected:-plain dot products}"
  [ "$(instructions)" = "$expected" ]
  step "$processor: choice of a variant"
  qemu-aarch64-static -L "$SYSROOT" "$BUILD/bin/program_cache_test" \
    --gtest_filter='*TakesTheBestVariant*:*ArmDotProducts*:*OwnHeader*' </dev/null
done <<'PROCESSORS'
max sdot usdot
neoverse-n1 sdot
cortex-a53
PROCESSORS
