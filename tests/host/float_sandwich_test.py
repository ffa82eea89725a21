#!/usr/bin/env python3
"""DEQUANTIZE → float operators → QUANTIZE, folded to 8-bit tables: LiteRT's reference kernels, our CPU reference and our
device give the same bytes. unary: all 256 bytes of every case; binary: all 65,536 pairs.

    float_sandwich_test.py LIBRARY SOURCE_DIR [FAMILY [SEED]]     one family; one case of it
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys
import tempfile

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
import sweep


class Net:
    """Operators as they are drawn; float tensors in between."""

    def __init__(self, seed):
        self.generator = np.random.default_rng(seed)
        self.ops, self.inputs, self.data = [], [], []

    def below(self, n):
        return int(self.generator.integers(0, n))

    def pick(self, items):
        return items[self.below(len(items))]

    def number(self):
        """A constant of float operators, often one that falls on steps."""
        return np.float32(self.pick([0.5, 1.0, -1.0, 2.0, 3.0, 6.0, 1 / 6, -0.25, self.generator.normal()]))

    def add(self, op, inputs, output, options=None):
        self.ops.append((op, inputs, [output], options))
        return output

    def quantized(self, shape, low=-2.5, high=-0.5):
        kind = self.pick(["INT8", "UINT8"])
        zero = self.below(256) - (128 if kind == "INT8" else 0)
        return Tensor(kind, shape, np.float32(10 ** self.generator.uniform(low, high)), zero)

    def input(self, shape, data=None):
        tensor = self.quantized(shape)
        dtype = one.DTYPES[tensor.kind]
        self.inputs.append(tensor)
        self.data.append(self.generator.integers(0, 256, shape, np.uint8).view(dtype) if data is None
                         else np.ascontiguousarray(np.broadcast_to(data, shape)).astype(np.uint8).view(dtype))
        return tensor

    def dequantize(self, tensor):
        return self.add("DEQUANTIZE", [tensor], Tensor("FLOAT32", tensor.shape))

    def quantize(self, tensor):
        return self.add("QUANTIZE", [tensor], self.quantized(tensor.shape, -2.5, 0.0))

    def unary(self, x, reshapes=True):
        y = Tensor("FLOAT32", x.shape)
        op = self.pick(["RELU", "RELU6", "RELU_N1_TO_1", "ABS", "NEG", "LEAKY_RELU", "HARD_SWISH", "SQUARE", "scalar",
                        "scalar", "FLOOR", "CEIL"] + (["RESHAPE"] if reshapes else []))
        if op == "LEAKY_RELU":
            return self.add(op, [x], y, ("LeakyRelu", {"alpha": float(self.number())}))
        if op == "RESHAPE":
            y.shape = [int(np.prod(x.shape))] if len(x.shape) > 1 else [1, *x.shape]
            return self.add(op, [x, ints(y.shape)], y, ("Reshape", {"newShape": y.shape}))
        if op == "scalar":
            op = self.pick(["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "DIV"])
            number = Tensor("FLOAT32", [], data=np.array(self.number() or np.float32(1), np.float32))
            operands = [x, number] if op == "DIV" or self.below(2) else [number, x]
            return self.add(op, operands, y, self.activation(op))
        return self.add(op, [x], y)

    def activation(self, op):
        tables = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div"}
        return (tables[op], {"fusedActivationFunction": self.pick([0, 0, 1, 2, 3])}) if op in tables else None

    def chain(self, x, most, reshapes=True):
        for _ in range(self.below(most + 1)):
            x = self.unary(x, reshapes)
        return x

    def binary(self, a, b):
        op = self.pick(["ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"])
        shape = list(np.broadcast_shapes(tuple(a.shape), tuple(b.shape)))
        return self.add(op, [a, b], Tensor("FLOAT32", shape), self.activation(op))

    def concatenate(self, parts, axis):
        shape = list(parts[0].shape)
        shape[axis] = sum(p.shape[axis] for p in parts)
        return self.add("CONCATENATION", parts, Tensor("FLOAT32", shape),
                        ("Concatenation", {"axis": axis, "fusedActivationFunction": 0}))

    def move(self, x):
        n, h, w, c = x.shape
        op = self.pick(["TRANSPOSE", "PAD", "SLICE", "MAX_POOL_2D", "STRIDED_SLICE"])
        y = Tensor("FLOAT32", x.shape)
        if op == "TRANSPOSE":
            order = [int(i) for i in self.generator.permutation(4)]
            y.shape = [x.shape[i] for i in order]
            return self.add(op, [x, ints(order)], y)
        if op == "PAD":
            amounts = [[0, 0], [self.below(3), self.below(3)], [self.below(3), 1], [0, 0]]
            y.shape = [size + sum(amount) for size, amount in zip(x.shape, amounts)]
            return self.add(op, [x, ints(amounts)], y)
        if op == "SLICE":
            begin = [self.below(size) for size in x.shape]
            y.shape = [1 + self.below(size - at) for size, at in zip(x.shape, begin)]
            return self.add(op, [x, ints(begin), ints(y.shape)], y)
        if op == "STRIDED_SLICE":
            steps = [1, 1 + self.below(2), 1 + self.below(2), 1]
            y.shape = [-(-size // step) for size, step in zip(x.shape, steps)]
            return self.add(op, [x, ints([0] * 4), ints(x.shape), ints(steps)], y, ("StridedSlice", {}))
        y.shape = [n, -(-h // 2), -(-w // 2), c]
        return self.add(op, [x], y, ("Pool2D", {"padding": 0, "strideW": 2, "strideH": 2, "filterWidth": 3,
                                                "filterHeight": 2, "fusedActivationFunction": self.pick([0, 1, 3])}))

    def model(self, outputs):
        return one.build_graph(self.ops, self.inputs, outputs), self.data


def ints(values):
    return Tensor("INT32", np.shape(values), data=np.array(values, np.int32))


def unary(net):
    x = net.input([16, 16], np.arange(256).reshape(16, 16))
    return net.model([net.quantize(net.chain(net.unary(net.dequantize(x)), 4))])


def binary(net):
    flat = net.below(2)
    rows, columns = np.meshgrid(np.arange(256), np.arange(256), indexing="ij")
    a = net.input([256, 256] if flat else [256, 1], rows if flat else np.arange(256).reshape(256, 1))
    b = net.input([256, 256] if flat else [1, 256], columns if flat else np.arange(256))
    x = net.chain(net.dequantize(a), 1, reshapes=False)
    y = net.chain(net.dequantize(b), 1, reshapes=False)
    return net.model([net.quantize(net.chain(net.binary(x, y), 2, reshapes=False))])


def concat(net):
    axis = net.below(3)
    parts = []
    for _ in range(1 + net.below(4)):
        shape = [3, 4, 5]
        shape[axis] = 1 + net.below(30)
        parts.append(net.chain(net.dequantize(net.input(shape)), 2, reshapes=False))
    return net.model([net.quantize(net.chain(net.concatenate(parts, axis), 2, reshapes=False))])


def move(net):
    """Whether each mover can run on bytes depends on what is drawn: some of these stay with the host."""
    x = net.dequantize(net.input([1 + net.below(2), 5 + net.below(6), 5 + net.below(6), 1 + net.below(20)]))
    for _ in range(1 + net.below(3)):
        x = net.move(net.chain(x, 1, reshapes=False) if net.below(3) == 0 else x)
    return net.model([net.quantize(net.chain(x, 1))])


def graph(net):
    """Several sandwiches that read each other's bytes, and 8-bit operators between them."""
    shape = [1, 4, 5, 1 + net.below(20)]
    pool = [net.input(shape), net.input(shape)]
    for _ in range(2 + net.below(5)):
        a, b = net.pick(pool), net.pick(pool)
        form = net.below(4)
        if form == 0:
            y = net.quantize(net.chain(net.unary(net.dequantize(a), False), 3, reshapes=False))
        elif form == 1:
            y = net.quantize(net.chain(net.binary(net.dequantize(a), net.dequantize(b)), 1, reshapes=False))
        elif form == 2:
            y = net.quantize(net.binary(net.unary(net.dequantize(a), False), net.dequantize(a)))
        else:
            y = net.add("MAX_POOL_2D", [a], Tensor(a.kind, shape, a.scales, a.zero_points[0]),
                        ("Pool2D", {"padding": 0, "strideW": 1, "strideH": 1, "filterWidth": 3, "filterHeight": 3,
                                    "fusedActivationFunction": 0}))
        pool.append(y)
    made = {id(t) for _, inputs, _, _ in net.ops for t in inputs if t is not None}
    return net.model([t for t in pool[2:] if id(t) not in made])


FAMILIES = {f.__name__: f for f in (unary, binary, concat, move, graph)}
MAY_STAY = {"move"}


def check(family, seed, progress):
    model, data = FAMILIES[family](Net(sweep.generator_seed(family, seed)))
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "model.tflite")
        with open(path, "wb") as file:
            file.write(model)
        opened = npu_capi.Library(LIBRARY).open(path)
        plan = opened.plan()
        left = [f'{op["op"]}: {op["notes"]} {op["reasons"]}' for op in plan["ops"] if op["placement"] == "host"]
        if left and family in MAY_STAY:
            return ["declined"] if plan["declined_folds"] else [f"left to the host without a word: {left}"]
        if left:
            return [f"left to the host: {left}; {plan['declined_folds']}"]
        answers = {"reference": opened.session(device="reference").run(data), "device": opened.session().run(data)}
        progress("host")
        return sweep.differences(answers, host.run(host.ready_interpreter(path), data))


def describe(family, seed):
    net = Net(sweep.generator_seed(family, seed))
    FAMILIES[family](net)
    return " ".join(op for op, *_ in net.ops)


LIBRARY = sys.argv[1]
if __name__ == "__main__":
    sweep.main(__file__, FAMILIES, check, describe, most_declined=0.5)
