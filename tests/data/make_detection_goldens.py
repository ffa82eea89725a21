#!/usr/bin/env python3
# Makes detection_goldens.json: what LiteRT answers for TFLite_Detection_PostProcess, fast and regular, with FLOAT32
# and UINT8 operands and many equal scores. What its kernel leaves unwritten (rows past the last detection) is 0 here,
# as in ours. Run with ai-edge-litert 2.3.0, flatbuffers and numpy installed.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import random

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from flatbuffers import flexbuffers


class Bytes:
    """The bytes that tests/ops/detection_post_process_test.cc draws, too."""

    def __init__(self, seed):
        self.state = seed

    def draw(self, count, values):
        out = np.empty(count, np.uint8)
        for i in range(count):
            self.state = (self.state * 1664525 + 1013904223) % 2**32
            out[i] = (self.state >> 24) % values
        return out


def tensor(kind, shape, quantization=None):
    t = schema.TensorT()
    t.type = schema.TensorType.UINT8 if kind == "UINT8" else schema.TensorType.FLOAT32
    t.shape, t.buffer, t.name = list(shape), 0, "t"
    if kind == "UINT8":
        t.quantization = schema.QuantizationParametersT()
        t.quantization.scale, t.quantization.zeroPoint = [float(np.float32(quantization[0]))], [int(quantization[1])]
    return t


def operands(c):
    source = Bytes(c["seed"])
    encodings = source.draw(c["boxes"] * c["box_size"], 256).reshape(1, c["boxes"], c["box_size"])
    predictions = source.draw(c["boxes"] * c["columns"], c["values"]).reshape(1, c["boxes"], c["columns"])
    anchors = source.draw(c["boxes"] * 4, 256).reshape(c["boxes"], 4)
    if c["box_type"] == "FLOAT32":
        encodings = (encodings.astype(np.float32) - 128) / np.float32(16)
        anchors = anchors.astype(np.float32) / np.float32(256)
    if c["score_type"] == "FLOAT32":
        predictions = predictions.astype(np.float32) / np.float32(256)
    return encodings, predictions, anchors


def options(c):
    builder = flexbuffers.Builder()
    with builder.Map():
        for key in ("max_detections", "max_classes_per_detection", "num_classes"):
            builder.Int(key, c[key])
        if "detections_per_class" in c:
            builder.Int("detections_per_class", c["detections_per_class"])
        if "use_regular_nms" in c:
            builder.Bool("use_regular_nms", c["use_regular_nms"])
        for key in ("nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale"):
            builder.Float(key, c[key])
    return bytes(builder.Finish())


def run(c):
    arrays = operands(c)
    inputs = [tensor(c["box_type"], arrays[0].shape, c["box_quantization"]),
              tensor(c["score_type"], arrays[1].shape, c["score_quantization"]),
              tensor(c["box_type"], arrays[2].shape, c["anchor_quantization"])]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = "TFLite_Detection_PostProcess", 1
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0, 1, 2], [3, 4, 5, 6]
    operator.customOptions = list(options(c))
    graph = schema.SubGraphT()
    graph.tensors = inputs + [tensor("FLOAT32", []) for _ in range(4)]
    graph.inputs, graph.outputs, graph.operators = [0, 1, 2], [3, 4, 5, 6], [operator]
    model = schema.ModelT()
    model.version, model.buffers, model.operatorCodes, model.subgraphs = 3, [schema.BufferT()], [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    interpreter = Interpreter(model_content=bytes(builder.Output()),
                              experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), arrays):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()]
    found = int(outputs[3][0])
    rows = c["max_classes_per_detection"]
    kept = min(rows, c["num_classes"])
    for i, output in enumerate(outputs[:3]):
        flat = output.reshape(output.shape[1], -1)
        for row in range(flat.shape[0]):
            written = row < found if c.get("use_regular_nms") else row // rows < found and row % rows < kept
            if not written:
                flat[row] = 0
    return outputs


def cases():
    rng = random.Random(7)
    for number in range(260):
        classes = rng.choice((1, 2, 3, 5, 21))
        c = {"seed": rng.randrange(2**32), "boxes": rng.choice((1, 2, 7, 20, 33)), "box_size": rng.choice((4, 4, 6)),
             "columns": classes + rng.randrange(2), "num_classes": classes, "values": rng.choice((256, 256, 9, 2)),
             "box_type": rng.choice(("FLOAT32", "UINT8")), "score_type": rng.choice(("FLOAT32", "UINT8")),
             "box_quantization": [round(rng.uniform(0.01, 0.09), 4), rng.randrange(100, 200)],
             "score_quantization": [1 / 256, rng.choice((0, 0, 3))],
             "anchor_quantization": [round(rng.uniform(0.002, 0.006), 5), 0],
             "max_detections": rng.choice((1, 3, 8)), "max_classes_per_detection": rng.choice((1, 1, 2, 4)),
             "nms_score_threshold": rng.choice((0.0, 0.25, 0.5, -1.0)), "nms_iou_threshold": rng.choice((0.1, 0.5, 0.6, 1.0)),
             "y_scale": 10.0, "x_scale": rng.choice((10.0, 7.5)), "h_scale": 5.0, "w_scale": rng.choice((5.0, 3.3))}
        if number % 2:
            c["use_regular_nms"] = True
            c["detections_per_class"] = rng.choice((1, 2, 100))
            if number % 6 == 1:
                del c["detections_per_class"]  # the kernel's default
        yield c


def main():
    out = []
    for c in cases():
        out.append({**c, "y": [output.tobytes().hex() for output in run(c)]})
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "detection_goldens.json")
    with open(path, "w") as file:
        file.write("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]\n")
    print(f"{len(out)} cases, {sum(1 for c in out if c['y'][3] != '00000000')} with detections")


if __name__ == "__main__":
    main()
