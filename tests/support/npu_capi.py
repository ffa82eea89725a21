"""The C API through ctypes, as little of it as the corpus and host tests need."""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import json

import numpy as np

DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 7: np.int16, 9: np.int8}


class TensorInfo(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("name", ctypes.c_char_p), ("type", ctypes.c_int),
                ("rank", ctypes.c_int32), ("dims", ctypes.c_int32 * 8), ("scale", ctypes.c_float),
                ("zero_point", ctypes.c_int32), ("bytes", ctypes.c_size_t), ("packed_channels", ctypes.c_int32)]


class Option(ctypes.Structure):
    _fields_ = [("key", ctypes.c_char_p), ("value", ctypes.c_char_p)]


class NpuError(Exception):
    pass


class Library:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.lib.npu_last_error.restype = ctypes.c_char_p
        self.lib.npu_plan_json.restype = ctypes.c_char_p
        for name in ("npu_session_input_count", "npu_session_output_count"):
            getattr(self.lib, name).restype = ctypes.c_size_t

    def check(self, status):
        if status != 0:
            raise NpuError(self.lib.npu_last_error().decode("utf-8", "replace"))

    def open(self, path):
        return Model(self, path)


class Model:
    """A model file: plans and sessions are made with options as keyword arguments."""

    def __init__(self, library, path):
        self.library, self.handle = library, ctypes.c_void_p()
        library.check(library.lib.npu_model_open_file(str(path).encode(), ctypes.byref(self.handle)))

    def __del__(self):
        self.library.lib.npu_model_destroy(self.handle)

    def _plan(self, options):
        pairs = (Option * len(options))(*[Option(k.encode(), str(v).encode()) for k, v in options.items()])
        plan = ctypes.c_void_p()
        self.library.check(self.library.lib.npu_plan_create(self.handle, pairs, ctypes.c_size_t(len(options)),
                                                            ctypes.byref(plan)))
        return plan

    def plan(self, **options):
        """The plan as a dict."""
        plan = self._plan(options)
        try:
            return json.loads(self.library.lib.npu_plan_json(plan).decode("utf-8", "replace"))
        finally:
            self.library.lib.npu_plan_destroy(plan)

    def session(self, **options):
        plan = self._plan(options)
        try:
            return Session(self.library, plan)
        finally:
            self.library.lib.npu_plan_destroy(plan)

    def verify(self, seed=1, **options):
        """Each segment of the plan on its own, the device against the CPU reference, as a dict."""
        plan, text = self._plan(options), ctypes.c_void_p()
        try:
            self.library.check(self.library.lib.npu_plan_verify(plan, ctypes.c_uint64(seed), ctypes.byref(text)))
            return json.loads(ctypes.string_at(text).decode("utf-8", "replace"))
        finally:
            self.library.lib.npu_string_destroy(text)
            self.library.lib.npu_plan_destroy(plan)


class Session:
    def __init__(self, library, plan):
        self.library, self.handle = library, ctypes.c_void_p()
        library.check(library.lib.npu_session_create(plan, ctypes.byref(self.handle)))
        lib = library.lib
        self.inputs = [self._info(lib.npu_session_input, i) for i in range(lib.npu_session_input_count(self.handle))]
        self.outputs = [self._info(lib.npu_session_output, i) for i in range(lib.npu_session_output_count(self.handle))]

    def __del__(self):
        self.library.lib.npu_session_destroy(self.handle)

    def _info(self, function, index):
        info = TensorInfo(struct_size=ctypes.sizeof(TensorInfo))
        self.library.check(function(self.handle, ctypes.c_size_t(index), ctypes.byref(info)))
        return info

    def reset(self):
        self.library.check(self.library.lib.npu_session_reset(self.handle))

    def run(self, arrays):
        lib = self.library.lib
        for i, array in enumerate(arrays):
            array = np.ascontiguousarray(array)
            self.library.check(lib.npu_session_copy_input(
                self.handle, ctypes.c_size_t(i), array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes)))
        self.library.check(lib.npu_session_invoke(self.handle))
        results = []
        for i, info in enumerate(self.outputs):
            result = np.empty(list(info.dims[:info.rank]), DTYPES[info.type])
            self.library.check(lib.npu_session_copy_output(
                self.handle, ctypes.c_size_t(i), result.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(result.nbytes)))
            results.append(result)
        return results
