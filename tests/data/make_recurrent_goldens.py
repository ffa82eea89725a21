#!/usr/bin/env python3
# Makes recurrent_goldens.json: what LiteRT's reference kernels (BUILTIN_REF) answer for SVDF and integer LSTMs over
# several invocations, with state that goes on from one to the next and is reset on the way. Run with
# ai-edge-litert 2.3.0, flatbuffers and numpy installed.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import random

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TYPES = {"INT8": (schema.TensorType.INT8, np.int8), "INT16": (schema.TensorType.INT16, np.int16),
         "INT32": (schema.TensorType.INT32, np.int32)}


class Numbers:
    """The numbers that tests/ops/recurrent_goldens_test.cc draws, too: -limit to limit - 1."""

    def __init__(self, seed):
        self.state = seed

    def draw(self, kind, shape, limit):
        out = np.empty(int(np.prod(shape)), np.int64)
        for i in range(out.size):
            self.state = (self.state * 1664525 + 1013904223) % 2**32
            out[i] = (self.state >> 8) % (2 * limit) - limit
        return out.astype(TYPES[kind][1]).reshape(shape)


class Model:
    def __init__(self):
        self.tensors, self.buffers, self.names = [], [schema.BufferT()], 0

    def tensor(self, kind, shape, quantization, data=None, variable=False):
        t = schema.TensorT()
        t.type, t.shape, t.name, t.buffer = TYPES[kind][0], list(shape), f"t{len(self.tensors)}", 0
        if quantization is not None:
            t.quantization = schema.QuantizationParametersT()
            t.quantization.scale = [float(np.float32(quantization[0]))]
            t.quantization.zeroPoint = [int(quantization[1])]
        t.isVariable = variable
        if data is not None:
            t.buffer = len(self.buffers)
            self.buffers.append(schema.BufferT())
            self.buffers[-1].data = list(data.tobytes())
        self.tensors.append(t)
        return len(self.tensors) - 1

    def interpreter(self, name, version, inputs, output, options, intermediates):
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, name)
        code.version = version
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = 0, inputs, [output]
        operator.intermediates = intermediates
        operator.builtinOptionsType, operator.builtinOptions = options
        graph = schema.SubGraphT()
        graph.tensors, graph.inputs, graph.outputs, graph.operators = self.tensors, [inputs[0]], [output], [operator]
        model = schema.ModelT()
        model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, self.buffers, [code], [graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        made = Interpreter(model_content=bytes(builder.Output()),
                           experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
        made.allocate_tensors()
        return made


def svdf(c, numbers):
    m = Model()
    units = c["filters"] // c["rank"]
    x = m.tensor("INT8", [c["batch"], c["inputs"]], c["in"])
    feature = m.tensor("INT8", [c["filters"], c["inputs"]], [c["feature_scale"], 0],
                       numbers.draw("INT8", [c["filters"], c["inputs"]], 128))
    time = m.tensor("INT16", [c["filters"], c["memory"]], [c["time_scale"], 0],
                    numbers.draw("INT16", [c["filters"], c["memory"]], c["time_limit"]))
    bias = -1
    if c["bias"]:
        bias = m.tensor("INT32", [units], [1.0, 0], numbers.draw("INT32", [units], 5000))
    state = m.tensor("INT16", [c["batch"], c["filters"] * c["memory"]], [c["state_scale"], 0], variable=True)
    y = m.tensor("INT8", [c["batch"], units], c["out"])
    o = schema.SVDFOptionsT()
    o.rank = c["rank"]
    o.fusedActivationFunction = schema.ActivationFunctionType.RELU  # the only one that its integer kernel takes
    return m.interpreter("SVDF", 3, [x, feature, time, bias, state], y, (schema.BuiltinOptions.SVDFOptions, o), [])


def lstm(c, numbers):
    m = Model()
    cells, outputs, inputs = c["cells"], c["outputs"], c["inputs"]
    gates = range(1 if c["cifg"] else 0, 4)
    step = c["op"] == "LSTM"
    shape = [c["batch"], inputs] if step else ([c["time"], c["batch"]] if c["time_major"] else [c["batch"], c["time"]]) + [inputs]
    operands = [-1] * 24
    operands[0] = m.tensor("INT8", shape, c["in"])
    for g in gates:
        operands[1 + g] = m.tensor("INT8", [cells, inputs], [c["weight_scales"][g], 0],
                                   numbers.draw("INT8", [cells, inputs], 128))
    for g in gates:
        operands[5 + g] = m.tensor("INT8", [cells, outputs], [c["recurrent_scales"][g], 0],
                                   numbers.draw("INT8", [cells, outputs], 128))
    if c["peephole"]:
        for k, g in enumerate((0, 1, 3)):
            if g in gates:
                operands[9 + k] = m.tensor("INT16", [cells], [c["peephole_scale"], 0],
                                           numbers.draw("INT16", [cells], 32768))
    for g in gates:
        operands[12 + g] = m.tensor("INT32", [cells], [1.0, 0], numbers.draw("INT32", [cells], 3000))
    if c["projection"]:
        operands[16] = m.tensor("INT8", [outputs, cells], [c["projection_scale"], 0],
                                numbers.draw("INT8", [outputs, cells], 128))
        operands[17] = m.tensor("INT32", [outputs], [1.0, 0], numbers.draw("INT32", [outputs], 3000))
    operands[18] = m.tensor("INT8", [c["batch"], outputs], c["state"], variable=True)
    operands[19] = m.tensor("INT16", [c["batch"], cells], [2.0 ** c["cell_log2"], 0], variable=True)
    y = m.tensor("INT8", shape[:-1] + [outputs], c["state"])
    intermediates = [m.tensor("INT16", [1], [2.0 ** -12, 0]) for _ in range(4)] + [m.tensor("INT8", [1], c["hidden"])]
    if step:
        o, kind = schema.LSTMOptionsT(), schema.BuiltinOptions.LSTMOptions
        o.kernelType = schema.LSTMKernelType.FULL
    else:
        o, kind = schema.UnidirectionalSequenceLSTMOptionsT(), schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
        o.timeMajor = c["time_major"]
    o.fusedActivationFunction = schema.ActivationFunctionType.TANH
    o.cellClip, o.projClip = c["cell_clip"], c["proj_clip"]
    return m.interpreter(c["op"], 3, operands, y, (kind, o), intermediates)


def run(c):
    numbers = Numbers(c["seed"])
    interpreter = (svdf if c["op"] == "SVDF" else lstm)(c, numbers)
    x, y = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for number in range(c["invocations"]):
        if number == c["reset_before"]:
            interpreter.reset_all_variables()
        interpreter.set_tensor(x["index"], numbers.draw("INT8", x["shape"], 128))
        interpreter.invoke()
        answers.append(interpreter.get_tensor(y["index"]).tobytes().hex())
    return answers


def cases():
    rng = random.Random(5)
    for _ in range(220):
        rank = rng.choice((1, 1, 2, 3))
        yield {"op": "SVDF", "seed": rng.randrange(2**32), "batch": rng.choice((1, 1, 2, 3)), "inputs": rng.choice((1, 3, 8, 17)),
               "rank": rank, "filters": rank * rng.choice((1, 2, 5)), "memory": rng.choice((1, 2, 3, 9)),
               "bias": rng.random() < 0.7, "in": [0.05, rng.randrange(-128, 128)],
               "feature_scale": rng.choice((0.01, 0.003)), "time_scale": rng.choice((0.0001, 3e-05)),
               "time_limit": rng.choice((32768, 3000)), "state_scale": rng.choice((0.0005, 0.002)),
               "out": [rng.choice((0.05, 0.3, 1.5)), rng.randrange(-128, 128)], "invocations": 7, "reset_before": 5}
    for number in range(220):
        cells = rng.choice((1, 2, 5, 8))
        projection = rng.random() < 0.25
        outputs = rng.choice((1, 3, 6)) if projection else cells
        yield {"op": "LSTM" if number % 5 == 0 else "UNIDIRECTIONAL_SEQUENCE_LSTM", "seed": rng.randrange(2**32),
               "batch": rng.choice((1, 1, 2, 3)), "time": 1 if number % 5 == 0 else rng.choice((1, 2, 5)),
               "inputs": rng.choice((1, 4, 9)), "cells": cells, "outputs": outputs, "time_major": rng.random() < 0.4,
               "cifg": rng.random() < 0.3, "peephole": cells == outputs and rng.random() < 0.4, "projection": projection,
               "in": [rng.choice((0.008, 0.03)), rng.randrange(-128, 128)], "state": [1 / 128, rng.choice((0, -5, 11))],
               "hidden": [rng.choice((1 / 128, 0.006)), rng.choice((0, -5, 11))], "cell_log2": rng.randrange(-15, -8),
               "weight_scales": [rng.choice((0.002, 0.006, 0.02)) for _ in range(4)],
               "recurrent_scales": [rng.choice((0.002, 0.006, 0.02)) for _ in range(4)],
               "peephole_scale": rng.choice((3e-05, 1e-06)), "projection_scale": rng.choice((0.01, 0.003)),
               "cell_clip": rng.choice((0.0, 0.0, 0.4)), "proj_clip": rng.choice((0.0, 0.5)) if projection else 0.0,
               "invocations": 6, "reset_before": 4}


def main():
    out = [{**c, "y": run(c)} for c in cases()]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recurrent_goldens.json")
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")
    print(f"{len(out)} cases")


if __name__ == "__main__":
    main()
