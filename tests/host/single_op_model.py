"""Models of one operator, made in memory: for sweeps over parameters that no corpus holds."""
# SPDX-License-Identifier: Apache-2.0
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

DTYPES = {"FLOAT32": np.float32, "INT32": np.int32, "UINT8": np.uint8, "INT64": np.int64, "BOOL": np.bool_,
          "INT16": np.int16, "INT8": np.int8, "INT4": np.uint8, "INT2": np.uint8}


class Tensor:
    """A tensor of the model. data: its constant value (sub-byte types: the packed bytes); None: computed or an input.
    values: what an input is given, where that is not just any value."""

    def __init__(self, kind, shape, scale=None, zero_point=0, data=None, dimension=0, values=None):
        self.kind, self.shape, self.data, self.dimension, self.values = kind, list(shape), data, dimension, values
        self.scales = None if scale is None else [float(np.float32(s)) for s in np.atleast_1d(scale)]
        self.zero_points = [int(z) for z in np.broadcast_to(zero_point, len(self.scales or []))]


def build(op, inputs, outputs, options=None, version=1):
    """The bytes of a model: `op` (a BuiltinOperator's name) of `inputs` (Tensor or None) with the options table
    `options` = (name without "Options", {field: value})."""
    model, graph, operator, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorT(), schema.OperatorCodeT()
    model.buffers, graph.tensors, graph.inputs = [schema.BufferT()], [], []

    def add(tensor):
        if tensor is None:
            return -1
        t = schema.TensorT()
        t.name = f"t{len(graph.tensors)}"
        t.type = getattr(schema.TensorType, tensor.kind)
        t.shape = tensor.shape
        t.hasRank = True
        t.buffer = 0
        if tensor.scales:
            t.quantization = schema.QuantizationParametersT()
            t.quantization.scale = tensor.scales
            t.quantization.zeroPoint = tensor.zero_points
            t.quantization.quantizedDimension = tensor.dimension
        if tensor.data is not None:
            buffer = schema.BufferT()
            buffer.data = list(np.ascontiguousarray(tensor.data).tobytes())
            t.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(t)
        return len(graph.tensors) - 1

    operator.inputs = [add(tensor) for tensor in inputs]
    operator.outputs = [add(tensor) for tensor in outputs]
    graph.inputs = [i for i, t in zip(operator.inputs, inputs) if t is not None and t.data is None]
    graph.outputs = operator.outputs
    graph.operators = [operator]
    operator.opcodeIndex = 0
    if options:
        name, fields = options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name + "Options")
        operator.builtinOptions = getattr(schema, name + "OptionsT")()
        for field, value in fields.items():
            setattr(operator.builtinOptions, field, value)
    code.builtinCode = getattr(schema.BuiltinOperator, op)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = version
    model.version = 3
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
