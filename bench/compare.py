#!/usr/bin/env python3
"""Models in LiteRT with XNNPACK (its default), in LiteRT with the plug-in and, where it is installed, in OpenVINO, run by
turns in one process: A B C A B C ...

    build/venv/bench/bin/python bench/compare.py [--threads 1,2] [--rounds 60] [--json FILE] [--plugin LIB] MODEL.tflite ...

Prints a Markdown table: the median time of each, the spread (quartiles), the ratio XNNPACK / plug-in of the medians and
of the fastest runs (above 1: the plug-in is faster), OpenVINO / plug-in likewise, and the geometric means per number of
threads. A model's outputs with the plug-in are also compared with those of LiteRT's own kernels without any delegate on
the same random inputs: with the reference kernels (BUILTIN_REF), or with the optimized ones where a check in the former
ends the process, as it does for some SOFTMAX scales. XNNPACK and OpenVINO differ from both in some values.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

# OpenVINO 2026.4 died of an illegal instruction on a virtual machine with AMX; its AVX-512 code runs everywhere.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16")
try:
    import openvino
except ImportError:
    openvino = None

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLUGIN = ROOT / "build/release/lib/libnpu_delegate.so"
WARM_UP_ROUNDS = 5
KERNELS = {"reference": OpResolverType.BUILTIN_REF, "optimized": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}


def random_array(generator, shape, dtype):
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return generator.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return generator.standard_normal(shape).astype(dtype)


def make(path, threads, plugin=None, kernels=OpResolverType.AUTO, batch=None):
    """An interpreter with random inputs; batch: the first input's first dimension instead of the file's."""
    made = Interpreter(
        str(path), num_threads=threads,
        experimental_delegates=[load_delegate(str(plugin), {"threads": str(threads)})] if plugin else [],
        experimental_op_resolver_type=kernels)
    if batch is not None:
        first = made.get_input_details()[0]
        made.resize_tensor_input(first["index"], [batch, *first["shape"][1:]])
    made.allocate_tensors()
    generator = np.random.default_rng(1)
    for detail in made.get_input_details():
        made.set_tensor(detail["index"], random_array(generator, detail["shape"], detail["dtype"]))
    return made


def make_openvino(path, threads):
    """What infers once; None where OpenVINO is not installed or does not take the model."""
    if openvino is None:
        return None
    try:
        core = openvino.Core()
        model = core.read_model(str(path))
        # Models of Keras leave the batch open.
        model.reshape({port: [d.get_length() if d.is_static else 1 for d in port.get_partial_shape()]
                       for port in model.inputs})
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"})
        request = compiled.create_infer_request()
        generator = np.random.default_rng(1)
        for i, port in enumerate(compiled.inputs):
            array = random_array(generator, list(port.get_shape()), port.get_element_type().to_dtype())
            request.set_input_tensor(i, openvino.Tensor(array))
        request.infer()
        return request.infer
    except RuntimeError as error:
        print(f"{path}: not in OpenVINO: {str(error).splitlines()[-1]}", file=sys.stderr)
        return None


def outputs(interpreter):
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def check(path, plugin, kernels):
    """0 if outputs with the plug-in equal those of LiteRT's own kernels, 3 if not; some of those end the process."""
    pairs = zip(outputs(make(path, 1, plugin)), outputs(make(path, 1, kernels=KERNELS[kernels])), strict=True)
    return 0 if all(np.array_equal(a, b) for a, b in pairs) else 3


def exactness(path, plugin):
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
    """Milliseconds of each runner, and the ratios of the peers' through the plug-in's."""
    runners = {"xnnpack": make(path, threads).invoke, "plugin": make(path, threads, plugin).invoke,
               "openvino": make_openvino(path, threads)}
    runners = {name: invoke for name, invoke in runners.items() if invoke is not None}
    times = {name: [] for name in runners}
    for number in range(rounds + WARM_UP_ROUNDS):
        for name, invoke in runners.items():
            start = time.perf_counter()
            invoke()
            if number >= WARM_UP_ROUNDS:
                times[name].append(1e3 * (time.perf_counter() - start))
    result = {name: spread(values) for name, values in times.items()}
    for peer in ("xnnpack", "openvino"):
        if peer in result:
            result[f"{peer}_ratio"] = result[peer]["median"] / result["plugin"]["median"]
            result[f"{peer}_ratio_of_minima"] = result[peer]["min"] / result["plugin"]["min"]
    return result


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values)) if values else None


def time_text(result, name):
    if name not in result:
        return "-"
    timing = result[name]
    return f'{timing["median"]:.3f} ({timing["quartiles"][0]:.3f}-{timing["quartiles"][1]:.3f})'


def ratio_text(result, key):
    return "-" if result.get(key) is None else f"{result[key]:.2f}"


RATIOS = ("xnnpack_ratio", "xnnpack_ratio_of_minima", "openvino_ratio", "openvino_ratio_of_minima")


def row(name, threads, result, exact):
    cells = [name, str(threads), *(time_text(result, runner) for runner in ("xnnpack", "plugin", "openvino")),
             *(ratio_text(result, ratio) for ratio in RATIOS), exact]
    return f'| {" | ".join(cells)} |'


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
        sys.exit(check(arguments.models[0], arguments.plugin, arguments.check))

    results = []
    print("| model | threads | XNNPACK ms (quartiles) | plug-in ms (quartiles) | OpenVINO ms (quartiles) | XNNPACK ratio | "
          "of minima | OpenVINO ratio | of minima | exact |")
    print("|" + "---|" * 10)
    for threads in map(int, arguments.threads.split(",")):
        for path in arguments.models:
            result = measure(path, threads, arguments.rounds, arguments.plugin)
            result.update(model=path.stem, threads=threads, exact=exactness(path, arguments.plugin))
            results.append(result)
            print(row(path.stem, threads, result, result["exact"]), flush=True)
    means = {}
    for threads in sorted({result["threads"] for result in results}):
        same = [result for result in results if result["threads"] == threads]
        means[threads] = {key: geometric_mean([result[key] for result in same if key in result]) for key in RATIOS}
        print(row("geometric mean", threads, means[threads], ""))
    if arguments.json:
        arguments.json.write_text(json.dumps({"models": results, "geometric_means": means}, indent=1) + "\n")


if __name__ == "__main__":
    main()
