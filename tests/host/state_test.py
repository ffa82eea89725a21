#!/usr/bin/env python3
"""Networks with state in a stock host, invocation after invocation: with the plug-in, and in our session, every byte is
the host's own.

    state_test.py LIBRARY SHARED_DIR [SUBSTRING]     SUBSTRING: only paths that contain it

Every model of the corpus that holds recurrent operators or resource variables:
* with the plug-in: INVOCATIONS different inputs, the host's reset_all_variables, and as many again;
* in a session, where it can be run whole: the same, then npu_session_reset against a new interpreter;
* two sessions of one model share no state.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "corpus", "host"):
    sys.path.insert(0, str(HERE.parent / folder))
import corpus
import host_runtime as host
import npu_capi

LIBRARY, SHARED = sys.argv[1], sys.argv[2]
ROOT = pathlib.Path(SHARED) / "models"
STATEFUL = ("SVDF", "LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "READ_VARIABLE")
INVOCATIONS = 6
# Fully 8-bit: the plug-in takes all but resource variables, in one partition.
WHOLE = ("gen/nets/lstm_k2_int8_i8", "gen/nets/lstm_k2_int8_fio", "keras_lstm_mnist_ptq", "trained_lstm_int8",
         "micro_speech_lstm")
# Run in a session from end to end: those, and the streaming networks with resource variables.
IN_SESSION = WHOLE + ("micro-wake-word-models",)


def inputs(interpreter, seed):
    generator = np.random.default_rng(seed)
    for detail in interpreter.get_input_details():
        if np.issubdtype(detail["dtype"], np.integer):
            info = np.iinfo(detail["dtype"])
            yield generator.integers(info.min, info.max + 1, detail["shape"]).astype(detail["dtype"])
        else:
            yield generator.uniform(-2, 2, detail["shape"]).astype(detail["dtype"])


def compare(what, number, actual, expected):
    for i, (a, e) in enumerate(zip(actual, expected)):
        if a.shape != e.shape or not np.array_equal(a, e, equal_nan=np.issubdtype(e.dtype, np.floating)):
            return [f"{what}, invocation {number}: output {i}: {int((a != e).sum())} of {e.size} differ"]
    return []


def check_plugin(path):
    plain = host.ready_interpreter(path)
    ours = host.ready_interpreter(path, [host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING})])
    partitions = len(host.delegate_nodes(ours))
    problems = []
    for number in range(2 * INVOCATIONS):
        if number == INVOCATIONS:
            plain.reset_all_variables()
            ours.reset_all_variables()
        arrays = list(inputs(plain, number))
        problems += compare("plug-in", number, host.run(ours, arrays), host.run(plain, arrays))
    if any(name in str(path) for name in WHOLE) and partitions != 1:
        problems.append(f"{partitions} partitions; expected 1")
    return problems, partitions


def check_session(path):
    options = {"fc_rounding": host.FC_ROUNDING}
    library = npu_capi.Library(LIBRARY)
    model = library.open(path)
    try:
        sessions = {"session": model.session(**options), "reference session": model.session(device="reference", **options)}
        other = model.session(device="reference", **options)
    except npu_capi.NpuError as error:
        return [], f"no session: {error}".split(". Load")[0]
    problems = []
    for name, session in sessions.items():
        for start in range(2):
            plain = host.ready_interpreter(path)
            for number in range(INVOCATIONS):
                arrays = list(inputs(plain, 100 * start + number))
                problems += compare(name, number, session.run(arrays), host.run(plain, arrays))
                other.run(arrays)
            session.reset()
    return problems, "session exact"


def answer(request, progress):
    path = ROOT / request
    try:
        problems, partitions = check_plugin(path)
        progress("plug-in done")
        session_problems, session = check_session(path)
        if any(name in request for name in IN_SESSION) and session != "session exact":
            problems.append(f"{session}; expected a session")
        return problems + session_problems, f"{partitions} partitions, {session}"
    except (ValueError, RuntimeError) as error:
        return [f"{type(error).__name__}: {error}"], "failed"


def main():
    if sys.argv[-1] == "--child":
        host.serve(answer)
        return 0
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    column = "litert_2.3.0" if host.NAME == "ai-edge-litert" else "tflite_runtime_2.14.0"
    paths = [row["path"] for row in corpus.models(SHARED)[1]
             if wanted in row["path"] and row[column] == "ok" and row["inputs"] and
             any(item.split(":")[0] in STATEFUL for item in row["op_histogram"].split(";"))]
    return host.judge(__file__, sys.argv[1:3] + ["--child"], paths)


if __name__ == "__main__":
    sys.exit(main())
