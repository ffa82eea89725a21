#!/usr/bin/env python3
# Makes reduction_goldens.json: what LiteRT's reference kernels (BUILTIN_REF) answer for single operators that
# reduce or rank: SUM, REDUCE_*, ARG_*, TOPK_V2, LOG_SOFTMAX and L2_NORMALIZATION. SUM of INT8, which they get
# wrong (they read it as UINT8), is asked of UINT8 with everything 128 higher. Run with ai-edge-litert 2.3.0 and
# numpy installed.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import random
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TYPES = {
    "INT8": (schema.TensorType.INT8, np.int8),
    "UINT8": (schema.TensorType.UINT8, np.uint8),
    "INT32": (schema.TensorType.INT32, np.int32),
    "INT64": (schema.TensorType.INT64, np.int64),
}
SIZES = (1, 2, 3, 5, 17, 33)


def input_bytes(seed, values, count):
    """Bytes low, low + 1 ... of `values` different ones, as tests/ops/reduction_goldens_test.cc makes them."""
    out = np.empty(count, np.uint8)
    for i in range(count):
        seed = (seed * 1664525 + 1013904223) % 2**32
        out[i] = (seed >> 24) % values
    return out


def tensor(kind, shape, quantization=None, buffer=0):
    t = schema.TensorT()
    t.type = TYPES[kind][0]
    t.shape = list(shape)
    t.buffer = buffer
    t.name = "t"
    if quantization is not None:
        t.quantization = schema.QuantizationParametersT()
        t.quantization.scale = [float(np.float32(quantization[0]))]
        t.quantization.zeroPoint = [int(quantization[1])]
    return t


def options(c):
    op = c["op"]
    if op in ("ARG_MAX", "ARG_MIN"):
        o = schema.ArgMaxOptionsT() if op == "ARG_MAX" else schema.ArgMinOptionsT()
        o.outputType = TYPES[c["index_type"]][0]
        return (schema.BuiltinOptions.ArgMaxOptions if op == "ARG_MAX" else schema.BuiltinOptions.ArgMinOptions), o
    if op == "TOPK_V2":
        return schema.BuiltinOptions.TopKV2Options, schema.TopKV2OptionsT()
    if op == "LOG_SOFTMAX":
        return schema.BuiltinOptions.LogSoftmaxOptions, schema.LogSoftmaxOptionsT()
    if op == "L2_NORMALIZATION":
        return schema.BuiltinOptions.L2NormOptions, schema.L2NormOptionsT()
    o = schema.ReducerOptionsT()
    o.keepDims = c["keep_dims"]
    return schema.BuiltinOptions.ReducerOptions, o


def run(c):
    """The bytes of each output."""
    operand = c.get("operand")
    outputs = [tensor(c["type"], [1], c["out"])]
    if c["op"].startswith("ARG_"):
        outputs = [tensor(c["index_type"], [1])]
    if c["op"] == "TOPK_V2":
        outputs.append(tensor("INT32", [1]))
    inputs = [tensor(c["type"], c["shape"], c["in"])]
    model = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    if operand is not None:
        constant = schema.BufferT()
        constant.data = list(np.array(operand, np.int32).tobytes())
        model.buffers.append(constant)
        inputs.append(tensor("INT32", [len(operand)], buffer=1))
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, c["op"])
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 2
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = list(range(len(inputs)))
    operator.outputs = [len(inputs) + i for i in range(len(outputs))]
    operator.builtinOptionsType, operator.builtinOptions = options(c)
    graph = schema.SubGraphT()
    graph.tensors = inputs + outputs
    graph.inputs = [0]
    graph.outputs = operator.outputs
    graph.operators = [operator]
    model.operatorCodes = [code]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()),
                              experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    kind = TYPES[c["type"]][1]
    low = np.iinfo(kind).min + c["low"]
    data = input_bytes(c["seed"], c["values"], int(np.prod(c["shape"]))).astype(np.int32) + low
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], data.astype(kind).reshape(c["shape"]))
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def cases(dice):
    """Each: values `low` to low + values - 1 above the type's smallest."""
    seed = 0

    def case(op, kind, shape, scale_in, scale_out, **rest):
        nonlocal seed
        seed += 1
        values = dice.choice((256, 256, 2, 7))
        base = 0 if kind == "UINT8" else -128
        zero_in, zero_out = (base + dice.choice((0, 1, 127, 128, 200, 255)) for _ in range(2))
        quantizations = {"in": [float(np.float32(scale_in)), zero_in], "out": [float(np.float32(scale_out)), zero_out]}
        return {"op": op, "type": kind, "shape": shape, "seed": seed, "values": values,
                "low": dice.choice((0, 256 - values, dice.randrange(257 - values))), **quantizations, **rest}

    def shape(rank, *last, most=400):
        while True:
            dims = [dice.choice(SIZES) for _ in range(rank)] + [dice.choice(sizes) for sizes in last]
            if np.prod(dims) <= most:
                return dims

    for kind in ("INT8", "UINT8"):
        for _ in range(60):
            dims = shape(dice.randint(1, 4), most=4000)
            axes = [a for a in range(len(dims)) if dice.random() < 0.7]
            ratio = dice.choice((1, 0.5, 0.37, 3.1, 0.01)) / dice.choice((1, np.prod(dims)))
            yield case("SUM", kind, dims, 0.1 * ratio, 0.1, operand=axes or [0], keep_dims=dice.random() < 0.5)
        for op in ("REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD"):
            if op == "REDUCE_PROD" and kind == "UINT8":
                continue
            for i in range(60):
                dims = shape(dice.randint(1, 4)) if op != "REDUCE_PROD" else [dice.choice((1, 2, 3, 4, 9)) for _ in range(3)]
                axes = [a - dice.choice((0, len(dims))) for a in range(len(dims)) if dice.random() < 0.5] or [0]
                scale = dice.choice((0.01, 0.1, 1.0))
                c = case(op, kind, dims, scale, scale * dice.choice((1, 1.7, 0.3)), operand=axes,
                         keep_dims=dice.random() < 0.5)
                if op != "REDUCE_PROD":
                    c["out"] = c["in"]
                yield c
        for op in ("ARG_MAX", "ARG_MIN"):
            for i in range(40):
                dims = shape(dice.randint(1, 4))
                yield case(op, kind, dims, 0.1, 0.1, operand=[dice.randrange(-len(dims), len(dims))],
                           index_type=dice.choice(("INT32", "INT64")))
        for i in range(60):
            dims = shape(dice.randint(0, 2), (1, 3, 17, 100, 300))
            c = case("TOPK_V2", kind, dims, 0.1, 0.1, operand=[dice.randint(1, dims[-1])])
            c["out"] = c["in"]
            yield c
        for i in range(60):
            dims = shape(dice.randint(0, 2), (1, 2, 3, 10, 33, 300))
            c = case("LOG_SOFTMAX", kind, dims, dice.choice((1e-6, 0.001, 1 / 64, 0.03, 0.0625, 0.1, 0.7, 1000)), 1 / 16)
            c["out"] = [1 / 16, 127 if kind == "INT8" else 255]
            yield c
        for i in range(60):
            dims = shape(dice.randint(0, 2), (1, 2, 3, 10, 33, 300))
            c = case("L2_NORMALIZATION", kind, dims, 0.1, 1 / 128)
            c["out"] = [1 / 128, 0 if kind == "INT8" else 128]
            yield c


def main():
    lines = []
    for c in cases(random.Random(20260801)):
        if c["op"] == "SUM" and c["in"][0] / c["out"][0] * np.prod(c["shape"]) > 2**22:
            continue
        if c["op"] == "SUM" and c["type"] == "INT8":
            shifted = dict(c, type="UINT8", **{k: [c[k][0], c[k][1] + 128] for k in ("in", "out")})
            c["y"] = [(y ^ 128).tobytes().hex() for y in run(shifted)]
        else:
            c["y"] = [y.tobytes().hex() for y in run(c)]
        lines.append(json.dumps(c, separators=(",", ":")))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reduction_goldens.json")
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")
    print(len(lines), "cases", os.path.getsize(path), "bytes")


if __name__ == "__main__":
    sys.exit(main())
