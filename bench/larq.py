#!/usr/bin/env python3
"""Larq's networks: the plug-in in LiteRT 2.3, Larq Compute Engine's own interpreter and, where there is one, the float
network of the same architecture under XNNPACK, by turns in one process: A B C A B C ...

    build/venv/larq/bin/python bench/larq.py [--threads 1,2] [--rounds 20] [--plugin LIB] MODEL.tflite[=FLOAT.tflite] ...

Prints a Markdown table of medians (and fastest runs) in milliseconds. Larq publishes no optimized x86 kernels: its
interpreter here is what pip installs. The environment: tools/common.sh, host_env larq.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import os
import pathlib
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
import numpy as np
from ai_edge_litert.interpreter import Interpreter, load_delegate
from larq_compute_engine.tflite.python import interpreter_wrapper_lite

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build/release/lib/libnpu_delegate.so"
WARM_UP_ROUNDS = 2
PAUSE = 0.01  # seconds before each run: threads of the one before spin for some milliseconds


def litert(path, threads, plugin=None):
    delegates = [load_delegate(str(plugin), {"threads": str(threads)})] if plugin else []
    made = Interpreter(str(path), num_threads=threads, experimental_delegates=delegates)
    made.allocate_tensors()
    for detail in made.get_input_details():
        generator = np.random.default_rng(1)
        values = generator.integers(-128, 128, detail["shape"]) if detail["dtype"] == np.int8 else generator.standard_normal(detail["shape"])
        made.set_tensor(detail["index"], values.astype(detail["dtype"]))
    return made


def larq(path, threads):
    made = interpreter_wrapper_lite.LiteInterpreter(pathlib.Path(path).read_bytes(), threads, False, False, False)
    kind, shape = made.input_types[0], made.input_shapes[0]
    generator = np.random.default_rng(1)
    values = generator.integers(-128, 128, shape) if kind == np.int8 else generator.standard_normal(shape)
    inputs = [np.expand_dims(values[0].astype(kind), 0)]
    return lambda: made.predict(inputs)


def measure(runners, rounds):
    times = {name: [] for name in runners}
    for number in range(rounds + WARM_UP_ROUNDS):
        for name, invoke in runners.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            invoke()
            if number >= WARM_UP_ROUNDS:
                times[name].append(1e3 * (time.perf_counter() - start))
    return times


def cell(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f})" if values else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--plugin", default=PLUGIN)
    arguments = parser.parse_args()
    print("| Model | Threads | Plug-in | Larq's interpreter | Float network, XNNPACK | Larq / plug-in | XNNPACK / plug-in |")
    print("|---|---|---|---|---|---|---|")
    for item in arguments.models:
        path, _, plain = item.partition("=")
        for threads in map(int, arguments.threads.split(",")):
            runners = {"plugin": litert(path, threads, arguments.plugin).invoke, "larq": larq(path, threads)}
            if plain:
                runners["xnnpack"] = litert(plain, threads).invoke
            times = measure(runners, arguments.rounds)
            median = {name: statistics.median(values) for name, values in times.items()}
            ratio = {name: f"{median[name] / median['plugin']:.2f}" if name in median else "-" for name in ("larq", "xnnpack")}
            print(f"| {pathlib.Path(path).stem} | {threads} | {cell(times['plugin'])} | {cell(times['larq'])} | "
                  f"{cell(times.get('xnnpack'))} | {ratio['larq']} | {ratio['xnnpack']} |", flush=True)


if __name__ == "__main__":
    main()
