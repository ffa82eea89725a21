#!/usr/bin/env python3
"""Every JSON document of delegate-check keeps docs/report.schema.json, and documents that break a promise do not.

    report_schema_test.py DELEGATE_CHECK DIGITS_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import copy
import json
import pathlib
import sys
import tempfile
import unittest
import zipfile

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("SKIPPED: no python3-jsonschema of version 4 or later")
    sys.exit(77)

from check_support import CORPUS, DIGITS, FLOAT, INT8, run

SCHEMA = json.loads((DIGITS.resolve().parents[1] / "docs/report.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
SAMPLE = 5  # every so many models of the corpus


def deepest(error):
    while error.context:
        error = max(error.context, key=lambda cause: len(cause.absolute_path))
    return f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def problems(document):
    return [deepest(error) for error in VALIDATOR.iter_errors(document)]


def document(*arguments):
    return json.loads(run(*arguments, "--format", "json").stdout)


class Schema(unittest.TestCase):
    def keeps(self, report):
        self.assertEqual(problems(report), [])

    def breaks(self, report, change):
        broken = copy.deepcopy(report)
        change(broken)
        self.assertNotEqual(problems(broken), [])

    def test_the_schema_is_one(self):
        Draft202012Validator.check_schema(SCHEMA)

    def test_models_of_the_repository(self):
        for model in sorted(DIGITS.glob("*.tflite")):
            with self.subTest(model=model.name):
                self.keeps(document(model))

    def test_what_is_asked_for_besides(self):
        with tempfile.TemporaryDirectory() as folder:
            old = pathlib.Path(folder) / "old.json"
            self.assertEqual(run(FLOAT, "--format", "json", "-o", old).returncode, 0)
            samples = pathlib.Path(folder) / "samples.npz"
            with zipfile.ZipFile(samples, "w") as archive:
                for name in ("images", "labels"):
                    archive.write(DIGITS / f"test_{name}.npy", {"images": "x.npy", "labels": "y.npy"}[name])
            report = document(INT8, "--verify", "--verify-layers", "--accuracy", samples, "--run", "--profile", "--profile-runs", "2", "--require-full-npu",
                              "--baseline", old)
            for key in ("verify", "verify_layers", "accuracy", "run", "profile", "gates", "comparison"):
                self.assertIn(key, report)
            self.keeps(report)
            self.keeps(document("--diff", old, INT8))
        self.keeps(document(INT8, "--deny", "MAX_POOL_2D", "--verify", "--placement", "auto"))
        self.keeps(document(INT8, "--requantize", "float", "--verify"))
        report = document(INT8, "--deny", "MAX_POOL_2D", "--verify", "--verify-layers", "--requantize", "float")
        self.assertEqual((report["verify"]["tolerance"], report["verify_layers"]["tolerance"]), (1, 1))
        self.keeps(report)
        self.breaks(report, lambda r: r["verify"].pop("tolerance"))
        self.breaks(report, lambda r: r["verify_layers"].pop("tolerance"))
        self.breaks(report, lambda r: r["verify_layers"]["ops"][0]["outputs"][0].pop("agrees"))
        self.breaks(report, lambda r: r["verify_layers"]["ops"][0].update(state="wrong"))

    def test_what_hosts_write(self):
        with tempfile.TemporaryDirectory() as folder:
            plan, trace = pathlib.Path(folder) / "plan.json", pathlib.Path(folder) / "profile.json"
            self.assertEqual(run(INT8, "--profile", "--profile-runs", "2", "--trace", trace, "--format", "json", "-o", plan).returncode, 0)
            shown = document("--host-report", plan, trace)
            self.assertIn("profile", shown)
            self.keeps(shown)
            self.keeps(document("--host-report", plan))

    def test_errors_and_collections(self):
        error = document("nosuch.tflite")
        self.assertIn("error", error)
        self.keeps(error)
        collection = document(INT8, "nosuch.tflite", FLOAT)
        self.keeps(collection)
        self.breaks(collection, lambda c: c["models"][0].update(surplus=1))
        self.breaks(collection, lambda c: c["models"][1].pop("error"))

    def test_broken_promises_are_seen(self):
        report = document(FLOAT)
        self.keeps(report)
        self.breaks(report, lambda r: r.update(surplus=1))
        self.breaks(report, lambda r: r.pop("blockers"))
        self.breaks(report, lambda r: r.update(schema_version=2))
        self.breaks(report, lambda r: r["ops"][0].update(reasons=[]))
        self.breaks(report, lambda r: r["ops"][0].update(placement="npu"))
        self.breaks(report, lambda r: r["ops"][0]["reasons"][0].update(actual=""))
        self.breaks(report, lambda r: r["ops"][0]["reasons"][0].update(advice="read-the-docs"))
        self.breaks(report, lambda r: r["ops"][0]["reasons"][0].update(code="BECAUSE"))
        self.breaks(report, lambda r: r["blockers"][0].update(macs=-1))
        self.breaks(report, lambda r: r["summary"].update(npu_mac_share=100))

    def test_a_sample_of_the_corpus(self):
        models = sorted(CORPUS.rglob("*.tflite"))[::SAMPLE]
        if not models:
            self.skipTest(f"no models at {CORPUS}")
        collection = document(*models)
        self.assertEqual(len(collection["models"]), len(models))
        self.keeps(collection)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
