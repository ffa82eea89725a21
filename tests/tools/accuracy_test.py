#!/usr/bin/env python3
"""delegate-check --accuracy: a classifier on labelled samples; what is done to their types; files that do not fit.

    accuracy_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import struct
import sys
import tempfile
import unittest
import zipfile

from check_support import CORPUS, DIGITS, INT8, run, write_npy

FLOAT_IO, UINT8_IO = DIGITS / "digits_float_io.tflite", DIGITS / "digits_uint8_io.tflite"
SAMPLES, PIXELS = 60, 64


def data_of(name):
    data = (DIGITS / name).read_bytes()
    return data[10 + struct.unpack("<H", data[8:10])[0]:]


IMAGES = data_of("test_images.npy")  # INT8: scale 1/255, zero point -128
LABELS = list(struct.unpack(f"<{SAMPLES}i", data_of("test_labels.npy")))


def write_npz(path, **arrays):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, (descr, shape, data) in arrays.items():
            member = path.with_suffix(f".{name}.npy")
            write_npy(member, descr, shape, data)
            archive.write(member, f"{name}.npy")
            member.unlink()


class Accuracy(unittest.TestCase):
    def setUp(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def npz(self, descr="|i1", data=IMAGES, shape=(SAMPLES, 8, 8, 1), labels=LABELS):
        path = self.folder / "samples.npz"
        arrays = {"x": (descr, shape, data)}
        if labels is not None:
            arrays["y"] = ("<i8", (len(labels),), struct.pack(f"<{len(labels)}q", *labels))
        write_npz(path, **arrays)
        return path

    def digits(self, labels):
        digits = self.folder / "digits"
        digits.mkdir()
        for i in range(5):
            write_npy(digits / f"image{i}.npy", "|i1", (8, 8, 1), IMAGES[i * PIXELS:(i + 1) * PIXELS])
        if labels is not None:
            (digits / "labels.txt").write_text(labels)
        return digits

    def accuracy(self, model, path):
        done = run(model, "--accuracy", path, "--format", "json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        accuracy = json.loads(done.stdout)["accuracy"]
        self.assertEqual(accuracy["reference"]["same_bytes"], accuracy["samples"])
        self.assertEqual(accuracy["reference"]["top1"], accuracy["top1"])
        return accuracy

    def test_an_archive(self):
        accuracy = self.accuracy(INT8, self.npz())
        self.assertEqual((accuracy["samples"], accuracy["classes"], accuracy["data"]), (SAMPLES, 10, "taken as they are"))
        self.assertGreaterEqual(accuracy["top1"]["correct"], 57)
        self.assertGreaterEqual(accuracy["top5"]["correct"], accuracy["top1"]["correct"])
        self.assertEqual(accuracy["top1"]["share"], accuracy["top1"]["correct"] / SAMPLES)
        # Labels that are all one off are right where the classifier is wrong.
        off = self.accuracy(INT8, self.npz(labels=[(label + 1) % 10 for label in LABELS]))
        self.assertLessEqual(off["top1"]["correct"], SAMPLES - accuracy["top1"]["correct"])
        text = run(INT8, "--accuracy", self.npz()).stdout
        self.assertIn(f"top-1: {100 * accuracy['top1']['share']:.2f} % ({accuracy['top1']['correct']} of {SAMPLES})", text)
        self.assertIn(f"agreement with the CPU reference: top-1 {SAMPLES} of {SAMPLES}", text)

    def test_one_archive_for_models_of_every_input_type(self):
        uint8 = bytes((byte + 128) % 256 for byte in IMAGES)
        reals = struct.pack(f"<{len(uint8)}f", *(byte / 255 for byte in uint8))
        expected = self.accuracy(INT8, self.npz())["top1"]
        for descr, data, words in (("|u1", uint8, "UINT8, less 128"), ("<f4", reals, "quantized with the model's own parameters")):
            accuracy = self.accuracy(INT8, self.npz(descr, data))
            self.assertEqual(accuracy["top1"], expected)
            self.assertIn(words, accuracy["data"])
        doubles = struct.pack(f"<{len(uint8)}d", *(byte / 255 for byte in uint8))
        self.assertEqual(self.accuracy(INT8, self.npz("<f8", doubles))["top1"], expected)
        self.assertEqual(self.accuracy(UINT8_IO, self.npz())["data"], "INT8, plus 128 (the zero points of INT8 and UINT8 are 128 apart)")
        self.assertGreaterEqual(self.accuracy(FLOAT_IO, self.npz("<f4", reals))["top1"]["correct"], 57)

    def test_a_folder(self):
        in_order = "# one label per line\n" + "".join(f"{label}\n" for label in LABELS[:5])
        accuracy = self.accuracy(INT8, self.digits(in_order))
        self.assertEqual(accuracy["samples"], 5)
        named = "".join(f"image{i}{'.npy' if i % 2 else ''} {LABELS[i]}\n" for i in (3, 1, 4, 0, 2))
        (self.folder / "digits/labels.txt").write_text(named)
        self.assertEqual(self.accuracy(INT8, self.folder / "digits")["top1"], accuracy["top1"])

    def test_without_labels_there_is_agreement(self):
        done = run(INT8, "--accuracy", self.npz(labels=None), "--format", "json")
        accuracy = json.loads(done.stdout)["accuracy"]
        self.assertEqual((done.returncode, accuracy["top1"], accuracy["top5"]), (0, None, None))
        self.assertEqual(accuracy["reference"]["same_top1"], SAMPLES)
        self.assertIn("no labels", run(INT8, "--accuracy", self.npz(labels=None)).stdout)

    def test_archives_that_do_not_fit(self):
        for arguments, words in (({"labels": LABELS[:9]}, "y has 9 labels for the 60 samples"),
                                 ({"labels": [10] * SAMPLES}, "label of sample 0 is 10"),
                                 ({"shape": (30, 8, 16, 1)}, "shape (30, 8, 16, 1) is not 30 samples"),
                                 ({"descr": "<i2", "shape": (SAMPLES // 2, 8, 8, 1)}, "Save uint8 or int8, or the real numbers"),
                                 ({"data": IMAGES[:100]}, "100 bytes of data; its shape says 3840"),
                                 ({"shape": ()}, "x is a single number")):
            done = run(INT8, "--accuracy", self.npz(**arguments))
            self.assertEqual((done.returncode, done.stdout), (3, ""), words)
            self.assertIn(words, done.stderr)
            self.assertIn("samples.npz", done.stderr)
        nameless = self.folder / "nameless.npz"
        write_npz(nameless, pixels=("|i1", (1, 8, 8, 1), IMAGES[:PIXELS]))
        self.assertIn("has no array x (it has: pixels)", run(INT8, "--accuracy", nameless).stderr)
        for contents in (b"", b"PK\x03\x04 and no more", b"text"):
            nameless.write_bytes(contents)
            done = run(INT8, "--accuracy", nameless)
            self.assertEqual((done.returncode, done.stdout), (3, ""))
            self.assertIn("nameless.npz", done.stderr)

    def test_a_damaged_archive(self):
        path = self.npz()
        whole = bytearray(path.read_bytes())
        for at in range(0, len(whole), max(1, len(whole) // 40)):
            broken = bytearray(whole)
            broken[at] ^= 0x55
            path.write_bytes(broken)
            self.assertIn(run(INT8, "--accuracy", path).returncode, (0, 3), at)

    def test_folders_that_do_not_fit(self):
        digits = self.digits("1\n2\n")
        labels = digits / "labels.txt"
        for text, words in (("1\n2\n", "has no label for image2.npy"), ("1\n" * 6, "line 6: one label more"),
                            ("one\n", 'line 1: "one" is no label'), ("image9 1\n", "image9 is not in the folder"),
                            ("1\nimage2 1\n", "line 2: expected"), ("-1\n" * 5, "no label")):
            labels.write_text(text)
            done = run(INT8, "--accuracy", digits)
            self.assertEqual((done.returncode, done.stdout), (3, ""), words)
            self.assertIn(words, done.stderr)
        empty = self.folder / "empty"
        empty.mkdir()
        self.assertIn("holds no .npy file", run(INT8, "--accuracy", empty).stderr)
        self.assertIn("is not there", run(INT8, "--accuracy", self.folder / "none").stderr)
        done = run(INT8, "--accuracy", self.npz(), "--deny", "MAX_POOL_2D")
        self.assertEqual(done.returncode, 2)
        self.assertIn("MAX_POOL_2D", done.stderr)

    def test_figures_of_the_corpus(self):
        samples = CORPUS / "data/digits/test400.npz"
        if not samples.exists():
            self.skipTest(f"no {samples}")
        with zipfile.ZipFile(samples) as archive:
            x, y = archive.read("x.npy"), archive.read("y.npy")
        pixels, labels = x[10 + struct.unpack("<H", x[8:10])[0]:], y[10 + struct.unpack("<H", y[8:10])[0]:]
        reals = struct.pack(f"<{len(pixels)}f", *(pixel / 16 for pixel in pixels))
        path = self.npz("<f4", reals, (400, 8, 8, 1), struct.unpack("<400q", labels))
        measured = [line.split("\t") for line in (CORPUS / "data/ACCURACY.tsv").read_text().splitlines()]
        figures = {row[0]: row[3] for row in measured if row[1].startswith("digits test400") and row[4] == "BUILTIN_REF"}
        for model in ("digits_cnn_int8_i8", "digits_cnn_int8_fio", "digits_cnn_i16x8_io"):
            name = f"gen/digits/{model}.tflite"
            self.assertEqual(f"{self.accuracy(CORPUS / name, path)['top1']['share']:.4f}", figures[name], model)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
