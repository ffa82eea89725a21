#!/usr/bin/env python3
"""delegate-check --verify-layers: every intermediate tensor, the device against the CPU reference; --dump.

    layers_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import ast
import json
import pathlib
import struct
import tempfile
import unittest
import zipfile

from check_support import CORPUS, DIGITS, FLOAT, INT8, run, write_npy


def read_npy(data):
    """(descr, shape, bytes) of a .npy file's bytes, without NumPy."""
    assert data[:8] == b"\x93NUMPY\x01\x00"
    length, = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + length].decode())
    assert (10 + length) % 64 == 0 and not header["fortran_order"]
    return header["descr"], header["shape"], data[10 + length:]


class Layers(unittest.TestCase):
    def setUp(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")

    def layers(self, model, *arguments):
        done = run(model, "--verify-layers", "--format", "json", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        layers = json.loads(done.stdout)["verify_layers"]
        self.assertIsNone(layers["first_diverging"])
        return layers

    def states(self, layers):
        return {op["index"]: op["state"] for op in layers["ops"]}

    def test_every_operator_is_told(self):
        layers = self.layers(INT8)
        states = self.states(layers)
        self.assertEqual(sorted(states), list(range(12)))
        self.assertEqual([i for i, state in states.items() if state == "evaluated"], [6, 7, 8])
        for op in layers["ops"]:
            for output in op.get("outputs", []):
                self.assertEqual((output["isolated"]["differing"], output["cumulative"]["differing"]), (0, 0))
        text = run(INT8, "--verify-layers").stdout
        self.assertIn("9 tensors: every byte equal, each operator alone and the network as a whole", text)
        self.assertIn("Op#6-8: computed when the plan was made", text)

    def test_float_rounding_may_be_off_by_one(self):
        layers = self.layers(INT8, "--requantize", "float")
        outputs = [output for op in layers["ops"] for output in op.get("outputs", [])]
        self.assertEqual((layers["tolerance"], max(output["isolated"]["max_difference"] for output in outputs)), (1, 1))
        self.assertTrue(all(output["agrees"] for output in outputs))
        done = run(INT8, "--verify-layers", "--requantize", "float")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("9 tensors: each operator alone within 1, as requantize=float may", done.stdout)
        self.assertIn("of 2048, by 1", done.stdout)
        self.assertNotIn("DIFFERENT", done.stdout)

    def test_operators_of_the_host_stand_between(self):
        layers = self.layers(INT8, "--deny", "MAX_POOL_2D")
        self.assertEqual(self.states(layers)[3], "host")
        self.assertEqual(layers["ops"][3]["made_by"], "reference")
        self.assertEqual(layers["ops"][10]["outputs"][0]["cumulative"]["differing"], 0)

    def test_nothing_to_compare(self):
        layers = self.layers(FLOAT)
        self.assertEqual((layers["compared_tensors"], set(self.states(layers).values())), (0, {"host"}))
        self.assertIn("no operator runs in the delegate: there is nothing to compare", run(FLOAT, "--verify-layers").stdout)

    def test_dump(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            image, dump = folder / "image.npy", folder / "layers.npz"
            write_npy(image, "|i1", (1, 8, 8, 1), bytes(range(64)))
            layers = self.layers(INT8, "--input", image, "--dump", dump)
            self.assertEqual(layers["inputs"], "given")
            with zipfile.ZipFile(dump) as archive:
                arrays = {name: read_npy(archive.read(name)) for name in archive.namelist()}
            first = dump.read_bytes()
            self.layers(INT8, "--input", image, "--dump", dump)
            self.assertEqual(dump.read_bytes(), first)
            self.assertEqual(sorted(p.name for p in folder.iterdir()), ["image.npy", "layers.npz"])
        self.assertEqual(arrays["reference/T0.npy"], ("|i1", (1, 8, 8, 1), bytes(range(64))))
        tensors = {output["tensor"] for op in layers["ops"] for output in op.get("outputs", [])}
        self.assertEqual(len(arrays), 1 + 3 * len(tensors))
        for tensor in tensors:
            self.assertEqual(arrays[f"isolated/T{tensor}.npy"], arrays[f"reference/T{tensor}.npy"])
            self.assertEqual(arrays[f"cumulative/T{tensor}.npy"], arrays[f"reference/T{tensor}.npy"])

    def test_float_borders_and_delegate_cpu(self):
        layers = self.layers(DIGITS / "digits_float_io.tflite")
        self.assertEqual({op["placement"] for op in layers["ops"] if op["state"] == "compared"}, {"npu", "delegate-cpu"})

    def test_folds_and_binary_operators(self):
        for name, states in (("larq/mixed_bnn_int8.tflite", {"compared"}), ("real/sipeed+TinyMaix/tools/tflite/mbnet128_0.25_q.tflite", {"compared", "folded"})):
            if not (CORPUS / name).exists():
                self.skipTest(f"no {CORPUS / name}")
            layers = self.layers(CORPUS / name)
            self.assertTrue(states <= set(self.states(layers).values()), name)
            for op in layers["ops"]:
                if op["state"] == "folded":
                    self.assertEqual(layers["ops"][op["into"]]["reference"], "model")

    def test_usage(self):
        self.assertEqual(run(INT8, "--dump", "layers.npz").returncode, 3)
        done = run(INT8, "--verify-layers", "--dump", "/nonexistent/folder/layers.npz")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nonexistent/folder/layers.npz", done.stderr)
        done = run(INT8, "--verify-layers", "--input", INT8)
        self.assertEqual(done.returncode, 3)
        self.assertIn("not a .npy", done.stderr)
        done = run(INT8, "--verify-layers", "--input", INT8, "--input", INT8)
        self.assertIn("--input is given 2 times; the model has 1 inputs", done.stderr)


if __name__ == "__main__":
    import sys
    unittest.main(argv=[sys.argv[0], "-v"])
