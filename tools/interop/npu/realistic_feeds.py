"""Feeds for the graphs of an export for target npu, as decoding would make them: random tokens and images from a seed, padding at the
end of the source, keys and values from the encoder, and a window that some steps of the decoder have filled.

    python realistic_feeds.py EXPORT OUT       writes OUT/<graph file without .onnx>.npz for every graph of EXPORT/model.json

Needs: onnxruntime, numpy.
"""

import json
import os
import sys

import numpy as np
import onnxruntime

SEED = 20
# Share of the source that is tokens; the rest is padding.
FILLED = 0.75
# Decoder steps before the one whose feeds are written, at most.
STEPS = 5
TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int32)": np.int32}


def bias(size: int, seen: range, masked: float, also: int | None = None) -> np.ndarray:
    values = np.full((1, 1, 1, size), masked, np.float32)
    values[..., seen.start : seen.stop] = 0
    if also is not None:
        values[..., also] = 0
    return values


class Export:
    """The graphs of one directory, run on the CPU provider."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
            self.model = json.load(file)
        self.random = np.random.default_rng(SEED)

    def session(self, file: str) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(os.path.join(self.folder, file), providers=["CPUExecutionProvider"])

    def tokens(self, shape: list[int]) -> np.ndarray:
        first = max(self.model["tokens"].values()) + 1
        return self.random.integers(first, self.model["vocabularySize"], shape).astype(np.int32)

    def image(self, session: onnxruntime.InferenceSession) -> dict:
        return {
            value.name: self.random.standard_normal(value.shape).astype(TYPES[value.type])
            for value in session.get_inputs()
        }


def run(session: onnxruntime.InferenceSession, feeds: dict) -> dict:
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds)))


def encoder_feeds(export: Export, session: onnxruntime.InferenceSession, source: int, image: dict) -> dict:
    filled = range(max(1, int(source * FILLED)))
    shapes = {value.name: value.shape for value in session.get_inputs()}
    ids = export.tokens(shapes["source_ids"])
    text = len(filled) - (source - ids.shape[1])
    ids[:, max(text, 1) :] = export.model["tokens"]["pad"]
    masked = export.model["static"]["maskedBias"]
    return {"source_ids": ids, "source_bias": bias(source, filled, masked), **image}


def decoder_feeds(export: Export, session: onnxruntime.InferenceSession, given: dict) -> dict:
    """Feeds of the step after the first ones; `given`: the source's bias, keys and values, if the model has an encoder."""
    window, masked = export.model["static"]["window"], export.model["static"]["maskedBias"]
    inputs = {value.name: value for value in session.get_inputs()}
    # One token, or the tokens of a chunk graph.
    new = inputs["target_ids"].shape[1]
    caches = {
        name: np.zeros(value.shape, TYPES[value.type]) for name, value in inputs.items() if name.startswith("past.")
    }
    slots = window - 1
    position = 0
    while True:
        ids = export.tokens([1, new])
        positions = np.minimum(np.arange(position, position + new), slots).astype(np.int32)
        feeds = {"target_ids": ids, "position": positions, **given, **caches}
        feeds["window_bias"] = window_bias(inputs["window_bias"].shape, position, slots, masked)
        feeds = {name: value for name, value in feeds.items() if name in inputs}
        if position + 2 * new > min(window, STEPS * new):
            return feeds
        for name, fresh in run(session, feeds).items():
            past = caches.get(name.replace("present", "past"))
            if past is None:
                continue
            axis = 3 if name.endswith("key") else 2
            place = [slice(None)] * 4
            place[axis] = slice(position, position + new)
            past[tuple(place)] = fresh[..., : slots - position] if axis == 3 else fresh[:, :, : slots - position]
        position += new


def window_bias(shape: list[int], position: int, slots: int, masked: float) -> np.ndarray:
    """Past slots that hold a token are seen, and of the new ones each its own and those before it."""
    rows = shape[2]
    values = np.full(shape, masked, np.float32)
    values[..., :position] = 0
    for row in range(rows):
        values[..., row, slots : slots + row + 1] = 0
    return values


def main(folder: str, out: str) -> None:
    export = Export(folder)
    os.makedirs(out, exist_ok=True)
    save = lambda file, feeds: np.savez(os.path.join(out, file.removesuffix(".onnx") + ".npz"), **feeds)
    graphs = export.model["graphs"]
    image = {}
    if "vision" in graphs:
        session = export.session(graphs["vision"]["file"])
        pixels = export.image(session)
        save(graphs["vision"]["file"], pixels)
        image = run(session, pixels)
    for bucket in export.model["static"]["buckets"]:
        given = {}
        if "encoder" in bucket:
            session = export.session(bucket["encoder"]["file"])
            feeds = encoder_feeds(export, session, bucket["source"], image)
            save(bucket["encoder"]["file"], feeds)
            given = {"source_bias": feeds["source_bias"], **run(session, feeds)}
        for role in ("decoder", "chunk"):
            if role in bucket:
                session = export.session(bucket[role]["file"])
                save(bucket[role]["file"], decoder_feeds(export, session, given))


if __name__ == "__main__":
    main(*sys.argv[1:])
