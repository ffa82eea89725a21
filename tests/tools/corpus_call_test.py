#!/usr/bin/env python3
"""All models of the corpus in one call of delegate-check: none stops it, each is classified or refused for a reason.

    corpus_call_test.py DELEGATE_CHECK SHARED_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import csv
import json
import os
import pathlib
import subprocess
import sys
import unittest

TOOL, MODELS = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]) / "models"
HOSTILE = "hostile/"

# Files outside hostile/ that break the format all the same.
UNREADABLE = {
    "real/google-ai-edge+LiteRT/tflite/converter/quantization/lite/testdata/lstm_calibrated2.tflite": "shape[0] is -1",
    "real/google-ai-edge+LiteRT/tflite/converter/quantization/lite/testdata/lstm_quantized2.tflite": "shape[0] is -1",
    "real/google-ai-edge+LiteRT/tflite/converter/quantization/lite/testdata/transpose.tflite": "version is 2",
    "real/google-ai-edge+LiteRT/tflite/testdata/add_shared_tensors.tflite": "is written by Op#0",
    "real/tensorflow+tflite-micro/models/person_detect.tflite": "quantized_dimension is 3",
}
# Hostile models that a host refuses and that have nothing to decline here.
HARMLESS = {
    "hostile/made/conv_bias_idx_neg1.tflite",        # a convolution without bias: computed here
    "hostile/made/conv_filter_buffer_empty.tflite",  # weights that are computed when the model runs
    "hostile/made/no_graph_inputs.tflite",           # an operator whose input nobody gives
    "hostile/made/no_operators.tflite",
    "hostile/made/null_operators.tflite",
    "hostile/made/q_output_scale_tiny.tflite",       # only XNNPACK refuses the scale
}


def call(*arguments):
    return subprocess.run([TOOL, ".", *arguments], cwd=MODELS, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "LC_ALL": "C", "COLUMNS": "80"})


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = sorted(str(path.relative_to(MODELS)) for path in MODELS.rglob("*.tflite"))
        cls.done = call("--json")
        cls.document = json.loads(cls.done.stdout)
        cls.entries = {entry["file"].removeprefix("./"): entry for entry in cls.document["models"]}
        with open(MODELS / "hostile/HOSTILE.tsv", newline="") as table:
            cls.hosts = {row["path"]: row["litert_2.3.0_BUILTIN_REF"] for row in csv.DictReader(table, delimiter="\t")}

    def test_every_file_is_there_and_the_exit_code_says_that_some_are_broken(self):
        self.assertEqual(self.done.returncode, 2)
        self.assertEqual(list(self.entries), self.files)
        self.assertGreater(len(self.files), 1100)
        errors = sum("error" in entry for entry in self.entries.values())
        self.assertEqual(len(self.done.stderr.splitlines()), errors)
        self.assertEqual(self.document["summary"]["errors"], errors)

    def test_every_sound_model_is_classified(self):
        for file, entry in self.entries.items():
            if file.startswith(HOSTILE) or file in UNREADABLE:
                continue
            self.assertNotIn("error", entry, file)
            self.assertTrue(entry["model"]["kind"] and entry["model"]["kind_sentence"], file)
            self.assertEqual(len(entry["ops"]), entry["summary"]["ops"], file)
        for file, words in UNREADABLE.items():
            self.assertIn(words, self.entries[file]["error"]["text"])

    def test_every_hostile_model_is_an_error_or_an_operator_declined(self):
        seen = {"error": 0, "declined": 0, "harmless": 0}
        for file, entry in self.entries.items():
            if not file.startswith(HOSTILE):
                continue
            if "error" in entry:
                self.assertIn(entry["error"]["code"], ("NPU_INVALID_MODEL", "NPU_IO_ERROR", "NPU_RESOURCE_EXHAUSTED"), file)
                self.assertTrue(entry["error"]["text"].startswith(f"./{file}: "), file)
                seen["error"] += 1
                continue
            reasons = [reason for op in entry["ops"] for reason in op["reasons"] if reason["kind"] == "own"]
            for reason in reasons:
                self.assertTrue(reason["actual"] and reason["allowed"], file)
            if reasons:
                seen["declined"] += 1
            elif not self.hosts[file].startswith("RUNS"):
                self.assertIn(file, HARMLESS)
                seen["harmless"] += 1
        print(seen)
        self.assertGreater(seen["error"], 100)
        self.assertGreater(seen["declined"], 50)
        self.assertEqual(seen["harmless"], len(HARMLESS))

    def test_text_is_a_line_for_each_within_80_columns(self):
        done = call()
        self.assertEqual(done.returncode, 2)
        lines = done.stdout.splitlines()
        self.assertEqual([line for line in lines if len(line) > 80], [])
        self.assertEqual(lines.index(""), 1 + len(self.files))
        self.assertTrue(done.stdout.isascii())


if __name__ == "__main__":
    if not MODELS.is_dir():
        print(f"SKIPPED: no models at {MODELS}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], "-v"])
