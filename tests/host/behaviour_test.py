#!/usr/bin/env python3
"""The plug-in in a stock host, as an application meets it: loading, options, no device, resizing, lifetimes.

    behaviour_test.py LIBRARY SOURCE_DIR [CASE]     CASE: run this one here, in this process
"""
# SPDX-License-Identifier: Apache-2.0
import ctypes
import gc
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import host_runtime as host

LIBRARY, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
DIGITS = SOURCE / "examples/digits"
MODEL = DIGITS / "digits_int8.tflite"
SHARED = SOURCE.parent / "shared/models"
KEYS = ("device", "threads", "deny", "allow", "min_segment_macs", "min_segment_ops", "placement", "folds", "input_uint8", "fc_rounding", "requantize", "frame_timeout_ms", "log_level", "cache_dir", "report",
        "profile", "help")


class Skip(Exception):
    pass


def load(**options):
    return host.tfl.load_delegate(LIBRARY, options)


def exact(**options):
    return load(fc_rounding=host.FC_ROUNDING, **options)


def images(count, seed=3):
    return np.random.default_rng(seed).integers(-128, 128, (count, 8, 8, 1)).astype(np.int8)


def expect_equal(actual, expected):
    assert len(actual) == len(expected)
    for a, e in zip(actual, expected):
        assert a.shape == e.shape and a.dtype == e.dtype, (a.shape, e.shape)
        assert np.array_equal(a, e), f"{(a != e).sum()} of {a.size} values differ"


def expect_like_reference(interpreter, path=MODEL, shape=(1, 8, 8, 1), seed=3):
    """`interpreter`, already allocated for `shape`, against the host's own reference kernels."""
    reference = host.reference_interpreter(path)
    detail = reference.get_input_details()[0]
    reference.resize_tensor_input(detail["index"], list(shape))
    reference.allocate_tensors()
    info = np.iinfo(detail["dtype"])
    array = np.random.default_rng(seed).integers(info.min, info.max + 1, shape).astype(detail["dtype"])
    expect_equal(host.run(interpreter, [array]), host.run(reference, [array]))


def case_runs_exactly():
    interpreter = host.reference_interpreter(MODEL, [exact()])
    interpreter.allocate_tensors()
    assert len(host.delegate_nodes(interpreter)) == 1, host.delegate_nodes(interpreter)
    for seed in range(20):
        expect_like_reference(interpreter, seed=seed)


def case_digits_accuracy():
    interpreter = host.reference_interpreter(MODEL, [load()])
    interpreter.allocate_tensors()
    pictures, labels = np.load(DIGITS / "test_images.npy"), np.load(DIGITS / "test_labels.npy")
    detail = interpreter.get_input_details()[0]
    scale, zero_point = detail["quantization"]
    right = 0
    for picture, label in zip(pictures, labels):
        array = picture.astype(np.float32).reshape(1, 8, 8, 1)
        if picture.dtype != np.int8:
            array = np.clip(np.round(array / scale) + zero_point, -128, 127)
        right += int(np.argmax(host.run(interpreter, [array.astype(np.int8)])[0])) == int(label)
    assert right >= 0.9 * len(labels), f"{right} of {len(labels)} digits"


def case_default_interpreter():
    # XNNPACK is applied after us, on whatever is left: nothing here.
    interpreter = host.tfl.Interpreter(model_path=str(MODEL), experimental_delegates=[exact()], num_threads=2)
    interpreter.allocate_tensors()
    expect_like_reference(interpreter)


def case_xnnpack_takes_the_rest():
    interpreter = host.tfl.Interpreter(model_path=str(MODEL), experimental_delegates=[load(deny="CONV_2D")])
    interpreter.allocate_tensors()
    host.run(interpreter, [images(1)])


def case_xnnpack_came_first():
    interpreter = host.tfl.Interpreter(model_path=str(MODEL))
    interpreter.allocate_tensors()
    before = len(host.delegate_nodes(interpreter))
    array = images(1)
    expected = host.run(interpreter, [array])
    delegate = load()
    interpreter._interpreter.ModifyGraphWithDelegate(delegate._get_native_delegate_pointer())
    interpreter.allocate_tensors()
    actual = host.run(interpreter, [array])
    if before:
        expect_equal(actual, expected)
    else:  # a host whose XNNPACK leaves int8 alone: everything is ours
        assert len(host.delegate_nodes(interpreter)) >= 1
        expect_like_reference(interpreter)


def case_folded_model():
    # Its four PADs become the padding of the convolutions behind them; the host still hands over all operators.
    model = SHARED / "real/sipeed+TinyMaix/tools/tflite/mbnet128_0.25_q.tflite"
    if not model.exists():
        raise Skip(f"no {model}")
    for folds, count in (("all", 4), ("none", 0)):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "plan.json"
            interpreter = host.reference_interpreter(model, [exact(folds=folds, report=report)])
            interpreter.allocate_tensors()
            plan = json.loads(report.read_text())
        assert [fold["name"] for fold in plan["folds"]] == ["pad-into-window"] * count, plan["folds"]
        assert len(host.delegate_nodes(interpreter)) == 1, host.delegate_nodes(interpreter)
        for seed in range(3):
            expect_like_reference(interpreter, model, tuple(interpreter.get_input_details()[0]["shape"]), seed)


def case_unknown_option():
    try:
        load(devise="auto")
    except ValueError as error:
        assert 'unknown option "devise"; did you mean "device"?' in str(error) and all(key in str(error) for key in KEYS), error
        # The first line is the host's; ours is one line.
        assert len(str(error).strip().splitlines()) <= 2, error
    else:
        raise AssertionError("an unknown option was accepted")


def case_bad_value():
    for key, value in {"threads": "many", "log_level": "loud", "fc_rounding": "triple", "help": "perhaps"}.items():
        try:
            load(**{key: value})
        except ValueError as error:
            assert key in str(error) and value in str(error), error
        else:
            raise AssertionError(f"{key}={value} was accepted")


def case_python_booleans():
    load(help=True)
    load(help=False)
    # A host makes text of True, which is a value of flags alone.
    for options in ({"threads": True}, {"placement": False}, {"verbose": True}):
        (key, value), = options.items()
        try:
            load(**options)
        except ValueError as error:
            assert key in str(error) and (str(value) in str(error) or "unknown option" in str(error)), error
        else:
            raise AssertionError(f"{options} was accepted")


def plan_with(options, environment=""):
    os.environ["NPU_DELEGATE_OPTIONS"] = environment
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "plan.json")
        host.reference_interpreter(MODEL, [load(**{**options, "report": path})]).allocate_tensors()
        with open(path) as file:
            return file.read()


def case_options_in_any_order():
    # From the call, in two orders, from the environment, and from both, where the call wins.
    options = {"deny": "SOFTMAX", "folds": "none", "threads": "1", "min_segment_ops": "1"}
    expected = plan_with(options)
    assert json.loads(expected)["ops"][11]["placement"] == "host" and expected != plan_with({})
    backwards = dict(reversed(options.items()))
    assert plan_with(backwards) == expected
    for some in (options, backwards):
        assert plan_with({}, ";".join(f"{key}={value}" for key, value in some.items())) == expected
        assert plan_with({}, ";".join(f" {key} = {value} " for key, value in some.items())) == expected
    assert plan_with(options, "deny=CONV_2D;folds=all") == expected
    assert plan_with({"deny": "SOFTMAX"}, "folds=none;threads=1;min_segment_ops=1") == expected


def case_environment():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "plan.json")
        os.environ["NPU_DELEGATE_OPTIONS"] = f"report={path};deny=SOFTMAX+#0;fc_rounding={host.FC_ROUNDING}"
        interpreter = host.reference_interpreter(MODEL, [load()])
        interpreter.allocate_tensors()
        with open(path) as file:
            plan = json.load(file)
        placements = {op["index"]: op["placement"] for op in plan["ops"]}
        assert placements[0] != "npu" and placements[11] != "npu" and placements[2] == "npu", placements
        expect_like_reference(interpreter)
        os.environ["NPU_DELEGATE_OPTIONS"] = "nonsense"
        try:
            load()
        except ValueError as error:
            assert "NPU_DELEGATE_OPTIONS" in str(error), error
        else:
            raise AssertionError("nonsense in the environment was accepted")


def case_no_device():
    interpreter = host.reference_interpreter(MODEL, [load()])
    interpreter.allocate_tensors()
    assert not host.delegate_nodes(interpreter)
    expect_like_reference(interpreter)


def case_resized_batch():
    interpreter = host.reference_interpreter(MODEL, [exact()])
    index = interpreter.get_input_details()[0]["index"]
    for batch in (1, 5, 2, 2, 1):
        interpreter.resize_tensor_input(index, [batch, 8, 8, 1])
        interpreter.allocate_tensors()
        expect_like_reference(interpreter, shape=(batch, 8, 8, 1))
    assert len(host.delegate_nodes(interpreter)) == 1


def case_resized_height_and_width():
    tried = 0
    for name in ("conv2d_3x3_s2_same_even_int8", "dwconv_3x3_m1_int8", "maxpool_3x3s2_valid_int8", "avgpool_2x2s2_same_int8"):
        path = SHARED / f"gen/ops/{name}.tflite"
        if not path.exists():
            continue
        tried += 1
        interpreter = host.reference_interpreter(path, [exact()])
        detail = interpreter.get_input_details()[0]
        channels = int(detail["shape"][3])
        for shape in ((1, 13, 9, channels), (3, 8, 20, channels), (1, 32, 32, channels)):
            interpreter.resize_tensor_input(detail["index"], list(shape))
            interpreter.allocate_tensors()
            assert len(host.delegate_nodes(interpreter)) == 1
            expect_like_reference(interpreter, path, shape)
    if not tried:
        raise Skip("no model corpus")


def case_impossible_resize():
    interpreter = host.reference_interpreter(MODEL, [exact()])
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, [1, 1, 1, 1])
    try:
        interpreter.allocate_tensors()
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        assert "npu_delegate" in str(error) or "Op#" in str(error), error
    else:
        raise AssertionError("a picture of one pixel passed two 2x2 pools")
    interpreter.resize_tensor_input(index, [1, 8, 8, 1])
    interpreter.allocate_tensors()
    expect_like_reference(interpreter)


def case_two_interpreters_one_delegate():
    delegate = exact()
    first = host.reference_interpreter(MODEL, [delegate])
    second = host.reference_interpreter(DIGITS / "digits_uint8_io.tflite", [delegate])
    first.allocate_tensors()
    second.allocate_tensors()
    expect_like_reference(first)
    expect_like_reference(second, DIGITS / "digits_uint8_io.tflite")
    del first
    gc.collect()
    expect_like_reference(second, DIGITS / "digits_uint8_io.tflite", seed=4)


def case_two_delegates_one_interpreter():
    interpreter = host.reference_interpreter(MODEL, [exact(allow="CONV_2D"), exact()])
    interpreter.allocate_tensors()
    expect_like_reference(interpreter)


def case_delegate_dies_first():
    delegate = exact()
    interpreter = host.reference_interpreter(MODEL, [delegate])
    interpreter.allocate_tensors()
    interpreter._delegates = None
    del delegate
    gc.collect()
    expect_like_reference(interpreter)
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [3, 8, 8, 1])
    interpreter.allocate_tensors()
    expect_like_reference(interpreter, shape=(3, 8, 8, 1))


def case_all_tensors_kept():
    interpreter = host.reference_interpreter(MODEL, [exact()], experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    expect_like_reference(interpreter)


def case_report_is_the_plan():
    sys.path.insert(0, str(SOURCE / "tests/support"))
    import npu_capi
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "plan.json")
        host.reference_interpreter(MODEL, [load(report=path, deny="SOFTMAX")])
        with open(path) as file:
            found = json.load(file)
        assert os.listdir(directory) == ["plan.json"], os.listdir(directory)
    expected = npu_capi.Library(LIBRARY).open(MODEL).plan(deny="SOFTMAX")
    for key in ("summary", "ops", "segments", "partitions"):
        assert found[key] == expected[key], key


def case_placement_auto():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "plan.json")
        interpreter = host.reference_interpreter(MODEL, [exact(placement="auto", report=path, threads=1)])
        interpreter.allocate_tensors()
        expect_like_reference(interpreter)
        with open(path) as file:
            plan = json.load(file)
    # Which way it goes is a matter of speed; that it is said is not.
    left = {reason["code"] for op in plan["ops"] for reason in op["reasons"]}
    assert ("SLOWER_THAN_HOST" in left) == (plan["summary"]["npu"] == 0), (left, plan["summary"])
    assert all(partition["estimate"]["npu_us"] <= partition["estimate"]["host_us"] for partition in plan["partitions"])


def read_profile(path):
    with open(path) as file:
        document = json.load(file)
    times = [event["ts"] for event in document["traceEvents"] if event["ph"] == "X"]
    assert times and times == sorted(times)
    return document["profile"]


def case_profile_is_written_when_the_interpreter_goes():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "profile.json")
        interpreter = host.reference_interpreter(MODEL, [exact(profile=path, deny="SOFTMAX")])
        interpreter.allocate_tensors()
        expect_like_reference(interpreter)
        for image in images(4):
            host.run(interpreter, [image[np.newaxis]])
        assert os.listdir(directory) == [], "measuring leaves no file before the end"
        del interpreter
        gc.collect()
        assert os.listdir(directory) == ["profile.json"], os.listdir(directory)
        profile = read_profile(path)
    states = {op["index"]: op["state"] for op in profile["ops"]}
    assert sorted(states) == list(range(12)) and len(profile["ops"]) == 12
    assert states[11] == "host" and states[0] == "opencl" and set(states.values()) == {"opencl", "view", "evaluated", "host"}
    assert profile["invocations"] == 5 and len(profile["segments"]) == 1
    assert all(op["us"]["count"] == 5 and op["us"]["median"] > 0 for op in profile["ops"] if op["state"] == "opencl")


def case_profile_starts_anew_after_a_resize():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "profile.json")
        interpreter = host.reference_interpreter(MODEL, [exact(profile=path)])
        interpreter.allocate_tensors()
        host.run(interpreter, [images(1)])
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [3, 8, 8, 1])
        interpreter.allocate_tensors()
        host.run(interpreter, [images(3)])
        host.run(interpreter, [images(3)])
        del interpreter
        gc.collect()
        profile = read_profile(path)
    macs = json_plan_macs()
    for op in profile["ops"]:
        assert op["us"] is None or op["us"]["count"] == 2, op
        assert op["macs"] in (0, 3 * macs[op["index"]]), op


def json_plan_macs():
    sys.path.insert(0, str(SOURCE / "tests/support"))
    import npu_capi
    return [op["macs"] for op in npu_capi.Library(LIBRARY).open(MODEL).plan()["ops"]]


def case_profile_of_two_interpreters():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "profile.json")
        delegate = exact(profile=path)
        interpreters = [host.reference_interpreter(MODEL, [delegate]) for _ in range(2)]
        for count, interpreter in enumerate(interpreters, 1):
            interpreter.allocate_tensors()
            for _ in range(count):
                host.run(interpreter, [images(1)])
        del interpreter, interpreters, delegate
        gc.collect()
        assert sorted(os.listdir(directory)) == ["profile.json", "profile.json.1"], os.listdir(directory)
        assert [read_profile(path + end)["invocations"] for end in ("", ".1")] == [1, 2]


def case_profile_that_cannot_be_written():
    # Warned of at once and at the end; the inference does not suffer.
    interpreter = host.reference_interpreter(MODEL, [exact(profile="/nonexistent/folder/profile.json")])
    interpreter.allocate_tensors()
    expect_like_reference(interpreter)
    del interpreter
    gc.collect()


def case_destroy_null():
    library = ctypes.CDLL(LIBRARY)
    library.tflite_plugin_destroy_delegate.argtypes = [ctypes.c_void_p]
    library.tflite_plugin_destroy_delegate(None)
    library.tflite_plugin_create_delegate.restype = ctypes.c_void_p
    delegate = library.tflite_plugin_create_delegate(None, None, 0, None)
    assert delegate
    library.tflite_plugin_destroy_delegate(delegate)


def case_never_run():
    # Applied, never allocated, never invoked; left to the interpreter's exit.
    host.reference_interpreter(MODEL, [load()])
    global kept
    kept = host.reference_interpreter(MODEL, [load()])


# Environment of a case, and what its stderr must contain exactly once.
ENVIRONMENT = {"no_device": {"OCL_ICD_VENDORS": "/nonexistent"}}
MESSAGES = {"no_device": "npu_delegate: warning: no operator is delegated", "python_booleans": "npu_delegate options:",
            "unknown_option": "npu_delegate: unknown option",
            "profile_that_cannot_be_written": "profile.json is not written: No such file or directory"}
# Cases whose message is our only line.
ALONE = {"no_device", "unknown_option"}


def run_case(name):
    environment = {**os.environ, **ENVIRONMENT.get(name, {})}
    environment.pop("NPU_DELEGATE_OPTIONS", None)
    child = subprocess.run([sys.executable, __file__, LIBRARY, str(SOURCE), name], env=environment, text=True,
                           capture_output=True, timeout=300)
    if child.returncode == 77:
        print(f"skipped  {name}: {child.stdout.strip()}")
        return True
    message = MESSAGES.get(name)
    alone = name not in ALONE or len([line for line in child.stderr.splitlines() if "npu_delegate" in line]) == 1
    if child.returncode == 0 and (message is None or child.stderr.count(message) == 1) and alone:
        print(f"ok       {name}")
        return True
    print(f"FAILED   {name} (exit code {child.returncode}, expected message: {message})\n{child.stdout}{child.stderr}")
    return False


def main():
    cases = [name[len("case_"):] for name in globals() if name.startswith("case_")]
    if len(sys.argv) > 3:
        try:
            globals()["case_" + sys.argv[3]]()
        except Skip as reason:
            print(reason)
            return 77
        return 0
    print(f"host: {host.NAME}")
    failed = [name for name in cases if not run_case(name)]
    print(f"{len(cases) - len(failed)} of {len(cases)} cases passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
