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

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
ROOT = pathlib.Path(SHARED) / "models"
WORKERS = 2
SECONDS = 120  # one model may take
# What a fully quantized model should have on the NPU, in one partition.
WANTED_SHARE = 0.99
FULL_8BIT = ("int8", "int8-float-io", "int8-mixed-io", "uint8")
EXACT, DIFFERS = "exact", "differs"
WRONG_ORACLE = "within 1 of the host's optimized kernel"  # the reference kernel of INT8 SUM is wrong
REFUSED = "refused by the host"
# Equal to our own CPU reference, where no host has reference kernels for the model.
OWN_REFERENCE = "exact to our CPU reference (no reference kernel in the host)"
OWN_REFERENCE_REFUSED = "exact to our CPU reference (the host refuses the model)"
OWN_REFERENCE_CRASH = "exact to our CPU reference (the host alone crashes)"
HOST_CRASH = "the host alone crashes"
ALL_EXACT = (EXACT, OWN_REFERENCE, OWN_REFERENCE_REFUSED, OWN_REFERENCE_CRASH)


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


def random_inputs(interpreter):
    generator = np.random.default_rng(12345)
    for detail in interpreter.get_input_details():
        shape, dtype = detail["shape"], detail["dtype"]
        if dtype == np.bool_:
            yield generator.integers(0, 2, shape).astype(bool)
        elif np.issubdtype(dtype, np.integer):
            # Indices and the like are small; 8-bit data is anything.
            low, high = (0, 2) if np.dtype(dtype).itemsize > 2 else (np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
            yield generator.integers(low, high, shape).astype(dtype)
        elif np.issubdtype(dtype, np.floating):
            yield generator.uniform(-1, 1, shape).astype(dtype)
        else:
            raise TypeError(f"no random input of type {np.dtype(dtype).name}")


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
        inputs = list(random_inputs(interpreter))
        outputs.append(host.run(interpreter, inputs))
    return inputs, outputs[0] if difference(*outputs) == 0 else None


def run_in_host(model, path, all_ours, progress):
    """(outcome, largest difference or why) of one run with the plug-in against the reference kernels alone."""
    row = ROWS.get(str(path.relative_to(ROOT)))
    oracle, apart = exactness_test.oracle(row) if row else ("ref", 0)
    inputs, expected = golden_of(path, oracle)
    equal = EXACT
    if expected is None:
        try:
            inputs, expected = run_alone(path)
        except TypeError as error:
            return "not run", one_line(error)
        except (ValueError, RuntimeError) as error:
            return run_session(model, OWN_REFERENCE_REFUSED) if all_ours else (REFUSED, one_line(error))
        if not host.has_reference_kernels(path) and all_ours:
            # Only the host's optimized kernels know the operators' versions, and those round otherwise.
            equal = OWN_REFERENCE
            expected = model.session(device="reference").run(inputs)
        if expected is None:
            return "the host alone gives other outputs every time", ""
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
    try:
        session = model.session()
    except npu_capi.NpuError as error:
        return "needs Larq's host", str(error)[:100]
    if not golden_path.exists():
        return "ran", "no golden"
    golden = np.load(golden_path)
    d = difference(session.run([golden["in0"]]), [golden["out0"]])
    return (EXACT if d == 0 else DIFFERS), "shapes or types" if d is None else d


def run_session(model, outcome):
    """A model that is all ours but that the host does not run: the device against our own reference."""
    device, reference = model.session(), model.session(device="reference")
    generator = np.random.default_rng(12345)
    inputs = [generator.integers(0, 256, info.bytes, np.uint8) for info in device.inputs]
    d = difference(device.run(inputs), reference.run(inputs))
    return (outcome if d == 0 else DIFFERS), d


def answer(request, progress):
    kind, name = request.split(" ", 1)
    path = ROOT / name
    if kind == "plain":  # does the host alone survive it?
        run_alone(path)
        return {}
    if kind == "session":
        return run_session(npu_capi.Library(LIBRARY).open(path), OWN_REFERENCE_CRASH)
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
        if name.startswith("larq/") and result["kind"] == "binary":
            outcome = run_larq(model, path)
        else:
            all_ours = model is not None and result["ops"] > 0 and result["host_ops"] == 0
            outcome = run_in_host(model, path, all_ours, progress)
        result["outcome"], result["difference"] = outcome
    except (ValueError, RuntimeError, npu_capi.NpuError) as error:
        result["outcome"], result["difference"] = "FAILED", one_line(error)
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
        results[name] = {"kind": "unreadable", "outcome": "CRASH", "difference": f"after: {stage}"}
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
    ours = [name for name in host_dies if results[name].get("ops") and results[name]["host_ops"] == 0]
    for name, result in again("session", ours).items():
        results[name].update(outcome=result[0], difference=result[1])
    return results


def percent(share):
    return "-" if share == 0 else "100" if share == 1 else f"{100 * share:.1f}"


def shown_difference(result):
    if result["outcome"] == EXACT:
        return "0"
    if result["outcome"] in (DIFFERS, WRONG_ORACLE):
        d = result["difference"]
        return d if isinstance(d, str) else f"{d:.6g}"
    return result["outcome"]


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def markdown(results):
    rows = sorted(results.items())
    real = [(name, r) for name, r in rows if not name.startswith("hostile/")]
    outcomes = collections.Counter(r["outcome"] for _, r in rows)
    lines = ["# The corpus", "",
             "Made by `tests/corpus/corpus_table.py build/release/lib/libnpu_delegate.so SHARED > docs/corpus.md`; do not edit.",
             "Every model ran once in LiteRT 2.3 with its reference kernels (`BUILTIN_REF`) and this plug-in, in a process of",
             "its own that may crash or hang; the outputs are compared with the reference kernels alone. Paths are relative to",
             "the corpus.", "",
             f"{len(rows)} models ({len(rows) - len(real)} of them malformed): "
             f"{outcomes['CRASH']} crashes or hangs. " + ", ".join(f"{count} {outcome}" for outcome, count in
                                                      outcomes.most_common() if outcome != "CRASH") + ".", "",
             f"| Kind | Models | Exact | Differ | Not run | Fully quantized: {100 * WANTED_SHARE:.0f} % of MACs on the NPU in one partition |",
             "|---|---|---|---|---|---|"]
    kinds = collections.defaultdict(list)
    for name, r in real:
        kinds[r["kind"]].append(r)
    missing = []

    def whole(r):
        return r["npu_mac_share"] >= WANTED_SHARE and r["partitions"] == 1

    for kind, members in sorted(kinds.items(), key=lambda item: -len(item[1])):
        exact = sum(r["outcome"] in ALL_EXACT for r in members)
        differ = sum(r["outcome"] in (DIFFERS, WRONG_ORACLE) for r in members)
        full = f"{sum(whole(r) for r in members)} of {len(members)}" if kind in FULL_8BIT + ("int16x8",) else ""
        lines.append(f"| {kind} | {len(members)} | {exact} | {differ} | {len(members) - exact - differ} | {full} |")
    for name, r in real:
        if r["kind"] in FULL_8BIT and not whole(r):
            missing.append((name, r))
    lines += ["", "## Fully 8-bit models of which less is on the NPU, or in more than one partition", "",
              "| Model | NPU % | Host operators | Partitions | First reason |", "|---|---|---|---|---|"]
    lines += [f'| {name} | {percent(r["shares"]["npu"])} | {r["host_ops"]} | {r["partitions"]} | {cell(r["reason"])} |' for name, r in missing]
    lines += ["", "## Models whose outputs differ, and what did not run", "", "| Model | Kind | Outcome |", "|---|---|---|"]
    lines += [f'| {name} | {r["kind"]} | {r["outcome"]}: {cell(r["difference"])} |' for name, r in real
              if r["outcome"] != EXACT]
    for title, members in (("Models", real), ("Malformed files", [(n, r) for n, r in rows if n.startswith("hostile/")])):
        lines += ["", f"## {title}", "",
                  "Shares are of MACs, or of operators in models without any. The difference is the largest of any element.", "",
                  "| Model | Kind | Operators | npu % | delegate-cpu % | host % | Host operators | Partitions | Difference |",
                  "|---|---|---|---|---|---|---|---|---|"]
        for name, r in members:
            if "shares" in r:
                shares = [percent(r["shares"][place]) for place in ("npu", "delegate-cpu", "host")]
                middle = [r["ops"], *shares, r["host_ops"], r["partitions"]]
            else:
                middle = [""] * 6
            lines.append(f'| {name} | {r["kind"]} | ' + " | ".join(map(str, middle)) + f" | {cell(shown_difference(r))} |")
    return "\n".join(lines) + "\n"


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
    bad = {name: r for name, r in results.items() if r["outcome"] in ("CRASH", "FAILED", DIFFERS)}
    for name, r in bad.items():
        print(f'{name}: {r["outcome"]} {r["difference"]}', file=sys.stderr)
    return 1 if bad or not results else 0


if __name__ == "__main__":
    sys.exit(main())
