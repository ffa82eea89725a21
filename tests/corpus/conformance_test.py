#!/usr/bin/env python3
"""Every INT8, UINT8 and INT16 single-operator model of the corpus on both backends: LiteRT's reference bytes, or a row
of tests/conformance.tsv that says why not. A row that is not needed any more fails the test, and so do too many
refusals.

    conformance_test.py LIBRARY SHARED_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import collections
import fnmatch
import os
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "corpus", "host"):
    sys.path.insert(0, str(HERE.parent / folder))
import corpus
import exactness_test
import host_runtime as host
import npu_capi

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
ROOT = pathlib.Path(SHARED) / "models"
BACKENDS = {"opencl": "auto", "reference": "reference"}
ACTIVATIONS = ("int8", "uint8", "int16")
CONVERSIONS = ("QUANTIZE", "DEQUANTIZE")
MOST_REFUSED = 0.05  # of the models


def operators(row):
    return [item.split(":")[-2] for item in row["op_histogram"].split(";") if ":" in item]


def is_single(row):
    """One operator type besides conversions, on 8-bit or 16-bit data; conversions alone count, too."""
    own = [name for name in operators(row) if name not in CONVERSIONS]
    operands = row["inputs"].split() + row["outputs"].split()
    quantized = int(row["ops_int8"]) + int(row["ops_uint8"]) + int(row["ops_int16"]) > 0 or any(
        operand.startswith(ACTIVATIONS) for operand in operands)
    return row["path"].startswith(("gen/ops/", "gen/hand/")) and len(own) <= 1 and quantized


def answer(request, progress):
    """[refused: why or None, {backend: "exact" or what differs}, operators that a fold computes along the way]"""
    path = ROOT / request
    row = ROWS[request]
    model = npu_capi.Library(LIBRARY).open(path)
    plan = model.plan(min_segment_ops=1)
    left = [op for op in plan["ops"] if op["placement"] == "host"]
    if left:
        op = next((op for op in left if op["op"] not in CONVERSIONS), left[0])
        reason = op["reasons"][0]
        return [f'{op["op"]} {reason["code"]}: {reason["text"]} is {reason["actual"]}', {}, []]
    folded = sorted({op["op"] for op in plan["ops"] if op["folded_into"] >= 0})
    oracle, apart = exactness_test.oracle(row)
    npz = path.with_name(path.name[:-len(".tflite")] + ".ref.npz")
    golden = np.load(npz) if npz.exists() else None
    if golden is not None and f"{oracle}_0" not in golden.files:
        golden = None
    results, first = {}, None
    for backend, device in BACKENDS.items():
        session = model.session(device=device, min_segment_ops=1)
        if golden is not None:
            inputs = [golden[f"in_{i}"] for i in range(len(session.inputs))]
        else:
            generator = np.random.default_rng(1)
            inputs = [generator.integers(0, 256, info.bytes, np.uint8) for info in session.inputs]
        outputs = session.run(inputs)
        # No host has a reference kernel for the model: the backends judge each other.
        first = first or outputs
        expected = first if golden is None else [golden[f"{oracle}_{i}"] for i in range(len(outputs))]
        problems = []
        for i, (a, e) in enumerate(zip(outputs, expected)):
            if a.shape != e.shape:
                problems.append(f"output {i}: shape {a.shape}, expected {e.shape}")
            elif np.abs(a.astype(np.float64) - e.astype(np.float64)).max(initial=0) > apart:
                problems.append(f"output {i}: {int((a != e).sum())} of {a.size} differ")
        results[backend] = "; ".join(problems) or "exact"
    return [None, results, folded]


def read_table():
    rows = []
    for line in (HERE.parent / "conformance.tsv").read_text().splitlines():
        if line and not line.startswith("#"):
            rows.append(dict(zip(("operator", "backend", "status", "models", "reason"), line.split("\t"))))
    return rows


def main():
    global ROWS
    root, rows = corpus.models(SHARED)
    ROWS = {row["path"]: row for row in rows}
    if sys.argv[-1] == "--child":
        host.serve(answer)
        return 0
    paths = [row["path"] for row in rows if is_single(row)]
    table = read_table()
    counts, refusals = collections.Counter(), collections.Counter()
    problems, needed = [], set()
    answers = dict(host.run_children(__file__, sys.argv[1:3] + ["--child"], paths, os.cpu_count() or 1))
    for path in paths:
        result = answers[path]
        died = (None, dict.fromkeys(BACKENDS, "the process died"), [])
        refused, backends, folded = result if isinstance(result, list) else died
        # What the table says of an operator says nothing of a fold that replaced it.
        names = [name for name in operators(ROWS[path]) if name not in folded]
        statuses = set()
        for backend in BACKENDS:
            outcome = refused or backends[backend]
            found = [i for i, row in enumerate(table) if row["backend"] in ("*", backend) and
                     fnmatch.fnmatchcase(path, row["models"]) and
                     any(fnmatch.fnmatchcase(name, row["operator"]) for name in names)]
            if outcome == "exact":
                statuses.add("exact")
                problems += [f"{path} passes on {backend}, but is in the table: {table[i]['reason']}" for i in found]
            elif found:
                needed.update(found)
                status = table[found[0]]["status"]
                statuses.add(status)
                if status == "unsupported" and not refused:
                    problems.append(f"{path} on {backend}: is not refused, but wrong: {outcome}")
            else:
                statuses.add("wrong")
                problems.append(f"{path} on {backend}: {outcome}")
        kind = "wrong" if "wrong" in statuses else sorted(statuses)[0] if len(statuses) == 1 else "expected-failure"
        counts[kind] += 1
        if refused:
            refusals[refused] += 1
    for i, row in enumerate(table):
        if i not in needed and row["models"] != "*":
            problems.append(f"no model needs the row {row['operator']} {row['models']}")
    for problem in problems:
        print(problem)
    print(f"{len(paths)} models: {counts['exact']} run exactly, {counts['unsupported']} refused with a reason, "
          f"{counts['expected-failure']} expected failures, {counts['wrong']} wrong")
    for reason, count in refusals.most_common():
        print(f"  {count} x {reason}")
    if counts["unsupported"] > MOST_REFUSED * len(paths):
        problems.append("too many")
        print(f"more than {100 * MOST_REFUSED:.0f} % are refused")
    return 1 if problems or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
