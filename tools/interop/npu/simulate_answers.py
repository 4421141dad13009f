"""Greedy answers of an encoder-decoder export for target npu, from its graphs compiled by Qualcomm's HTP compiler on the simulator and
from ONNX Runtime's CPU provider, held against those of a float32 export on the CPU.

    python simulate_answers.py EXPORT FLOAT32_EXPORT --soc 60 --sources IDS.jsonl --context FOLDER

IDS.jsonl: one array of token ids of a source per line. Prints one JSON object; everything under `simulated` was computed by the simulator.
Logits are compared over the tokens of the float32 answer, so every graph reads the same prefix.

Needs: onnxruntime, onnxruntime-qnn, numpy.
"""

import argparse
import json
import os

import numpy as np
import onnxruntime

from htp import htp_options
from realistic_feeds import TYPES, bias, run, window_bias


class Model:
    """The graphs of a directory on one provider."""

    def __init__(self, folder: str, soc: str | None, context: str) -> None:
        self.folder, self.soc, self.context = folder, soc, context
        with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
            self.model = json.load(file)
        self.sessions: dict[str, onnxruntime.InferenceSession] = {}

    def session(self, file: str) -> onnxruntime.InferenceSession:
        if file not in self.sessions:
            path = os.path.join(self.folder, file)
            self.sessions[file] = (
                onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
                if self.soc is None
                else onnxruntime.InferenceSession(path, htp_options(self.soc, os.path.join(self.context, file)))
            )
        return self.sessions[file]

    def decode(self, source: list[int], forced: list[int] | None = None) -> tuple[list[int], np.ndarray]:
        """The tokens after BOS, greedily or as forced, and the logits of each."""
        static, tokens = self.model["static"], self.model["tokens"]
        bucket = next(bucket for bucket in static["buckets"] if len(source) <= bucket["source"])
        ids = np.full((1, bucket["source"]), tokens["pad"], np.int32)
        ids[0, : len(source)] = source
        seen = bias(bucket["source"], range(len(source)), static["maskedBias"])
        given = {"source_bias": seen}
        given |= run(self.session(bucket["encoder"]["file"]), {"source_ids": ids, "source_bias": seen})
        decoder = self.session(bucket["decoder"]["file"])
        inputs = {value.name: value for value in decoder.get_inputs()}
        caches = {
            name: np.zeros(value.shape, TYPES[value.type]) for name, value in inputs.items() if name.startswith("past.")
        }
        window = static["window"]
        answer, logits, last = [], [], tokens["bos"]
        for position in range(window if forced is None else len(forced)):
            made = run(
                decoder,
                {
                    "target_ids": np.array([[last]], np.int32),
                    "position": np.array([position], np.int32),
                    "window_bias": window_bias([1, 1, 1, window], position, window - 1, static["maskedBias"]),
                    **given,
                    **caches,
                },
            )
            logits.append(made["logits"][0])
            last = int(np.argmax(made["logits"])) if forced is None else forced[position]
            answer.append(last)
            if forced is None and last == tokens["eos"]:
                break
            if position == window - 1:
                break
            for name, past in caches.items():
                fresh = made[name.replace("past", "present")]
                if name.endswith("key"):
                    past[..., position : position + 1] = fresh
                else:
                    past[:, :, position : position + 1] = fresh
        return answer, np.stack(logits)


def divergence(expected: np.ndarray, got: np.ndarray) -> float:
    """Mean Kullback-Leibler divergence of the rows' distributions from the expected ones [nats]."""
    log = lambda x: x - x.max(-1, keepdims=True) - np.log(np.exp(x - x.max(-1, keepdims=True)).sum(-1, keepdims=True))
    p, q = log(expected.astype(np.float64)), log(got.astype(np.float64))
    return float((np.exp(p) * (p - q)).sum(-1).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("export")
    parser.add_argument("float32")
    parser.add_argument("--soc", required=True, help="number of the SoC, or none: the CPU only")
    parser.add_argument("--sources", required=True)
    parser.add_argument("--context", required=True)
    arguments = parser.parse_args()
    with open(arguments.sources, encoding="utf-8") as file:
        sources = [json.loads(line) for line in file]
    reference = Model(arguments.float32, None, arguments.context)
    answers = [reference.decode(source) for source in sources]
    places = {"cpu": None} if arguments.soc == "none" else {"cpu": None, "simulated": arguments.soc}
    result = {"sources": len(sources)}
    for place, soc in places.items():
        model = Model(arguments.export, soc, arguments.context)
        equal, far, kl = 0, 0.0, []
        for source, (expected, logits) in zip(sources, answers):
            equal += model.decode(source)[0] == expected
            got = model.decode(source, expected)[1]
            far = max(far, float(np.abs(got - logits).max()))
            kl.append(divergence(logits, got))
        result[place] = {"equalAnswers": equal, "logitsMaxAbs": far, "divergence": float(np.mean(kl))}
    print(json.dumps(result))


main()
