#!/usr/bin/env bash
# bench/report_cost.sh MODEL.tflite ...: time and peak memory of delegate-check, beside the model's size.
# Target: below 0.3 s for a 5 MB model, and below twice the model's size plus 64 MiB.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -gt 0 ] || set -- "$root/examples/digits/digits_int8.tflite"
python3 - "$root/build/release/bin/delegate-check" "$@" <<'PY'
import os, resource, subprocess, sys, time

tool, models = sys.argv[1], sys.argv[2:]
for model in models:
    start = time.perf_counter()
    child = subprocess.Popen([tool, model], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    seconds, size = time.perf_counter() - start, os.path.getsize(model)
    allowed = 2 * size + (64 << 20)
    print(f"{os.path.basename(model):44} {size / 1e6:7.2f} MB  {seconds:6.3f} s  "
          f"peak {usage.ru_maxrss / 1024:6.1f} MiB  (allowed {allowed / (1 << 20):.1f} MiB)")
PY
