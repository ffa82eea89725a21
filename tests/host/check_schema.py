#!/usr/bin/env python3
"""Compares schema/tflite.fbs with the schema classes that ship with LiteRT's Python package.

Both sides are the text of flatc's Python generator, so the same expressions read both: enum and union
values, field ids, wire types, defaults, element types and the number of field ids of every table.
Names are compared without underscores and case.

  check_schema.py SCHEMA.fbs [--module FILE] [--flatc FLATC]

Without --module the package of the running Python is taken, then build/venv/litert. Exit status: 0 equal,
1 different, 77 nothing to compare with.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

CLASS = re.compile(r"^class (\w+)\(object\):\n(.*?)(?=^class |\Z)", re.M | re.S)
CONSTANT = re.compile(r"^    (\w+) = (-?\d+)$", re.M)
SLOT = re.compile(r"builder\.Prepend(\w+)Slot\((\d+), .*, ([^,]+)\)$", re.M)
METHOD = re.compile(r"^    def (\w+)\(self[^\n]*\n(.*?)(?=^    def |\Z)", re.M | re.S)
OFFSET = re.compile(r"self\._tab\.Offset\((\d+)\)")
ELEMENT = re.compile(r"obj = (\w+)\(\)|number_types\.(\w+)Flags, a \+|self\._tab\.(String|Union)\(")


def plain(name):
    return name.replace("_", "").lower()


def default(text):
    return {"False": 0.0, "True": 1.0}.get(text) if text in ("False", "True") else float(text)


def read_schema(text):
    """{(table or enum, member): facts} of a generated module."""
    facts = {}
    slots = {}
    for function, body in re.findall(r"^def (\w+)\(builder[^)]*\):\s*(.*?)$", text, re.M):
        slots[function] = body
    for name, body in CLASS.findall(text):
        if "GetRootAs" not in body:
            for member, value in CONSTANT.findall(body):
                facts[name, member] = ("value", int(value))
            continue
        facts[name, "ids"] = re.search(r"StartObject\((\d+)\)", slots[name + "Start"]).group(1)
        for method, code in METHOD.findall(body):
            offset = OFFSET.search(code)
            add = SLOT.search(slots.get(f"{name}Add{method}", ""))
            if not offset or not add:
                continue
            element = ELEMENT.search(code)
            facts[name, plain(method)] = (
                "id", (int(offset.group(1)) - 4) // 2, int(add.group(2)), "wire type", add.group(1),
                "default", default(add.group(3)), "element", element and element.group(0))
    return facts


def find_module():
    try:
        import ai_edge_litert
        places = [pathlib.Path(ai_edge_litert.__path__[0])]
    except ImportError:
        root = pathlib.Path(__file__).resolve().parents[2]
        places = root.glob("build/venv/litert/lib/python3*/site-packages/ai_edge_litert")
    return next((p / "schema_py_generated.py" for p in places if (p / "schema_py_generated.py").exists()), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("schema")
    parser.add_argument("--module")
    parser.add_argument("--flatc", default="flatc")
    args = parser.parse_args()
    module = args.module or find_module()
    if not module:
        print("skipped: no ai_edge_litert package (pip install ai-edge-litert) to compare with")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([args.flatc, "--python", "--gen-onefile", "-o", folder, args.schema], check=True)
        ours = read_schema((pathlib.Path(folder) / "tflite_generated.py").read_text())
    theirs = read_schema(pathlib.Path(module).read_text())
    differences = [f"{'.'.join(key)}: ours {ours.get(key)}, LiteRT's {theirs.get(key)}"
                   for key in sorted(ours.keys() | theirs.keys()) if ours.get(key) != theirs.get(key)]
    print("\n".join(differences) or f"equal: {len(ours)} facts, {len({name for name, _ in ours})} types")
    return 1 if differences or not ours else 0


if __name__ == "__main__":
    sys.exit(main())
