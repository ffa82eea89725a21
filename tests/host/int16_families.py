"""Families of operators_sweep_test.py: random operators with 16-bit activations (INT16, zero point 0)."""
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from single_op_model import Tensor

NONE, RELU, RELU_N1_TO_1, RELU6 = 0, 1, 2, 3
SAME, VALID = 0, 1


def wide(shape, scale, data=None):
    return Tensor("INT16", shape, scale, 0, data)


def ints(values):
    return Tensor("INT32", np.shape(values), data=np.array(values, np.int32))


def image(dice, channels=20, side=9):
    return [1 + dice.below(2), 1 + dice.below(side), 1 + dice.below(side), 1 + dice.below(channels)]


def output_size(padding, size, filter_size, stride, dilation=1):
    extent = (filter_size - 1) * dilation + 1
    return -(-size // stride) if padding == SAME else (size - extent) // stride + 1


def weights(dice, shape, dimension, depth):
    """INT8 weights with one scale per channel (or one for all), an INT64 bias and a scale for the output of a layer
    whose input has scale s: (weights, bias, output scale), such that outputs fill their range."""
    channels, s = shape[dimension], 3e-5
    scales = np.array([dice.scale(-3.5, -2) for _ in range(channels if dice.below(3) else 1)], np.float32)
    data = dice.generator.integers(-128 if dice.below(4) == 0 else -127, 128, shape).astype(np.int8)
    per_channel = np.broadcast_to(scales.astype(np.float64) * s, channels)
    spread = float(np.sqrt(depth)) * 2 ** 14 * 74 * float(np.max(scales)) * s
    output = np.float32(spread / 16384 * 10 ** dice.generator.uniform(-0.7, 0.5))
    if dice.below(8) == 0:
        bias = None
    else:
        values = dice.generator.uniform(-spread, spread, channels) / per_channel
        if len(scales) == 1:
            bias_scale = np.float32(np.float32(s) * scales[0])
            bias = Tensor("INT64", [channels], bias_scale, 0, np.round(values).astype(np.int64))
        else:
            bias = Tensor("INT64", [channels], per_channel.astype(np.float32), 0, np.round(values).astype(np.int64))
    return Tensor("INT8", shape, scales, 0, data, dimension), bias, s, output


def activation(dice):
    return dice.pick([NONE, NONE, RELU, RELU6, RELU_N1_TO_1])


def window(dice, shape):
    padding = dice.pick([SAME, VALID])
    stride = [1 + dice.below(3), 1 + dice.below(3)]
    dilation = [1 + (dice.below(3) if dice.below(3) == 0 else 0) for _ in range(2)]
    filters = [1 + dice.below(4), 1 + dice.below(4)]
    if padding == VALID:
        for i in range(2):
            dilation[i] = 1
            filters[i] = min(filters[i], shape[i + 1])
    return padding, stride, dilation, filters


def conv_int16(dice):
    shape = image(dice)
    padding, stride, dilation, filters = window(dice, shape)
    groups = dice.pick([1, 1, 2, 3])
    depth = 1 + dice.below(20)
    shape[3] = depth * groups
    channels = groups * (1 + dice.below(9))
    w, bias, s, output = weights(dice, [channels, *filters, depth], 0, filters[0] * filters[1] * depth)
    if bias is None:  # LiteRT's CONV_2D insists on one
        bias = Tensor("INT64", [channels], 1e-7, 0, np.zeros(channels, np.int64))
    size = [output_size(padding, shape[i + 1], filters[i], stride[i], dilation[i]) for i in range(2)]
    return "CONV_2D", [wide(shape, s), w, bias], [wide([shape[0], *size, channels], output)], (
        "Conv2D", {"padding": padding, "strideH": stride[0], "strideW": stride[1], "dilationHFactor": dilation[0],
                   "dilationWFactor": dilation[1], "fusedActivationFunction": activation(dice)})


def depthwise_int16(dice):
    shape = image(dice)
    padding, stride, dilation, filters = window(dice, shape)
    multiplier = dice.pick([1, 1, 2, 3])
    channels = shape[3] * multiplier
    w, bias, s, output = weights(dice, [1, *filters, channels], 3, filters[0] * filters[1])
    if bias is None:
        bias = Tensor("INT64", [channels], 1e-7, 0, np.zeros(channels, np.int64))
    size = [output_size(padding, shape[i + 1], filters[i], stride[i], dilation[i]) for i in range(2)]
    return "DEPTHWISE_CONV_2D", [wide(shape, s), w, bias], [wide([shape[0], *size, channels], output)], (
        "DepthwiseConv2D", {"padding": padding, "strideH": stride[0], "strideW": stride[1],
                            "dilationHFactor": dilation[0], "dilationWFactor": dilation[1],
                            "depthMultiplier": multiplier, "fusedActivationFunction": activation(dice)})


def fully_connected_int16(dice):
    rows, depth, channels = 1 + dice.below(5), 1 + dice.below(200), 1 + dice.below(40)
    w, bias, s, output = weights(dice, [channels, depth], 0, depth)
    return "FULLY_CONNECTED", [wide([rows, depth], s), w, bias], [wide([rows, channels], output)], (
        "FullyConnected", {"fusedActivationFunction": activation(dice)})


def transpose_conv_int16(dice):
    shape = image(dice, 20, 6)
    padding, stride = dice.pick([SAME, VALID]), [1 + dice.below(3), 1 + dice.below(3)]
    filters, channels = [1 + dice.below(4), 1 + dice.below(4)], 1 + dice.below(9)
    w, bias, s, output = weights(dice, [channels, *filters, shape[3]], 0, filters[0] * filters[1] * shape[3])
    size = [shape[i + 1] * stride[i] if padding == SAME else (shape[i + 1] - 1) * stride[i] + filters[i]
            for i in range(2)]
    result = [shape[0], *size, channels]
    inputs = [ints(result), w, wide(shape, s)] + ([bias] if bias is not None else [])
    return "TRANSPOSE_CONV", inputs, [wide(result, output)], (
        "TransposeConv", {"padding": padding, "strideH": stride[0], "strideW": stride[1]})


def binary_int16(dice):
    op = dice.pick(["ADD", "SUB", "MUL", "MINIMUM", "MAXIMUM"])
    shape = dice.shape(4)
    shapes = [shape, dice.broadcast(shape)]
    if dice.below(2):
        shapes.reverse()
    a, b = dice.scale(-5, -2), dice.scale(-5, -2)
    output = dice.scale(-1.5, 1) * (a * b * np.float32(8000) if op == "MUL" else max(a, b))
    if op.endswith("IMUM"):
        a = b = output
    pot = op in ("ADD", "SUB") and dice.below(4) == 0
    if pot:  # LiteRT's other arithmetic, without broadcasting
        shapes = [shape, shape]
        output = np.float32(2.0 ** -(8 + dice.below(8)))
        a, b = dice.pick([(output, output / 2 ** dice.below(10)), (output / 2 ** dice.below(10), output)])
    result = list(np.broadcast_shapes(*map(tuple, shapes)))
    data = dice.values("INT16", shapes[1]) if dice.below(4) == 0 else None
    options = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul"}.get(op)
    fields = {"fusedActivationFunction": activation(dice)}
    if op in ("ADD", "SUB"):
        fields["potScaleInt16"] = pot or bool(dice.below(2))
    return op, [wide(shapes[0], a), wide(shapes[1], b, data)], [wide(result, np.float32(output))], (
        (options, fields) if options else None)


def pool_int16(dice):
    op, shape = dice.pick(["AVERAGE_POOL_2D", "MAX_POOL_2D"]), image(dice)
    padding, stride, _, filters = window(dice, shape)
    size = [output_size(padding, shape[i + 1], filters[i], stride[i]) for i in range(2)]
    scale = dice.scale(-5, -3)
    return op, [wide(shape, scale)], [wide([shape[0], *size, shape[3]], scale)], (
        "Pool2D", {"padding": padding, "strideH": stride[0], "strideW": stride[1], "filterHeight": filters[0],
                   "filterWidth": filters[1], "fusedActivationFunction": activation(dice)})


def unary_int16(dice):
    op, shape = dice.pick(["LOGISTIC", "TANH", "RELU", "RELU6", "LEAKY_RELU"]), [1 + dice.below(3000)]
    scale = np.float32(2.0 ** -dice.below(14)) if dice.below(4) == 0 else dice.scale(-6, -1)
    if op in ("LOGISTIC", "TANH"):
        return op, [wide(shape, scale)], [wide(shape, 1 / 32768)], None
    output = scale if dice.below(4) == 0 else np.float32(scale * dice.scale(-1, 1))
    options = ("LeakyRelu", {"alpha": float(dice.scale(-2, 0.2))}) if op == "LEAKY_RELU" else None
    return op, [wide(shape, scale)], [wide(shape, output)], options


def quantize_int16(dice):
    shape, scale = dice.shape(4), dice.scale(-5, -2)
    if dice.below(4) == 0:
        source = dice.pick(["INT8", "UINT8"])
        return "QUANTIZE", [Tensor(source, shape, scale, dice.zero_point(source))], [
            wide(shape, np.float32(scale * dice.scale(-2.5, 1)))], None
    target = dice.pick(["INT8", "INT16", "INT32"])
    zero = dice.zero_point("INT8") if target == "INT8" else 0
    ratio = {"INT8": dice.scale(1.5, 3), "INT16": dice.scale(-1, 1), "INT32": dice.scale(-2, 1)}[target]
    return "QUANTIZE", [wide(shape, scale)], [Tensor(target, shape, np.float32(scale * ratio), zero)], None


def softmax_int16(dice):
    shape = [1 + dice.below(5), 1 + dice.below(60)]
    return "SOFTMAX", [wide(shape, dice.scale(-6, -2))], [wide(shape, 1 / 32768)], (
        "Softmax", {"beta": dice.pick([1.0, 1.0, 0.5, 2.0])})


def mean_int16(dice):
    shape, keep = image(dice), bool(dice.below(2))
    axes = dice.pick([[1, 2], [2], [3], [1], [1, 2, 3], [-1], [0, 2]])
    dropped = {axis % 4 for axis in axes}
    result = [1 if i in dropped else n for i, n in enumerate(shape) if keep or i not in dropped]
    scale = dice.scale(-5, -2)
    return "MEAN", [wide(shape, scale), ints(axes)], [wide(result, np.float32(scale * dice.scale(-1, 0.5)))], (
        "Reducer", {"keepDims": keep})


def resize_int16(dice):
    # The reference register has RESIZE_NEAREST_NEIGHBOR of INT16, too.
    op, shape, size = dice.pick(["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"]), image(dice), [0, 0]
    size = [1 + dice.below(20), 1 + dice.below(20)]
    corners, half = dice.pick([(False, False), (True, False), (False, True)])
    scale = dice.scale(-5, -3)
    name = "ResizeBilinear" if op == "RESIZE_BILINEAR" else "ResizeNearestNeighbor"
    return op, [wide(shape, scale), ints(size)], [wide([shape[0], *size, shape[3]], scale)], (
        name, {"alignCorners": corners, "halfPixelCenters": half})


def move_int16(dice):
    shape, scale = [1 + dice.below(9) for _ in range(4)], dice.scale(-5, -3)
    x = wide(shape, scale)
    op = dice.pick(["RESHAPE", "TRANSPOSE", "PAD", "STRIDED_SLICE", "SLICE", "CONCATENATION", "SPLIT", "GATHER", "PACK",
                    "UNPACK", "TILE", "MIRROR_PAD", "PADV2"])
    if op == "RESHAPE":
        result = [shape[0] * shape[1], shape[2] * shape[3]]
        return op, [x, ints(result)], [wide(result, scale)], ("Reshape", {"newShape": result})
    if op == "TRANSPOSE":
        perm = [int(i) for i in dice.generator.permutation(4)]
        return op, [x, ints(perm)], [wide([shape[i] for i in perm], scale)], ("Transpose", {})
    if op in ("PAD", "PADV2"):
        pads = [[dice.below(3), dice.below(3)] for _ in range(4)]
        result = [n + a + b for n, (a, b) in zip(shape, pads)]
        value = [wide([1], scale, dice.values("INT16", [1]))] if op == "PADV2" else []
        return op, [x, ints(pads), *value], [wide(result, scale)], ("PadV2" if value else "Pad", {})
    if op == "MIRROR_PAD":
        pads = [[dice.below(n), dice.below(n)] for n in shape]
        result = [n + a + b for n, (a, b) in zip(shape, pads)]
        return op, [x, ints(pads)], [wide(result, scale)], ("MirrorPad", {"mode": 0})
    if op == "SLICE":
        begin = [dice.below(n) for n in shape]
        size = [1 + dice.below(n - b) for n, b in zip(shape, begin)]
        return op, [x, ints(begin), ints(size)], [wide(size, scale)], ("Slice", {})
    if op == "STRIDED_SLICE":
        begin = [dice.below(n) for n in shape]
        stride = [1 + dice.below(3) for _ in shape]
        result = [len(range(b, n, s)) for b, n, s in zip(begin, shape, stride)]
        return op, [x, ints(begin), ints(shape), ints(stride)], [wide(result, scale)], ("StridedSlice", {})
    if op == "CONCATENATION":
        axis, other = dice.below(4), list(shape)
        other[axis] = 1 + dice.below(9)
        result = list(shape)
        result[axis] += other[axis]
        return op, [x, wide(other, scale)], [wide(result, scale)], ("Concatenation", {"axis": axis})
    if op == "SPLIT":
        axis, parts = dice.below(4), 1 + dice.below(3)
        part = list(shape)
        shape[axis] *= parts
        return op, [ints([axis]), wide(shape, scale)], [wide(part, scale) for _ in range(parts)], (
            "Split", {"numSplits": parts})
    if op == "GATHER":
        axis, count = dice.below(4), 1 + dice.below(5)
        indices = [dice.below(shape[axis]) for _ in range(count)]
        return op, [x, ints(indices)], [wide(shape[:axis] + [count] + shape[axis + 1:], scale)], (
            "Gather", {"axis": axis})
    if op == "PACK":
        axis = dice.below(4)
        return op, [wide(shape, scale), wide(shape, scale)], [wide(shape[:axis] + [2] + shape[axis:], scale)], (
            "Pack", {"axis": axis, "valuesCount": 2})
    if op == "UNPACK":
        axis = dice.below(4)
        part = shape[:axis] + shape[axis + 1:]
        return op, [x], [wide(part, scale) for _ in range(shape[axis])], (
            "Unpack", {"axis": axis, "num": shape[axis]})
    times = [1 + dice.below(2) for _ in shape]
    return "TILE", [x, ints(times)], [wide([n * t for n, t in zip(shape, times)], scale)], ("Tile", {})


def batch_matmul_int16(dice):
    rows, depth, columns = (1 + dice.below(n) for n in (14, 70, 40))
    batch = [1 + dice.below(3) for _ in range(dice.below(3))]
    adjoint = dice.below(2) == 1, dice.below(2) == 1
    shapes = [([depth, rows] if adjoint[0] else [rows, depth]), ([columns, depth] if adjoint[1] else [depth, columns])]
    batches = [batch, dice.broadcast(batch)]
    a, b = dice.scale(-5, -3), dice.scale(-5, -3)
    output = np.float32(a * b * np.sqrt(depth) * 2 ** 13 * dice.scale(-0.5, 1))
    data = dice.values("INT16", batches[1] + shapes[1]) if dice.below(3) == 0 else None
    return "BATCH_MATMUL", [wide(batches[0] + shapes[0], a), wide(batches[1] + shapes[1], b, data)], [
        wide(batch + [rows, columns], output)], ("BatchMatMul", {"adjX": adjoint[0], "adjY": adjoint[1]})


FAMILIES = {f.__name__: f for f in (conv_int16, depthwise_int16, fully_connected_int16, transpose_conv_int16, binary_int16,
                                    pool_int16, unary_int16, quantize_int16, softmax_int16, mean_int16, resize_int16,
                                    move_int16, batch_matmul_int16)}
