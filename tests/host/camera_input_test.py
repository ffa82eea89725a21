#!/usr/bin/env python3
"""A camera's bytes as the input of a stock host: UINT8 given to an INT8 model, and UINT8 models.

    camera_input_test.py LIBRARY SOURCE_DIR
"""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import gc
import json
import mmap
import os
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


class FrameBufferInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("reads", ctypes.c_uint64), ("syncs", ctypes.c_uint64)]


class CustomAllocation(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t)]


class RegisteredFrameBuffers(unittest.TestCase):
    """npu_register_frame_buffer of the library that the host has loaded as its delegate."""

    def setUp(self):
        self.library = ctypes.CDLL(LIBRARY)
        self.library.npu_register_frame_buffer.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32]
        self.library.npu_unregister_frame_buffer.argtypes = [ctypes.c_void_p]
        self.library.npu_frame_buffer_counts.argtypes = [ctypes.c_void_p, ctypes.POINTER(FrameBufferInfo)]
        self.library.npu_last_error.restype = ctypes.c_char_p
        self.fd = os.memfd_create("frame")
        os.ftruncate(self.fd, 4096)
        self.memory = mmap.mmap(self.fd, 4096)
        self.pixels = np.frombuffer(self.memory, np.uint8)

    def tearDown(self):
        os.close(self.fd)

    def register(self, address, size):
        self.assertEqual(self.library.npu_register_frame_buffer(address, size, self.fd), 0, self.library.npu_last_error())

    def reads(self, address):
        info = FrameBufferInfo(struct_size=ctypes.sizeof(FrameBufferInfo))
        self.assertEqual(self.library.npu_frame_buffer_counts(address, info), 0, self.library.npu_last_error())
        return info.reads

    def test_an_input_is_recognized_by_its_address(self):
        # Wherever the host keeps it: what counts is the address that the plug-in is given.
        interpreter = interpreter_with(input_uint8="*")
        address = interpreter.tensor(interpreter.get_input_details()[0]["index"])().ctypes.data
        interpreter.invoke()
        self.register(address, 64)
        for count in range(1, 4):
            interpreter.invoke()
            self.assertEqual(self.reads(address), count)
        self.assertEqual(self.library.npu_unregister_frame_buffer(address), 0)
        interpreter.invoke()

    def test_a_mapping_as_the_hosts_own_input(self):
        # tflite::Interpreter::SetCustomAllocationForTensor, which Python does not offer: tflite-runtime exports it.
        try:
            with open("/proc/self/maps") as maps:
                runtime = next(line.split()[-1] for line in maps if "_pywrap_tensorflow_interpreter_wrapper" in line)
            set_allocation = ctypes.CDLL(runtime)[
                "_ZN6tflite4impl11Interpreter28SetCustomAllocationForTensorEiRK22TfLiteCustomAllocationl"]
        except (StopIteration, AttributeError):
            self.skipTest("this runtime exports no C++ interface")
        set_allocation.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(CustomAllocation), ctypes.c_int64]
        delegate = host.tfl.load_delegate(LIBRARY, {"fc_rounding": host.FC_ROUNDING, "input_uint8": "*"})
        interpreter, reference = host.reference_interpreter(INT8, [delegate]), host.ready_interpreter(INT8)
        address = self.pixels.ctypes.data
        allocation = CustomAllocation(address, 4096)
        index, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
        self.assertEqual(set_allocation(interpreter._native_handle(), index, allocation, 0), 0)
        interpreter.allocate_tensors()
        self.register(address, 4096)
        for count, picture in enumerate(pictures(5), 1):
            self.pixels[:64] = picture.ravel()  # the camera
            interpreter.invoke()
            np.testing.assert_array_equal(interpreter.get_tensor(output),
                                          host.run(reference, [(picture.astype(np.int16) - 128).astype(np.int8)])[0])
            self.assertEqual(self.reads(address), count)
        os.ftruncate(self.fd, 0)
        with self.assertRaisesRegex(RuntimeError, "has become shorter"):
            interpreter.invoke()
        os.ftruncate(self.fd, 4096)
        self.assertEqual(self.library.npu_unregister_frame_buffer(address), 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
