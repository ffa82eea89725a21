#!/usr/bin/env python3
"""Every fully quantized model of the corpus (8 bits, or 16-bit activations): all of it on the NPU, in one partition, OpenCL equal to the CPU reference
and both equal to LiteRT 2.3 BUILTIN_REF (the .ref.npz files), in every byte.

    exactness_test.py LIBRARY SHARED_DIR [SUBSTRING]     SUBSTRING: only paths that contain it
"""
# SPDX-License-Identifier: Apache-2.0
import concurrent.futures
import os
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import corpus
import npu_capi


def oracle(row):
    """Which of the golden's answers is compared, and how far apart it may be."""
    # BUILTIN_REF's int8 SUM reads INT8 as UINT8 (backends/ops/reduce.cc); the host's optimized one scales in float.
    is_sum = any(item.startswith("SUM:") for item in row["op_histogram"].split(";"))
    return ("opt", 1) if is_sum and row["qclass"] == "int8-full" else ("ref", 0)


def check(arguments):
    library_path, root, row = arguments
    path = root / row["path"]
    problems = []
    try:
        model = npu_capi.Library(library_path).open(path)
    except npu_capi.NpuError as error:
        # Two real files are refused by the hosts, too.
        return row["path"], [] if row["litert_2.3.0"] != "ok" else [f"not read: {error}"], "refused"
    try:
        plan = model.plan()
        for op in plan["ops"]:
            if op["placement"] == "npu" or (op["op"] in ("QUANTIZE", "DEQUANTIZE") and op["placement"] == "delegate-cpu"):
                continue
            reasons = "; ".join(f'{r["code"]} {r["text"]}: {r["actual"]} (allowed {r["allowed"]})' for r in op["reasons"])
            problems.append(f'op {op["index"]} {op["op"]} on {op["placement"]}: {reasons}')
        if plan["ops"] and len(plan["partitions"]) != 1:
            problems.append(f'{len(plan["partitions"])} partitions')
        if problems:
            return row["path"], problems, "plan"
        # The reference computes the model as it is, the device what folding made of it.
        device, reference = model.session(), model.session(device="reference", folds="none")
        npz = path.with_name(path.name[:-len(".tflite")] + ".ref.npz")
        golden = np.load(npz) if npz.exists() else None
        if golden is not None and not any(k.startswith("ref_") for k in golden.files):
            golden = None
        if golden is not None:
            inputs = [golden[f"in_{i}"] for i in range(len(device.inputs))]
        else:
            generator = np.random.default_rng(1)
            inputs = [generator.integers(0, 256, info.bytes, np.uint8) for info in device.inputs]
        actual, expected = device.run(inputs), reference.run(inputs)
        for i, (a, e) in enumerate(zip(actual, expected)):
            if not np.array_equal(a, e):
                d = np.abs(a.astype(np.int64) - e.astype(np.int64))
                problems.append(f"output {i}: OpenCL differs from the reference in {(d > 0).sum()} of {d.size}, max {d.max()}")
            if golden is None:
                continue
            name, apart = oracle(row)
            g = golden[f"{name}_{i}"]
            d = np.abs(g.astype(np.int64).reshape(-1) - e.astype(np.int64).reshape(-1)) if g.size == e.size else None
            same = np.array_equal(g, e) if apart == 0 else d is not None and d.max(initial=0) <= apart
            if g.shape != e.shape or not same:
                problems.append(f"output {i}: reference differs from {name}: shapes {e.shape} and {g.shape}" +
                                (f", {(d > 0).sum()} of {d.size}, max {d.max()}" if d is not None else ""))
    except Exception as error:  # a model that cannot be run is a finding, not the end of the test
        problems.append(f"{type(error).__name__}: {error}")
        return row["path"], problems, "error"
    return row["path"], problems, "compared" if golden is not None else "no golden"


def main():
    library, shared = sys.argv[1], sys.argv[2]
    root, rows = corpus.models(shared)
    selected = [row for row in corpus.full_integer(rows) if len(sys.argv) < 4 or sys.argv[3] in row["path"]]
    exceptions = corpus.exceptions()
    failed, kinds = 0, {}
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for path, problems, kind in pool.map(check, [(library, root, row) for row in selected], chunksize=4):
            if path in exceptions:
                # An exception that is none any more must go from the list.
                problems = [] if problems or kind == "refused" else [f"works, but is excepted: {exceptions[path]}"]
                kind = "excepted"
            kinds[kind] = kinds.get(kind, 0) + 1
            if problems:
                failed += 1
                print(path)
                for problem in problems[:6]:
                    print("   ", problem)
    print(f"{len(selected)} models: {kinds}")
    print(f"{len(selected) - failed} passed, {failed} failed")
    return 1 if failed or not selected else 0


if __name__ == "__main__":
    sys.exit(main())
