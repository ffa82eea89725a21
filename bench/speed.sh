#!/usr/bin/env bash
# bench/speed.sh [ROUNDS]: the networks of docs/performance.md against XNNPACK and OpenVINO, on 1 and 2 threads;
# leaves build/bench/speed.{md,json,png}. About five minutes with 20 rounds, on a quiet machine.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source "$(dirname "$0")/../tools/common.sh"
case ${1:-} in
  -h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
esac
rounds=${1:-20}
models=$ROOT/../shared/models
[ -d "$models" ] || { echo "the models of ../shared/models are not there" >&2; exit 1; }

step "host environment"
host_env bench

step "networks"
mkdir -p "$ROOT/build/bench"
networks=()
resnet50=$ROOT/build/bench/resnet50_int8.tflite
# The environment with TensorFlow is large; without it the table has one row less.
if [ -f "$resnet50" ] || { host_env larq && "$ROOT/build/venv/larq/bin/python" "$ROOT/bench/make_resnet50.py" "$resnet50"; }; then
  networks+=("$resnet50")
else
  echo "ResNet50 will be missing" >&2
fi
for name in mobilenet_v2_int8 efflite0_int8 tf2_mobilenet_v2_1.0_224_ptq mobilenet_v2_1.0_224_quant deeplabv3_mnv2_dm05_pascal_quant \
  efficientnet_b0_224_int8_i8 mobilenet_v1_a0.5_160_int8_i8 mobilenet_v3small_minimal_160_int8_i8 \
  unet_bilinear_96_int8_i8 unet_nearest_96_int8_i8 unet_tconv_96_int8_i8 conv2d_big_256_256_int8 \
  mlperf_resnet8_int8_i8 vggface_body_a0.5_224_int8_i8 vggface_top_a0.25_112_int8_i8 mcunetv2_large \
  pretrainedResnet_large_int8 blazeface_front_128 face_landmarks_192 mobilenet_v1_1.0_224_quant_restitched \
  posenet_mobilenet_v1_075_353_481_quant micro_kws_m_quantized; do
  found=$(find "$models" -name "$name.tflite" | sort | head -1)
  [ -n "$found" ] || { echo "no $name.tflite under ../shared/models" >&2; exit 1; }
  networks+=("$found")
done
printf '%s\n' "${networks[@]}"

step "measuring ($rounds rounds each)"
"$ROOT/build/venv/bench/bin/python" "$ROOT/bench/compare.py" --rounds "$rounds" --json "$ROOT/build/bench/speed.json" \
  "${networks[@]}" >"$ROOT/build/bench/speed.md"
cat "$ROOT/build/bench/speed.md"

step "plot"
"$ROOT/build/venv/bench/bin/python" "$ROOT/bench/plot.py" "$ROOT/build/bench/speed.json" "$ROOT/build/bench/speed.png"
