#!/usr/bin/env python3
"""delegate-check beside Arm's ML Inference Advisor on the same models: how long each takes, how much it explains.

    python3 bench/mlia.py [--rounds 3] [--mlia build/venv/mlia/bin/mlia] [--tool build/release/bin/delegate-check]
                          [--write docs/comparison.md]

Both run as a user calls them, one process per model, by turns. The time is the processor's (user and system), which other
work on the machine hardly changes; the median. The models are those of the shared corpus beside the repository. The environment: tools/common.sh, host_env mlia. Standard library only.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CORPUS = ROOT.parent / "shared/models"
TARGET = "ethos-u55-256"
SCRATCH = tempfile.TemporaryDirectory()  # MLIA writes logs where it is called
MODELS = """
gen/digits/digits_cnn_f32
gen/digits/digits_cnn_f16
gen/digits/digits_cnn_dyn
gen/digits/digits_cnn_i16x8
gen/digits/digits_mbv3ish_int8_fio
gen/seed0_tf40055/conv_maxpool_bn_trained1_float_conv
gen/seed2_cifar_cnn/cifar_cnn_int8_u8
gen/seed2_cifar_cnn/cifar_cnn_mixed_float_conv_all
gen/seed3_tf1_qat/cifar_cnn_qat_uint8_default_ranges
gen/seed4_vggface/vggface_top_a0.25_112_int8_u8
gen/keras_apps/efficientnet_b0_224_int8_i8
gen/nets/gru_unrolled_int8_fio
larq/mixed_bnn_int8
larq/QuickNetSmall_int8
real/esphome+micro-wake-word-models/models/v2/okay_nabu
real/google-coral+test_data/tf2_mobilenet_v2_1.0_224_ptq
real/google-coral+test_data/deeplabv3_mnv2_dm05_pascal_quant
real/mlcommons+tiny/image_classification/pretrainedResnet_quant
real/openmv+openmv/lib/models/face_landmarks_192
real/tensorflow+tflite-micro/models/person_detect
""".split()


def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=SCRATCH.name)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


def document(done):
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        return None


def of_mlia(done):
    """Numbers of one JSON report; None where there is none."""
    report = document(done)
    if report is None:
        return None
    result = report["results"][0]
    refused = [check for check in result["checks"] if check["status"] != "pass"]
    reasons = [check.get("details", {}).get("reasons", []) for check in refused]
    return {"ops": len(result["checks"]), "refused": len(refused), "explained": sum(1 for r in reasons if r),
            "reasons": sum(map(len, reasons)), "actual": sum(1 for r in reasons for reason in r if reason.get("detail")),
            # The rule is a sentence; there is no field for what is allowed.
            "allowed": sum(1 for r in reasons for reason in r if reason.get("allowed") or reason.get("expected")),
            "advice": len(result.get("advice") or []),
            "advised": len({entity for advice in result.get("advice") or [] for entity in advice.get("affected_entity_ids", [])}
                           & {check["entity_id"] for check in refused})}


def of_ours(done):
    report = document(done)
    if report is None or "error" in report:
        return None
    # What runs on delegate-cpu is not on the NPU either, and has its reasons.
    refused = [op for op in report["ops"] if op["placement"] != "npu"]
    return {"ops": len(report["ops"]), "refused": len(refused), "explained": sum(1 for op in refused if op["reasons"]),
            "reasons": sum(len(op["reasons"]) for op in refused),
            "actual": sum(1 for op in refused for reason in op["reasons"] if reason["actual"]),
            "allowed": sum(1 for op in refused for reason in op["reasons"] if reason["allowed"]),
            "advice": len(report["advice"]),
            "advised": sum(1 for op in refused if any(reason.get("advice") for reason in op["reasons"]))}


def cell(numbers):
    if numbers is None:
        return ["no report"] + [""] * 5
    refused = numbers["refused"]
    per = f"{numbers['reasons'] / refused:.1f}" if refused else "-"
    return [f"{numbers['ops'] - refused} / {numbers['ops']}", f"{numbers['explained']} / {refused}" if refused else "-", per,
            str(numbers["allowed"]) if refused else "-", str(numbers["advice"]), f"{numbers['advised']} / {refused}" if refused else "-"]


def total(rows, key):
    return sum(row[key] for row in rows if row is not None)


def measure(arguments):
    rows = []
    for name in MODELS:
        model = str(CORPUS / f"{name}.tflite")
        commands = {"mlia": [arguments.mlia, "check", model, "-t", TARGET, "--compatibility", "--json"],
                    "ours": [arguments.tool, model, "--format", "json"]}
        times, last = {"mlia": [], "ours": []}, {}
        for _ in range(arguments.rounds):
            for tool, command in commands.items():
                seconds, last[tool] = timed(command)
                times[tool].append(seconds)
        rows.append({"name": name, "size": pathlib.Path(model).stat().st_size,
                     **{f"{tool}_s": statistics.median(times[tool]) for tool in times},
                     **{f"{tool}_rc": last[tool].returncode for tool in last},
                     "mlia": of_mlia(last["mlia"]), "ours": of_ours(last["ours"]),
                     "error": (document(last["ours"]) or {}).get("error", {}).get("text", "").split(".tflite: ", 1)[-1]})
    return rows


def gates(arguments):
    """What each ends with when a CI job asks for a whole model on the NPU, and for a file that is not there."""
    model, missing = str(CORPUS / "gen/digits/digits_cnn_f32.tflite"), "missing.tflite"
    return {"mlia_partial": timed([arguments.mlia, "check", model, "-t", TARGET, "--compatibility"])[1].returncode,
            "ours_partial": timed([arguments.tool, model, "--require-full-npu"])[1].returncode,
            "mlia_missing": timed([arguments.mlia, "check", missing, "-t", TARGET, "--compatibility"])[1],
            "ours_missing": timed([arguments.tool, missing])[1]}


def markdown(rows, ends, versions, rounds):
    mlia, ours = [row["mlia"] for row in rows], [row["ours"] for row in rows]
    lines = ["# delegate-check beside Arm MLIA", "",
             f"Made by `python3 bench/mlia.py --write docs/comparison.md` on {len(rows)} models of the test corpus. MLIA is Arm's ML",
             f"Inference Advisor from PyPI ({versions}): `mlia check --compatibility --json` for",
             f"{TARGET}. Ours is `delegate-check --format json`. The two ask about different devices, so that what they refuse differs;",
             "what is compared is how much they say of it. MLIA counts the operators of every subgraph, we those of the first.", "",
             "| | MLIA | delegate-check |", "|---|---|---|",
             f"| processor time for one model, median (slowest) of {len(rows)} | {statistics.median(r['mlia_s'] for r in rows):.2f} s ({max(r['mlia_s'] for r in rows):.2f} s) | {statistics.median(r['ours_s'] for r in rows):.3f} s ({max(r['ours_s'] for r in rows):.3f} s) |",
             f"| models without a report | {sum(m is None for m in mlia)} | {sum(m is None for m in ours)} |",
             f"| operators refused | {total(mlia, 'refused')} of {total(mlia, 'ops')} | {total(ours, 'refused')} of {total(ours, 'ops')} |",
             f"| refused operators with a reason | {total(mlia, 'explained')} | {total(ours, 'explained')} |",
             f"| reasons | {total(mlia, 'reasons')} | {total(ours, 'reasons')} |",
             f"| reasons that say what was found | {total(mlia, 'actual')} | {total(ours, 'actual')} |",
             f"| reasons with a field for what is allowed | {total(mlia, 'allowed')} (the rule is a sentence) | {total(ours, 'allowed')} |",
             f"| refused operators that an advice points at | {total(mlia, 'advised')} | {total(ours, 'advised')} |",
             f"| exit code when not all is on the NPU | {ends['mlia_partial']} (no gate) | {ends['ours_partial']} with `--require-full-npu` |",
             f"| a missing file | exit code {ends['mlia_missing'].returncode}, {len((ends['mlia_missing'].stdout + ends['mlia_missing'].stderr).splitlines())} lines | exit code {ends['ours_missing'].returncode}, {len((ends['ours_missing'].stdout + ends['ours_missing'].stderr).splitlines())} line |",
             "", "Per model, MLIA first: operators on the NPU, refused ones with a reason, reasons for each of them, reasons with what is",
             "allowed, pieces of advice, refused operators that an advice points at. Seconds of processor time, median of "
             f"{rounds} {'run' if rounds == 1 else 'runs'}; what",
             "is on delegate-cpu counts as refused.", "",
             "| model | s | on NPU | explained | reasons | allowed | advice | advised | exit | s | on NPU | explained | reasons | allowed | advice | advised | exit |",
             "|---|" + "---|" * 16]
    for row in rows:
        lines.append("| " + " | ".join([row["name"].split("/", 1)[1], f"{row['mlia_s']:.2f}", *cell(row["mlia"]), str(row["mlia_rc"]),
                                        f"{row['ours_s']:.3f}", *cell(row["ours"]), str(row["ours_rc"])]) + " |")
    for row in rows:
        if row["error"]:
            lines += ["", f"No report of {row['name'].split('/', 1)[1]}: {row['error']}"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mlia", default=str(ROOT / "build/venv/mlia/bin/mlia"))
    parser.add_argument("--tool", default=str(ROOT / "build/release/bin/delegate-check"))
    parser.add_argument("--write", help="the file for the page; without it, stdout")
    arguments = parser.parse_args()
    arguments.mlia, arguments.tool = (str(pathlib.Path(path).absolute()) for path in (arguments.mlia, arguments.tool))
    if not CORPUS.is_dir():
        parser.error(f"no model corpus at {CORPUS}")
    packages = subprocess.run([str(pathlib.Path(arguments.mlia).parent / "pip"), "list", "--format", "json"], capture_output=True, text=True)
    found = {p["name"].lower(): p["version"] for p in json.loads(packages.stdout)}
    versions = ", ".join(f"{name} {found[key]}" for name, key in (("MLIA", "mlia"), ("mlia-ethos-u", "mlia-ethos-u"), ("Vela", "ethos-u-vela")) if key in found)
    page = markdown(measure(arguments), gates(arguments), versions, arguments.rounds)
    if arguments.write:
        pathlib.Path(arguments.write).write_text(page)
    else:
        print(page, end="")


if __name__ == "__main__":
    main()
