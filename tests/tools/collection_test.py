#!/usr/bin/env python3
"""delegate-check with several models: files, directories, standard input.

    collection_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

from check_support import DIGITS, FLOAT, INT8, run


class Collection(unittest.TestCase):
    def test_a_bad_file_does_not_stop_the_rest(self):
        done = run(INT8, "nosuch.tflite", FLOAT, "--format", "json")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("nosuch.tflite", done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(document["schema_version"], 1)
        first, bad, last = document["models"]
        self.assertEqual([first["file"], bad["file"], last["file"]], [INT8, "nosuch.tflite", FLOAT])
        self.assertEqual((bad["error"]["code"], bad["error"]["file"]), ("NPU_IO_ERROR", "nosuch.tflite"))
        self.assertNotIn("summary", bad)
        summary = document["summary"]
        self.assertEqual([summary[key] for key in ("models", "errors", "full_npu", "partly", "none")], [3, 1, 1, 0, 1])
        self.assertEqual(summary["kinds"], {"float32": 1, "int8": 1})
        for key in ("ops", "npu", "host", "macs", "npu_macs"):
            self.assertEqual(summary[key], first["summary"][key] + last["summary"][key])
        self.assertEqual(summary["npu_mac_share"], summary["npu_macs"] / summary["macs"])

    def test_each_entry_is_the_report_of_the_model_alone(self):
        models = sorted(str(path) for path in DIGITS.glob("*.tflite"))
        document = json.loads(run(*models, "--format", "json").stdout)
        for path, entry in zip(models, document["models"]):
            self.assertEqual(entry.pop("file"), path)
            self.assertEqual(entry, json.loads(run(path, "--format", "json").stdout))

    def test_the_same_on_every_run(self):
        self.assertEqual(run(DIGITS, "--format", "json").stdout, run(DIGITS, "--format", "json").stdout)

    def test_directories_are_walked_in_order(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "z/inner").mkdir(parents=True)
            (folder / "empty").mkdir()
            for name in ("b.tflite", "a.tflite", "z/inner/c.tflite"):
                shutil.copy(INT8, folder / name)
            (folder / "notes.txt").write_text("no model")
            document = json.loads(run(folder, "--format", "json").stdout)
            self.assertEqual([entry["file"] for entry in document["models"]],
                             [str(folder / name) for name in ("a.tflite", "b.tflite", "z/inner/c.tflite")])
            # One model, but a directory: still a collection.
            self.assertEqual(len(json.loads(run(folder / "z", "--format", "json").stdout)["models"]), 1)
            done = run(folder / "empty")
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("directory without any .tflite file", done.stderr)

    def test_text(self):
        done = run(DIGITS, "nosuch.tflite", LC_ALL="C")
        lines = done.stdout.splitlines()
        models = sorted(DIGITS.glob("*.tflite"))
        self.assertTrue(all(len(line) <= 80 for line in lines), done.stdout)
        self.assertTrue(lines[0].startswith("file"))
        for path, line in zip(models, lines[1:]):
            self.assertIn(path.name[-9:], line)
        self.assertIn("error", lines[1 + len(models)])
        self.assertIn(f"{len(models) + 1} models: 3 wholly in the delegate, 0 partly, 3 not at all; 1 error", done.stdout)

    def test_the_worst_exit_code_counts(self):
        self.assertEqual(run(INT8, FLOAT).returncode, 0)
        self.assertEqual(run(INT8, FLOAT, "--require-full-npu").returncode, 1)
        self.assertEqual(run(INT8, "nosuch.tflite", FLOAT, "--require-full-npu").returncode, 2)
        self.assertEqual(run(INT8, FLOAT, "--deny", "NO_SUCH_OP").returncode, 3)
        self.assertEqual(run(INT8, FLOAT, "--profile", "--trace", "trace.json").returncode, 3)

    def test_standard_input(self):
        with open(INT8, "rb") as model:
            done = run("-", "--format", "json", stdin=model)
        self.assertEqual(done.returncode, 0)
        report, expected = json.loads(done.stdout), json.loads(run(INT8, "--format", "json").stdout)
        self.assertEqual(report["model"].pop("file"), "-")
        del expected["model"]["file"]
        self.assertEqual(report, expected)
        with open(__file__, "rb") as text:
            done = run("-", stdin=text)
        self.assertEqual(done.returncode, 2)
        self.assertIn("standard input", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
