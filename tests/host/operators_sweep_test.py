#!/usr/bin/env python3
"""Random models of one operator: LiteRT's reference kernels, our CPU reference, our device and the plug-in in the host
give the same bytes.

    operators_sweep_test.py LIBRARY SOURCE_DIR [FAMILY [SEED]]     one family; one case of it, told in full

A case is made of its family and seed alone. Every case must be taken by the plug-in and computed by the host: a
family draws none that either of them refuses.
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
import int16_families
import npu_capi
import sweep


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


def pack(values, bits):
    """Integers as the format stores INT4 and INT2: densely, the first one in the lowest bits."""
    values = values.reshape(-1).astype(np.int64) & ((1 << bits) - 1)
    per_byte = 8 // bits
    values = np.concatenate([values, np.zeros(-len(values) % per_byte, np.int64)]).reshape(-1, per_byte)
    return (values << (bits * np.arange(per_byte))).sum(1).astype(np.uint8)


def narrow_weights(dice):
    op = dice.pick(["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "FULLY_CONNECTED"])
    kind = dice.pick(["INT4", "INT4", "INT2"]) if op == "FULLY_CONNECTED" else "INT4"
    bits, per_channel = int(kind[3]), dice.below(2) == 1
    depth, channels = 1 + dice.below(24), 1 + dice.below(40)
    if op == "FULLY_CONNECTED":
        x, weights, dimension, options = [1 + dice.below(7), depth], [channels, depth], 0, ("FullyConnected", {})
        y = [x[0], channels]
    else:
        size, stride, dilation = 1 + dice.below(3), 1 + dice.below(2), 1 + dice.below(2)
        h, w = 1 + dice.below(9), 1 + dice.below(9)
        depthwise = op == "DEPTHWISE_CONV_2D"
        if depthwise:
            channels = depth * (1 + dice.below(2))
        x, dimension = [1 + dice.below(2), h, w, depth], 3 if depthwise else 0
        weights = [1, size, size, channels] if depthwise else [channels, size, size, depth]
        fields = {"padding": 0, "strideW": stride, "strideH": stride, "dilationWFactor": dilation,
                  "dilationHFactor": dilation, "fusedActivationFunction": dice.below(2)}
        if depthwise:
            fields["depthMultiplier"] = channels // depth
        options = ("DepthwiseConv2D" if depthwise else "Conv2D", fields)
        y = [x[0], -(-h // stride), -(-w // stride), channels]
    scale = np.float32(0.1)
    scales = np.float32(0.02) * (1 + dice.generator.integers(0, 9, channels)) if per_channel else np.float32(0.05)
    values = dice.generator.integers(-(1 << (bits - 1)), 1 << (bits - 1), weights)
    bias = Tensor("INT32", [channels], scale * scales, 0, dice.generator.integers(-3000, 3000, channels).astype(np.int32))
    inputs = [Tensor("INT8", x, scale, dice.zero_point("INT8")),
              Tensor(kind, weights, scales, 0, pack(values, bits), dimension), bias]
    return op, inputs, [Tensor("INT8", y, np.float32(0.01 * (1 << bits) * depth ** 0.5), dice.zero_point("INT8"))], options


def computed_weights(dice):
    """CONV_2D and FULLY_CONNECTED of two inputs."""
    op, kind = dice.pick(["CONV_2D", "FULLY_CONNECTED"]), dice.pick(["INT8", "INT8", "UINT8"])
    depth, channels = 1 + dice.below(24), 1 + dice.below(90)
    if op == "FULLY_CONNECTED":
        x, weights, options = [1 + dice.below(9), depth], [channels, depth], ("FullyConnected", {})
        y = [x[0], channels]
    else:
        size, h, w = 1 + dice.below(3), 1 + dice.below(9), 1 + dice.below(9)
        x, weights = [1 + dice.below(2), h, w, depth], [channels, size, size, depth]
        stride = 1 + dice.below(2)
        options = ("Conv2D", {"padding": 0, "strideW": stride, "strideH": stride, "dilationWFactor": 1,
                              "dilationHFactor": 1, "fusedActivationFunction": dice.below(2)})
        y = [x[0], -(-h // stride), -(-w // stride), channels]
    scale, weight_scale = np.float32(0.1), np.float32(0.05)
    bias = Tensor("INT32", [channels], scale * weight_scale, 0,
                  dice.generator.integers(-30000, 30000, channels).astype(np.int32))
    zero = 0 if kind == "INT8" else dice.zero_point(kind)
    inputs = [Tensor(kind, x, scale, dice.zero_point(kind)), Tensor(kind, weights, weight_scale, zero), bias]
    return op, inputs, [Tensor(kind, y, np.float32(0.4 * depth ** 0.5), dice.zero_point(kind))], options


def slices(dice):
    """SLICE and STRIDED_SLICE with every mask: what numpy takes of as many dimensions, never nothing."""
    shape, kind = [1 + dice.below(9) for _ in range(1 + dice.below(5))], dice.pick(["INT8", "UINT8"])
    number = dice.pick(["INT32", "INT64"])
    x = dice.quantized(kind, shape)
    output = lambda s: Tensor(kind, s, x.scales[0], x.zero_points[0])
    if dice.below(3) == 0:
        begin = [dice.below(size) for size in shape]
        size = [-1 if dice.below(4) == 0 else 1 + dice.below(n - b) for n, b in zip(shape, begin)]
        result = [n - b if s < 0 else s for n, b, s in zip(shape, begin, size)]
        return "SLICE", [x, ints(begin, number), ints(size, number)], [output(result)], ("Slice", {})
    while True:
        ellipsis = dice.below(len(shape)) if dice.below(3) == 0 else None  # before this many dimensions
        skipped = 1 + dice.below(len(shape) - ellipsis) if ellipsis is not None else 0
        masks, rows, index, dimension = dict.fromkeys(("begin", "end", "ellipsis", "newAxis", "shrinkAxis"), 0), [], [], 0
        taken = len(shape) if skipped else dice.below(len(shape) + 1)  # dimensions that indices speak of
        while dimension < taken or (dimension == ellipsis and skipped):
            bit = 1 << len(rows)
            if dimension == ellipsis and skipped:
                masks["ellipsis"] |= bit
                rows.append((dice.below(3), dice.below(3), 1))
                index.append(Ellipsis)
                dimension, skipped = dimension + skipped, 0
                continue
            if dice.below(6) == 0:
                masks["newAxis"] |= bit
                rows.append((dice.below(3), dice.below(3), 1))
                index.append(None)
                continue
            n = shape[dimension]
            dimension += 1
            if dice.below(5) == 0:
                masks["shrinkAxis"] |= bit
                begin = dice.below(2 * n) - n
                rows.append((begin, begin + 1, 1))
                index.append(begin)
                continue
            begin, end, stride = dice.below(2 * n + 3) - n - 1, dice.below(2 * n + 3) - n - 1, dice.pick([1, 1, 2, 3, -1, -2])
            rows.append((begin, end, stride))
            for name, present in (("begin", dice.below(3) == 0), ("end", dice.below(3) == 0)):
                if present:
                    masks[name] |= bit
            index.append(slice(None if masks["begin"] & bit else begin, None if masks["end"] & bit else end, stride))
        result = np.empty(shape)[tuple(index)].shape
        if rows and 0 not in result and len(result) <= 5:
            break
    operands = [ints([row[i] for row in rows], "INT32") for i in range(3)]
    return ("STRIDED_SLICE", [x, *operands], [output(result)],
            ("StridedSlice", {name + "Mask": mask for name, mask in masks.items()}))


def updates(dice):
    """DYNAMIC_UPDATE_SLICE, SCATTER_ND, FILL, BITCAST: bytes put somewhere else."""
    op = dice.pick(["DYNAMIC_UPDATE_SLICE", "SCATTER_ND", "FILL", "BITCAST"])
    kind, scale = "INT8" if op == "DYNAMIC_UPDATE_SLICE" else dice.pick(["INT8", "UINT8"]), dice.scale()
    shape = [1 + dice.below(9) for _ in range(1 + dice.below(4))]
    zero = 0 if op == "SCATTER_ND" else dice.zero_point(kind)
    tensor = lambda s, k=kind: Tensor(k, s, scale, zero)
    if op == "FILL":
        value = Tensor(kind, [], scale, zero, dice.values(kind, []) if dice.below(2) else None)
        return op, [ints(shape, dice.pick(["INT32", "INT64"])), value], [tensor(shape)], None
    if op == "BITCAST":
        zero = 5
        return op, [tensor(shape)], [tensor(shape, dice.pick(["INT8", "UINT8"]))], None
    if op == "SCATTER_ND":
        named = 1 + dice.below(len(shape))
        places = int(np.prod(shape[:named]))
        chosen = dice.generator.permutation(places)[:1 + dice.below(places)]
        indices = np.stack(np.unravel_index(chosen, shape[:named]), -1)
        return (op, [ints(indices), tensor([len(chosen)] + shape[named:]), ints(shape)], [tensor(shape)], ("ScatterNd", {}))
    part = [1 + dice.below(size) for size in shape]
    start = ints([dice.below(2 * size + 2) - size - 1 for size in shape], dice.pick(["INT32", "INT64"]))
    if dice.below(2):
        start.data, start.values = None, start.data
    return op, [tensor(shape), tensor(part), start], [tensor(shape)], ("DynamicUpdateSlice", {})


FAMILIES = {f.__name__: f for f in (comparison, logical, select, cast, batch_matmul, narrow_weights, computed_weights, slices, updates)} | int16_families.FAMILIES


def make_case(family, seed):
    dice = Dice(sweep.generator_seed(family, seed))
    op, inputs, outputs, options = FAMILIES[family](dice)
    data = [dice.values(t.kind, t.shape) if t.values is None else t.values
            for t in inputs if t is not None and t.data is None]
    return one.build(op, inputs, outputs, options), data


def describe(family, seed):
    op, inputs, outputs, options = FAMILIES[family](Dice(sweep.generator_seed(family, seed)))
    def tensor(t):
        return "-" if t is None else f"{t.kind}{t.shape} {t.scales} {t.zero_points} {'' if t.data is None else t.data.tolist() if t.data.size < 9 else 'constant'}"
    return f"{op}({'; '.join(map(tensor, inputs))}) -> {'; '.join(map(tensor, outputs))} {options}"


def check(family, seed, progress):
    model, data = make_case(family, seed)
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
        expected = host.run(host.ready_interpreter(path), data)
        delegated = host.ready_interpreter(path, [host.tfl.load_delegate(LIBRARY)])
        if not host.delegate_nodes(delegated):
            return ["the plug-in does not take it"]
        answers["plug-in"] = host.run(delegated, data)
        return sweep.differences(answers, expected)


LIBRARY = sys.argv[1]
if __name__ == "__main__":
    sweep.main(__file__, FAMILIES, check, describe)
