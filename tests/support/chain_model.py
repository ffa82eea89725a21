"""Models of any size for tests and measurements: chains of INT8 operators with some that no NPU runs.

write_chain(PATH, FLATC, SCHEMA, OPS): flatc makes the file from JSON. MAX_POOL_2D and ADD take turns; an ADD adds the result
before it to an earlier one, now and then to one many steps before, as long skip connections do. Every 50th is a custom operator, which
only hosts run, and before each stands a FLOOR in FLOAT32 between DEQUANTIZE and QUANTIZE, which folds make a table.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import subprocess
import tempfile

ADD, DEQUANTIZE, FLOOR, MAX_POOL_2D, CUSTOM, QUANTIZE = 0, 6, 8, 17, 32, 114
POOL = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "filter_width": 3, "filter_height": 3}
OPTIONS = {ADD: ("AddOptions", {}), MAX_POOL_2D: ("Pool2DOptions", POOL)}


def write_chain(path, flatc, schema, ops, name="block_{}/op", subgraph="main", signatures=()):
    tensors, operators, last = [], [], []
    codes = [ADD, DEQUANTIZE, FLOOR, MAX_POOL_2D, CUSTOM, QUANTIZE]

    def tensor(label, float_type=False):
        quantization = {} if float_type else {"quantization": {"scale": [0.05], "zero_point": [0]}}
        tensors.append({"shape": [1, 16, 16, 8], "type": "FLOAT32" if float_type else "INT8", "buffer": 0, "name": label,
                        **quantization})
        return len(tensors) - 1

    def operator(code, inputs, label, float_type=False):
        out = tensor(label, float_type)
        options = dict(zip(("builtin_options_type", "builtin_options"), OPTIONS.get(code, ())))
        operators.append({"opcode_index": codes.index(code), "inputs": inputs, "outputs": [out], **options})
        return out

    last.append(tensor("input"))
    while len(operators) < ops:
        i = len(operators)
        if i % 50 == 46 and i + 4 <= ops:
            out = operator(DEQUANTIZE, [last[-1]], f"dequantize_{i}", True)
            out = operator(FLOOR, [out], f"floor_{i}", True)
            last.append(operator(QUANTIZE, [out], f"quantize_{i}"))
            last.append(operator(CUSTOM, [last[-1]], f"custom_{i}"))
            continue
        if i % 2 == 0:
            last.append(operator(MAX_POOL_2D, [last[-1]], name.format(i)))
            continue
        back = 150 if i % 97 == 95 else 2 + i % 3
        last.append(operator(ADD, [last[-1], last[max(0, len(last) - back)]], name.format(i)))
    model = {
        "version": 3,
        "operator_codes": [{"deprecated_builtin_code": code, "builtin_code": code, "version": 1,
                            **({"custom_code": "MyFilter"} if code == CUSTOM else {})} for code in codes],
        "subgraphs": [{"tensors": tensors, "inputs": [0], "outputs": [last[-1]], "operators": operators, "name": subgraph}],
        "signature_defs": [{"signature_key": key, "subgraph_index": 0} for key in signatures],
        "buffers": [{}],
    }
    path = pathlib.Path(path)
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "chain.json"
        source.write_text(json.dumps(model))
        subprocess.run([flatc, "-b", "-o", folder, schema, source], check=True, capture_output=True)
        path.write_bytes(next(pathlib.Path(folder).glob("chain.*fl*")).read_bytes())
    return path
