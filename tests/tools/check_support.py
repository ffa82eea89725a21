"""What the tests of delegate-check share: the tool and the digits models of the command line, and how to run it.

    SOME_TEST.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import struct
import subprocess
import sys

TOOL, DIGITS = sys.argv[1], pathlib.Path(sys.argv[2])
INT8 = str(DIGITS / "digits_int8.tflite")
FLOAT = str(DIGITS / "digits_float32.tflite")
# The model corpus beside the repository, where there is one.
CORPUS = DIGITS.resolve().parents[2] / "shared/models"


def run(*arguments, stdin=None, **environment):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120, stdin=stdin,
                          env={**os.environ, **environment})


def write_npy(path, descr, shape, data):
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)
