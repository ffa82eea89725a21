#!/bin/sh
# inference_app_test.sh APP VENV PLUGIN DIGITS: all digits run, most are right, every operator was delegated.
# SPDX-License-Identifier: Apache-2.0
set -eu
library=$(find "$2" -name libLiteRt.so 2>/dev/null | head -n 1)
if [ -z "$library" ]; then
  echo "SKIPPED: no libLiteRt.so under $2 (tools/test.sh makes this environment; it needs a package index)"
  exit 77
fi
output=$("$1" "$library" "$3" "$4/digits_int8.tflite" "$4/test_images.npy" "$4/test_labels.npy")
echo "$output"
right=$(echo "$output" | sed -n 's/^60 digits .*: \([0-9]*\) right$/\1/p')
[ "$right" -ge 55 ]
echo "$output" | grep -q '"host": 0,'
echo "$output" | grep -q '"npu": 12,'
