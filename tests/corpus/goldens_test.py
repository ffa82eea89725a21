#!/usr/bin/env python3
"""Published golden outputs (CFU-Playground, made by TFLite Micro): ResNet8 10 of 10, MobileNetV2-160 5 of 5, and
anomaly detection 6 of 6 with fc_rounding=double.

    goldens_test.py LIBRARY SHARED_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import corpus
import npu_capi


def xor32(values):
    """The bytes of the output folded into 32 bits, as the golden's maker does it: signed values, four lanes."""
    folded = 0
    for i, value in enumerate(values.reshape(-1)):
        folded ^= (int(value) << ((i & 3) << 3)) & 0xFFFFFFFF
    return folded


def main():
    library = npu_capi.Library(sys.argv[1])
    root, _ = corpus.models(sys.argv[2])
    data = root / "data" / "cfu"
    goldens = json.loads((data / "GOLDENS.json").read_text())
    failed = 0

    def report(name, right, total):
        nonlocal failed
        print(f"{name}: {right} of {total}")
        failed += right != total or total == 0

    session = library.open(root / "real/mlcommons+tiny/image_classification/pretrainedResnet_quant.tflite").session()
    report("ResNet8, 10 images", sum(
        np.array_equal(session.run([np.fromfile(data / f"imgc/quant_{name}.dat", np.int8)])[0].reshape(-1), np.array(golden))
        for name, golden in goldens["imgc"].items()), len(goldens["imgc"]))

    session = library.open(
        root / "real/google+CFU-Playground/common/src/models/mnv2/model_mobilenetv2_160_035.tflite").session()
    right = 0
    for name, golden in goldens["mnv2_out1_minus_out0"].items():
        pixels = np.fromfile(data / f"mnv2/input_{name}.dat", np.uint8)
        output = session.run([(pixels.astype(int) - 128).astype(np.int8)])[0].reshape(-1).astype(int)
        right += (output[1] - output[0] if output.size > 1 else output[0]) == golden
    report("MobileNetV2-160, 5 images", right, len(goldens["mnv2_out1_minus_out0"]))

    model = next((root / "real/mlcommons+tiny/anomaly_detection/ToyCar").glob("*intio.tflite"))
    session = library.open(model).session(fc_rounding="double")
    report("anomaly detection, 6 clips", sum(
        xor32(session.run([np.fromfile(data / f"anomd/quant_{name}.dat", np.int8)[:640]])[0]) == golden
        for name, golden in goldens["anomd_xor32"].items()), len(goldens["anomd_xor32"]))
    print(f"{3 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
