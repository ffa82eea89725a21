#!/usr/bin/env python3
"""delegate-check as a user meets it: exit codes, streams, formats, options, bad input.

    delegate_check_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from check_support import CORPUS, DIGITS, FLOAT, INT8, TOOL, run, write_npy

# Four PADs, each before a convolution; in the model corpus beside the repository.
PADDED = CORPUS / "real/sipeed+TinyMaix/tools/tflite/mbnet128_0.25_q.tflite"


class Report(unittest.TestCase):
    def test_text(self):
        done = run(INT8)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertIn("full int8", lines[0])
        self.assertIn("12 of 12 operators", lines[1])
        self.assertIn("the whole model runs in the delegate", lines[2])
        self.assertRegex(done.stdout, r"\n  memory  tensors [0-9.]+ kB, packed weights and tables [0-9.]+ kB\n")

    def test_names_cannot_steer_the_terminal(self):
        name = json.loads(run(FLOAT, "--format", "json").stdout)["ops"][0]["name"].encode()
        hostile = "\x1b[2J\x07\u009b\u202e".encode()
        self.assertGreaterEqual(len(name), len(hostile))
        with tempfile.TemporaryDirectory() as folder:
            model = pathlib.Path(folder) / "hostile.tflite"
            contents = pathlib.Path(FLOAT).read_bytes()
            model.write_bytes(contents.replace(name, hostile + name[len(hostile):]))
            done = subprocess.run([TOOL, str(model), "--explain", "0"], capture_output=True, timeout=120,
                                  env={**os.environ, "LC_ALL": "C"})
            self.assertEqual(done.returncode, 0)
            self.assertIn(b"?[2J???", done.stdout)
            self.assertEqual([byte for byte in done.stdout if byte < 0x20 and byte != 0x0a or byte >= 0x7f], [])

    def test_json_is_the_same_on_every_run_and_has_its_keys(self):
        first, second = run(INT8, "--format", "json"), run(INT8, "--format", "json")
        self.assertEqual(first.returncode, 0)
        self.assertEqual(first.stdout, second.stdout)
        report = json.loads(first.stdout)
        self.assertEqual(report["schema_version"], 1)
        for key in ("model", "summary", "segments", "partitions", "ops"):
            self.assertIn(key, report)
        for op in report["ops"]:
            for key in ("index", "op", "version", "inputs", "outputs", "macs", "placement", "segment", "reasons"):
                self.assertIn(key, op)

    def test_every_operator_off_the_npu_has_a_reason_with_actual_and_allowed(self):
        report = json.loads(run(FLOAT, "--format", "json").stdout)
        self.assertEqual(report["summary"]["npu"], 0)
        for op in report["ops"]:
            self.assertEqual(op["placement"], "host")
            self.assertTrue(op["reasons"])
            for reason in op["reasons"]:
                self.assertTrue(reason["code"] and reason["text"] and reason["actual"] and reason["allowed"])

    def test_the_other_quantizations_are_named(self):
        for name, word in (("dynamic", "dynamic"), ("float16", "float16"), ("float32", "float32"), ("uint8_io", "int8")):
            self.assertIn(word, run(str(DIGITS / f"digits_{name}.tflite")).stdout.splitlines()[0])

    def test_output_file(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "report.json"
            done = run(INT8, "--format", "json", "-o", str(path))
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            self.assertEqual(json.loads(path.read_text())["summary"]["host"], 0)

    def test_deny_and_allow(self):
        report = json.loads(run(INT8, "--format", "json", "--deny", "#0+SOFTMAX").stdout)
        denied = [op["index"] for op in report["ops"] if op["placement"] == "host"]
        self.assertEqual([report["ops"][i]["op"] for i in denied], ["CONV_2D", "SOFTMAX"])
        self.assertEqual({r["code"] for i in denied for r in report["ops"][i]["reasons"]}, {"DENIED_BY_OPTION"})
        report = json.loads(run(INT8, "--format", "json", "--allow", "CONV_2D").stdout)
        self.assertEqual({op["op"] for op in report["ops"] if op["placement"] == "npu"}, {"CONV_2D"})

    def test_boundaries(self):
        report = json.loads(run(INT8, "--format", "json", "--deny", "MAX_POOL_2D").stdout)
        causes = {i for boundary in report["boundaries"] for i in boundary["causes"]}
        self.assertEqual({report["ops"][i]["op"] for i in causes}, {"MAX_POOL_2D"})
        for boundary in report["boundaries"]:
            self.assertGreater(boundary["bytes"], 0)
            self.assertIn(-1, (boundary["from"], boundary["to"]))
        text = run(INT8, "--verbose", "--deny", "MAX_POOL_2D").stdout
        self.assertIn("because of Op#", text)
        self.assertIn("DENIED_BY_OPTION", text.split("Boundaries", 1)[1].split("Operators", 1)[0])
        self.assertNotIn("Boundaries", run(INT8, "--verbose").stdout)

    def test_min_segment_ops(self):
        deny_all_but_softmax = ["--allow", "SOFTMAX", "--format", "json"]
        report = json.loads(run(INT8, *deny_all_but_softmax).stdout)
        self.assertEqual(report["summary"]["npu"], 0)
        self.assertIn("SEGMENT_TOO_SHORT", {r["code"] for op in report["ops"] for r in op["reasons"]})
        report = json.loads(run(INT8, *deny_all_but_softmax, "--min-segment-ops", "1").stdout)
        self.assertEqual({op["op"] for op in report["ops"] if op["placement"] == "npu"}, {"SOFTMAX"})
        self.assertEqual(run(INT8, "--min-segment-ops", "0").returncode, 3)

    def test_min_segment_macs(self):
        report = json.loads(run(INT8, "--format", "json", "--min-segment-macs", "1000000000").stdout)
        self.assertEqual(report["summary"]["npu"], 0)
        self.assertIn("SEGMENT_TOO_SMALL", {r["code"] for r in report["ops"][0]["reasons"]})


    def test_folds(self):
        report = json.loads(run(INT8, "--format", "json", "--folds", "none").stdout)
        self.assertEqual(report["folds"], [])
        done = run(INT8, "--folds", "pad-in-window")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn('did you mean "pad-into-window"', done.stderr)

    def test_folds_are_shown_with_their_reason(self):
        if not PADDED.exists():
            self.skipTest(f"no {PADDED}")
        text = run(str(PADDED), "--verbose").stdout
        self.assertEqual(text.count("  pad-into-window: Op#"), 4)
        self.assertIn("zero point", text)
        self.assertNotIn("Folds", run(str(PADDED), "--verbose", "--folds", "none").stdout)
        report = json.loads(run(str(PADDED), "--format", "json").stdout)
        for fold in report["folds"]:
            self.assertTrue(fold["why"])
            for op in fold["absorbed"]:
                self.assertEqual(report["ops"][op]["folded_into"], fold["into"])
                self.assertEqual(report["ops"][op]["placement"], "npu")
        self.assertEqual(run(str(PADDED), "--verify").returncode, 0)


class Gates(unittest.TestCase):
    def test_met(self):
        self.assertEqual(run(INT8, "--require-full-npu", "--max-host-ops", "0", "--min-npu-macs", "100").returncode, 0)

    def test_not_met(self):
        for gate in (["--require-full-npu"], ["--max-host-ops", "1"], ["--min-npu-macs", "50"]):
            done = run(FLOAT, *gate)
            self.assertEqual(done.returncode, 1, gate)
            self.assertIn("FAILED", done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(f"gate {gate[0]} is not met", done.stderr)

    def test_the_failing_gates_are_lines_with_number_and_limit(self):
        deny = ["--deny", "MAX_POOL_2D"]
        partitions = json.loads(run(INT8, *deny, "--format", "json").stdout)["summary"]["partitions"]
        self.assertGreater(partitions, 1)
        self.assertEqual(run(INT8, *deny, "--max-partitions", str(partitions)).returncode, 0)
        done = run(INT8, *deny, "--max-partitions", str(partitions - 1), "--require-full-npu", "--max-host-ops", "99")
        self.assertEqual(done.returncode, 1)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("gate --require-full-npu is not met: 1 operator on the host; allowed: 0", lines[0])
        self.assertIn(f"gate --max-partitions is not met: {partitions} partitions; allowed: at most {partitions - 1}", lines[1])


class Running(unittest.TestCase):
    def setUp(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")

    def test_verify_and_run(self):
        done = run(INT8, "--verify", "--run", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["verify"]["max_difference"], 0)
        self.assertEqual(report["run"]["outputs"][0]["elements"], 10)

    def test_verify_with_float_rescaling_compares_operators_to_within_1(self):
        done = run(INT8, "--verify", "--requantize", "float", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        verify = json.loads(done.stdout)["verify"]
        self.assertEqual(verify["tolerance"], 1)
        self.assertEqual(verify["operators"]["max_difference"], 1)
        self.assertGreater(verify["operators"]["elements"], 1000)
        text = run(INT8, "--verify", "--requantize", "float").stdout
        self.assertIn("every operator within 1, as requantize=float may", text)
        self.assertNotIn("every byte equal", text)

    def test_verify_each_segment_when_operators_stay_with_the_host(self):
        done = run(INT8, "--verify", "--format", "json", "--deny", "MAX_POOL_2D")
        self.assertEqual(done.returncode, 0, done.stderr)
        verify = json.loads(done.stdout)["verify"]
        self.assertEqual(len(verify["segments"]), 2)
        self.assertEqual(verify["max_difference"], 0)

    def test_run_needs_the_whole_model(self):
        done = run(INT8, "--run", "--deny", "MAX_POOL_2D")
        self.assertEqual(done.returncode, 2)
        self.assertIn("MAX_POOL_2D", done.stderr)

    def test_input_file(self):
        with tempfile.TemporaryDirectory() as folder:
            good, short, wrong = (pathlib.Path(folder) / n for n in ("good.npy", "short.npy", "wrong.npy"))
            write_npy(good, "|i1", (1, 8, 8, 1), bytes(64))
            write_npy(short, "|i1", (8, 7), bytes(56))
            write_npy(wrong, "<f4", (1, 8, 8, 1), bytes(256))
            self.assertEqual(run(INT8, "--run", "--input", str(good)).returncode, 0)
            for path, words in ((short, "56 bytes"), (wrong, "<f4"), (pathlib.Path(INT8), "not a .npy"),
                                (pathlib.Path("none.npy"), "none.npy")):
                done = run(INT8, "--run", "--input", str(path))
                self.assertEqual(done.returncode, 3)
                self.assertIn(words, done.stderr)

    def test_profile(self):
        with tempfile.TemporaryDirectory() as folder:
            trace = pathlib.Path(folder) / "trace.json"
            done = run(INT8, "--profile", "--profile-runs", "3", "--threads", "1", "--trace", str(trace), "--format", "json")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            report, document = json.loads(done.stdout), json.loads(trace.read_text())
        profile = report["profile"]
        self.assertEqual(profile, document["profile"])
        self.assertEqual([op["index"] for op in profile["ops"]], list(range(12)))
        self.assertEqual(profile["invocations"], 3)
        for op in profile["ops"]:
            self.assertEqual(op["op"], report["ops"][op["index"]]["op"])
            if op["state"] == "opencl":
                self.assertEqual(op["us"]["count"], 3)
                self.assertGreater(op["launches"], 0)
        launches = sum(op["launches"] for op in profile["ops"])
        self.assertEqual(launches, sum(segment["launches"] for segment in profile["segments"]))
        named = [event for event in document["traceEvents"] if event.get("cat") == "op"]
        self.assertEqual(len(named), 3 * launches)
        for segment in profile["segments"]:
            self.assertGreater(segment["us"]["median"], segment["busy_us"] / 2)
        self.assertGreater(profile["memory"]["arena_bytes"], 0)
        if profile["memory"]["staging_bytes"] == 0:  # the plan's figures are of devices that share the host's memory
            for key in ("arena_bytes", "constant_bytes", "uncopied_bytes"):
                self.assertEqual(profile["memory"][key], report["memory"][key], key)

    def test_profile_text_is_80_columns_wide(self):
        text = run(INT8, "--profile", "--profile-runs", "2").stdout.split("Profile on", 1)[1]
        self.assertEqual([line for line in text.splitlines()[1:] if len(line) > 80], [])
        for word in ("upload", "download", "Operators in order", "CONV_2D", "memory: arena", "a view", "evaluated"):
            self.assertIn(word, text)

    def test_profile_each_partition_when_operators_stay_with_the_host(self):
        done = run(INT8, "--profile", "--profile-runs", "2", "--deny", "MAX_POOL_2D", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        profile = json.loads(done.stdout)["profile"]
        self.assertEqual(len(profile["partitions"]), 2)
        self.assertEqual([op["state"] for op in profile["ops"] if op["op"] == "MAX_POOL_2D"], ["host"])
        done = run(INT8, "--profile", "--deny", "MAX_POOL_2D", "--input", "none.npy")
        self.assertEqual(done.returncode, 3)
        self.assertIn("--input", done.stderr)

    def test_profile_usage(self):
        self.assertEqual(run(INT8, "--trace", "trace.json").returncode, 3)
        self.assertEqual(run(INT8, "--profile", "--profile-runs", "0").returncode, 3)
        done = run(INT8, "--profile", "--profile-runs", "1", "--trace", "/nonexistent/folder/trace")
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nonexistent/folder/trace", done.stderr)
        self.assertIn("Operators in order", done.stdout)  # the report is not lost

    def test_device_info(self):
        with tempfile.TemporaryDirectory() as folder:
            cached = ["--device-info", "--format", "json", "--threads", "1", "--cache-dir", folder]
            first, second = run(*cached), run(*cached)
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        info = json.loads(first.stdout)
        again = json.loads(second.stdout)["selected"]["speed"]
        self.assertEqual(info["selected"]["speed"], again)  # kept, not measured again
        self.assertEqual(info["devices"][info["selected"]["index"]]["name"], info["selected"]["name"])
        self.assertTrue(all(value > 0 for value in info["selected"]["speed"].values()))
        self.assertTrue(info["selected"]["variant"])
        text = run("--device-info", "--threads", "1").stdout
        for word in ("compute units", "driver", "kernels of variant", "GMAC/s", "Graphics and accelerator nodes"):
            self.assertIn(word, text)
        done = run("--device-info", "--device", "no such device")
        self.assertEqual(done.returncode, 4)
        self.assertIn("no such device", done.stderr)
        self.assertIn("compute units", done.stdout)

    def test_supported_ops(self):
        done = run("--supported-ops")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        documented = (DIGITS.resolve().parents[1] / "docs/operators.md").read_text()
        for line in done.stdout.splitlines():
            self.assertIn(line, documented)
        self.assertIn("| CONV_2D | 8 |", done.stdout)
        self.assertNotIn("does not conform", done.stdout)

    def test_no_device(self):
        done = run(INT8, "--placement", "auto", OCL_ICD_VENDORS="/nonexistent")
        self.assertEqual(done.returncode, 4)
        self.assertIn("placement=auto", done.stderr)
        done = run("--device-info", OCL_ICD_VENDORS="/nonexistent")
        self.assertEqual(done.returncode, 4)
        self.assertIn("No OpenCL device", done.stdout)
        done = run(INT8, "--run", OCL_ICD_VENDORS="/nonexistent")
        self.assertEqual(done.returncode, 4)
        self.assertIn("OpenCL", done.stderr)
        self.assertEqual(run(INT8, OCL_ICD_VENDORS="/nonexistent").returncode, 0)
        self.assertEqual(run(INT8, "--run", "--device", "no such device").returncode, 4)


class Extract(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name) / "op.tflite"

    def test_a_small_model_of_these_operators(self):
        for what, ops in (("4", ["CONV_2D"]), ("Op#4", ["CONV_2D"]), ("3-5", ["MAX_POOL_2D", "CONV_2D", "AVERAGE_POOL_2D"]),
                          ("0-11", [op["op"] for op in json.loads(run(INT8, "--json").stdout)["ops"]])):
            done = run(INT8, "--extract", what, "-o", self.out)
            self.assertEqual((done.returncode, done.stderr), (0, ""), what)
            self.assertIn("verified: ", done.stdout)
            report = json.loads(run(self.out, "--json").stdout)
            self.assertEqual([op["op"] for op in report["ops"]], ops)
            self.assertEqual(report["summary"]["npu"], len(ops))

    def test_what_cannot_be_cut(self):
        for arguments, words in ((["--extract", "12", "-o", self.out], "the model has Op#0 to Op#11"),
                                 (["--extract", "5-3", "-o", self.out], "expected N, or N-M"),
                                 (["--extract", "CONV_2D", "-o", self.out], "expected N, or N-M"),
                                 (["--extract", "3"], "-o FILE.tflite"), (["--extract", "3", "-o", INT8], "overwrite"),
                                 (["--extract", "3", "-o", self.out, "--json"], "--format"),
                                 ([FLOAT, "--extract", "3", "-o", self.out], "takes one model")):
            before = pathlib.Path(INT8).read_bytes()
            done = run(INT8, *arguments)
            self.assertEqual((done.returncode, self.out.exists()), (3, False), arguments)
            self.assertIn(words, done.stdout + done.stderr)
            self.assertEqual(pathlib.Path(INT8).read_bytes(), before)
        self.assertEqual(run("nothing.tflite", "--extract", "3", "-o", self.out).returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
