#!/usr/bin/env bash
# install_test.sh SOURCE_DIR BUILD_DIR: installs into a scratch prefix, moves it, then builds and runs the C
# example against it twice, through find_package and through pkg-config.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source_dir=$1 build_dir=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build_dir" --prefix "$scratch/first" >/dev/null
mv "$scratch/first" "$scratch/prefix"
digits=$source_dir/examples/digits
expect() { # program: all the bundled digits run, and most are right
  local line right total
  line=$("$1" "$digits/digits_int8.tflite" "$digits/test_images.npy" "$digits/test_labels.npy" | grep '^right:')
  read -r _ right _ total <<<"$line"
  echo "$1: $line"
  [ "$total" -eq 60 ] && [ "$right" -ge 55 ]
}

cmake -S "$source_dir/tests/abi/find_package" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" \
  -DEXAMPLE_SOURCE="$source_dir/examples/run_model.c" >/dev/null
cmake --build "$scratch/build" >/dev/null
expect "$scratch/build/run_model"

pc=$(dirname "$(find "$scratch/prefix" -name npu_delegate.pc)")
export PKG_CONFIG_PATH=$pc
lib=$(pkg-config --variable=libdir npu_delegate)
read -r -a flags <<<"$(pkg-config --cflags --libs npu_delegate)"
cc -std=c11 "$source_dir/examples/run_model.c" "${flags[@]}" -Wl,-rpath,"$lib" -o "$scratch/with_pc"
expect "$scratch/with_pc"
"$scratch/prefix/bin/delegate-check" "$digits/digits_int8.tflite" >/dev/null
for file in share/man/man1/delegate-check.1 share/bash-completion/completions/delegate-check \
  share/zsh/site-functions/_delegate-check share/fish/vendor_completions.d/delegate-check.fish; do
  [ -s "$scratch/prefix/$file" ] || { echo "$file is not installed"; exit 1; }
done
