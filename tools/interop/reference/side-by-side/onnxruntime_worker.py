"""An exported model in Python's onnxruntime: one generation for each line on standard input. Started by onnxruntime.mjs."""

import json
import os
import sys
import time

import numpy as np
import onnxruntime as ort

setting = json.loads(sys.argv[1])
directory, source, answer = setting["directory"], setting["source"], setting["answer"]
with open(os.path.join(directory, "model.json")) as file:
    model = json.load(file)

options = ort.SessionOptions()
options.intra_op_num_threads = setting["threads"]
options.inter_op_num_threads = 1
options.log_severity_level = 4


def load(graph):
    path = os.path.join(directory, model["graphs"][graph]["file"])
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


encoder, decoder = load("encoder"), load("decoder")
# As slm gives it room: a multiple of 32 tokens, at most what the model holds.
capacity = min(-(-answer // 32) * 32, model["maxTarget"])
assert model.get("caches") == "delta", "a decoder that hands back new positions only"
heads, dim = model["kvHeads"], model["headDim"]
caches = [
    (f"past.{layer}.{side}", np.zeros((1, heads, capacity, dim), np.float32))
    for layer in range(model["decoderLayers"])
    for side in ("key", "value")
]
# On a CPU a value over an array reads the array's own memory.
values = [(name, ort.OrtValue.ortvalue_from_numpy(cache)) for name, cache in caches]
ids = np.array([setting["ids"]], np.int32)
eos = model["tokens"]["eos"]


def generate():
    began = time.perf_counter()
    feeds = {"source_ids": ids, "source_lengths": np.array([source], np.int32)}
    names = [output.name for output in encoder.get_outputs()]
    encoded = [ort.OrtValue.ortvalue_from_numpy(value) for value in encoder.run(names, feeds)]
    binding = decoder.io_binding()
    for name, value in zip(names, encoded):
        binding.bind_ortvalue_input(name, value)
    for name, value in values:
        binding.bind_ortvalue_input(name, value)
        binding.bind_output(name.replace("past", "present"), "cpu")
    binding.bind_output("logits", "cpu")
    token, first, made = model["tokens"]["bos"], None, []
    for past in range(answer):
        binding.bind_cpu_input("target_ids", np.array([[token]], np.int32))
        binding.bind_cpu_input("past_length", np.array([past], np.int32))
        decoder.run_with_iobinding(binding)
        *fresh, logits = (output.numpy() for output in binding.get_outputs())
        for (_, cache), rows in zip(caches, fresh):
            cache[:, :, past] = rows.reshape(1, heads, dim)
        logits = logits[0]
        logits[eos] = -np.inf
        token = int(logits.argmax())
        made.append(token)
        first = first or time.perf_counter()
    total = time.perf_counter()
    return {"firstTokenMs": 1000 * (first - began), "totalMs": 1000 * (total - began), "tokens": made}


print(json.dumps({"version": ort.__version__}), flush=True)
for _ in sys.stdin:
    print(json.dumps(generate()), flush=True)
