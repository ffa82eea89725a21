#!/usr/bin/env python3
"""The plug-in in a stock host on the model corpus.

    corpus_host_test.py LIBRARY SHARED_DIR [SUBSTRING]     SUBSTRING: only paths that contain it

* Every fully quantized model (8 bits, or 16-bit activations) of supported operators: all of it delegated, one partition, outputs equal in every byte to
  LiteRT 2.3's BUILTIN_REF (the .ref.npz files; where there is none, this host's own reference kernels).
* Every model that the host loads: the plan that the plug-in reports is the plan that the C API makes of the file.
* Every malformed file (shared/models/hostile): what does not crash the host alone does not crash it with the plug-in.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import sys
import tempfile

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


def differences(found, expected):
    """Where two plans of one model differ. A host does not tell the file's size, its description, or the order of its
    inputs and outputs; inputs that nothing reads and outputs that nothing computes are invisible to it."""
    return [key for key in ("schema_version", "summary", "partitions", "segments", "boundaries", "ops", "folds") if found[key] != expected[key]]


def explain(found, expected, key):
    if key == "ops":
        for a, b in zip(found["ops"], expected["ops"]):
            if a != b:
                return f"op {a['index']}: {json.dumps(a)[:600]} / {json.dumps(b)[:600]}"
    return f"{json.dumps(found[key])[:500]} / {json.dumps(expected[key])[:500]}"


# Facts of a file that a host's structs do not hold, so that the plug-in's plan gives fewer reasons.
INVISIBLE = {
    "real/google-ai-edge+LiteRT/tflite/testdata/zero_size_constant.tflite": "has_rank of a scalar",
}
if host.NAME == "tflite-runtime":  # older than blockwise quantization
    INVISIBLE["gen/ai_edge_quantizer/cifar_cnn_dynamic_wi4b32_afp32.tflite"] = "blockwise quantization"
    INVISIBLE["gen/ai_edge_quantizer/mlperf_resnet8_dynamic_wi4b32_afp32.tflite"] = "blockwise quantization"


def without_reasons(plan):
    return {**plan, "ops": [{**op, "reasons": None} for op in plan["ops"]]}


def check_plan(path, report):
    try:
        expected = npu_capi.Library(LIBRARY).open(path).plan()
    except npu_capi.NpuError as error:
        # The reader refuses what the host accepts: then nothing of it may be delegated.
        if not os.path.exists(report):
            return []
        with open(report) as file:
            summary = json.load(file)["summary"]
        return [] if summary["npu"] == 0 else [f"the reader says {error}; the plug-in delegates {summary['npu']} operators"]
    if not os.path.exists(report):
        return ["no report"] if expected["ops"] else []
    with open(report) as file:
        found = json.load(file)
    if str(path.relative_to(ROOT)) in INVISIBLE:
        found, expected = without_reasons(found), without_reasons(expected)
    return [f"{key}: host / file: {explain(found, expected, key)}" for key in differences(found, expected)]


def load_index():
    """Rows of INDEX.tsv by path, and the models that are not ours from end to end."""
    return {row["path"]: row for row in corpus.models(SHARED)[1]}, corpus.exceptions()


def golden_inputs_and_outputs(path, interpreter, name):
    golden_path = path.with_name(path.name[:-len(".tflite")] + ".ref.npz")
    if golden_path.exists():
        golden = np.load(golden_path)
        if f"{name}_0" in golden.files:
            return ([golden[f"in_{i}"] for i in range(len(interpreter.get_input_details()))],
                    [golden[f"{name}_{i}"] for i in range(len(interpreter.get_output_details()))])
    return None, None


def run_quantized(path):
    """Outputs against the golden ones; then the plans."""
    rows, not_ours = INDEX
    index_path = str(path.relative_to(ROOT))
    oracle, apart = exactness_test.oracle(rows[index_path])
    with tempfile.TemporaryDirectory() as directory:
        report = os.path.join(directory, "plan.json")
        interpreter = host.reference_interpreter(path, [host.tfl.load_delegate(LIBRARY, {"report": report})])
        inputs, expected = golden_inputs_and_outputs(path, interpreter, oracle)
        outcome = "exact to the golden outputs" if apart == 0 else f"within {apart} of the golden outputs"
        if expected is None and apart:
            return check_plan(path, report), "no oracle"
        if expected is None:
            outcome = "exact to this host"
            delegate = host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING})
            interpreter = host.reference_interpreter(path, [delegate])
            reference = host.reference_interpreter(path)
            reference.allocate_tensors()
            inputs = list(host.random_inputs(reference))
            if host.has_reference_kernels(path):
                expected = host.run(reference, inputs)
            else:
                # Only the host's optimized kernels know the operators' versions, and those round otherwise: our own
                # session on the CPU reference is the oracle.
                outcome = "exact to our session"
                session = npu_capi.Library(LIBRARY).open(path).session(device="reference", fc_rounding=host.FC_ROUNDING)
                expected = session.run(inputs)
        problems = check_plan(path, report)
    for detail, array in zip(interpreter.get_input_details(), inputs):
        if tuple(detail["shape"]) != array.shape:
            interpreter.resize_tensor_input(detail["index"], list(array.shape))
    interpreter.allocate_tensors()
    partitions = len(host.delegate_nodes(interpreter))
    if index_path in not_ours:
        return problems, "not ours"
    if partitions != 1:
        problems.append(f"{partitions} partitions in the host")
    for i, (output, wanted) in enumerate(zip(host.run(interpreter, inputs), expected)):
        if output.shape != wanted.shape:
            problems.append(f"output {i}: shape {output.shape}, expected {wanted.shape}")
            continue
        count = int((np.abs(output.astype(np.float64) - wanted.astype(np.float64)) > apart).sum())
        if count:
            problems.append(f"output {i}: {output.shape} and {wanted.shape}, {count} of {output.size} differ")
    return problems, "differs" if problems else outcome


def run_hostile(path, with_plugin, progress):
    interpreter = host.reference_interpreter(path)
    # From here on it matters that the process lives; hosts' loaders crash on their own.
    progress("loaded")
    if with_plugin:
        delegate = host.tfl.load_delegate(LIBRARY, {"device": "reference"})
        interpreter._interpreter.ModifyGraphWithDelegate(delegate._get_native_delegate_pointer())
        interpreter._delegates = [delegate]
    interpreter.allocate_tensors()
    interpreter.invoke()
    return [], "ran"


def compare_plans(path):
    with tempfile.TemporaryDirectory() as directory:
        # Plans do not depend on the device: the CPU reference compiles fastest.
        report = os.path.join(directory, "plan.json")
        delegate = host.tfl.load_delegate(LIBRARY, {"report": report, "device": "reference"})
        # The reference resolver lacks operators that these models have.
        host.interpreter_without_xnnpack(path, [delegate])
        return check_plan(path, report), "same plan"


def answer(request, progress):
    kind, path = request.split(" ", 1)
    path = ROOT / path
    try:
        if kind == "quantized":
            return run_quantized(path)
        if kind == "plan":
            return compare_plans(path)
        return run_hostile(path, kind == "hostile", progress)
    except (ValueError, RuntimeError) as error:
        return [f"{type(error).__name__}: {error}"], "refused by the host"


class Summary:
    def __init__(self):
        self.failed = 0

    def run(self, title, kind, paths, is_problem):
        counts = {}
        answers = {}
        for item, result in host.run_children(__file__, sys.argv[1:3] + ["--child"], [f"{kind} {p}" for p in paths],
                                              os.cpu_count() or 1):
            path = item.split(" ", 1)[1]
            if result is None or isinstance(result, str):
                result = ["the process died"], "crashed" if result is None else "crashed after loading"
            problems, outcome = result
            answers[path] = outcome
            counts[outcome] = counts.get(outcome, 0) + 1
            if problems and is_problem(path, outcome):
                self.failed += 1
                print(f"{path} ({outcome})\n    " + "\n    ".join(problems[:5]), flush=True)
        print(f"{title}: {len(paths)} files, {counts}", flush=True)
        return answers


def main():
    if sys.argv[-1] == "--child":
        global INDEX
        INDEX = load_index()
        host.serve(answer)
        return 0
    root, rows = corpus.models(SHARED)
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    rows = [row for row in rows if wanted in row["path"]]
    column = "litert_2.3.0" if host.NAME == "ai-edge-litert" else "tflite_runtime_2.14.0"
    loadable = [row for row in rows if row[column] == "ok"]
    quantized = {row["path"] for row in corpus.full_integer(loadable)}
    summary = Summary()
    print(f"host: {host.NAME}")
    summary.run("quantized models", "quantized", sorted(quantized), lambda path, outcome: True)
    summary.run("other models", "plan", [row["path"] for row in loadable if row["path"] not in quantized],
                lambda path, outcome: True)
    hostile = sorted(str(p.relative_to(root)) for p in (root / "hostile").rglob("*.tflite") if wanted in str(p))
    alone = summary.run("malformed files, host alone", "plain", hostile, lambda path, outcome: False)
    summary.run("malformed files, with the plug-in", "hostile", hostile,
                lambda path, outcome: outcome == "crashed after loading" and not alone[path].startswith("crashed"))
    print(f"{summary.failed} problems")
    return 1 if summary.failed else 0


if __name__ == "__main__":
    sys.exit(main())
