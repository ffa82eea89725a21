#!/usr/bin/env python3
"""What delegate-check says of devices: of those that are there, and where there is none.

    devices_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import sys
import unittest

from check_support import INT8, run

NO_DRIVER = {"OCL_ICD_VENDORS": "/nonexistent"}
PACKAGE = "pocl-opencl-icd"


class NoDriver(unittest.TestCase):
    def test_the_report_needs_none(self):
        done = run(INT8, **NO_DRIVER)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, run(INT8).stdout)

    def test_running_says_in_one_line_what_to_install(self):
        for arguments in (["--run"], ["--verify"], ["--verify-layers"], ["--profile"]):
            done = run(INT8, *arguments, **NO_DRIVER)
            self.assertEqual((done.returncode, done.stdout), (4, ""), arguments)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            self.assertIn(PACKAGE, done.stderr)

    def test_the_reference_runs(self):
        done = run(INT8, "--run", "--verify", "--verify-layers", "--device", "reference", **NO_DRIVER)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_device_info_lists_nothing_and_says_why(self):
        done = run("--device-info", **NO_DRIVER)
        self.assertEqual(done.returncode, 4)
        self.assertIn(PACKAGE, done.stdout)
        self.assertIn(PACKAGE, done.stderr)
        done = run("--device-info", "--format", "json", **NO_DRIVER)
        info = json.loads(done.stdout)
        self.assertEqual((done.returncode, info["devices"], info["selected"]), (4, [], None))
        self.assertIn(PACKAGE, info["error"])
        self.assertIn("no OpenCL device", run("--list-devices", **NO_DRIVER).stdout)


class WithDriver(unittest.TestCase):
    def setUp(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")

    def test_device_info(self):
        done = run("--device-info", "--format", "json")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        info = json.loads(done.stdout)
        for device in info["devices"]:
            for key in ("name", "type", "platform", "platform_version", "device_version", "driver_version", "compute_units",
                        "memory_bytes", "max_allocation_bytes"):
                self.assertTrue(device[key], key)
        selected = info["selected"]
        # The variant that is used is the plain one, or has passed its self-test.
        passed = [trial["variant"] for trial in selected["trials"] if trial["self_test"] == "passed"]
        self.assertTrue(selected["variant"] in passed or not selected["trials"] or selected["variant"] == "plain", selected)
        self.assertGreater(selected["speed"]["peak_gmacs"], 0)
        for node in info["drm"]["nodes"]:
            self.assertTrue(node["driver"])
        text = run("--device-info").stdout
        for trial in selected["trials"]:
            self.assertIn(f"self-test of {trial['variant']}: {trial['self_test']}", text)

    def test_run_and_verify_without_an_input_file(self):
        done = run(INT8, "--run", "--verify", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual((report["run"]["input"], report["verify"]["max_difference"]), ("random", 0))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
