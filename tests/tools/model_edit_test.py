#!/usr/bin/env python3
"""model-edit as a user meets it: exit codes, files, and stock LiteRT running what it wrote.

    model_edit_test.py MODEL_EDIT LIBRARY DIGITS_DIR SHARED_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "host"))
import host_runtime as host

TOOL, LIBRARY, DIGITS, SHARED = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
INT8 = DIGITS / "digits_int8.tflite"
LARQ = SHARED / "models" / "larq"


def edit(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120)


def plugin():
    return [host.tfl.load_delegate(LIBRARY)]


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "out.tflite"

    def edited(self, *arguments):
        done = edit(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def refused(self, code, words, *arguments):
        before = sorted(self.folder.iterdir())
        done = edit(*arguments)
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)


class Usage(Case):
    def test_help(self):
        done = edit("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("Examples", done.stdout)

    def test_wrong_usage(self):
        self.refused(3, "subcommand")
        self.refused(3, "", "no-such-command", INT8, self.out)
        self.refused(3, "", "strip-lce-dequantize", INT8, self.out, "--no-such-option")
        self.refused(3, "no output file", "strip-lce-dequantize", INT8)
        self.refused(3, "is the input", "strip-lce-dequantize", INT8, INT8)
        self.refused(3, "--in-place", "strip-lce-dequantize", INT8, self.out, "--in-place")
        self.refused(3, "is a directory", "strip-lce-dequantize", INT8, self.folder)

    def test_names_cannot_steer_the_terminal(self):
        name = b"StatefulPartitionedCall_1:0"
        model = self.folder / "hostile.tflite"
        for source, command in ((INT8, ["extract", "--ops", "11"]), (DIGITS / "digits_float32.tflite", ["io-type", "--inputs", "int8"]),
                                (DIGITS / "digits_dynamic.tflite", ["extract", "--ops", "0:11"])):
            contents = source.read_bytes()
            for text in (name, b"serving_default_keras_tensor:0"):
                contents = contents.replace(text, b"\x1b[2J\x07\xff" + text[6:])
            model.write_bytes(contents)
            done = subprocess.run([TOOL, command[0], str(model), str(self.out), *command[1:]], capture_output=True, timeout=120)
            printed = done.stdout + done.stderr
            self.assertIn(b"?[2J??", printed)
            self.assertEqual([byte for byte in printed if byte < 0x20 and byte != 0x0a or byte >= 0x7f], [])

    def test_unreadable_models(self):
        text = self.folder / "text.tflite"
        text.write_text("no model")
        half = self.folder / "half.tflite"
        half.write_bytes(INT8.read_bytes()[:5000])
        for path, words in ((self.folder / "none.tflite", "none.tflite"), (self.folder, "is a directory"),
                            (text, "not a .tflite file"), (half, "half.tflite")):
            self.refused(2, words, "strip-lce-dequantize", path, self.out)


@unittest.skipUnless(LARQ.exists(), f"no {LARQ}")
class Strip(Case):
    def test_bits_are_larqs_and_the_originals(self):
        for path in sorted(LARQ.glob("**/seed1_sign_*.tflite")) + sorted(LARQ.glob("**/small_bnn_sign_out_*.tflite")):
            if "stripped" in path.name:
                continue
            with self.subTest(path.name):
                self.assertIn("verified:", self.edited("strip-lce-dequantize", path, self.out, "--verify"))
                original, stripped = (host.ready_interpreter(p, plugin()) for p in (path, self.out))
                name = path.name.split(".")[0]
                golden = np.load(LARQ / "ref" / f"{name}.npz")
                inputs = [golden["in0"]]
                [signs], [words] = host.run(original, inputs), host.run(stripped, inputs)
                self.assertEqual(words.dtype, np.int32)
                bits = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")[..., :signs.shape[-1]]
                np.testing.assert_array_equal(bits == 1, signs < 0)
                packed = LARQ / "ref" / f"{name}_stripped.npz"
                if path.parent == LARQ and packed.exists():
                    np.testing.assert_array_equal(words, np.load(packed)["out0"])
                self.assertEqual([d["name"] for d in stripped.get_output_details()],
                                 [d["name"] for d in original.get_output_details()])
                self.assertEqual(stripped.get_signature_list(), original.get_signature_list())

    def test_nothing_to_strip(self):
        self.refused(2, "nothing to strip", "strip-lce-dequantize", INT8, self.out)

    def test_in_place(self):
        path = self.folder / "signs.tflite"
        path.write_bytes((LARQ / "seed1_sign_int8.tflite").read_bytes())
        path.chmod(0o640)
        link = self.folder / "link.tflite"
        link.symlink_to(path)
        self.edited("strip-lce-dequantize", link, "--in-place")
        self.assertTrue(link.is_symlink())
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        self.edited("strip-lce-dequantize", LARQ / "seed1_sign_int8.tflite", self.out)
        self.assertEqual(path.read_bytes(), self.out.read_bytes())
        self.refused(2, "nothing to strip", "strip-lce-dequantize", path, "--in-place")


def numbers(detail, array):
    """What an 8-bit tensor stands for, computed as DEQUANTIZE does; floats as they are."""
    if array.dtype == np.float32:
        return array
    scale, zero_point = detail["quantization"]
    return np.float32(scale) * (array.astype(np.int32) - zero_point).astype(np.float32)


class IoType(Case):
    def run_images(self, path, delegates=None):
        """The digits' scores as numbers; every image is given in the model's own input type."""
        interpreter = host.reference_interpreter(path, delegates)
        interpreter.allocate_tensors()
        [image], [scores] = interpreter.get_input_details(), interpreter.get_output_details()
        images = np.load(DIGITS / "test_images.npy")[:20].reshape(-1, *image["shape"]).astype(np.float32)
        images /= images.max()
        results = []
        for pixels in images:
            if image["dtype"] != np.float32:
                scale, zero_point = image["quantization"]
                limits = np.iinfo(image["dtype"])
                pixels = np.clip(np.round(pixels / np.float32(scale)) + zero_point, limits.min, limits.max).astype(image["dtype"])
            [found] = host.run(interpreter, [pixels])
            results.append(numbers(scores, found))
        return np.array(results)

    def test_every_change_gives_the_same_numbers_in_litert(self):
        types = {"int8": np.int8, "uint8": np.uint8, "float32": np.float32}
        for name in ("int8", "uint8_io", "float_io"):
            path = DIGITS / f"digits_{name}.tflite"
            expected = self.run_images(path)
            self.assertGreater(len(np.unique(expected)), 5)
            original = host.ready_interpreter(path)
            for inputs in types:
                for outputs in types:
                    with self.subTest(f"{name} -> {inputs}, {outputs}"):
                        done = edit("io-type", path, self.out, "--inputs", inputs, "--outputs", outputs, "--verify")
                        if "nothing to change" in done.stderr:
                            continue
                        self.assertEqual((done.returncode, done.stderr), (0, ""))
                        edited = host.ready_interpreter(self.out)
                        for side, wanted in (("input", inputs), ("output", outputs)):
                            [old], [new] = (getattr(i, f"get_{side}_details")() for i in (original, edited))
                            self.assertEqual(new["dtype"], types[wanted])
                            self.assertEqual((new["name"], list(new["shape"])), (old["name"], list(old["shape"])))
                        self.assertEqual(edited.get_signature_list(), original.get_signature_list())
                        np.testing.assert_array_equal(self.run_images(self.out), expected)
                        np.testing.assert_array_equal(self.run_images(self.out, plugin()), expected)

    def test_there_and_back_is_the_same_model(self):
        middle = self.folder / "middle.tflite"
        self.edited("io-type", INT8, middle, "--inputs", "float32", "--outputs", "uint8")
        self.edited("io-type", middle, self.out, "--inputs", "int8", "--outputs", "int8")
        names = [[d["name"] for d in i.get_tensor_details()] for i in map(host.ready_interpreter, (INT8, self.out))]
        self.assertEqual(sorted(names[0]), sorted(names[1]))

    def test_refusals(self):
        self.refused(2, "no plain border", "io-type", DIGITS / "digits_float32.tflite", self.out, "--inputs", "int8")
        self.refused(2, "nothing to change", "io-type", INT8, self.out, "--inputs", "int8")
        self.refused(3, "--inputs or --outputs", "io-type", INT8, self.out)
        self.refused(3, "", "io-type", INT8, self.out, "--inputs", "int16")


@unittest.skipUnless(LARQ.exists(), f"no {LARQ}")
class Unshare(Case):
    def test_litert_computes_the_same(self):
        for name in ("tf40055_float.lce07", "tf40055_int8.lce07"):
            with self.subTest(name):
                path = LARQ / "lce07" / f"{name}.tflite"
                self.assertIn("ADD", self.edited("unshare-constants", path, self.out))
                original, edited = host.ready_interpreter(path), host.ready_interpreter(self.out)
                self.assertEqual(len(edited.get_tensor_details()), len(original.get_tensor_details()) + 1)
                inputs = list(host.random_inputs(original))
                for a, b in zip(host.run(original, inputs), host.run(edited, inputs), strict=True):
                    self.assertGreater(len(np.unique(a)), 5)
                    np.testing.assert_array_equal(a, b)
                self.refused(2, "nothing to do", "unshare-constants", self.out, self.folder / "more.tflite")

    def test_refusals(self):
        path = LARQ / "lce07" / "tf40055_float.lce07.tflite"
        self.refused(2, "nothing to do", "unshare-constants", LARQ / "tf40055_float.tflite", self.out)
        self.refused(3, "T#0 to", "unshare-constants", path, self.out, "--tensor", "999")
        self.refused(3, "", "unshare-constants", path, self.out, "--tensor", "one")
        self.refused(2, "--verify", "unshare-constants", path, self.out, "--verify")


class Extract(Case):
    def test_every_operator_of_the_digits(self):
        whole = host.reference_interpreter(INT8, experimental_preserve_all_tensors=True)
        whole.allocate_tensors()
        host.run(whole, list(host.random_inputs(whole)))
        inside = {d["name"]: d["index"] for d in whole.get_tensor_details()}
        for first, last in [(i, i) for i in range(12)] + [(0, 5), (3, 8), (0, 11)]:
            with self.subTest(f"{first}:{last}"):
                # Sessions compute shapes (7 to 9: STRIDED_SLICE, PACK, RESHAPE) when they are made, not from inputs.
                verify = [] if first == last and 7 <= first <= 9 else ["--verify"]
                self.edited("extract", INT8, self.out, "--ops", f"{first}:{last}", *verify)
                part = host.ready_interpreter(self.out)
                self.assertEqual(len(part._get_ops_details()), last - first + 1)
                found = host.run(part, [whole.get_tensor(inside[d["name"]]) for d in part.get_input_details()])
                for detail, array in zip(part.get_output_details(), found, strict=True):
                    np.testing.assert_array_equal(array, whole.get_tensor(inside[detail["name"]]))

    def test_refusals(self):
        self.refused(3, "Op#0 to Op#11", "extract", INT8, self.out, "--ops", "5:12")
        self.refused(3, "--ops", "extract", INT8, self.out)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
