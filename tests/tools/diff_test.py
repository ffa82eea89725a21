#!/usr/bin/env python3
"""delegate-check --baseline and --diff: what is the same, what moved, why, and when that is worse.

    diff_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import sys
import tempfile
import unittest

from check_support import CORPUS, FLOAT, INT8, run

LARQ, SEED0 = CORPUS / "larq", CORPUS / "gen/seed0_tf40055"


def diff(before, after, *arguments):
    done = run("--diff", before, after, "--format", "json", *arguments)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1
    return document["comparison"]


def codes(list_of):
    return [entry["code"] for entry in list_of]


class Diff(unittest.TestCase):
    def test_float_against_int8(self):
        comparison = diff(FLOAT, INT8)
        self.assertEqual((comparison["verdict"], comparison["matched"]), ("better", 12))
        self.assertEqual(codes(comparison["better"]), ["OPS_JOINED_NPU", "NPU_MACS_HIGHER"])
        self.assertEqual(comparison["worse"], [])
        for op in comparison["ops"]:
            self.assertEqual(op["before"]["index"], op["after"]["index"])
            self.assertEqual((op["before"]["placement"], op["after"]["placement"]), ("host", "npu"))
            self.assertIn("placement", op["changes"])
            self.assertTrue(op["reasons_lost"])
            self.assertEqual(op["reasons_gained"], [])
        self.assertEqual(comparison["inputs"], [{"index": 0, "before": "FLOAT32[1,8,8,1]", "after": "INT8[1,8,8,1]"}])
        conv = comparison["ops"][0]
        self.assertEqual(conv["matched_by"], "name")
        self.assertIn({"operand": "input 1", "before": "FLOAT32[16,3,3,1]", "after": "INT8[16,3,3,1] per channel"}, conv["tensors"])

    def test_the_other_way_round_is_worse(self):
        comparison = diff(INT8, FLOAT)
        self.assertEqual(comparison["verdict"], "worse")
        self.assertEqual(codes(comparison["worse"]), ["OPS_LEFT_NPU", "NPU_MACS_LOWER"])
        self.assertEqual(comparison["worse"][0]["ops"], list(range(12)))
        self.assertTrue(all(op["reasons_gained"] and not op["reasons_lost"] for op in comparison["ops"]))

    def test_converters_of_two_ages(self):
        old, new = LARQ / "lce07/seed1_sign_int8.lce07.tflite", LARQ / "seed1_sign_int8.tflite"
        if not new.exists():
            self.skipTest(f"no {new}")
        comparison = diff(old, new)
        self.assertEqual((comparison["matched"], comparison["verdict"]), (3, "equal"))
        self.assertIn("nothing changed", run("--diff", old, new).stdout.splitlines()[0])

    def test_tf40055_against_its_workaround(self):
        stock, mended = LARQ / "tf40055_stock_ptq_int8.tflite", LARQ / "tf40055_workaround_int8.tflite"
        if not mended.exists():
            self.skipTest(f"no {mended}")
        self.assertEqual(diff(LARQ / "tf40055_int8.tflite", mended)["verdict"], "equal")
        comparison = diff(stock, mended)
        self.assertEqual((comparison["matched"], comparison["verdict"]), (3, "changed"))
        self.assertEqual([(op["before"]["op"], op["changes"]) for op in comparison["ops"]], [("ADD", ["removed"])])

    def test_a_convolution_that_stayed_in_float(self):
        broken, good = SEED0 / "conv_maxpool_bn_trained1_float_conv.tflite", SEED0 / "conv_maxpool_bn_trained1_int8_fio.tflite"
        if not good.exists():
            self.skipTest(f"no {good}")
        comparison = diff(broken, good)
        # The convolution and its QUANTIZE have changed places; every name is another.
        self.assertEqual((comparison["matched"], comparison["verdict"]), (6, "better"))
        moved = [op for op in comparison["ops"] if "placement" in op["changes"]]
        self.assertEqual([(op["after"]["op"], op["matched_by"]) for op in moved], [("CONV_2D", "structure")])
        self.assertIn("UNSUPPORTED_INPUT_TYPE", codes(moved[0]["reasons_lost"]))
        text = run("--diff", broken, good).stdout
        self.assertIn("Op#1 CONV_2D (was Op#0): host -> npu", text)
        self.assertIn("no longer UNSUPPORTED_INPUT_TYPE: is FLOAT32", text)

    def test_of_reports_and_models_alike(self):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "float.json"
            self.assertEqual(run(FLOAT, "--format", "json", "-o", report).returncode, 0)
            by_report, by_model = diff(report, INT8), diff(FLOAT, INT8)
            self.assertEqual(by_report["ops"], by_model["ops"])
            self.assertEqual(by_report["before"]["source"], str(report))
            self.assertEqual(run("--diff", report, INT8).stdout, run("--diff", report, INT8).stdout)

    def test_usage(self):
        self.assertEqual(run("--diff", INT8).returncode, 3)
        self.assertEqual(run("--diff", INT8, "missing.tflite").returncode, 2)
        done = run(INT8, FLOAT, "--baseline", "old.json")
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("one model; 2 are given", done.stderr)
        self.assertEqual(run("--diff", INT8, FLOAT, "-o", "/nonexistent/folder/diff").returncode, 3)


class Baseline(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.old = self.folder / "old.json"
        self.assertEqual(run(INT8, "--format", "json", "-o", self.old).returncode, 0)

    def edited(self, change):
        report = json.loads(self.old.read_text())
        change(report)
        path = self.folder / "edited.json"
        path.write_text(json.dumps(report))
        return path

    def test_equal(self):
        done = run(INT8, "--baseline", self.old)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("nothing changed", done.stdout)
        self.assertLessEqual(len(done.stdout.splitlines()), 2)

    def test_worse(self):
        done = run(INT8, "--baseline", self.old, "--deny", "MAX_POOL_2D")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn("gate --baseline is not met: 1 operator left the NPU, 2 partitions instead of 1", done.stderr)
        self.assertIn("Op#3 MAX_POOL_2D: npu -> host", done.stdout)
        self.assertIn("because of DENIED_BY_OPTION", done.stdout)
        self.assertNotIn("FULLY_CONNECTED", done.stdout)  # it has not changed

    def test_better(self):
        partly = self.folder / "partly.json"
        self.assertEqual(run(INT8, "--deny", "CONV_2D", "--format", "json", "-o", partly).returncode, 0)
        done = run(INT8, "--baseline", partly)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("placement is better", done.stdout)
        self.assertIn("FEWER_PARTITIONS", done.stdout)

    def test_every_kind_of_worse(self):
        def without_first(report):  # the CONV_2D of the model is then new, on the host
            del report["ops"][0]
            for op in report["ops"]:
                op["index"] -= 1
            for group in report["partitions"] + report["segments"]:
                group["ops"] = []

        def first_on_delegate_cpu(report):
            report["ops"][0]["placement"] = "delegate-cpu"

        for change, code in ((without_first, "NEW_HOST_OPS"), (first_on_delegate_cpu, "OPS_FELL_TO_HOST")):
            done = run(INT8, "--baseline", self.edited(change), "--deny", "#0", "--format", "json")
            self.assertEqual(done.returncode, 1)
            self.assertIn(code, codes(json.loads(done.stdout)["comparison"]["worse"]))

    def test_json_is_the_report_with_the_comparison(self):
        done = run(INT8, "--baseline", self.old, "--format", "json")
        self.assertEqual(done.returncode, 0)
        report = json.loads(done.stdout)
        self.assertEqual(report["comparison"]["verdict"], "equal")
        self.assertEqual(report["gates"][0]["gate"], "--baseline")
        self.old.write_text(done.stdout)  # and may be the next baseline
        self.assertEqual(run(INT8, "--baseline", self.old).returncode, 0)

    def test_files_that_are_no_report(self):
        bad = self.folder / "bad.json"
        for text, words in (("", "is not JSON"), ("{", "is not JSON"), ("[1]", "not a report"), ('{"a": 1}', "no schema_version"),
                            ('{"schema_version": 2}', "has schema_version 2; this delegate-check reads 1"),
                            ('{"schema_version": 1, "error": {"code": "NPU_IO_ERROR", "text": "boom"}}', "boom"),
                            ('{"schema_version": 1, "models": []}', "several models"),
                            ('{"schema_version": 1, "profile": {}}', "is a profile"),
                            ('{"schema_version": 1}', "model is missing"),
                            ('{"schema_version": 1, "x": ' + "[" * 9999 + "]" * 9999 + "}", "nests more than")):
            bad.write_text(text)
            done = run(INT8, "--baseline", bad)
            self.assertEqual((done.returncode, done.stdout), (3, ""), text[:60])
            self.assertIn(words, done.stderr)
            self.assertIn("bad.json", done.stderr)
        self.assertEqual(run(INT8, "--baseline", self.folder / "none.json").returncode, 3)
        self.assertEqual(run(INT8, "--baseline", self.folder).returncode, 3)

    def test_fields_that_are_wrong(self):
        def set_at(*path, value):
            def change(report):
                for key in path[:-1]:
                    report = report[key]
                report[path[-1]] = value
            return change

        for path, value, words in ((("ops", 3, "placement"), "moon", 'ops[3].placement is "moon"; expected npu'),
                                   (("ops", 2, "reasons"), 7, "ops[2].reasons is 7; expected a list"),
                                   (("ops", 1, "folded_into"), 99, "expected the index of an operator, -1 to 11"),
                                   (("summary", "npu"), 1.5, "summary.npu is 1.5; expected an integer"),
                                   (("summary", "macs"), 2 ** 64 - 1, "summary.macs"),
                                   (("model",), None, "model is null; expected an object")):
            done = run(INT8, "--baseline", self.edited(set_at(*path, value=value)))
            self.assertEqual(done.returncode, 3, path)
            self.assertIn(words, done.stderr)

    def test_names_cannot_steer_the_terminal(self):
        def hostile(report):
            report["ops"][0]["name"] = "\x1b[2J\u202e"
            report["ops"][0]["placement"] = "host"
            report["ops"][0]["op"] = "\x07CONV"

        for path in (self.edited(hostile),):
            done = run("--diff", path, path)
            self.assertNotIn("\x1b", done.stdout + done.stderr)
            done = run("--diff", path, INT8)
            self.assertEqual(done.returncode, 0)
            self.assertEqual([c for c in done.stdout if ord(c) < 0x20 and c != "\n" or ord(c) > 0x7e], [])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
