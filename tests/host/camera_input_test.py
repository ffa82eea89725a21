#!/usr/bin/env python3
"""A camera's bytes as the input of a stock host: UINT8 given to an INT8 model, and UINT8 models.

    camera_input_test.py LIBRARY SOURCE_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import gc
import json
import pathlib
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import host_runtime as host

LIBRARY, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
INT8 = SOURCE / "examples/digits/digits_int8.tflite"
UINT8 = SOURCE / "examples/digits/digits_uint8_io.tflite"


def interpreter_with(model=INT8, **options):
    delegate = host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING, **options})
    return host.ready_interpreter(model, [delegate])


def pictures(count, batch=1):
    return np.random.default_rng(5).integers(0, 256, (count, batch, 8, 8, 1)).astype(np.uint8)


class Uint8ForInt8(unittest.TestCase):
    def expect_like_int8(self, interpreter, batch=1):
        reference = host.reference_interpreter(INT8)
        reference.resize_tensor_input(reference.get_input_details()[0]["index"], [batch, 8, 8, 1])
        reference.allocate_tensors()
        index, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        for pixels in pictures(10, batch):
            expected = host.run(reference, [(pixels.astype(np.int16) - 128).astype(np.int8)])[0]
            # The host checks types: the same bytes under the name that it expects.
            np.testing.assert_array_equal(host.run(interpreter, [pixels.view(np.int8)])[0], expected)
            # Nothing but the copy of a camera's bytes to where the host keeps the input.
            interpreter.tensor(index)().view(np.uint8)[...] = 0
            interpreter.tensor(index)().view(np.uint8)[...] = pixels
            interpreter.invoke()
            np.testing.assert_array_equal(interpreter.get_tensor(output), expected)

    def test_named_by_name_glob_and_index(self):
        for item in ("serving_default_keras_tensor:0", "serving*", "#0", "0"):
            self.expect_like_int8(interpreter_with(input_uint8=item))

    def test_on_the_cpu_reference_and_one_thread(self):
        self.expect_like_int8(interpreter_with(input_uint8="*", device="reference"))
        self.expect_like_int8(interpreter_with(input_uint8="*", threads=1))

    def test_after_a_resize(self):
        interpreter = interpreter_with(input_uint8="*")
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [3, 8, 8, 1])
        interpreter.allocate_tensors()
        self.expect_like_int8(interpreter, 3)

    def test_every_operator_alone(self):
        delegate = host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING, "input_uint8": "*"})
        interpreter = host.reference_interpreter(INT8, [delegate], experimental_preserve_all_tensors=True)
        interpreter.allocate_tensors()
        self.expect_like_int8(interpreter)

    def test_no_work_is_added(self):
        with tempfile.TemporaryDirectory() as folder:
            names = {}
            for item in ("", "*"):
                path = pathlib.Path(folder) / f"profile{len(item)}.json"
                interpreter = interpreter_with(profile=path, input_uint8=item)
                host.run(interpreter, [pictures(1)[0].view(np.int8)])
                del interpreter
                gc.collect()
                events = json.loads(path.read_text())["traceEvents"]
                names[item] = sorted(event["name"] for event in events if event.get("cat") == "op")
            self.assertTrue(names[""])
            self.assertEqual(names["*"], names[""], "launches")

    def test_refusals(self):
        # An error of the load: the host would take UINT8 for INT8 if it went on without us.
        for options, words in (({"input_uint8": "nonsense"}, 'names no tensor (inputs: T#0 "serving_default'),
                               ({"input_uint8": "#3"}, "is no input of the model"),
                               ({"input_uint8": "*", "deny": "op0"}, "stays with the host and would take UINT8 for INT8"),
                               ({"input_uint8": "*", "device": "nosuch"}, "no OpenCL device"),
                               ({"input_uint8": "*", "model": UINT8}, "is UINT8 already")):
            with self.subTest(options), self.assertRaisesRegex((RuntimeError, ValueError), words.replace("(", r"\(")):
                interpreter_with(**options)

    def test_a_further_model_without_the_input_is_warned_of_only(self):
        delegate = host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING, "input_uint8": "*"})
        self.expect_like_int8(host.ready_interpreter(INT8, [delegate]))
        second, reference = host.ready_interpreter(UINT8, [delegate]), host.ready_interpreter(UINT8)
        np.testing.assert_array_equal(host.run(second, [pictures(1)[0]])[0], host.run(reference, [pictures(1)[0]])[0])


class Uint8Models(unittest.TestCase):
    def test_the_quantize_operators_at_both_ends_are_no_work(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "profile.json"
            interpreter = interpreter_with(UINT8, profile=path)
            reference = host.ready_interpreter(UINT8)
            for pixels in pictures(5):
                np.testing.assert_array_equal(host.run(interpreter, [pixels])[0], host.run(reference, [pixels])[0])
            del interpreter
            gc.collect()
            ops = json.loads(path.read_text())["profile"]["ops"]
        self.assertEqual([(op["op"], op["state"]) for op in (ops[0], ops[-1])], [("QUANTIZE", "view")] * 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
