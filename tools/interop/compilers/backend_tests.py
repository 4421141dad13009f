#!/usr/bin/env python3
"""Writes the models of ONNX's backend tests: `backend_tests.py FOLDER`. The names of tests become paths, FOLDER/node/test_abs.onnx."""

import pathlib
import shutil
import sys
import warnings

import onnx
from onnx.backend.test.case import node

STORED = pathlib.Path(onnx.__file__).parent / "backend" / "test" / "data"


def main(folder):
    warnings.simplefilter("ignore")  # The tests overflow on purpose.
    shutil.rmtree(folder, ignore_errors=True)
    for case in node.collect_testcases(None):
        write(folder / "node" / f"{case.name}.onnx", case.model.SerializeToString())
    for path in STORED.glob("*/*/model.onnx"):
        write(folder / path.parent.parent.name / f"{path.parent.name}.onnx", path.read_bytes())


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
