#!/usr/bin/env python3
"""Larq's models (shared/models/larq) in a stock host, which knows none of their operators.

    larq_test.py LIBRARY SHARED_DIR [SUBSTRING]     SUBSTRING: only paths that contain it

Each model loads, its binary operators are one partition of ours, and the outputs are right:
* Larq's own interpreter (larq/ref/*.npz): every byte, but for zero-padded convolutions with FLOAT32 output, whose sums
  Larq's optimized kernels correct after rounding (at most 1e-4).
* Where 8-bit operators stand beside binary ones, Larq runs TFLite's optimized kernels for them. With those operators
  denied to us and left to LiteRT 2.3's optimized kernels (tflite-runtime 2.14's round otherwise) the outputs are Larq's;
  with all of them ours, they are those of the host's reference kernels.
* Where there is no such file: our own CPU reference, operator by operator.
"""
# SPDX-License-Identifier: Apache-2.0
import collections
import ctypes
import os
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "host"):
    sys.path.insert(0, str(HERE.parent / folder))
import host_runtime as host
import npu_capi

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
ROOT = pathlib.Path(SHARED) / "models" / "larq"
SKIP = 77
ZERO_PADDING = 1e-4


def plugin(**options):
    options.setdefault("fc_rounding", host.FC_ROUNDING)
    return [host.tfl.load_delegate(LIBRARY, options)]


def outputs_of(interpreter, inputs):
    interpreter.allocate_tensors()
    return host.run(interpreter, inputs)


def same(found, expected):
    return len(found) == len(expected) and all(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
                                               for a, b in zip(found, expected))


def distance(found, expected):
    return max(float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max()) for a, b in zip(found, expected))


def check_values(path, plan, interpreter, inputs, golden):
    found = outputs_of(interpreter, inputs)
    if golden is None:
        if any(op["placement"] == "host" for op in plan["ops"]):
            return [], "loads; no oracle"
        session = npu_capi.Library(LIBRARY).open(path).session(device="reference", fc_rounding=host.FC_ROUNDING)
        return ([] if same(found, session.run(inputs)) else ["differs from our CPU reference"]), "exact to our reference"
    if same(found, golden):
        return [], "exact to Larq's interpreter"
    eight_bit = sorted({op["op"] for op in plan["ops"] if op["placement"] == "npu"})
    if eight_bit:
        deny = "+".join(eight_bit)
        problems = []
        reference = outputs_of(host.reference_interpreter(path, plugin(deny=deny)), inputs)
        if host.NAME == "ai-edge-litert":
            optimized = outputs_of(host.interpreter_without_xnnpack(path, plugin(deny=deny)), inputs)
            if not same(optimized, golden):
                problems.append(
                    f"8-bit operators in the host's optimized kernels: {distance(optimized, golden)} from Larq's outputs")
        problems += [] if same(found, reference) else [f"{distance(found, reference)} from the host's reference kernels"]
        return problems, "exact to the host's reference kernels, and to Larq's with the host's optimized ones"
    if any(output.dtype == np.float32 for output in golden) and distance(found, golden) <= ZERO_PADDING:
        return [], "within 1e-4 of Larq's interpreter"
    return [f"{distance(found, golden)} from Larq's outputs"], "differs"


def check_packed_output():
    """A session says what packed signs are, and unpacks them: those of the same network with a float output."""
    packed, plain = ROOT / "seed1_sign_float_stripped.tflite", ROOT / "ref" / "seed1_sign_float.npz"
    if not packed.exists() or not plain.exists():
        return []
    library, values = npu_capi.Library(LIBRARY), np.load(plain)
    session = library.open(packed).session()
    channels, expected = session.outputs[0].packed_channels, values["out0"]
    if channels != expected.shape[-1] or session.inputs[0].packed_channels != 0:
        return [f"{packed.name}: packed_channels {channels}, expected {expected.shape[-1]}"]
    words = session.run([values["in0"]])[0]
    signs = np.empty(expected.shape, np.int8)
    library.check(library.lib.npu_unpack_signs(
        words.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(words.size // words.shape[-1]), channels,
        signs.ctypes.data_as(ctypes.c_void_p)))
    return [] if np.array_equal(signs, expected) else [f"{packed.name}: unpacked signs differ"]


def answer(request, progress):
    try:
        return check(request)
    except (ValueError, RuntimeError) as error:
        return [f"{type(error).__name__}: {error}"], "refused"


def check(request):
    path = ROOT / request
    plan = npu_capi.Library(LIBRARY).open(path).plan(fc_rounding=host.FC_ROUNDING)
    binary = [op for op in plan["ops"] if op["op"].startswith("Lce")]
    interpreter = host.reference_interpreter(path, plugin())
    problems = []
    partitions = len(host.delegate_nodes(interpreter))
    if binary and partitions != 1:
        problems.append(f"{partitions} partitions in the host")
    npz = ROOT / "ref" / (path.name[:-len(".tflite")] + ".npz")
    golden, inputs = None, list(host.random_inputs(interpreter))
    if npz.exists() and path.parent == ROOT:
        values = np.load(npz)
        inputs, golden = [values["in0"]], [values["out0"]]
    if not binary:
        return problems, "no binary operator"
    more, outcome = check_values(path, plan, interpreter, inputs, golden)
    return problems + more, outcome


def main():
    if sys.argv[-1] == "--child":
        host.serve(answer)
        return 0
    if not ROOT.exists():
        print(f"SKIPPED: no models at {ROOT}")
        return SKIP
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    paths = sorted(str(p.relative_to(ROOT)) for p in ROOT.rglob("*.tflite") if wanted in str(p))
    outcomes, packed = collections.Counter(), check_packed_output()
    failed = len(packed)
    for problem in packed:
        print(problem)
    for path, result in host.run_children(__file__, sys.argv[1:3] + ["--child"], paths, os.cpu_count() or 1):
        problems, outcome = result if isinstance(result, list) else (["the process died"], "crashed")
        outcomes[outcome] += 1
        if problems:
            failed += 1
            print(f"{path} ({outcome}): " + "; ".join(problems), flush=True)
    print(f"{host.NAME}: {len(paths)} models, {failed} fall short")
    for outcome, count in outcomes.most_common():
        print(f"  {count} x {outcome}")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
