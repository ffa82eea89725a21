#!/usr/bin/env python3
"""Models in LiteRT with XNNPACK (its default) and in LiteRT with the plug-in, run by turns in one process: A B A B ...

    build/venv/litert/bin/python bench/compare.py [--threads 1,2] [--rounds 60] [--json FILE] [--plugin LIB] MODEL.tflite ...

Prints a Markdown table: the median time of each, the spread (quartiles), the ratio XNNPACK / plug-in of the medians and
of the fastest runs (above 1: the plug-in is faster), and the geometric mean of the ratios per number of threads. A
model's outputs with the plug-in are also compared with those of LiteRT's own kernels without any delegate on the same
random inputs: with the reference kernels (BUILTIN_REF), or with the optimized ones where a check in the former ends the
process, as it does for some SOFTMAX scales. XNNPACK itself differs from both in a few values per thousand.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build/release/lib/libnpu_delegate.so"


KERNELS = {"reference": OpResolverType.BUILTIN_REF, "optimized": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}


def make(path, threads, plugin=None, kernels=OpResolverType.AUTO):
    made = Interpreter(
        str(path), num_threads=threads,
        experimental_delegates=[load_delegate(str(plugin), {"threads": str(threads)})] if plugin else [],
        experimental_op_resolver_type=kernels)
    made.allocate_tensors()
    generator = np.random.default_rng(1)
    for detail in made.get_input_details():
        shape = detail["shape"]
        if np.issubdtype(detail["dtype"], np.integer):
            limits = np.iinfo(detail["dtype"])
            values = generator.integers(limits.min, limits.max, shape, detail["dtype"], endpoint=True)
        else:
            values = generator.standard_normal(shape).astype(detail["dtype"])
        made.set_tensor(detail["index"], values)
    return made


def outputs(interpreter):
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def exactness(path, plugin):
    """Whether outputs with the plug-in equal those of LiteRT's kernels; some of those end the process."""
    for kernels in KERNELS:
        child = subprocess.run([sys.executable, __file__, "--check", kernels, "--plugin", str(plugin), str(path)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if child.returncode in (0, 3):
            return f'{"yes" if child.returncode == 0 else "no"} ({kernels})'
    return "no kernels to compare with"


def spread(values):
    first, median, third = statistics.quantiles(values, n=4)
    return {"median": median, "quartiles": [first, third], "min": min(values), "runs": len(values)}


def measure(path, threads, rounds, plugin):
    runners = {"xnnpack": make(path, threads).invoke, "plugin": make(path, threads, plugin).invoke}
    times = {name: [] for name in runners}
    for number in range(rounds + 5):
        for name, invoke in runners.items():
            start = time.perf_counter()
            invoke()
            if number >= 5:  # the first rounds warm caches up
                times[name].append(1e3 * (time.perf_counter() - start))
    result = {name: spread(values) for name, values in times.items()}
    result["ratio"] = result["xnnpack"]["median"] / result["plugin"]["median"]
    result["ratio_of_minima"] = result["xnnpack"]["min"] / result["plugin"]["min"]
    return result


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def text(result):
    return f'{result["median"]:.3f} ({result["quartiles"][0]:.3f}-{result["quartiles"][1]:.3f})'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--plugin", type=pathlib.Path, default=PLUGIN)
    parser.add_argument("--check", choices=KERNELS, help="only compare outputs: exit status 0 if they are equal, 3 if not")
    arguments = parser.parse_args()
    if arguments.check:
        path = arguments.models[0]
        pairs = zip(outputs(make(path, 1, arguments.plugin)), outputs(make(path, 1, kernels=KERNELS[arguments.check])))
        sys.exit(0 if all(np.array_equal(a, b) for a, b in pairs) else 3)

    results = []
    print("| model | threads | XNNPACK ms (quartiles) | plug-in ms (quartiles) | ratio | of minima | exact |")
    print("|---|---|---|---|---|---|---|")
    for threads in map(int, arguments.threads.split(",")):
        for path in arguments.models:
            result = measure(path, threads, arguments.rounds, arguments.plugin)
            result.update(model=path.stem, threads=threads, exact=exactness(path, arguments.plugin))
            results.append(result)
            print(f'| {path.stem} | {threads} | {text(result["xnnpack"])} | {text(result["plugin"])} | '
                  f'{result["ratio"]:.2f} | {result["ratio_of_minima"]:.2f} | {result["exact"]} |', flush=True)
    means = {}
    for threads in sorted({result["threads"] for result in results}):
        same = [result for result in results if result["threads"] == threads]
        means[threads] = {key: geometric_mean([result[key] for result in same]) for key in ("ratio", "ratio_of_minima")}
        print(f'| geometric mean | {threads} | | | {means[threads]["ratio"]:.2f} | '
              f'{means[threads]["ratio_of_minima"]:.2f} | |')
    if arguments.json:
        arguments.json.write_text(json.dumps({"models": results, "geometric_means": means}, indent=1) + "\n")


if __name__ == "__main__":
    main()
