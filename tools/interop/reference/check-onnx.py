#!/usr/bin/env python3
"""Runs ONNX's own checker, full shape inference included, on every .onnx file below the given paths.

Needs the packages `onnx` and, with --load, `onnxruntime`. Exit 1 if a file is rejected, 2 if there is none.

    python tools/interop/reference/check-onnx.py [--load] exported another/model.onnx
"""

import argparse
import pathlib
import sys

import onnx
from onnx import shape_inference


def model_files(paths):
    for path in map(pathlib.Path, paths):
        yield from sorted(path.rglob("*.onnx")) if path.is_dir() else [path]


def check(path, load):
    """The problem with a file, or None."""
    try:
        # By path, so that weights beside the file are found and none of them is read into one message.
        onnx.checker.check_model(str(path), full_check=True)
        model = onnx.load(str(path), load_external_data=False)
        # Inferred shapes of the outputs must not contradict the declared ones.
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        if load:
            import onnxruntime

            onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:  # Whatever a peer raises is the answer.
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return None


def main():
    parser = argparse.ArgumentParser(description="Check ONNX files with ONNX's own checker.")
    parser.add_argument("paths", nargs="+", help="ONNX files, or directories to search for them")
    parser.add_argument("--load", action="store_true", help="also load each file in onnxruntime on the CPU")
    arguments = parser.parse_args()
    files = list(model_files(arguments.paths))
    problems = 0
    for path in files:
        problem = check(path, arguments.load)
        problems += problem is not None
        print(f"{'ok  ' if problem is None else 'FAIL'} {path}{'' if problem is None else f': {problem}'}")
    print(f"onnx {onnx.__version__}: {len(files) - problems} of {len(files)} files accepted")
    return 2 if not files else 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
