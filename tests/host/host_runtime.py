"""What the host tests share: the stock runtime of this Python, and children that may crash.

Hosts abort on some models, with or without a delegate, so that everything that touches one runs in a child process.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import queue
import subprocess
import sys
import threading

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
try:
    from ai_edge_litert import interpreter as tfl
    NAME = "ai-edge-litert"
except ImportError:
    from tflite_runtime import interpreter as tfl
    NAME = "tflite-runtime"

# FULLY_CONNECTED rounds once in LiteRT and twice in tflite-runtime.
FC_ROUNDING = "single" if NAME == "ai-edge-litert" else "double"


def reference_interpreter(path, delegates=None, **arguments):
    """An interpreter with the reference kernels and no delegate but ours."""
    try:
        return tfl.Interpreter(model_path=str(path), experimental_delegates=delegates,
                               experimental_op_resolver_type=tfl.OpResolverType.BUILTIN_REF, **arguments)
    except ValueError as error:
        # The reference register lags behind the format: LiteRT 2.3's has no TILE 3, no DEPTH_TO_SPACE 2.
        if "Didn't find op for builtin opcode" not in str(error):
            raise
        return interpreter_without_xnnpack(path, delegates, **arguments)


def ready_interpreter(path, delegates=None):
    """The same with its tensors allocated."""
    interpreter = reference_interpreter(path, delegates)
    interpreter.allocate_tensors()
    return interpreter


def has_reference_kernels(path):
    """Whether this host's reference register can run the model at all."""
    try:
        tfl.Interpreter(model_path=str(path), experimental_op_resolver_type=tfl.OpResolverType.BUILTIN_REF)
        return True
    except ValueError:
        return False


def interpreter_without_xnnpack(path, delegates=None, **arguments):
    return tfl.Interpreter(model_path=str(path), experimental_delegates=delegates,
                           experimental_op_resolver_type=tfl.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                           **arguments)


def run(interpreter, inputs):
    for detail, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def random_inputs(interpreter):
    """An array per input, the same ones every time; TypeError for inputs that are no numbers."""
    generator = np.random.default_rng(12345)
    for detail in interpreter.get_input_details():
        shape, dtype = detail["shape"], detail["dtype"]
        if dtype == np.bool_:
            yield generator.integers(0, 2, shape).astype(bool)
        elif np.issubdtype(dtype, np.integer):
            # Indices and the like are small; 8-bit data is anything.
            low, high = (0, 2) if np.dtype(dtype).itemsize > 2 else (np.iinfo(dtype).min, np.iinfo(dtype).max + 1)
            yield generator.integers(low, high, shape).astype(dtype)
        elif np.issubdtype(dtype, np.floating):
            yield generator.uniform(-4, 4, shape).astype(dtype)
        else:
            raise TypeError(f"no random input of type {np.dtype(dtype).name}")


def delegate_nodes(interpreter):
    """Nodes that stand for partitions of some delegate; the nodes that they replaced stay in the list."""
    return [op for op in interpreter._get_ops_details() if op["op_name"] in ("DELEGATE", "NpuDelegate")]


def run_children(script, arguments, items, workers, timeout=120):
    """Feeds `items` (strings) to children `script arguments`, one line each, which answer JSON lines: strings say how far
    they got, anything else is the answer.

    Yields (item, answer). When the child died, or took `timeout` seconds, answer is the last string (None: there was
    none) and a new child goes on.
    """
    todo = queue.Queue()
    for item in items:
        todo.put(item)
    answers = queue.Queue()

    def work():
        child = None
        while True:
            try:
                item = todo.get_nowait()
            except queue.Empty:
                break
            if child is None:
                child = subprocess.Popen([sys.executable, script, *arguments], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            watchdog = threading.Timer(timeout, child.kill)
            watchdog.start()
            answer = None
            try:
                child.stdin.write(item + "\n")
                child.stdin.flush()
                while answer is None or isinstance(answer, str):
                    answer = json.loads(child.stdout.readline())
            except (BrokenPipeError, json.JSONDecodeError):
                child.kill()
                child.wait()
                child = None
            watchdog.cancel()
            answers.put((item, answer))
        if child is not None:
            child.stdin.close()
            child.wait()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for _ in items:
        yield answers.get()
    for thread in threads:
        thread.join()


def judge(script, arguments, items):
    """run_children for children that answer [problems, outcome in words]: prints a line per item and what is wrong with
    it; the exit status."""
    failed = 0
    print(f"host: {NAME}, {len(items)} models")
    for item, answer in run_children(script, arguments, items, os.cpu_count() or 1):
        problems, outcome = answer if isinstance(answer, list) else (["the process died"], str(answer))
        failed += bool(problems)
        print(f"{item}: {outcome}" + "".join(f"\n    {problem}" for problem in problems[:4]), flush=True)
    print(f"{len(items) - failed} passed, {failed} failed")
    return 1 if failed or not items else 0


def serve(answer):
    """The child's side of run_children: answer(item, progress) returns what JSON can hold; progress(text) says how far
    it got."""
    # Runtimes print to stdout, too: the answers get their own descriptor.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def send(value):
        pipe.write(json.dumps(value) + "\n")
        pipe.flush()

    for line in sys.stdin:
        send(answer(line.rstrip("\n"), send))
