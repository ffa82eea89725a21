#!/usr/bin/env python3
"""Every operator of one kind in a model, each alone, against XNNPACK: delegate-check --extract cuts them out, and
bench/compare.py measures them.

    build/venv/litert/bin/python bench/operators.py DEPTHWISE_CONV_2D MODEL.tflite [option of compare.py ...]

An operator alone is measured with what a host pays around it: its input and output are the host's own tensors.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECK = ROOT / "build/release/bin/delegate-check"


def shape_text(shape):
    return "x".join(map(str, shape))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", help="for example DEPTHWISE_CONV_2D")
    parser.add_argument("model", type=pathlib.Path)
    arguments, options = parser.parse_known_args()
    report = json.loads(subprocess.run([CHECK, arguments.model, "--format", "json"], check=True, capture_output=True).stdout)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for op in report["ops"]:
            if op["op"] != arguments.kind:
                continue
            shapes = [report["tensors"][tensor]["shape"] for tensor in (op["inputs"][0], op["outputs"][0])]
            # Networks repeat their layers; one of each shape will do.
            file = pathlib.Path(folder, f"{shape_text(shapes[0])}_to_{shape_text(shapes[1])}.tflite")
            if file in files:
                continue
            subprocess.run([CHECK, arguments.model, "--extract", str(op["index"]), "-o", file], check=True,
                           stdout=subprocess.DEVNULL)
            files[file] = op["index"]
        if not files:
            sys.exit(f"{arguments.model}: no operator is called {arguments.kind}")
        sys.exit(subprocess.run([sys.executable, ROOT / "bench/compare.py", *options, *files]).returncode)


if __name__ == "__main__":
    main()
