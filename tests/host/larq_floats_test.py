#!/usr/bin/env python3
"""The FLOAT32 forms of operators between binary ones: every number is that of the host's reference kernels.

    larq_floats_test.py LIBRARY SOURCE_DIR

Each case is LceQuantize -> LceDequantize -> MUL -> the operator -> LceQuantize, so that the operator is the plug-in's.
MUL's result is an output, too: the host's own reference kernel computes the operator alone from it.
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

LIBRARY = sys.argv[1]
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
CASES_PER_FAMILY = 25


def words(channels):
    return (channels + 31) // 32


class Case:
    """op(x, *constants) with x of `shape`, giving `out`."""

    def __init__(self, op, shape, out, constants=(), options=None, x_position=0, repeat=1):
        self.op, self.shape, self.out, self.options = op, list(shape), list(out), options
        self.constants, self.x_position, self.repeat = list(constants), x_position, repeat

    def operands(self, x):
        constants = list(self.constants)
        constants[self.x_position:self.x_position] = [x] * self.repeat
        return constants


def floats(generator, shape, low=-5, high=5):
    return Tensor("FLOAT32", shape, data=generator.uniform(low, high, shape).astype(np.float32))


def ints(values):
    return Tensor("INT32", np.shape(values), data=np.array(values, np.int32))


def same(size, filter_size, stride):
    return -(-size // stride)


def valid(size, filter_size, stride):
    return (size - filter_size) // stride + 1


def draw(family, generator):
    below = lambda n: int(generator.integers(0, n))
    n, h, w, c = 1 + below(2), 4 + below(9), 4 + below(9), 1 + below(70)
    shape = [n, h, w, c]
    activation = list(ACTIVATIONS.values())[below(4)]
    if family in ("ADD", "SUB", "MUL"):
        other = [shape, [c], [1, 1, 1, c], [1], [n, 1, 1, c], [h, w, 1]][below(6)]
        options = (family.capitalize(), {"fusedActivationFunction": activation})
        return Case(family, shape, shape, [floats(generator, other)], options, x_position=below(2))
    if family in ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"):
        return Case(family, shape, shape)
    if family == "PRELU":
        return Case(family, shape, shape, [floats(generator, [[1, 1, c], [1, 1, 1], [h, w, c]][below(3)], -2, 2)])
    if family == "CONCATENATION":
        part = shape[:3] + [1 + below(40)]
        return Case(family, shape, shape[:3] + [2 * c + part[3]], [floats(generator, part)],
                    ("Concatenation", {"axis": -1 if below(2) else 3}), x_position=below(2), repeat=2)
    if family == "PAD":
        pads = [[0, 0], [below(3), below(3)], [below(3), below(3)], [0, below(2)]]
        return Case(family, shape, [s + a + b for s, (a, b) in zip(shape, pads)], [ints(pads)], ("Pad", {}))
    if family == "PADV2":
        pads = [[0, 0], [below(3), below(3)], [below(3), below(3)], [0, 0]]
        value = Tensor("FLOAT32", [1], data=np.array([generator.uniform(-3, 3)], np.float32))
        return Case(family, shape, [s + a + b for s, (a, b) in zip(shape, pads)], [ints(pads), value], ("PadV2", {}))
    if family in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        padding, size = below(2), [same, valid]
        fh, fw, sh, sw = 1 + below(4), 1 + below(4), 1 + below(3), 1 + below(3)
        out = [n, size[padding](h, fh, sh), size[padding](w, fw, sw), c]
        return Case(family, shape, out, (), ("Pool2D", {
            "padding": padding, "strideH": sh, "strideW": sw, "filterHeight": fh, "filterWidth": fw,
            "fusedActivationFunction": activation}))
    if family == "RESHAPE":
        return Case(family, shape, [n, h * w, c], [ints([n, h * w, c])], ("Reshape", {"newShape": [n, h * w, c]}))
    if family == "MEAN":
        keep = bool(below(2))
        return Case(family, shape, [n, 1, 1, c] if keep else [n, c], [ints([1, 2])], ("Reducer", {"keepDims": keep}))
    if family in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        padding, fh, fw = below(2), 1 + below(4), 1 + below(4)
        sh, sw, dh, dw = 1 + below(2), 1 + below(2), 1 + below(2), 1 + below(2)
        if padding:
            h, w = h + (fh - 1) * dh, w + (fw - 1) * dw
        extent = [(fh - 1) * dh + 1, (fw - 1) * dw + 1]
        options = {"padding": padding, "strideH": sh, "strideW": sw, "dilationHFactor": dh, "dilationWFactor": dw,
                   "fusedActivationFunction": activation}
        if family == "CONV_2D":
            groups = 1 + below(2)
            c, outputs = c * groups, (1 + below(50)) * groups
            weights = floats(generator, [outputs, fh, fw, c // groups], -1, 1)
        else:
            multiplier = 1 + below(2)
            outputs = c * multiplier
            options["depthMultiplier"] = multiplier
            weights = floats(generator, [1, fh, fw, outputs], -1, 1)
        size = [same, valid][padding]
        out = [n, size(h, extent[0], sh), size(w, extent[1], sw), outputs]
        # The host's kernels want a bias, of zeros if need be.
        return Case(family, [n, h, w, c], out, [weights, floats(generator, [outputs])],
                    ("Conv2D" if family == "CONV_2D" else "DepthwiseConv2D", options))
    raise ValueError(family)


FAMILIES = ["ADD", "SUB", "MUL", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "PRELU", "CONCATENATION", "PAD", "PADV2",
            "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESHAPE", "MEAN", "CONV_2D", "DEPTHWISE_CONV_2D"]


def run_case(case, generator, directory):
    """None, or what is wrong."""
    packed = case.shape[:-1] + [words(case.shape[-1])]
    x, bits = Tensor("FLOAT32", case.shape), Tensor("INT32", packed)
    signs, scaled = Tensor("FLOAT32", case.shape), Tensor("FLOAT32", case.shape)
    y, out_bits = Tensor("FLOAT32", case.out), Tensor("INT32", case.out[:-1] + [words(case.out[-1])])
    magnitudes = floats(generator, case.shape, -8, 8)
    sandwich = one.build_graph([("LceQuantize", [x], [bits], None), ("LceDequantize", [bits], [signs], None),
                                ("MUL", [signs, magnitudes], [scaled], ("Mul", {})),
                                (case.op, case.operands(scaled), [y], case.options),
                                ("LceQuantize", [y], [out_bits], None)], [x], [scaled, y, out_bits])
    alone_x, alone_y = Tensor("FLOAT32", case.shape), Tensor("FLOAT32", case.out)
    alone = one.build_graph([(case.op, case.operands(alone_x), [alone_y], case.options)], [alone_x], [alone_y])
    path, alone_path = os.path.join(directory, "sandwich.tflite"), os.path.join(directory, "alone.tflite")
    for name, data in ((path, sandwich), (alone_path, alone)):
        with open(name, "wb") as file:
            file.write(data)
    given = generator.uniform(-1, 1, case.shape).astype(np.float32)
    model = npu_capi.Library(LIBRARY).open(path)
    left = [op["op"] for op in model.plan()["ops"] if op["placement"] != "delegate-cpu"]
    if left:
        return f"not on delegate-cpu: {left}"
    reference = None
    for device in ("reference", "auto"):
        scaled_value, found, found_bits = model.session(device=device, threads=2).run([given])
        if reference is None:
            reference, = host.run(host.ready_interpreter(alone_path), [scaled_value])
        if found.shape != reference.shape or found.tobytes() != reference.tobytes():
            worst = np.abs(found - reference).max() if found.shape == reference.shape else f"{found.shape}"
            return f"{device}: {int((found != reference).sum())} of {found.size} differ, by up to {worst}"
        flat = np.unpackbits(found_bits.view(np.uint8), axis=-1, bitorder="little")[..., :case.out[-1]]
        if not np.array_equal(flat, reference < 0):
            return f"{device}: signs differ"
    return None


def main():
    problems = 0
    with tempfile.TemporaryDirectory() as directory:
        for family in FAMILIES:
            failed = 0
            for seed in range(CASES_PER_FAMILY):
                generator = np.random.default_rng([FAMILIES.index(family), seed])
                case = draw(family, generator)
                problem = run_case(case, generator, directory)
                if problem:
                    failed += 1
                    if failed <= 3:
                        print(f"{family} seed {seed}: {case.shape} -> {case.out} {case.options}: {problem}")
            print(f"{family}: {CASES_PER_FAMILY - failed} of {CASES_PER_FAMILY} cases exact", flush=True)
            problems += failed
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
