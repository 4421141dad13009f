#!/usr/bin/env python3
"""Runs quantized static graphs (target npu) on ONNX Runtime's CPU provider in two forms, beside the float32 originals.

    python tools/interop/reference/qdq-on-off.py QUANTIZED_DIR FLOAT32_DIR ROWS.jsonl [COUNT]

`on`: QuantizeLinear and DequantizeLinear fused with what they surround, so that kernels compute in integers.
`off`: no optimization, so that every node computes what ONNX defines for it, in float32 between roundings.
Both round the same numbers at the same places, but not by the same arithmetic: a number next to the middle of two codes
becomes one or the other, and the layers behind carry the step on. Equality is therefore not asked for. Asked is that both
are equally right: neither further from the original than 1.25 times the other, and both no further from one another than
1.5 times (two independent roundings: 1.41) their distance from it.

Inputs are COUNT (default 50) rows with their targets, teacher forced; the caches of every step are those of the original.
Prints, per graph, relative distances: root of the sum of squares over all outputs and rows, padding left out, over that of
the original; and the largest difference of on and off over an output's largest magnitude. Exit 1 if a graph misses what is
asked. Needs `onnxruntime`, `numpy` and `tokenizers`.
"""

import collections
import json
import pathlib
import sys

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

VARIANTS = ("exact", "on", "off")
SAME_ERROR = 1.25
APART = 1.5
# What 16 bits leave is near float32's own rounding; below this, ratios mean nothing.
NOTHING = 1e-3


def open_graph(path, optimized):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Distances:
    """Of one graph, over everything it was run on."""

    def __init__(self):
        self.squares = collections.Counter()
        self.largest = 0.0

    def add(self, outputs):
        exact, on, off = (outputs[form].astype(np.float64) for form in VARIANTS)
        for name, distance in (("exact", exact), ("on", on - exact), ("off", off - exact), ("apart", on - off)):
            self.squares[name] += float((distance**2).sum())
        self.largest = max(self.largest, float(np.abs(on - off).max() / max(np.abs(exact).max(), 1e-6)))

    def relative(self):
        return {name: (self.squares[name] / max(self.squares["exact"], 1e-30)) ** 0.5 for name in ("on", "off", "apart")}


def visible(name, value, length):
    """An output of the encoder without the places of padding."""
    return value[..., :length] if name.endswith(".key") else value[..., :length, :]


def run_row(sessions, model, bucket, source, target, found):
    """One row through both graphs of a bucket in every form."""
    size, window, masked = bucket["source"], model["static"]["window"], model["static"]["maskedBias"]
    ids = np.full((1, size), model["tokens"]["pad"], np.int32)
    ids[0, : len(source)] = source
    bias = np.where(np.arange(size) < len(source), 0, masked).astype(np.float32).reshape(1, 1, 1, size)
    names = [output.name for output in sessions["exact"]["encoder"].get_outputs()]
    encoded = {form: dict(zip(names, sessions[form]["encoder"].run(names, {"source_ids": ids, "source_bias": bias})))
               for form in VARIANTS}
    for name in names:
        found["encoder"].add({form: visible(name, encoded[form][name], len(source)) for form in VARIANTS})
    heads, width, slots = model["kvHeads"], model["headDim"], window - 1
    caches = {}
    for layer in range(model["decoderLayers"]):
        caches[f"past.{layer}.key"] = np.zeros((1, heads, width, slots), np.float32)
        caches[f"past.{layer}.value"] = np.zeros((1, heads, slots, width), np.float32)
    names = [output.name for output in sessions["exact"]["decoder"].get_outputs()]
    for position, token in enumerate([model["tokens"]["bos"], *target][:slots]):
        slot = np.arange(window)
        feeds = {"target_ids": np.array([[token]], np.int32), "position": np.array([position], np.int32),
                 "window_bias": np.where((slot < position) | (slot == slots), 0, masked).astype(np.float32)
                 .reshape(1, 1, 1, window), "source_bias": bias, **encoded["exact"], **caches}
        made = {form: dict(zip(names, sessions[form]["decoder"].run(names, feeds))) for form in VARIANTS}
        for name in names:
            found["decoder"].add({form: made[form][name] for form in VARIANTS})
        for layer in range(model["decoderLayers"]):
            caches[f"past.{layer}.key"][..., position] = made["exact"][f"present.{layer}.key"][..., 0]
            caches[f"past.{layer}.value"][..., position, :] = made["exact"][f"present.{layer}.value"][..., 0, :]


def holds(relative):
    errors = sorted(max(relative[form], NOTHING) for form in ("on", "off"))
    return errors[1] <= SAME_ERROR * errors[0] and relative["apart"] <= APART * errors[1]


def main():
    quantized, originals = map(pathlib.Path, sys.argv[1:3])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 50
    model = json.loads((originals / "model.json").read_text())
    tokenizer = Tokenizer.from_file(str(originals / "tokenizer.json"))
    buckets = model["static"]["buckets"]
    rows = collections.defaultdict(list)
    with open(sys.argv[3], encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            source, target = (tokenizer.encode(row[side], add_special_tokens=False).ids for side in ("source", "target"))
            at = next((at for at, bucket in enumerate(buckets) if len(source) <= bucket["source"]), None)
            if at is not None and len(rows[at]) < count:
                rows[at].append((source, target))
    failed = not rows
    for at, bucket in enumerate(buckets):
        if not rows[at]:
            continue
        sessions = {form: {name: open_graph((originals if form == "exact" else quantized) / bucket[name]["file"], form != "off")
                           for name in ("encoder", "decoder")} for form in VARIANTS}
        found = {"encoder": Distances(), "decoder": Distances()}
        for source, target in rows[at]:
            run_row(sessions, model, bucket, source, target, found)
        for name, distances in found.items():
            relative = distances.relative()
            good = holds(relative)
            failed = failed or not good
            print(f"{'same' if good else 'DIFFERENT':9} {bucket[name]['file']:20} rows {len(rows[at]):3}  on {relative['on']:.4f}  "
                  f"off {relative['off']:.4f}  apart {relative['apart']:.4f}  largest {distances.largest:.4f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
