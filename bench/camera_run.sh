#!/usr/bin/env bash
# bench/camera_run.sh BUILD MODEL.tflite [FRAMES]: end-to-end speed of camera-run on a video file: frames per second, latency
# and how much of the time the model was busy (100 %: reading frames and results costs it nothing).
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
build=$1 model=$2 frames=${3:-1000}
video=$(mktemp --suffix=.nv12)
trap 'rm -f "$video"' EXIT
# Three frames of noise in NV12, 1920x1080, over and over: the file stays in the page cache, as a video that was just written.
head -c $((1920 * 1080 * 3 / 2 * 3)) /dev/urandom >"$video"
for ((i = 0; i < frames; i += 3)); do cat "$video"; done | head -c $((1920 * 1080 * 3 / 2 * frames)) |
  "$build/bin/camera-run" -m "$model" --input - --fourcc NV12 --size 1920x1080 --threads "${THREADS:-1}" >/dev/null
