#!/usr/bin/env python3
"""delegate-check --host-report: what the plug-in wrote inside a host, shown without a model.

    host_report_test.py DELEGATE_CHECK DIGITS_DIR

Reports and profiles of the plug-in are the documents of npu_plan_json and npu_session_profile_json; those come from
delegate-check here, without the name of the file that a host does not know.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import sys
import tempfile
import unittest

from check_support import FLOAT, INT8, run


class HostReport(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.report = self.folder / "host.json"
        report = json.loads(run(INT8, "--deny", "MAX_POOL_2D", "--format", "json").stdout)
        del report["model"]["file"]
        report["model"]["size_bytes"] = 0
        self.report.write_text(json.dumps(report))

    def profile(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        path = self.folder / "profile.json"
        done = run(INT8, "--profile", "--profile-runs", "2", "--trace", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return path

    def test_text_and_json(self):
        done = run("--host-report", self.report)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("MAX_POOL_2D", done.stdout)
        self.assertIn("11 of 12 operators", done.stdout)
        shown = json.loads(run("--host-report", self.report, "--format", "json").stdout)
        self.assertEqual(shown, json.loads(self.report.read_text()))

    def test_gates(self):
        done = run("--host-report", self.report, "--require-full-npu")
        self.assertEqual(done.returncode, 1)
        self.assertIn("gate --require-full-npu is not met: 1 operator on the host; allowed: 0", done.stderr)
        done = run("--host-report", self.report, "--baseline", self.report)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("nothing changed", done.stdout)

    def test_a_profile(self):
        profile = self.profile()
        done = run("--host-report", profile)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("Operators in order", done.stdout)
        shown = json.loads(run("--host-report", profile, "--format", "json").stdout)
        self.assertEqual(shown, json.loads(profile.read_text())["profile"])
        plan = self.folder / "plan.json"
        self.assertEqual(run(INT8, "--format", "json", "-o", plan).returncode, 0)
        for order in ((plan, profile), (profile, plan)):
            both = run("--host-report", *order)
            self.assertEqual(both.returncode, 0, both.stderr)
            self.assertIn("12 of 12 operators", both.stdout)
            self.assertIn("Operators in order", both.stdout)

    def test_files_that_do_not_belong_together(self):
        profile, other = self.profile(), self.folder / "other.json"
        report = json.loads(run(FLOAT, "--format", "json").stdout)
        report["ops"][0]["op"] = "ADD"
        other.write_text(json.dumps(report))
        done = run("--host-report", other, profile)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("is of another graph", done.stderr)
        self.assertIn("are of one kind", run("--host-report", other, self.report).stderr)

    def test_fields_that_are_wrong(self):
        report, broken = json.loads(self.report.read_text()), self.folder / "broken.json"
        for path in (("model",), ("summary", "npu"), ("segments", 0, "ops"), ("boundaries", 0, "causes"), ("blockers", 0, "reasons"),
                     ("ops", 3, "reasons"), ("partitions", 0, "ops"), ("folds",), ("tensors", 0, "name"), ("memory", "partitions"),
                     ("advice", 0, "ops")):
            for value in (None, 7.5, [99999], "x", {"a": 1}):
                document = json.loads(json.dumps(report))
                at = document
                for key in path[:-1]:
                    at = at[key]
                at[path[-1]] = value
                broken.write_text(json.dumps(document))
                for form in ("text", "json"):
                    done = run("--host-report", broken, "--format", form)
                    self.assertIn(done.returncode, (0, 3), (path, value, done.stderr))
                    self.assertNotIn("unexpected", done.stderr)
        del report["blockers"]
        broken.write_text(json.dumps(report))
        self.assertIn("has no blockers: an older plug-in wrote it", run("--host-report", broken).stderr)
        self.assertEqual(run("--host-report", "none.json").returncode, 3)
        self.assertEqual(run("--host-report", INT8).returncode, 3)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
