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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
