#!/usr/bin/env bash
# bench/camera_run.sh BUILD MODEL.tflite [FRAMES]: end-to-end speed of camera-run on a video file: frames per second, latency
# and how much of the time the model was busy (100 %: reading frames and results costs it nothing). The file takes 3.1 MB for
# each frame, in $TMPDIR.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
build=$1 model=$2 frames=${3:-1000}
video=$(mktemp --suffix=.nv12) noise=$(mktemp)
trap 'rm -f "$video" "$noise"' EXIT
frame=$((1920 * 1080 * 3 / 2))
# Frames of noise in NV12, 1920x1080, three of them over and over. The file stays in the page cache, as a video that was just
# written: it is read once before.
head -c $((frame * 3)) /dev/urandom >"$noise"
for ((i = 3; i <= frames; i += 3)); do cat "$noise"; done >"$video"
head -c $((frame * (frames % 3))) "$noise" >>"$video"
cat "$video" >/dev/null
"$build/bin/camera-run" -m "$model" --input "$video" --fourcc NV12 --size 1920x1080 --threads "${THREADS:-1}" >/dev/null
