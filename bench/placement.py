#!/usr/bin/env python3
"""How well placement=auto estimates: for each network the estimated and the measured time on the NPU and on the host.

    build/venv/litert/bin/python bench/placement.py [--threads 1] [--rounds 15] [--json FILE] MODEL.tflite ...

The estimates are placement_bench's (build/release/bin), the measured times those of bench/compare.py: LiteRT with the
plug-in, which gets everything, and LiteRT with XNNPACK, by turns. Prints a Markdown table with the ratios estimate /
measurement, what auto decides, whether that is the faster one, and the geometric means of how far estimates are off.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compare

TOOL = compare.ROOT / "build/release/bin/placement_bench"


def off(ratios):
    """2 for estimates that are too long or too short by a factor of 2 on average."""
    return math.exp(statistics.fmean(abs(math.log(ratio)) for ratio in ratios))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plugin", type=pathlib.Path, default=compare.PLUGIN)
    arguments = parser.parse_args()
    lines = subprocess.run([TOOL, "--threads", str(arguments.threads), *map(str, arguments.models)], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    results = []
    print("| model | NPU estimated / measured, ms | ratio | host estimated / measured, ms | ratio | auto says | right |")
    print("|---|---|---|---|---|---|---|")
    for path, line in zip(arguments.models, lines):
        estimate = json.loads(line)
        measured = compare.measure(path, arguments.threads, arguments.rounds, arguments.plugin)
        npu, host = (measured[name]["median"] for name in ("plugin", "xnnpack"))
        npu_ratio, host_ratio = estimate["npu_us"] / 1e3 / npu, estimate["host_us"] / 1e3 / host
        leaves = estimate["leaves"]
        right = leaves == (npu > host)
        results.append({"model": path.stem, "estimate": estimate, "npu_ms": npu, "host_ms": host, "npu_ratio": npu_ratio,
                        "host_ratio": host_ratio, "leaves": leaves, "right": right})
        print(f'| {path.stem} | {estimate["npu_us"] / 1e3:.3f} / {npu:.3f} | {npu_ratio:.2f} | '
              f'{estimate["host_us"] / 1e3:.3f} / {host:.3f} | {host_ratio:.2f} | {"host" if leaves else "NPU"} | '
              f'{"yes" if right else "no"} |', flush=True)
    print(f'| off by a factor of | | {off([r["npu_ratio"] for r in results]):.2f} | | '
          f'{off([r["host_ratio"] for r in results]):.2f} | | {sum(r["right"] for r in results)} of {len(results)} |')
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
