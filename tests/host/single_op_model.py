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
    graph_inputs = [t for t in inputs if t is not None and t.data is None]
    return build_graph([(op, inputs, outputs, options)], graph_inputs, outputs, version)


def build_graph(operators, graph_inputs, graph_outputs, version=1):
    """The bytes of a model of several operators, each (op, inputs, outputs, options) as `build` takes them, in
    execution order; a name that is no BuiltinOperator's is a custom operator. A Tensor object is one tensor wherever it
    stands."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.buffers, graph.tensors, graph.operators, model.operatorCodes = [schema.BufferT()], [], [], []
    indices = {}

    def index(tensor):
        if tensor is None:
            return -1
        if id(tensor) in indices:
            return indices[id(tensor)]
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
        indices[id(tensor)] = len(graph.tensors) - 1
        return indices[id(tensor)]

    for op, inputs, outputs, options in operators:
        operator, code = schema.OperatorT(), schema.OperatorCodeT()
        operator.inputs = [index(tensor) for tensor in inputs]
        operator.outputs = [index(tensor) for tensor in outputs]
        operator.opcodeIndex = len(model.operatorCodes)
        if options:
            name, fields = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name + "Options")
            operator.builtinOptions = getattr(schema, name + "OptionsT")()
            for field, value in fields.items():
                setattr(operator.builtinOptions, field, value)
        if hasattr(schema.BuiltinOperator, op):
            code.builtinCode = getattr(schema.BuiltinOperator, op)
        else:
            code.builtinCode = schema.BuiltinOperator.CUSTOM
            code.customCode = op
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.inputs = [index(tensor) for tensor in graph_inputs]
    graph.outputs = [index(tensor) for tensor in graph_outputs]
    model.version = 3
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
