#!/usr/bin/env python3
"""Time from opening a model to its first result, each time in a new process: nothing compiled before; the same with an
empty cache_dir to fill; programs in the driver's own cache; programs in our cache_dir and none in the driver's. Medians,
in milliseconds, and whether the outputs are equal. With LiteRT (XNNPACK) for comparison where it is installed.

    build/venv/litert/bin/python bench/first_result.py MODEL.tflite [ROUNDS] [THREADS]
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build/release/lib/libnpu_delegate.so"


def child(runner, path, threads, cache_dir):
    import hashlib

    import numpy as np
    if runner == "litert":
        from ai_edge_litert.interpreter import Interpreter
        start = time.perf_counter()
        interpreter = Interpreter(path, num_threads=int(threads))
        interpreter.allocate_tensors()
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        interpreter.invoke()
        outputs = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
    else:
        sys.path.insert(0, str(ROOT / "tests" / "support"))
        import npu_capi
        start = time.perf_counter()
        options = {"threads": threads, **({"cache_dir": cache_dir} if cache_dir else {})}
        session = npu_capi.Library(str(PLUGIN)).open(path).session(**options)
        outputs = session.run([np.zeros(list(info.dims[:info.rank]), npu_capi.DTYPES[info.type])
                               for info in session.inputs])
    elapsed = time.perf_counter() - start
    print(elapsed * 1e3, hashlib.sha256(b"".join(output.tobytes() for output in outputs)).hexdigest())


def measure(runner, path, threads, driver_cache, cache_dir=""):
    done = subprocess.run([sys.executable, __file__, "--child", runner, path, threads, cache_dir], check=True,
                          capture_output=True, text=True,
                          env={**os.environ, "POCL_CACHE_DIR": driver_cache, "XDG_CACHE_HOME": driver_cache})
    elapsed, digest = done.stdout.split()
    return float(elapsed), digest


def main():
    if sys.argv[1:2] == ["--child"]:
        return child(*sys.argv[2:])
    path, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 5
    threads = sys.argv[3] if len(sys.argv) > 3 else "1"
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        kept, cache_dir = os.path.join(folder, "driver"), os.path.join(folder, "ours")
        for name in (kept, os.path.join(folder, "not used again")):
            os.mkdir(name)
        measure("npu", path, threads, kept)  # fills it
        measure("npu", path, threads, os.path.join(folder, "not used again"), cache_dir)  # likewise
        for _ in range(rounds):
            for name in ("nothing compiled before", "filling cache_dir", "driver's own cache", "cache_dir",
                         "LiteRT with XNNPACK"):
                with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as new:
                    if name == "LiteRT with XNNPACK":
                        try:
                            result = measure("litert", path, threads, empty)
                        except subprocess.CalledProcessError:
                            continue
                    else:
                        result = measure("npu", path, threads, kept if name == "driver's own cache" else empty,
                                         {"cache_dir": cache_dir, "filling cache_dir": new}.get(name, ""))
                runs.setdefault(name, []).append(result)
    print(f"First result of {pathlib.Path(path).name}, {threads} thread(s), {rounds} processes each")
    for name, results in runs.items():
        times = [elapsed for elapsed, _ in results]
        print(f"  {name:<24} {statistics.median(times):8.1f} ms  (from {min(times):.1f} to {max(times):.1f})")
    ours = {digest for name, results in runs.items() if not name.startswith("LiteRT") for _, digest in results}
    print(f"  outputs of all our runs are {'equal' if len(ours) == 1 else 'DIFFERENT'}")
    return len(ours) != 1


if __name__ == "__main__":
    sys.exit(main())
