#!/usr/bin/env python3
"""delegate-check --verify-layers in every form of a report: equal, within requantize=float's tolerance, and wrong.

    layers_formats_test.py DELEGATE_CHECK DIGITS_DIR WRONG_LAYERS

WRONG_LAYERS is preloaded where a fault is wanted: the first compared operator is then wrong by 7.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
import zipfile

from check_support import DIGITS, INT8, run

WRONG = {"LD_PRELOAD": sys.argv[3]}
FLOAT_ROUNDING = ("--requantize", "float")


class LayersFormats(unittest.TestCase):
    def setUp(self):
        if run("--list-devices").stdout.startswith("no OpenCL"):
            self.skipTest("no OpenCL device")

    def form(self, form, code, *arguments, **environment):
        done = run(INT8, "--verify-layers", "--format", form, *arguments, **environment)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def layers(self, code, *arguments, **environment):
        return json.loads(self.form("json", code, *arguments, **environment).stdout)["verify_layers"]

    def test_a_wrong_operator_is_exit_code_4_and_a_line(self):
        for arguments, allowed in (((), ""), (FLOAT_ROUNDING, ", to within 1 per operator")):
            done = self.form("text", 4, *arguments, **WRONG)
            self.assertIn("DIFFERENT from Op#0 CONV_2D on, which is wrong by itself", done.stdout)
            self.assertIn("3 of 1024, by 7", done.stdout)
            # What requantize=float may do is not shown as a fault.
            self.assertNotIn(", by 1", done.stdout)
            self.assertEqual(len(done.stderr.splitlines()), 1)
            self.assertIn(f"Op#0 CONV_2D is the first that does not give the CPU reference's bytes{allowed}\n", done.stderr)
            layers = self.layers(4, *arguments, **WRONG)
            self.assertEqual([output["agrees"] for op in layers["ops"] for output in op.get("outputs", [])], [False] + [True] * 8)

    def junit(self, code, *arguments, **environment):
        root = ElementTree.fromstring(self.form("junit", code, "--verify", *arguments, **environment).stdout)
        cases = {case.get("name"): case for case in root.iter("testcase") if case.get("classname").endswith(".verify")}
        self.assertEqual(sorted(cases), ["verify", "verify-layers"])
        self.assertEqual(int(root.get("failures")), sum(case.find("failure") is not None for case in cases.values()))
        return {name: case.find("failure") for name, case in cases.items()}

    def test_junit(self):
        for arguments in ((), FLOAT_ROUNDING):
            self.assertEqual(set(self.junit(0, *arguments).values()), {None})
            failures = self.junit(4, *arguments, **WRONG)
            self.assertIsNone(failures["verify"])
            tensor = self.layers(4, **WRONG)["first_diverging"]["tensor"]
            self.assertEqual(failures["verify-layers"].get("message"),
                             f"the first tensor that differs from the CPU reference's is T#{tensor} of Op#0 (isolated)")

    def test_markdown_and_github(self):
        equal = self.form("markdown", 0).stdout
        self.assertIn(":white_check_mark: Verified: every byte of every intermediate tensor equals", equal)
        within = self.form("markdown", 0, "--verify", *FLOAT_ROUNDING).stdout
        self.assertEqual(within.count(":white_check_mark: Verified: every operator is within 1 of the CPU reference"), 2)
        self.assertNotIn("every byte", within)
        self.assertIn(":x: **the first tensor that differs", self.form("markdown", 4, **WRONG).stdout)
        self.assertNotIn("::error", self.form("github", 0, "--verify", *FLOAT_ROUNDING).stdout)
        self.assertIn("title=verify-layers::the first tensor that differs", self.form("github", 4, **WRONG).stdout)

    def differences(self, code, *arguments, **environment):
        with tempfile.TemporaryDirectory() as folder:
            done = self.form("model-explorer", code, "-o", folder, *arguments, **environment)
            path = pathlib.Path(folder) / "max_diff.json"
            self.assertIn(f"wrote {path}", done.stderr)
            graph = json.loads(path.read_text())["main"]
        self.assertEqual([stop["stop"] for stop in graph["gradient"]], [0, 1])
        return {int(key): entry["value"] for key, entry in graph["results"].items()}

    def test_model_explorer(self):
        for code, arguments, environment in ((0, (), {}), (0, FLOAT_ROUNDING, {}), (4, (), WRONG)):
            expected = {op["index"]: max(output["isolated"]["max_difference"] for output in op["outputs"])
                        for op in self.layers(code, *arguments, **environment)["ops"] if op["state"] == "compared"}
            self.assertEqual(self.differences(code, *arguments, **environment), expected)
            self.assertEqual(max(expected.values()), {(): 0, FLOAT_ROUNDING: 1}[arguments] if code == 0 else 7)

    def test_the_page_holds_them(self):
        page = self.form("html", 0, *FLOAT_ROUNDING).stdout
        layers = self.layers(0, *FLOAT_ROUNDING)
        start = page.index('id="model-0"')
        data = page[page.index(">", start) + 1:page.index("</script>", start)]
        self.assertEqual(json.loads(data)["report"]["verify_layers"], layers)

    def test_many_models(self):
        done = run(INT8, DIGITS / "digits_uint8_io.tflite", "--verify-layers", "--format", "junit", **WRONG)
        self.assertEqual(done.returncode, 4)
        root = ElementTree.fromstring(done.stdout)
        self.assertEqual([suite.get("failures") for suite in root], ["1", "1"])
        self.assertEqual(len(done.stderr.splitlines()), 2)

    def test_accuracy_with_float_rounding(self):
        with tempfile.TemporaryDirectory() as folder:
            samples = pathlib.Path(folder) / "samples.npz"
            with zipfile.ZipFile(samples, "w") as archive:
                archive.write(DIGITS / "test_images.npy", "x.npy")
                archive.write(DIGITS / "test_labels.npy", "y.npy")
            done = run(INT8, "--accuracy", samples, "--format", "json", *FLOAT_ROUNDING)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        accuracy = json.loads(done.stdout)["accuracy"]
        self.assertLess(accuracy["reference"]["same_bytes"], accuracy["samples"])
        self.assertGreater(accuracy["reference"]["same_top1"], 0.9 * accuracy["samples"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
