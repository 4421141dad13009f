#!/usr/bin/env python3
"""What onnxruntime's own tool makes of the sizes that fixed-shapes.mjs gives: one JSON line for each request on stdin.

Needs the packages `onnx` and `onnxruntime`. A request is {"model", "ours", "feeds": {name: number}, "inputs": {name: sizes},
"symbols": {name: size}}: `ours` is the model as slm fixed it. The answer has the types of inputs and outputs by either, and how far
outputs of onnxruntime with `ours` lie from those with the original: kernels for fixed sizes add up in another order.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime
from onnxruntime.tools import onnx_model_utils

DTYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


def sizes_of(values):
    found = {}
    for value in values:
        dims = value.type.tensor_type.shape.dim
        found[value.name] = [d.dim_value if d.WhichOneof("value") == "dim_value" else d.dim_param or "?" for d in dims]
    return found


def shapes(model):
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    return {"inputs": sizes_of(inputs), "outputs": sizes_of(model.graph.output)}


def fixed_by_tool(path, inputs, symbols):
    model = onnx.load(path)
    try:
        for name, size in symbols.items():
            onnx_model_utils.make_dim_param_fixed(model.graph, name, size)
        for name, sizes in inputs.items():
            onnx_model_utils.make_input_shape_fixed(model.graph, name, sizes)
        onnx_model_utils.fix_output_shapes(model)
        return shapes(model)
    except Exception as error:  # Whatever the tool raises is its answer.
        return {"error": str(error).splitlines()[0]}


def run(path, feeds, given):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    if feeds is None:
        random = np.random.default_rng(0)
        feeds = {}
        for value in session.get_inputs():
            numbers = random.integers(1, 8, value.shape)
            feeds[value.name] = np.asarray(given.get(value.name, numbers), DTYPES[value.type])
    return feeds, session.run(None, feeds)


def distance(a, b):
    """||a - b|| / ||a||; 0 where both are the same."""
    a, b = (np.asarray(value, np.float64) for value in (a, b))
    return 0.0 if (a == b).all() else float(np.linalg.norm(a - b) / np.linalg.norm(a))


def answer(request):
    model, ours = request["model"], request["ours"]
    # Of the file with fixed sizes, so that random numbers have these sizes.
    feeds, after = run(ours, None, request["feeds"])
    _, before = run(model, feeds, {})
    declared = shapes(onnx.load(ours))
    named = zip(declared["outputs"].items(), after)
    return {
        "ours": declared,
        "tool": fixed_by_tool(model, request["inputs"], request["symbols"]),
        "wrong": [name for (name, sizes), value in named if any(isinstance(s, int) and s != n for s, n in zip(sizes, value.shape))],
        "distance": max(distance(a, b) for a, b in zip(before, after)),
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
