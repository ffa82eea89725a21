#!/usr/bin/env python3
"""What somebody tries in the first ten minutes with delegate-check, by the numbers of the project's acceptance list.
Those with formats of their own (8, 9) and inside hosts (14, 15) are tested where they live.

    first_minutes_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from check_support import CORPUS, DIGITS, FLOAT, INT8, TOOL, run

ROOT = DIGITS.resolve().parents[1]
NO_OPENCL = {"OCL_ICD_VENDORS": "/nonexistent"}


class FirstMinutes(unittest.TestCase):
    def test_01_no_arguments_help_version(self):
        bare, help_, version = run(), run("--help"), run("--version")
        self.assertEqual((bare.returncode, help_.returncode, version.returncode), (3, 0, 0))
        self.assertEqual(bare.stdout, "")
        self.assertEqual(bare.stderr.count("\n  delegate-check "), 2)
        self.assertLessEqual(len(help_.stdout.splitlines()), 60)
        self.assertEqual(len(version.stdout.splitlines()), 1)

    def test_02_a_good_model_fits_a_screen(self):
        models = [INT8, *sorted(CORPUS.glob("speed/mobilenet_v1*int8*.tflite"))]
        for model in models:
            done = run(model)
            lines = done.stdout.splitlines()
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertLessEqual(len(lines), 40, model)
            self.assertIn("full int8", lines[0])
            self.assertRegex(lines[1], r"^NPU: .* MACs, .* operators")
            self.assertRegex(lines[2], r"^Verdict: ")

    def test_03_pipes_and_plain_terminals(self):
        for environment in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
            text = run(INT8, LC_ALL="C", COLUMNS="80", **environment).stdout
            self.assertTrue(text.isascii())
            self.assertNotIn("\x1b", text)
            self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertIn("\x1b", run(INT8, "--color=always").stdout)

    def test_04_float_models_are_told_how_to_quantize(self):
        texts = set()
        for name in ("float32", "dynamic", "float16"):
            done = run(DIGITS / f"digits_{name}.tflite")
            lines = done.stdout.splitlines()
            self.assertEqual(done.returncode, 0)
            self.assertIn("nothing runs on the NPU", lines[2])
            self.assertRegex(done.stdout, "representative_dataset|representative dataset")
            self.assertRegex(" ".join(done.stdout.split()), r"supported_ops = \[tf\.lite\.OpsSet\.TFLITE_BUILTINS_INT8\]")
            texts.add(re.search(r"\[([a-z0-9-]+): docs/advice\.md", done.stdout).group(1))
        self.assertEqual(len(texts), 3)

    def test_05_what_is_no_model(self):  # each kind of file: errors_test.py
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "model.tflite"
            path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
            done = run(path)
            self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1))
            self.assertIn("Git LFS pointer", done.stderr)
            self.assertIn("git lfs pull", done.stderr)

    def test_06_a_bad_file_among_good_ones(self):
        done = run(INT8, "nosuch.tflite", FLOAT)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1))
        for name in ("int8.tflite", "nosuch.tflite", "float32.tflite"):
            self.assertIn(name, done.stdout)
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("without any .tflite file", run(folder).stderr)

    def test_07_json(self):
        first, second = run(INT8, "--format", "json"), run(INT8, "--format", "json")
        self.assertEqual(first.stdout, second.stdout)
        self.assertEqual(json.loads(first.stdout)["schema_version"], 1)
        self.assertIn("error", json.loads(run("nosuch.tflite", "--format", "json").stdout))

    def test_10_explain(self):
        for what in ("7", "SHAPE", "T#14"):
            self.assertEqual(run(INT8, "--explain", what).returncode, 0)
        self.assertIn("Op#0 to Op#11", run(INT8, "--explain", "17").stderr)
        self.assertIn('did you mean "SOFTMAX"', run(INT8, "--explain", "SOFTMX").stderr)

    def test_11_a_gate_in_one_line_with_number_and_limit(self):
        done = run(INT8, "--deny", "SOFTMAX", "--require-full-npu")
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1))
        self.assertRegex(done.stderr, r"--require-full-npu .*1 operator.*0")

    def test_12_baseline(self):
        with tempfile.TemporaryDirectory() as folder:
            old = pathlib.Path(folder) / "old.json"
            self.assertEqual(run(INT8, "--json", "-o", old).returncode, 0)
            self.assertEqual(run(INT8, "--baseline", old).returncode, 0)
            self.assertEqual(run(INT8, "--deny", "SOFTMAX", "--baseline", old).returncode, 1)

    def test_13_typos(self):
        for arguments, meant in ((["--formt", "json", INT8], "--format"), ([INT8, "--format", "jsno"], "json"),
                                 ([INT8, "--deny", "CONV2D"], "CONV_2D")):
            done = run(*arguments)
            self.assertEqual(done.returncode, 3)
            self.assertIn(f'did you mean "{meant}"', done.stderr)

    def test_16_no_opencl(self):
        self.assertEqual(run(INT8, **NO_OPENCL).stdout, run(INT8).stdout)
        done = run("--device-info", **NO_OPENCL)
        self.assertEqual(done.returncode, 4)
        self.assertIn("No OpenCL device", done.stdout)

    def test_17_device_info(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        info = json.loads(run("--device-info", "--json", "--threads", "1").stdout)
        self.assertTrue(info["devices"][0]["name"] and info["devices"][0]["driver_version"])

    def test_18_run_and_verify_without_input(self):  # Ctrl+C: errors_test.py
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        done = run(INT8, "--run", "--verify")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("every byte equal", " ".join(done.stdout.split()))

    def test_19_manual_page_and_completion(self):  # installed: install_test.sh
        self.assertIn(".SH OPTIONS", run("--man").stdout)
        self.assertIn("--format\t", run("--completion-words", "--").stdout)

    def test_20_the_readmes_first_block_prints_what_it_shows(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")
        block = (ROOT / "README.md").read_text().split("```")[1].strip("\n").split("\n")
        self.assertTrue(block[0].startswith("$ delegate-check "))
        done = subprocess.run([TOOL, *block[0].split()[2:]], cwd=DIGITS, capture_output=True, text=True,
                              env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # The device is that of the machine.
        named = re.compile(r"^Verified on .*?(?=\n  \S+: )", re.M | re.S)
        self.assertEqual(named.sub("", done.stdout).strip("\n"), named.sub("", "\n".join(block[1:])).strip("\n"),
                         "copy the output into the README again")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
