#!/usr/bin/env python3
# Makes elementwise_goldens.json: what LiteRT's reference kernels (BUILTIN_REF) answer for single elementwise
# operators over the corners of their arithmetic. Run with ai-edge-litert 2.3.0 and numpy installed.
# SPDX-License-Identifier: Apache-2.0
import itertools
import json
import os
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TYPES = {
    "INT8": (schema.TensorType.INT8, np.int8),
    "UINT8": (schema.TensorType.UINT8, np.uint8),
    "FLOAT32": (schema.TensorType.FLOAT32, np.float32),
}


def tensor(kind, shape, scale=None, zero_point=0):
    t = schema.TensorT()
    t.type = TYPES[kind][0]
    t.shape = list(shape)
    t.buffer = 0
    t.name = "t"
    if scale is not None:
        t.quantization = schema.QuantizationParametersT()
        t.quantization.scale = [float(np.float32(scale))]
        t.quantization.zeroPoint = [int(zero_point)]
    return t


def options(op, args):
    if op in ("ADD", "SUB", "MUL", "DIV"):
        o = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT,
             "DIV": schema.DivOptionsT}[op]()
        o.fusedActivationFunction = getattr(schema.ActivationFunctionType, args.get("activation", "NONE"))
        return getattr(schema.BuiltinOptions, op.capitalize() + "Options"), o
    if op == "LEAKY_RELU":
        o = schema.LeakyReluOptionsT()
        o.alpha = args["alpha"]
        return schema.BuiltinOptions.LeakyReluOptions, o
    if op == "GELU":
        o = schema.GeluOptionsT()
        o.approximate = args["approximate"]
        return schema.BuiltinOptions.GeluOptions, o
    if op == "SOFTMAX":
        o = schema.SoftmaxOptionsT()
        o.beta = args["beta"]
        return schema.BuiltinOptions.SoftmaxOptions, o
    return schema.BuiltinOptions.NONE, None


def run(op, inputs, output, data, args=None):
    """The bytes of the operator's output for the given input arrays."""
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, op)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = list(range(len(inputs)))
    operator.outputs = [len(inputs)]
    operator.builtinOptionsType, operator.builtinOptions = options(op, args or {})
    graph = schema.SubGraphT()
    graph.tensors = inputs + [output]
    graph.inputs = list(range(len(inputs)))
    graph.outputs = [len(inputs)]
    graph.operators = [operator]
    model = schema.ModelT()
    model.version = 3
    model.operatorCodes = [code]
    model.subgraphs = [graph]
    model.buffers = [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    # The register of reference kernels has no ELU: its only kernel is the default one.
    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if op == "ELU" else OpResolverType.BUILTIN_REF
    interpreter = Interpreter(model_content=bytes(builder.Output()), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), data):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def all_values(kind):
    info = np.iinfo(TYPES[kind][1])
    return np.arange(info.min, info.max + 1).astype(TYPES[kind][1])


def unary_cases():
    """Every input byte of each operator, for input scales that hit its shifts and saturation."""
    for kind in ("INT8", "UINT8"):
        low = -128 if kind == "INT8" else 0
        zero_points = (low + 5, low + 128)
        for op, zp, scale in itertools.product(("LOGISTIC", "TANH"), (low, low + 131, low + 255),
                                               (0.00390625, 0.0123, 0.05, 0.1, 0.7)):
            out = (1 / 256, low) if op == "LOGISTIC" else (1 / 128, low + 128)
            yield op, kind, kind, (scale, zp), out, {}
        pairs = ((0.05, 0.05), (0.05, 0.031), (0.031, 0.05), (0.004, 3.0), (1.5, 0.004), (0.1, 0.2))
        for op, zp, (a, b) in itertools.product(("RELU", "RELU6", "RELU_N1_TO_1"), zero_points, pairs):
            yield op, kind, kind, (a, zp), (b, low + 37), {}
        for alpha, zp, (a, b) in itertools.product((0.0, 0.1, 0.3, 2.5, -0.5), zero_points, pairs):
            yield "LEAKY_RELU", kind, kind, (a, zp), (b, low + 60), {"alpha": float(np.float32(alpha))}
        for zp, (a, b) in itertools.product(zero_points, ((0.05, 0.05), (0.0234, 0.0234), (0.003, 0.002),
                                                          (0.5, 0.3), (0.0471, 0.0235), (4.0, 4.0),
                                                          (0.1, 0.001), (0.0001, 0.01))):
            yield "HARD_SWISH", kind, kind, (a, zp), (b, low + 16), {}
        for out_kind, zp, (a, b) in itertools.product(("INT8", "UINT8"), zero_points, pairs):
            yield "QUANTIZE", kind, out_kind, (a, zp), (b, (-128 if out_kind == "INT8" else 0) + 100), {}
            yield "QUANTIZE", kind, out_kind, (a, zp), (b, zp - low + (-128 if out_kind == "INT8" else 0)), {}


def math_cases():
    """As unary_cases, for random scales around those a converter would choose."""
    random = np.random.default_rng(11)
    int8 = ("ABS", "NEG", "EXP", "LOG", "SQRT", "RSQRT", "ELU", "GELU", "RELU_0_TO_1")
    for op, kind in [(op, "INT8") for op in int8] + [("GELU", "UINT8"), ("RELU_0_TO_1", "UINT8")]:
        low = -128 if kind == "INT8" else 0
        for i in range(26):
            scale = np.float32(10 ** random.uniform(-3, -0.5))
            zp, out_zp = int(random.integers(low, low + 256)), int(random.integers(low, low + 256))
            out = scale
            if op == "EXP":
                out = np.exp(min(scale * (low + 255 - zp), 20)) / 255
            if op in ("SQRT", "RSQRT"):
                zp = low
                out = np.sqrt(scale * 255) / 255 if op == "SQRT" else 1 / np.sqrt(scale) / 127
            if op == "LOG":
                out = np.float32(0.03)
            out = np.float32(out * 10 ** random.uniform(-0.3, 0.3))
            if op == "NEG":
                zp = out_zp = 0
                out = scale
            if op == "SQRT" and i % 2:  # perfect squares: quotients that are whole but for their rounding
                scale = np.float32(out * out)
            args = {"approximate": bool(i % 2)} if op == "GELU" else {}
            yield op, kind, kind, (float(scale), zp), (float(out), out_zp), args


def make_unary():
    for op, kind, out_kind, (s, z), (so, zo), args in itertools.chain(unary_cases(), math_cases()):
        y = run(op, [tensor(kind, [256], s, z)], tensor(out_kind, [256], so, zo), [all_values(kind)], args)
        yield dict(op=op, types=[kind, out_kind], scales=[s, so], zero_points=[z, zo], args=args,
                   y=y.tobytes().hex())


def make_binary():
    """All pairs of 18 values, corners included."""
    for kind in ("INT8", "UINT8"):
        low = -128 if kind == "INT8" else 0
        values = np.array([0, 1, 2, 16, 17, 63, 64, 100, 126, 127, 128, 129, 150, 191, 200, 240, 254, 255]) + low
        a, b = (m.reshape(-1).astype(TYPES[kind][1]) for m in np.meshgrid(values, values, indexing="ij"))
        scales = ((0.05, 0.05, 0.1), (0.05, 0.031, 0.07), (0.004, 3.0, 2.5), (1.5, 0.004, 0.02), (0.1, 0.2, 0.9),
                  (1e-5, 1.0, 1.0), (0.02, 0.02, 0.005))
        for op, (sa, sb, so), act, (za, zb, zo) in itertools.product(
                ("ADD", "SUB", "MUL"), scales, ("NONE", "RELU", "RELU_N1_TO_1", "RELU6"),
                ((0, 255, 128), (128, 3, 20), (255, 0, 0))):
            if act != "NONE" and (za != 128 or sa != 0.05):
                continue
            y = run(op, [tensor(kind, a.shape, sa, za + low), tensor(kind, b.shape, sb, zb + low)],
                    tensor(kind, a.shape, so, zo + low), [a, b], {"activation": act})
            yield dict(op=op, types=[kind] * 3, scales=[sa, sb, so], zero_points=[za + low, zb + low, zo + low],
                       args={"activation": act}, values=[int(v) for v in values], y=y.tobytes().hex())


def make_pairs():
    """As make_binary, for random scales."""
    random = np.random.default_rng(12)
    for kind, op in itertools.product(("INT8", "UINT8"),
                                      ("MINIMUM", "MAXIMUM", "SQUARED_DIFFERENCE", "DIV", "PRELU")):
        if kind == "UINT8" and op == "SQUARED_DIFFERENCE":
            continue
        low = -128 if kind == "INT8" else 0
        for i in range(24):
            sa, sb = (np.float32(10 ** random.uniform(-2.5, -0.5)) for _ in range(2))
            za, zb, zo = (int(z) for z in random.integers(low, low + 256, 3))
            so = np.float32(sa * 10 ** random.uniform(-0.4, 0.4))
            if op in ("MINIMUM", "MAXIMUM"):
                sb, so, zb, zo = sa, sa, za, za
            if op == "SQUARED_DIFFERENCE":
                so = np.float32(max(sa, sb) ** 2 * 10 ** random.uniform(0, 2.5))
            if op == "DIV":
                so = np.float32(sa / sb / 10 ** random.uniform(1.9, 4.5))
            values = np.concatenate([random.integers(0, 256, 14), [0, 1, 127, 128, 255]]) + low
            if op == "DIV":
                values = values[values != zb]
            a, b = (m.reshape(-1).astype(TYPES[kind][1]) for m in np.meshgrid(values, values, indexing="ij"))
            args = {"activation": ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")[i % 4]} if op == "DIV" else {}
            y = run(op, [tensor(kind, a.shape, sa, za), tensor(kind, b.shape, sb, zb)],
                    tensor(kind, a.shape, so, zo), [a, b], args)
            yield dict(op=op, types=[kind] * 3, scales=[float(s) for s in (sa, sb, so)], zero_points=[za, zb, zo],
                       args=args, values=[int(v) for v in values], y=y.tobytes().hex())


def make_softmax():
    random = np.random.default_rng(7)
    for kind in ("INT8", "UINT8"):
        low = -128 if kind == "INT8" else 0
        for depth, scale, beta in itertools.product((1, 3, 17, 255), (1e-4, 0.004, 0.05, 0.11, 0.9, 30.0),
                                                    (1.0, 0.5, 7.0)):
            x = random.integers(low, low + 256, (3, depth)).astype(TYPES[kind][1])
            x[1] = x[1, 0]
            y = run("SOFTMAX", [tensor(kind, x.shape, scale, 3)], tensor(kind, x.shape, 1 / 256, low), [x],
                    {"beta": beta})
            yield dict(op="SOFTMAX", types=[kind, kind], scales=[scale, 1 / 256], zero_points=[3, low],
                       args={"beta": beta}, depth=depth, x=x.tobytes().hex(), y=y.tobytes().hex())


def make_float():
    corners = [0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, 126.5, 127.49, 127.5, -128.5, 1e3, -1e3, 1e9, -1e9, 1e-9]
    for kind in ("INT8", "UINT8"):
        low = -128 if kind == "INT8" else 0
        for scale, zp in itertools.product((1.0, 0.1, 0.0078431377, 3.0), (low, low + 77)):
            f = np.float32(scale)
            x = np.concatenate([np.array(corners, np.float32) * f,
                                (np.arange(-300, 300, 7, dtype=np.float32) * np.float32(0.5)) * f]).astype(np.float32)
            y = run("QUANTIZE", [tensor("FLOAT32", x.shape)], tensor(kind, x.shape, scale, zp), [x])
            yield dict(op="QUANTIZE", types=["FLOAT32", kind], scales=[0, scale], zero_points=[0, zp], args={},
                       x=x.tobytes().hex(), y=y.tobytes().hex())
            q = all_values(kind)
            y = run("DEQUANTIZE", [tensor(kind, q.shape, scale, zp)], tensor("FLOAT32", q.shape), [q])
            yield dict(op="DEQUANTIZE", types=[kind, "FLOAT32"], scales=[scale, 0], zero_points=[zp, 0], args={},
                       x=q.tobytes().hex(), y=y.tobytes().hex())


def main():
    cases = list(itertools.chain(make_unary(), make_binary(), make_pairs(), make_softmax(), make_float()))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "elementwise_goldens.json")
    with open(sys.argv[1] if len(sys.argv) > 1 else path, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
