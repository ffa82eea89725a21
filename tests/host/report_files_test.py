#!/usr/bin/env python3
"""What the plug-in writes inside a host (options report and profile), shown by delegate-check --host-report.

    report_files_test.py LIBRARY DELEGATE_CHECK
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

LIBRARY, TOOL = sys.argv[1:3]
MODEL = pathlib.Path(__file__).resolve().parents[2] / "examples/digits/digits_int8.tflite"
INVOCATIONS = 5

# The profile is there when the interpreter has gone.
HOST = """
import gc, sys
import numpy as np
import host_runtime as host
library, model, folder, count, deny = sys.argv[1:]
delegate = host.tfl.load_delegate(library, {"report": folder + "/plan.json", "profile": folder + "/profile.json", "deny": deny})
interpreter = host.ready_interpreter(model, [delegate])
for i in range(int(count)):
    host.run(interpreter, [np.full((1, 8, 8, 1), i, np.int8)])
del interpreter, delegate
gc.collect()
"""


def write_by_host(folder, deny=""):
    subprocess.run([sys.executable, "-c", HOST, LIBRARY, str(MODEL), str(folder), str(INVOCATIONS), deny], check=True,
                   cwd=pathlib.Path(__file__).resolve().parent, timeout=120)
    return folder / "plan.json", folder / "profile.json"


def run(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120)


class ReportFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            raise unittest.SkipTest("no OpenCL device")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.plan, cls.profile = write_by_host(cls.folder, "SOFTMAX")
        assert sorted(path.name for path in cls.folder.iterdir()) == ["plan.json", "profile.json"]

    def shown(self, *arguments):
        done = run("--host-report", *arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_text(self):
        text = self.shown(self.plan, self.profile)
        self.assertIn("11 of 12 operators", text)
        self.assertIn("SOFTMAX", text)
        self.assertIn("Operators in order", text)
        self.assertIn(f"median of {INVOCATIONS} runs", text)
        self.assertNotIn("Operators in order", self.shown(self.plan))
        self.assertIn("Operators in order", self.shown(self.profile))

    def test_json(self):
        report = json.loads(self.shown(self.plan, self.profile, "--format", "json"))
        written = json.loads(self.plan.read_text())
        self.assertEqual(report, {**written, "profile": json.loads(self.profile.read_text())["profile"]})
        self.assertEqual(report["profile"]["invocations"], INVOCATIONS)
        # A host hands over its operators as the file has them: the plan is the one that the file gets.
        own = json.loads(run(MODEL, "--deny", "SOFTMAX", "--format", "json").stdout)
        for key in ("summary", "ops", "segments", "partitions", "blockers", "advice", "tensors", "boundaries"):
            self.assertEqual(report[key], own[key], key)

    def test_html(self):
        page = self.shown(self.plan, self.profile, "--format", "html")
        data = re.search(r'<script[^>]*id="model-0"[^>]*>(.*?)</script>', page, re.S).group(1)
        report = json.loads(data)["report"]
        self.assertEqual(report["ops"], json.loads(self.plan.read_text())["ops"])
        self.assertEqual(report["profile"], json.loads(self.profile.read_text())["profile"])

    def test_other_forms_and_gates(self):
        self.assertIn("SOFTMAX", self.shown(self.plan, "--format", "markdown"))
        self.assertIn("Op#11 SOFTMAX", self.shown(self.plan, "--format", "junit"))
        done = run("--host-report", self.plan, "--require-full-npu")
        self.assertEqual(done.returncode, 1)
        self.assertIn("1 operator on the host", done.stderr)
        done = run("--host-report", self.plan, "--baseline", self.plan)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_whole_model(self):
        folder = self.folder / "whole"
        folder.mkdir()
        text = self.shown(*write_by_host(folder), "--require-full-npu")
        self.assertIn("12 of 12 operators", text)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
