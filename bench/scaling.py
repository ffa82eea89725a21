#!/usr/bin/env python3
"""Latency against batch and threads: one model in LiteRT with XNNPACK and with the plug-in, by turns, its first input's
first dimension resized.

    build/venv/litert/bin/python bench/scaling.py [--batches 1,2,4,8] [--threads 1,2] [--rounds 20] [--json FILE] MODEL.tflite

Milliseconds an image, medians. (Planning time against the number of operators: build/release/bin/plan_scaling.)
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import pathlib
import statistics
import time

import compare


def measure(path, batch, threads, rounds, plugin):
    runners = {name: compare.make(path, threads, library, batch=batch)
               for name, library in (("xnnpack", None), ("plugin", plugin))}
    times = {name: [] for name in runners}
    for number in range(rounds + compare.WARM_UP_ROUNDS):
        for name, runner in runners.items():
            start = time.perf_counter()
            runner.invoke()
            if number >= compare.WARM_UP_ROUNDS:
                times[name].append(1e3 * (time.perf_counter() - start) / batch)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--batches", default="1,2,4,8")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plugin", type=pathlib.Path, default=compare.PLUGIN)
    arguments = parser.parse_args()
    print("| batch | threads | XNNPACK ms/image | plug-in ms/image | ratio |\n|---|---|---|---|---|")
    rows = []
    for threads in map(int, arguments.threads.split(",")):
        for batch in map(int, arguments.batches.split(",")):
            result = measure(arguments.model, batch, threads, arguments.rounds, arguments.plugin)
            ratio = result["xnnpack"] / result["plugin"]
            rows.append({"batch": batch, "threads": threads, **result, "ratio": ratio})
            print(f'| {batch} | {threads} | {result["xnnpack"]:.3f} | {result["plugin"]:.3f} | {ratio:.2f} |', flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
