#!/usr/bin/env python3
"""SSD networks in a stock host: with the plug-in they are one partition from the picture to the detections, and every
detection has the bytes of the host's own kernel; so has a session.

    detection_test.py LIBRARY SHARED_DIR
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
OPERATOR = "TFLite_Detection_PostProcess"
INVOCATIONS = 8
# Nothing but this operator: no NPU beside it.
ALONE = "real/tum-ei-eda"
# Eight of its MULs have output scales of 1e-30 and less, for which TFLite's own arithmetic is undefined: the host's.
CUT = "automl_video_ondevice/traffic_model.tflite"


def compare(what, actual, expected):
    """Rows past the last detection are whatever the memory held, where the host's kernel does not write them."""
    count = int(expected[3].reshape(-1)[0])
    for i in range(4):
        a, e = actual[i].reshape(actual[i].size, -1), expected[i].reshape(expected[i].size, -1)
        if i < 3:
            a, e = actual[i][0][:count], expected[i][0][:count]
        if a.tobytes() != e.tobytes():
            return [f"{what}: output {i} of {count} detections differs"]
    return []


def answer(request, progress):
    path = ROOT / request
    wanted = 0 if request.startswith(ALONE) else 2 if request.endswith(CUT) else 1
    try:
        plain, ours = host.ready_interpreter(path), host.ready_interpreter(path, [host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING})])
        session = None
        if not request.endswith(CUT):
            session = npu_capi.Library(LIBRARY).open(path).session(fc_rounding=host.FC_ROUNDING)
        progress("loaded")
        partitions, problems, detections = len(host.delegate_nodes(ours)), [], 0
        if partitions != wanted:
            problems.append(f"{partitions} partitions; expected {wanted}")
        for seed in range(INVOCATIONS):
            generator = np.random.default_rng(seed)
            arrays = [generator.integers(0, 256, d["shape"]).astype(np.uint8) for d in plain.get_input_details()]
            expected = host.run(plain, arrays)
            expected = [e for e in expected if e.dtype == np.float32]
            detections += int(expected[3].reshape(-1)[0])
            problems += compare("plug-in", [o for o in host.run(ours, arrays) if o.dtype == np.float32], expected)
            if session is not None:
                problems += compare("session", [o for o in session.run(arrays) if o.dtype == np.float32], expected)
        return problems, f"{partitions} partitions, {detections} detections exact"
    except (ValueError, RuntimeError, npu_capi.NpuError) as error:
        return [f"{type(error).__name__}: {error}"], "failed"


def main():
    if sys.argv[-1] == "--child":
        host.serve(answer)
        return 0
    paths = [row["path"] for row in corpus.models(SHARED)[1] if OPERATOR in row["op_histogram"]]
    return host.judge(__file__, sys.argv[1:3] + ["--child"], paths)


if __name__ == "__main__":
    sys.exit(main())
