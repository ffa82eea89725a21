#!/usr/bin/env bash
# tools/quickstart.sh [MODEL.tflite]: from a bare Debian 12 to the digits running on the NPU backend.
# Installs packages (root or sudo), builds, shows what goes where in the model (default: the bundled one), then
# runs the bundled digits through the stock LiteRT interpreter with and without the plug-in.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "$0")/common.sh"
case ${1:-} in
  -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
esac
digits="$ROOT/examples/digits"
model=${1:-$digits/digits_int8.tflite}
[ -f "$model" ] || { echo "no such model: $model" >&2; exit 2; }
model=$(realpath "$model")

step "packages"
install_packages

step "release build"
build_preset release npu_delegate delegate-check run_model

step "delegate-check $(basename "$model")"
"$ROOT/build/release/bin/delegate-check" "$model"

step "the digits in a stock host"
if host_env litert; then
  "$ROOT/build/venv/litert/bin/python" "$digits/run.py" --plugin "$ROOT/build/release/lib/libnpu_delegate.so"
else
  echo "No host runtime: the same digits through the C API session instead."
  "$ROOT/build/release/bin/run_model" "$digits/digits_int8.tflite" "$digits/test_images.npy" "$digits/test_labels.npy"
fi
printf '\nDone. The plug-in is build/release/lib/libnpu_delegate.so, the tool build/release/bin/delegate-check.\n'
