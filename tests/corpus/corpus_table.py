#!/usr/bin/env python3
"""docs/corpus.md: what becomes of every model of the corpus, malformed ones included.

    corpus_table.py LIBRARY SHARED_DIR [SUBSTRING] [> docs/corpus.md]

Each model is planned through the C API and run once in LiteRT with its reference kernels and the plug-in; the outputs
are compared with those of the reference kernels alone (the .ref.npz file beside the model, else this host). A child
process does it, so that one that crashes or hangs is a row of the table and not the end of it. Progress goes to stderr.
"""
# SPDX-License-Identifier: Apache-2.0
import collections
import pathlib
import sys
import time

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "corpus", "host"):
    sys.path.insert(0, str(HERE.parent / folder))
import corpus
import exactness_test
import host_runtime as host
import npu_capi
from corpus_markdown import (CRASH, DIFFERS, EXACT, FAILED, HOST_CRASH, LARQ, LARQ_OPTIMIZED, LARQ_ZERO_PADDING, NOT_RUN,
                             OWN_REFERENCE, OWN_REFERENCE_CRASH, OWN_REFERENCE_REFUSED, OWN_SEGMENTS, REFUSED, UNSTABLE,
                             WRONG_ORACLE, markdown)

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
ROOT = pathlib.Path(SHARED) / "models"
WORKERS = 2
SECONDS = 120  # one model may take


def plan_row(plan):
    """What the table says of a plan."""
    macs = collections.Counter()
    counts = collections.Counter()
    for op in plan["ops"]:
        macs[op["placement"]] += op["macs"]
        counts[op["placement"]] += 1
    # Without multiply-accumulates the shares are of operators.
    weights = macs if plan["summary"]["macs"] > 0 else counts
    total = sum(weights.values())
    shares = {name: weights[name] / total if total else 0.0 for name in ("npu", "delegate-cpu", "host")}
    left = [op for op in plan["ops"] if op["placement"] == "host"]
    left.sort(key=lambda op: -op["macs"])
    reasons = [f'{op["op"]} {op["reasons"][0]["code"]}: {op["reasons"][0]["text"]} is {op["reasons"][0]["actual"]}'
               for op in left[:1] if op["reasons"]]
    return {"kind": plan["model"]["kind"], "ops": len(plan["ops"]), "shares": shares,
            "npu_mac_share": plan["summary"]["npu_mac_share"],
            "host_ops": counts["host"], "partitions": len(plan["partitions"]), "reason": " ".join(reasons)}


def difference(found, expected):
    """Largest difference of any element: 0 means equal in every byte; None: not comparable."""
    largest = 0.0
    for a, b in zip(found, expected):
        if a.shape != b.shape or a.dtype != b.dtype:
            return None
        if a.tobytes() == b.tobytes():
            continue
        if not np.issubdtype(a.dtype, np.number):
            return None
        d = np.abs(a.astype(np.float64) - b.astype(np.float64))
        largest = max(largest, float(np.nanmax(d)) if not np.isnan(d).all() else 0.0)
    return largest


def golden_of(path, oracle):
    """Inputs and outputs of the .ref.npz file, or None twice."""
    golden_path = path.with_name(path.name[:-len(".tflite")] + ".ref.npz")
    if not golden_path.exists():
        return None, None
    golden = np.load(golden_path)
    if f"{oracle}_0" not in golden.files:
        return None, None
    return tuple([golden[f"{prefix}_{i}"] for i in range(sum(name.startswith(prefix + "_") for name in golden.files))]
                 for prefix in ("in", oracle))


def one_line(error):
    return " ".join(str(error).split())[:120]


def run_alone(path):
    """Inputs and outputs of this host without any delegate; None for the outputs if no two runs agree."""
    outputs = []
    for _ in range(2):
        interpreter = host.reference_interpreter(path)
        interpreter.allocate_tensors()
        inputs = list(host.random_inputs(interpreter))
        outputs.append(host.run(interpreter, inputs))
    return inputs, outputs[0] if difference(*outputs) == 0 else None


def run_in_host(model, path, result, progress):
    """(outcome, largest difference or why) of one run with the plug-in against the reference kernels alone."""
    row = ROWS.get(str(path.relative_to(ROOT)))
    oracle, apart = exactness_test.oracle(row) if row else ("ref", 0)
    inputs, expected = golden_of(path, oracle)
    equal = EXACT
    if expected is None:
        if row and row["litert_2.3.0"].startswith("FAIL: CRASH"):
            # At times it crashes, at times it reads what lies about: nothing to compare with.
            return run_without_host(model, result, OWN_REFERENCE_CRASH, (HOST_CRASH, ""))
        try:
            inputs, expected = run_alone(path)
        except TypeError as error:
            return NOT_RUN, one_line(error)
        except (ValueError, RuntimeError) as error:
            refused = (REFUSED, one_line(error))
            return refused if model is None else run_without_host(model, result, OWN_REFERENCE_REFUSED, refused)
        if not host.has_reference_kernels(path) and result.get("host_ops") == 0:
            # Only the host's optimized kernels know the operators' versions, and those round otherwise.
            equal = OWN_REFERENCE
            expected = model.session(device="reference").run(inputs)
        if expected is None:
            return UNSTABLE, ""
    progress("host")
    interpreter = host.reference_interpreter(path, [host.tfl.load_delegate(LIBRARY, {})])
    for detail, array in zip(interpreter.get_input_details(), inputs):
        if tuple(detail["shape"]) != array.shape:
            interpreter.resize_tensor_input(detail["index"], list(array.shape))
    interpreter.allocate_tensors()
    d = difference(host.run(interpreter, inputs), expected)
    if d is None:
        return DIFFERS, "shapes or types"
    if 0 < d <= apart:
        return WRONG_ORACLE, d
    return (equal if d == 0 else DIFFERS), d


def run_larq(model, path):
    """Larq's operators are in no stock host: our session against the outputs of Larq's own interpreter."""
    golden_path = ROOT / "larq" / "ref" / (path.name[:-len(".tflite")] + ".npz")
    if not golden_path.exists():
        return run_session(model, OWN_REFERENCE_REFUSED)
    golden = np.load(golden_path)
    found, expected = model.session().run([golden["in0"]]), [golden["out0"]]
    d = difference(found, expected)
    if d is None:
        return DIFFERS, "shapes or types"
    if 0 < d <= 1e-4 and expected[0].dtype == np.float32:
        return LARQ_ZERO_PADDING, d
    eight_bit = any(op["placement"] == "npu" for op in model.plan()["ops"])
    if 0 < d <= 1 and eight_bit and difference(found, model.session(device="reference").run([golden["in0"]])) == 0:
        return LARQ_OPTIMIZED, d
    return (EXACT if d == 0 else DIFFERS), d


def run_session(model, outcome):
    """A model that is all ours but that no host runs: the device against our own reference."""
    device, reference = model.session(), model.session(device="reference")
    generator = np.random.default_rng(12345)
    inputs = [generator.integers(0, 256, info.bytes, np.uint8) for info in device.inputs]
    d = difference(device.run(inputs), reference.run(inputs))
    return (outcome if d == 0 else DIFFERS), d


def run_without_host(model, result, when_ours, otherwise):
    """What can be said of a model that no host runs: all of it, or our segments, or nothing (`otherwise`)."""
    if result["ops"] > 0 and result["host_ops"] == 0:
        return run_session(model, when_ours)
    if result["partitions"] == 0:
        return otherwise
    d = model.verify()["max_difference"]
    return (OWN_SEGMENTS, otherwise[1]) if d == 0 else (DIFFERS, d)


def answer(request, progress):
    kind, name = request.split(" ", 1)
    path = ROOT / name
    if kind == "plain":  # does the host alone survive it?
        run_alone(path)
        return {}
    if kind == "session":
        model = npu_capi.Library(LIBRARY).open(path)
        return run_without_host(model, plan_row(model.plan()), OWN_REFERENCE_CRASH, (HOST_CRASH, ""))
    started = time.monotonic()
    result = {"kind": "unreadable"}
    model = None
    try:
        model = npu_capi.Library(LIBRARY).open(path)
        result = plan_row(model.plan())
    except npu_capi.NpuError as error:
        result["reason"] = str(error).replace(str(path), "").lstrip(": ")[:120]
    progress("planned")
    try:
        if result["kind"] != "binary":
            outcome = run_in_host(model, path, result, progress)
        elif result["host_ops"] == 0:
            outcome = run_larq(model, path)
        else:
            outcome = run_without_host(model, result, None, (LARQ, ""))
        result["outcome"], result["difference"] = outcome
    except (ValueError, RuntimeError, npu_capi.NpuError) as error:
        result["outcome"], result["difference"] = FAILED, one_line(error)
    result["seconds"] = time.monotonic() - started
    return result


def run_all(paths):
    results, died = {}, []
    for item, result in host.run_children(__file__, sys.argv[1:3] + ["--child"], [f"all {p}" for p in paths], WORKERS,
                                          SECONDS):
        name = item.split(" ", 1)[1]
        if result is None or isinstance(result, str):
            died.append((name, result))
            continue
        results[name] = result
        if len(results) % 100 == 0:
            print(f"{len(results)} of {len(paths)}", file=sys.stderr, flush=True)
    for name, stage in died:
        results[name] = {"kind": "unreadable", "outcome": CRASH, "difference": f"after: {stage}"}
        try:
            results[name].update(plan_row(npu_capi.Library(LIBRARY).open(ROOT / name).plan()))
        except npu_capi.NpuError as error:
            results[name]["reason"] = one_line(error)

    def again(kind, names):
        requests = [f"{kind} {name}" for name in names]
        return {request.split(" ", 1)[1]: result for request, result in
                host.run_children(__file__, sys.argv[1:3] + ["--child"], requests, WORKERS, SECONDS)}

    # A host that dies of a model without any delegate dies of it with ours, too.
    host_dies = [name for name, result in again("plain", [name for name, stage in died if stage]).items() if result is None]
    for name in host_dies:
        results[name].update(outcome=HOST_CRASH, difference="")
    for name, result in again("session", [name for name in host_dies if results[name].get("partitions")]).items():
        outcome, d = result or (CRASH, "without the host")
        results[name].update(outcome=outcome, difference=d)
    return results


def main():
    if sys.argv[-1] == "--child":
        global ROWS
        ROWS = {row["path"]: row for row in corpus.models(SHARED)[1]}
        host.serve(answer)
        return 0
    root, _ = corpus.models(SHARED)
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    paths = sorted(str(p.relative_to(root)) for p in root.rglob("*.tflite") if wanted in str(p.relative_to(root)))
    started = time.monotonic()
    results = run_all(paths)
    print(markdown(results), end="")
    slowest = sorted(results.items(), key=lambda item: -item[1].get("seconds", 0))[:5]
    print(f"{len(results)} models in {time.monotonic() - started:.0f} s; slowest: " +
          ", ".join(f'{name} {r.get("seconds", 0):.1f} s' for name, r in slowest), file=sys.stderr)
    bad = {name: r for name, r in results.items() if r["outcome"] in (CRASH, FAILED, DIFFERS)}
    for name, r in bad.items():
        print(f'{name}: {r["outcome"]} {r["difference"]}', file=sys.stderr)
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
