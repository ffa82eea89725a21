#!/usr/bin/env python3
"""Runs the bundled digits through the stock LiteRT interpreter, with and without the plug-in.

Prints accuracy, how far the two runs agree, and which operators the plug-in took.
    python run.py --plugin build/release/lib/libnpu_delegate.so [--model digits_int8.tflite]
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import collections
import json
import pathlib
import tempfile

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType, load_delegate

HERE = pathlib.Path(__file__).resolve().parent


def classify(interpreter, images):
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for image in images:
        interpreter.set_tensor(source["index"], image[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(result["index"])[0])
    return np.stack(outputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plugin", required=True, help="libnpu_delegate.so")
    parser.add_argument("--model", default=str(HERE / "digits_int8.tflite"))
    arguments = parser.parse_args()
    images, labels = np.load(HERE / "test_images.npy"), np.load(HERE / "test_labels.npy")

    reference = Interpreter(arguments.model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    expected = classify(reference, images)
    with tempfile.TemporaryDirectory() as folder:
        report_path = pathlib.Path(folder) / "plan.json"
        delegate = load_delegate(arguments.plugin, {"report": str(report_path)})
        actual = classify(Interpreter(arguments.model, experimental_delegates=[delegate]), images)
        plan = json.loads(report_path.read_text())

    print(f"{len(images)} digits, stock LiteRT interpreter")
    for name, outputs in (("without the plug-in (BUILTIN_REF)", expected), ("with the plug-in", actual)):
        right = int((outputs.argmax(axis=1) == labels).sum())
        print(f"  {name:34} right: {right} of {len(labels)}")
    same = int((expected == actual).all(axis=1).sum())
    print(f"  outputs equal in every byte: {same} of {len(images)}")
    counts = collections.Counter((op["op"], op["placement"]) for op in plan["ops"])
    print(f"  delegated: {plan['summary']['npu'] + plan['summary']['delegate_cpu']} of {plan['summary']['ops']} "
          f"operators in {plan['summary']['partitions']} partition(s)")
    for (operator, placement), count in counts.items():
        print(f"    {operator:24} {count:3}  {placement}")
    if same != len(images):
        raise SystemExit("the plug-in's outputs differ from the reference's")


if __name__ == "__main__":
    main()
