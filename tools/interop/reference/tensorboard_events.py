"""Reads an event file of slm with TensorBoard's own code and compares it with the run's metrics.jsonl.

    python -m venv venv && venv/bin/pip install tensorboard
    slm report RUN --tensorboard events
    venv/bin/python tools/interop/reference/tensorboard_events.py events/NAME RUN/metrics.jsonl

Every number of the log must be a point of its curve, as float32, at its step, and no curve may have other points; both
readers that TensorBoard has must agree. Exit 1 and a message otherwise.
"""

import json
import math
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_multiplexer
from tensorboard.util import tensor_util

KEEP_ALL = {"scalars": 0, "tensors": 0}


def as_float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def logged_curves(path):
    """{tag: {step: value}} of the numbers in a log; a last line cut short by a kill is left out."""
    curves = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if not line.endswith("\n"):
                continue
            record = json.loads(line)
            for name, value in record.items():
                if name in ("step", "wallTime") or isinstance(value, bool) or not isinstance(value, (int, float)):
                    continue
                tag = name.replace(".", "/", 1) if "." in name else f"train/{name}"
                curves.setdefault(tag, {})[record["step"]] = as_float32(value)
    return curves


def accumulated_curves(directory):
    """Through EventAccumulator, which scripts use."""
    events = event_accumulator.EventAccumulator(directory, size_guidance=KEEP_ALL)
    events.Reload()
    return {tag: [(point.step, point.value) for point in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def shown_curves(directory):
    """Through the multiplexer, which feeds TensorBoard's pages: scalars arrive as tensors there."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer(tensor_size_guidance={"scalars": 0})
    multiplexer.AddRun(directory, "run")
    multiplexer.Reload()
    tags = multiplexer.PluginRunToTagToContent("scalars").get("run", {})
    return {
        tag: [
            (point.step, float(tensor_util.make_ndarray(point.tensor_proto))) for point in multiplexer.Tensors("run", tag)
        ]
        for tag in tags
    }


def texts(directory):
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRun(directory, "run")
    multiplexer.Reload()
    tags = multiplexer.PluginRunToTagToContent("text").get("run", {})
    return {tag: multiplexer.Tensors("run", tag)[-1].tensor_proto.string_val[0].decode("utf-8") for tag in tags}


def differences(expected, curves):
    for tag in sorted(expected.keys() | curves.keys()):
        wanted, found = expected.get(tag, {}), curves.get(tag, [])
        steps = [step for step, _ in found]
        if steps != sorted(wanted):
            yield f"{tag}: steps {steps[:5]}... of {len(steps)}, expected {sorted(wanted)[:5]}... of {len(wanted)}"
        for step, value in found:
            if step in wanted and value != wanted[step] and not (math.isnan(value) and math.isnan(wanted[step])):
                yield f"{tag} at step {step}: {value}, expected {wanted[step]}"


def main(directory, log):
    expected = logged_curves(log)
    problems = [
        f"{reader.__name__}: {problem}"
        for reader in (accumulated_curves, shown_curves)
        for problem in differences(expected, reader(directory))
    ]
    points = sum(len(curve) for curve in expected.values())
    print(f"{len(expected)} curves, {points} points, texts: {sorted(texts(directory)) or 'none'}, {len(problems)} differences")
    for problem in problems[:20]:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
