#!/usr/bin/env python3
"""Random models of one operator: LiteRT's reference kernels, our CPU reference and our device give the same bytes.

    operators_sweep_test.py LIBRARY SOURCE_DIR [FAMILY [SEED]]     one family; one case of it, told in full

A case is made of its family and seed alone. Every case must be taken by the plug-in and computed by the host: a
family draws none that either of them refuses.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys
import tempfile
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("support", "host"):
    sys.path.insert(0, str(HERE.parent / folder))
SKIP = 77
try:
    import single_op_model as one
    from single_op_model import Tensor
except ImportError as error:
    print(f"SKIPPED: {error}")
    sys.exit(SKIP)
import host_runtime as host
import npu_capi

CASES = 220  # of each family


class Dice:
    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)

    def below(self, n):
        return int(self.generator.integers(0, n))

    def pick(self, items):
        return items[self.below(len(items))]

    def scale(self, low=-3.0, high=0.0):
        """10^low to 10^high, as a float32."""
        return np.float32(10 ** self.generator.uniform(low, high))

    def values(self, kind, shape):
        if kind == "BOOL":
            return self.generator.integers(0, 2, shape).astype(np.bool_)
        info = np.iinfo(one.DTYPES[kind])
        return self.generator.integers(info.min, info.max + 1, shape, dtype=one.DTYPES[kind])

    def zero_point(self, kind):
        return self.below(256) - (128 if kind == "INT8" else 0)

    def shape(self, max_rank, largest=20):
        return [1 if self.below(4) == 0 else 1 + self.below(largest) for _ in range(self.below(max_rank + 1))]

    def broadcast(self, shape):
        """A shape that broadcasts to this one."""
        part = [1 if self.below(3) == 0 else size for size in shape]
        return part[self.below(len(part) + 1):] if self.below(4) == 0 else part

    def quantized(self, kind, shape, scale=None, constant=False):
        scale = self.scale() if scale is None else scale
        return Tensor(kind, shape, scale, self.zero_point(kind), self.values(kind, shape) if constant else None)


def broadcast_shape(*shapes):
    return list(np.broadcast_shapes(*[tuple(shape) for shape in shapes]))


def ints(values, kind="INT32"):
    return Tensor(kind, np.shape(values), data=np.array(values, one.DTYPES[kind]))


def comparison(dice):
    op = dice.pick("EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL".split())
    kind = dice.pick(["INT8", "UINT8"] + (["BOOL"] if op.endswith("EQUAL") and op in ("EQUAL", "NOT_EQUAL") else []))
    shape = dice.shape(4)
    a, b = shape, dice.broadcast(shape)
    if dice.below(2):
        a, b = b, a
    if kind == "BOOL":
        inputs = [Tensor(kind, a), Tensor(kind, b)]
    else:
        scale = dice.scale(-3, -0.01)  # LiteRT's kernels have no meaning from 1 on
        zero = dice.zero_point(kind)
        same = dice.below(2)
        inputs = [Tensor(kind, a, scale, zero), dice.quantized(kind, b, dice.scale(-3, -0.01), dice.below(4) == 0)]
        if same:
            inputs[1].scales, inputs[1].zero_points = inputs[0].scales, inputs[0].zero_points
    return op, inputs, [Tensor("BOOL", broadcast_shape(a, b))], None


def logical(dice):
    op = dice.pick(["LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"])
    shape = dice.shape(4)
    if op == "LOGICAL_NOT":
        return op, [Tensor("BOOL", shape)], [Tensor("BOOL", shape)], None
    other = dice.broadcast(shape)
    return op, [Tensor("BOOL", shape), Tensor("BOOL", other)], [Tensor("BOOL", broadcast_shape(shape, other))], None


def select(dice):
    op, kind = dice.pick(["SELECT", "SELECT_V2"]), dice.pick(["INT8", "UINT8"])
    shape, scale, zero = dice.shape(5, 12), dice.scale(), dice.zero_point(kind)
    if op == "SELECT":
        condition = dice.pick([shape, [], shape[:1]])
        shapes = [condition, shape, shape]
    else:
        shapes = [dice.broadcast(shape) for _ in range(3)]
        shapes[dice.below(3)] = shape
    output = shapes[1] if op == "SELECT" else broadcast_shape(*shapes)
    data = [Tensor(kind, s, scale, zero, dice.values(kind, s) if dice.below(4) == 0 else None) for s in shapes[1:]]
    return op, [Tensor("BOOL", shapes[0]), *data], [Tensor(kind, output, scale, zero)], None


def cast(dice):
    kinds = ["INT8", "UINT8", "BOOL", "INT32", "INT64"]
    source, target = dice.pick(kinds), dice.pick(kinds)
    if source in ("INT32", "INT64") and target in ("INT32", "INT64"):
        target = dice.pick(kinds[:3])
    shape = dice.shape(4)
    def tensor(kind):
        return dice.quantized(kind, shape) if kind in ("INT8", "UINT8") else Tensor(kind, shape)
    return "CAST", [tensor(source)], [tensor(target)], None


def batch_matmul(dice):
    rows, depth, columns = (1 + dice.below(n) for n in (14, 70, 70))
    if dice.below(4) == 0:
        rows = 1
    batch = [1 + dice.below(3) for _ in range(dice.below(4))]
    adjoint = dice.below(2) == 1, dice.below(2) == 1
    shapes = [([depth, rows] if adjoint[0] else [rows, depth]), ([columns, depth] if adjoint[1] else [depth, columns])]
    batches = [batch, dice.broadcast(batch)]
    if dice.below(2):
        batches.reverse()
    operands = [dice.quantized("INT8", b + s) for b, s in zip(batches, shapes)]
    for operand in operands:
        if dice.below(4) == 0:
            operand.zero_points = [0]
    if dice.below(3) == 0:
        operands[1].data = dice.values("INT8", operands[1].shape)
    spread = operands[0].scales[0] * operands[1].scales[0] * np.sqrt(depth) * 5000
    output = dice.quantized("INT8", batch + [rows, columns], np.float32(spread * 10 ** dice.generator.uniform(-2, 0) / 64))
    return "BATCH_MATMUL", operands, [output], ("BatchMatMul", {"adjX": adjoint[0], "adjY": adjoint[1]})


FAMILIES = {f.__name__: f for f in (comparison, logical, select, cast, batch_matmul)}


def make_case(family, seed):
    dice = Dice([zlib.crc32(family.encode()), seed])
    op, inputs, outputs, options = FAMILIES[family](dice)
    data = [dice.values(t.kind, t.shape) for t in inputs if t is not None and t.data is None]
    return one.build(op, inputs, outputs, options), data


def describe(family, seed):
    op, inputs, outputs, options = FAMILIES[family](Dice([zlib.crc32(family.encode()), seed]))
    def tensor(t):
        return "-" if t is None else f"{t.kind}{t.shape} {t.scales} {t.zero_points} {'' if t.data is None else t.data.tolist() if t.data.size < 9 else 'constant'}"
    return f"{op}({'; '.join(map(tensor, inputs))}) -> {'; '.join(map(tensor, outputs))} {options}"


def check(item, progress):
    """What is wrong with one case; empty: nothing."""
    family, seed = item.split()
    model, data = make_case(family, int(seed))
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "model.tflite")
        with open(path, "wb") as file:
            file.write(model)
        opened = npu_capi.Library(LIBRARY).open(path)
        plan = opened.plan()
        if plan["ops"][0]["placement"] != "npu":
            return [f"not taken: {plan['ops'][0]['reasons']}"]
        answers = {"reference": opened.session(device="reference").run(data), "device": opened.session().run(data)}
        progress("host")
        interpreter = host.reference_interpreter(path)
        interpreter.allocate_tensors()
        expected = host.run(interpreter, data)
    problems = []
    for name, outputs in answers.items():
        for i, (found, wanted) in enumerate(zip(outputs, expected)):
            if found.shape != wanted.shape:
                problems.append(f"{name}, output {i}: shape {found.shape}, the host's {wanted.shape}")
            elif not np.array_equal(found, wanted):
                apart = np.abs(found.astype(np.int64) - wanted.astype(np.int64))
                problems.append(f"{name}, output {i}: {(apart > 0).sum()} of {apart.size} differ, by up to {apart.max()}")
    return problems


def answer(item, progress):
    try:
        return check(item, progress)
    except Exception as error:  # of the host or of ours: a finding, not the end of the test
        return [f"{type(error).__name__}: {error}"]


def main():
    families = [sys.argv[3]] if len(sys.argv) > 3 else list(FAMILIES)
    seeds = [int(sys.argv[4])] if len(sys.argv) > 4 else range(1, CASES + 1)
    print(f"{host.NAME}; seeds {seeds[0]} to {seeds[-1]}")
    items = [f"{family} {seed}" for family in families for seed in seeds]
    failed = 0
    for item, problems in host.run_children(__file__, [LIBRARY, sys.argv[2], "--child"], items, os.cpu_count()):
        if problems == []:
            continue
        failed += 1
        family, seed = item.split()
        print(f"{item}: {describe(family, int(seed))}\n    {problems if problems else 'the process died'}")
    print(f"{len(items) - failed} of {len(items)} cases equal: {', '.join(families)}")
    return 1 if failed else 0


LIBRARY = sys.argv[1]
if __name__ == "__main__":
    if "--child" in sys.argv:
        host.serve(answer)
    else:
        sys.exit(main())
