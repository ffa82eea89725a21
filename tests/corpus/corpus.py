"""The model corpus: which models a test is about. `shared` is the folder beside the repository."""
# SPDX-License-Identifier: Apache-2.0
import csv
import pathlib
import sys

SKIP = 77  # ctest's SKIP_RETURN_CODE

# The operators of which a full 8-bit model runs in one partition.
OPERATORS = set("""CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED ADD SUB MUL AVERAGE_POOL_2D MAX_POOL_2D MEAN PAD PADV2
RESHAPE SQUEEZE EXPAND_DIMS CONCATENATION SOFTMAX LOGISTIC TANH RELU RELU6 RELU_N1_TO_1 LEAKY_RELU HARD_SWISH QUANTIZE
DEQUANTIZE RESIZE_NEAREST_NEIGHBOR RESIZE_BILINEAR TRANSPOSE STRIDED_SLICE SLICE SPLIT SHAPE PACK SUM REDUCE_MAX REDUCE_MIN
REDUCE_PROD ARG_MAX ARG_MIN TOPK_V2 LOG_SOFTMAX L2_NORMALIZATION TRANSPOSE_CONV MINIMUM MAXIMUM
SQUARED_DIFFERENCE DIV PRELU ABS NEG EXP LOG SQRT RSQRT ELU GELU RELU_0_TO_1
UNPACK SPLIT_V TILE BROADCAST_TO MIRROR_PAD REVERSE_V2
SVDF LSTM UNIDIRECTIONAL_SEQUENCE_LSTM
GATHER GATHER_ND SPACE_TO_DEPTH DEPTH_TO_SPACE SPACE_TO_BATCH_ND BATCH_TO_SPACE_ND
EQUAL NOT_EQUAL LESS LESS_EQUAL GREATER GREATER_EQUAL LOGICAL_AND LOGICAL_OR LOGICAL_NOT SELECT SELECT_V2 ADD_N
CAST BATCH_MATMUL DYNAMIC_UPDATE_SLICE SCATTER_ND FILL RANK BITCAST""".split())


def models(shared):
    """Path of shared/models and the rows of INDEX.tsv; ends the test as skipped where there is none."""
    root = pathlib.Path(shared) / "models"
    index = root / "INDEX.tsv"
    if not index.exists():
        print(f"SKIPPED: no model corpus at {root}")
        sys.exit(SKIP)
    with index.open() as file:
        return root, list(csv.DictReader(file, delimiter="\t"))


def exceptions():
    """Models that are not ours from end to end, and why that is right: exceptions.tsv, and the single-operator models
    that conformance.tsv names."""
    tests = pathlib.Path(__file__).resolve().parent.parent
    reasons = dict(line.split("\t") for line in (tests / "corpus" / "exceptions.tsv").read_text().splitlines())
    for line in (tests / "conformance.tsv").read_text().splitlines():
        if not line.startswith("#"):
            models, reason = line.split("\t")[3:]
            if "*" not in models:
                reasons[models] = reason
    return reasons


def full_integer(rows):
    """Rows of the models made only of OPERATORS that are fully INT8 or UINT8, have INT16 activations with INT8 weights, or
    make indices, integers or truth values of 8-bit or BOOL inputs."""
    for row in rows:
        operators = {item.split(":")[0] for item in row["op_histogram"].split(";")}
        input_types = {item.split("[")[0] for item in row["inputs"].split()}
        is_integer = row["qclass"] in ("int8-full", "uint8-full", "int16x8") or (
            row["qclass"] == "other" and input_types and input_types <= {"int8", "uint8", "bool"})
        if is_integer and operators <= OPERATORS:
            yield row
