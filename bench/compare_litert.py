#!/usr/bin/env python3
"""One model, three runners alternating in one process (A B C A B C ...): LiteRT with XNNPACK (its default), LiteRT with
the plug-in, and the C API session. Prints the median of each in milliseconds and the ratio to XNNPACK.

    build/venv/litert/bin/python bench/compare_litert.py MODEL.tflite [ROUNDS]
"""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import statistics
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import npu_capi

PLUGIN = str(ROOT / "build/release/lib/libnpu_delegate.so")
THREADS = 1  # the same for all; XNNPACK's default


def interpreter(path, delegates):
    made = Interpreter(path, num_threads=THREADS, experimental_delegates=delegates)
    made.allocate_tensors()
    for detail in made.get_input_details():
        made.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    return made.invoke


def main():
    path, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    session = npu_capi.Library(PLUGIN).open(path).session(threads=THREADS)
    runners = {
        "LiteRT with XNNPACK": interpreter(path, []),
        "LiteRT with the plug-in": interpreter(path, [load_delegate(PLUGIN, {"threads": str(THREADS)})]),
        "C API session": lambda: session.library.check(session.library.lib.npu_session_invoke(session.handle)),
    }
    times = {name: [] for name in runners}
    for round_number in range(rounds + 3):
        for name, run in runners.items():
            start = time.perf_counter()
            run()
            if round_number >= 3:  # the first rounds warm caches up
                times[name].append(1e3 * (time.perf_counter() - start))
    base = statistics.median(times["LiteRT with XNNPACK"])
    for name, values in times.items():
        median = statistics.median(values)
        print(f"{name:26} {median:9.3f} ms  {base / median:6.3f} x XNNPACK's speed")


if __name__ == "__main__":
    main()
