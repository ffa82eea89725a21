"""docs/corpus.md from what corpus_table.py found: a dict per model with kind, outcome, difference and, where there is a
plan, ops, shares (of MACs by placement; of operators where there are no MACs), npu_mac_share, host_ops, partitions and
reason (of the operator left to the host that has the most MACs)."""
# SPDX-License-Identifier: Apache-2.0
import collections

EXACT, DIFFERS = "exact", "differs"
WRONG_ORACLE = "within 1 of the host's optimized kernel"  # the reference kernel of INT8 SUM is wrong
# Larq's interpreter runs 8-bit operators by TFLite's optimized kernels, and corrects zero padding after rounding; how
# exact those models are is told by tests/host/larq_test.py.
LARQ_OPTIMIZED = "within 1 of Larq's interpreter (its 8-bit operators are the host's optimized kernels)"
LARQ_ZERO_PADDING = "within 1e-4 of Larq's interpreter (zero padding)"
NEAR = (WRONG_ORACLE, LARQ_OPTIMIZED, LARQ_ZERO_PADDING)
# Equal to our own CPU reference, where the host cannot tell.
OWN_REFERENCE = "exact to our CPU reference (no reference kernel in the host)"
OWN_REFERENCE_REFUSED = "exact to our CPU reference (the host refuses the model)"
OWN_REFERENCE_CRASH = "exact to our CPU reference (the host alone crashes)"
# The host cannot run the model and some of it is the host's: each of our segments was run on its own.
OWN_SEGMENTS = "no host ran it; each of our segments exact to our CPU reference"
ALL_EXACT = (EXACT, OWN_REFERENCE, OWN_REFERENCE_REFUSED, OWN_REFERENCE_CRASH)
REFUSED = "refused by the host"
HOST_CRASH = "the host alone crashes"
UNSTABLE = "the host alone gives other outputs every time"
LARQ = "needs Larq's host"
NOT_RUN = "not run"
CRASH, FAILED = "CRASH", "FAILED"

FULLY_QUANTIZED = ("int8", "int8-float-io", "int8-mixed-io", "uint8", "int16x8")
WANTED_SHARE = 0.99  # of the MACs of a fully quantized model on the NPU, in one partition


def percent(share):
    return "-" if share == 0 else "100" if share == 1 else f"{100 * share:.1f}"


def cell(text):
    return str(text).replace("|", "\\|").replace("\n", " ")


def shown_difference(result):
    if result["outcome"] == EXACT:
        return "0"
    if result["outcome"] in (DIFFERS, *NEAR):
        d = result["difference"]
        return d if isinstance(d, str) else f"{d:.6g}"
    return cell(result["outcome"])


def is_whole(result):
    return result["npu_mac_share"] >= WANTED_SHARE and result["partitions"] == 1


def table(columns, rows):
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


def kind_rows(results):
    kinds = collections.defaultdict(list)
    for r in results:
        kinds[r["kind"]].append(r)
    for kind, members in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        exact = sum(r["outcome"] in ALL_EXACT for r in members)
        near = sum(r["outcome"] in NEAR for r in members)
        wrong = sum(r["outcome"] in (DIFFERS, CRASH, FAILED) for r in members)
        whole = f"{sum(map(is_whole, members))} of {len(members)}" if kind in FULLY_QUANTIZED else ""
        yield kind, len(members), exact, near, wrong, len(members) - exact - near - wrong, whole


def model_rows(results):
    for name, r in results:
        middle = [""] * 6
        if "shares" in r:
            shares = [percent(r["shares"][place]) for place in ("npu", "delegate-cpu", "host")]
            middle = [r["ops"], *shares, r["host_ops"], r["partitions"]]
        yield name, r["kind"], *middle, shown_difference(r)


def markdown(results):
    rows = sorted(results.items())
    malformed = [(name, r) for name, r in rows if name.startswith("hostile/")]
    models = [(name, r) for name, r in rows if not name.startswith("hostile/")]
    quantized = [(name, r) for name, r in models if r["kind"] in FULLY_QUANTIZED and "shares" in r]
    cut = [(name, r) for name, r in quantized if not is_whole(r)]
    outcomes = collections.Counter(r["outcome"] for _, r in rows)
    bad = sum(outcomes[outcome] for outcome in (CRASH, FAILED))
    lines = ["# The corpus", "",
             "Made by `tests/corpus/corpus_table.py LIBRARY SHARED > docs/corpus.md` with the Python of the `litert` host",
             "environment; do not edit. Every model was planned and then ran once in LiteRT 2.3 with its reference kernels",
             "(`BUILTIN_REF`) and this plug-in, in a process of its own that may crash or hang; the outputs are compared with",
             "those of the reference kernels alone. Paths are relative to the corpus.", "",
             f"{len(models)} models and {len(malformed)} malformed files: {bad} crashes, hangs or failures, "
             f"{outcomes[DIFFERS]} different outputs. {len(quantized) - len(cut)} of {len(quantized)} fully quantized "
             f"models have at least {100 * WANTED_SHARE:.0f} % of their MACs on the NPU in one partition.", "",
             *table(("Outcome", "Files"), ((cell(outcome), count) for outcome, count in outcomes.most_common())),
             *table(("Kind", "Models", "Exact", "Within 1", "Different", "Not compared",
                     f"{100 * WANTED_SHARE:.0f} % of MACs on the NPU in one partition"), kind_rows(r for _, r in models)),
             "## Fully quantized models of which less is on the NPU, or in more than one partition", "",
             *table(("Model", "npu %", "Host operators", "Partitions", "First reason"),
                    ((name, percent(r["shares"]["npu"]), r["host_ops"], r["partitions"], cell(r["reason"])) for name, r in cut)),
             "## Models that are not equal to the host's reference kernels, or not compared", "",
             *table(("Model", "Kind", "Outcome"),
                    ((name, r["kind"], cell(f'{r["outcome"]}: {r["difference"]}' if r["difference"] else r["outcome"]))
                     for name, r in models if r["outcome"] != EXACT))]
    for title, members in (("Models", models), ("Malformed files", malformed)):
        lines += [f"## {title}", "",
                  "Shares are of MACs, or of operators in models without any. The difference is the largest of any element.", "",
                  *table(("Model", "Kind", "Operators", "npu %", "delegate-cpu %", "host %", "Host operators", "Partitions",
                          "Difference"), model_rows(members))]
    return "\n".join(lines)
