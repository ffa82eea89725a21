#!/usr/bin/env python3
"""What delegate-check says of files that are no models, of wrong usage, and what Ctrl+C leaves behind.

    errors_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import io
import json
import os
import pathlib
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import zipfile

from check_support import DIGITS, INT8, TOOL, run


def archive(kind, name, data):
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as file:
            file.writestr(name, data)
    else:
        with tarfile.open(fileobj=buffer, mode="w") as file:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


# Name, contents, and what the one line on stderr must say: what it is, and what to do.
FOREIGN = [
    ("lfs.tflite", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS pointer", "git lfs pull"),
    ("m.onnx", b"\x08\x08\x12\x07pytorch\x1a\x052.1.0:\x90\x01", "ONNX", "onnx2tf"),
    ("m.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5", "TFLiteConverter"),
    ("m.keras", archive("zip", "config.json", b"{}"), "zip archive", "TFLiteConverter"),
    ("m.tar", archive("tar", "m.tflite", b"TFL3"), "tar archive", "unpack"),
    ("saved_model.pb", b"\x08\x01\x12\x90\x4e\x0a\x97\x1b\x0a\x06", "TensorFlow", "from_saved_model"),
    ("text.tflite", b"this is not a model, whatever its name says " * 9, "text file", "give the .tflite file"),
    ("page.tflite", b"<!DOCTYPE html>\n<html><body>Sign in</body></html>", "HTML page", "download"),
    ("empty.tflite", b"", "is empty", "expected a .tflite file"),
    ("short.tflite", b"TFL", "3 bytes", "expected at least 8"),
    ("cut.tflite", pathlib.Path(INT8).read_bytes()[:9000], "damaged", "copy or convert it again"),
    ("other.tflite", bytes(64), "no TFL3 identifier", "give the .tflite file"),
]


class Files(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def refused(self, path, *words):
        """One line that names the file and holds the words, exit code 2; the same as JSON."""
        done = run(path)
        self.assertEqual((done.returncode, done.stdout), (2, ""), path)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertTrue(done.stderr.startswith(f"delegate-check: {path}: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        done = run(path, "--format", "json")
        error = json.loads(done.stdout)
        self.assertEqual((done.returncode, error["schema_version"]), (2, 1))
        self.assertEqual(error["error"]["file"], str(path))
        self.assertIn(error["error"]["code"], ("NPU_IO_ERROR", "NPU_INVALID_MODEL"))
        for word in words:
            self.assertIn(word, error["error"]["text"])

    def test_what_is_no_tflite_file_is_named_with_a_way_out(self):
        for name, contents, *words in FOREIGN:
            (self.folder / name).write_bytes(contents)
            self.refused(self.folder / name, *words)

    def test_every_beginning_of_a_model(self):
        contents = pathlib.Path(INT8).read_bytes()
        path = self.folder / "cut.tflite"
        for size in [*range(0, 64, 7), *range(100, len(contents), 3001), len(contents) - 1]:
            path.write_bytes(contents[:size])
            self.refused(path)

    def test_directories(self):
        (self.folder / "empty").mkdir()
        self.refused(self.folder / "empty", "directory without any .tflite file")
        (self.folder / "saved").mkdir()
        (self.folder / "saved/saved_model.pb").write_bytes(b"")
        self.refused(self.folder / "saved", "SavedModel", "from_saved_model")

    def test_missing(self):
        self.refused(self.folder / "nothing.tflite", "No such file or directory", "check the path")
        (self.folder / "mobilenet.tflite").write_bytes(b"")
        self.refused(self.folder / "mobilnet.tflite", 'did you mean "mobilenet.tflite"?')

    def test_no_permission(self):
        path = self.folder / "secret.tflite"
        path.write_bytes(pathlib.Path(INT8).read_bytes())
        path.chmod(0)
        if os.access(path, os.R_OK):
            self.skipTest("this user may read everything")
        self.refused(path, "Permission denied", "chmod +r")

    def test_not_a_regular_file(self):
        os.mkfifo(self.folder / "pipe")
        self.refused(self.folder / "pipe", "not a regular file")

    def test_file_names_cannot_steer_the_terminal(self):
        done = run(self.folder / "a\x1b[2J\nb.tflite")
        self.assertEqual(done.returncode, 2)
        self.assertIn("a?[2J?b.tflite", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)


class Output(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def test_a_report_that_cannot_be_written(self):
        for path, word in (("/nonexistent/folder/report", "No such file"), (self.folder, "directory")):
            done = run(INT8, "-o", path)
            self.assertEqual(done.returncode, 3)
            self.assertIn(str(path), done.stderr)
            self.assertIn(word, done.stderr)

    def test_an_old_report_keeps_its_permissions_and_links(self):
        report, link = self.folder / "report.json", self.folder / "link.json"
        report.write_text("old")
        report.chmod(0o640)
        link.symlink_to(report)
        self.assertEqual(run(INT8, "--format", "json", "-o", link).returncode, 0)
        self.assertTrue(link.is_symlink())
        self.assertEqual(report.stat().st_mode & 0o777, 0o640)
        self.assertEqual(json.loads(report.read_text())["schema_version"], 1)

    def test_devices(self):
        self.assertEqual(run(INT8, "-o", "/dev/null").returncode, 0)
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())
        self.assertEqual(run(INT8, "-o", "/dev/stdout").stdout, run(INT8).stdout)

    def test_an_interrupt_leaves_no_half_of_a_file(self):
        report = self.folder / "report.json"
        models = [str(path) for path in DIGITS.glob("*.tflite")] * 8
        ended = {-signal.SIGINT: 0, -signal.SIGTERM: 0, 0: 0}
        for attempt in range(40):
            report.unlink(missing_ok=True)
            tool = subprocess.Popen([TOOL, *models, "--format", "json", "-o", str(report)], stderr=subprocess.DEVNULL)
            time.sleep(attempt * 0.002)  # any moment will do: what must hold holds at each
            tool.send_signal(signal.SIGTERM if attempt % 4 == 3 else signal.SIGINT)
            ended[tool.wait(60)] += 1
            self.assertIn(list(self.folder.iterdir()), ([], [report]))
            if report.exists():
                self.assertEqual(len(json.loads(report.read_text())["models"]), len(models))
        self.assertGreater(ended[-signal.SIGINT] + ended[-signal.SIGTERM], 0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
