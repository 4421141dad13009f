#!/usr/bin/env python3
"""Runs quantized graphs on ONNX Runtime's CPU provider with integer kernels on and off, beside the float32 originals.

    python tools/peers/qdq-on-off.py QUANTIZED_DIR FLOAT32_DIR [LIMIT]

For every .onnx file that both directories have: the same random inputs through the quantized graph as it is, through it
with `session.disable_quant_qdq` (every QuantizeLinear and DequantizeLinear dropped: the arithmetic is float32, on
dequantized weights), and through the original. Prints, per graph, the largest difference of any output over that output's
largest magnitude. Exit 1 if a graph does not run, or on and off differ by more than LIMIT (default 0.01, for activations of
16 bits). The inputs are random, so calibration never saw their like: the distance from the original is for information.
"""

import pathlib
import sys

import numpy as np
import onnxruntime


def feeds_of(session):
    """Ids among the first tokens, position zero, everything of float32 small: nothing is masked."""
    random = np.random.default_rng(1)
    feeds = {}
    for value in session.get_inputs():
        if value.type in ("tensor(int32)", "tensor(int64)"):
            kind = np.int32 if value.type == "tensor(int32)" else np.int64
            feeds[value.name] = random.integers(1, 10, value.shape).astype(kind)
        elif "mask" in value.name or "bias" in value.name:
            feeds[value.name] = np.zeros(value.shape, np.float32)
        else:
            feeds[value.name] = (random.standard_normal(value.shape) * 0.1).astype(np.float32)
    return feeds


def run(path, feeds, without_qdq=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if without_qdq:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feeds = feeds if feeds is not None else feeds_of(session)
    names = [output.name for output in session.get_outputs()]
    return feeds, dict(zip(names, session.run(names, feeds)))


def difference(first, second):
    worst = 0.0
    for name, value in first.items():
        if value.dtype == np.float32 and value.size > 0:
            size = max(float(np.abs(value).max()), 1e-6)
            worst = max(worst, float(np.abs(value - second[name]).max()) / size)
    return worst


def main():
    quantized, originals = map(pathlib.Path, sys.argv[1:3])
    limit = float(sys.argv[3]) if len(sys.argv) > 3 else 0.01
    paths = sorted(path for path in quantized.glob("*.onnx") if (originals / path.name).exists())
    failed = not paths
    for path in paths:
        feeds, exact = run(originals / path.name, None)
        _, on = run(path, feeds)
        _, off = run(path, feeds, without_qdq=True)
        numbers = (difference(exact, on), difference(exact, off), difference(on, off))
        failed = failed or numbers[2] > limit
        print(f"{path.name:24}", "on %.4f  off %.4f  on against off %.4f" % numbers)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
