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
zeros = np.zeros((1, model["kvHeads"], capacity, model["headDim"]), np.float32)
caches = [
    (f"past.{layer}.{side}", ort.OrtValue.ortvalue_from_numpy(zeros.copy()))
    for layer in range(model["decoderLayers"])
    for side in ("key", "value")
]
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
    for name, value in caches:
        binding.bind_ortvalue_input(name, value)
        binding.bind_ortvalue_output(name.replace("past", "present"), value)
    token, first, made = model["tokens"]["bos"], None, []
    for past in range(answer):
        binding.bind_cpu_input("target_ids", np.array([[token]], np.int32))
        binding.bind_cpu_input("past_length", np.array([past], np.int32))
        binding.bind_output("logits", "cpu")
        decoder.run_with_iobinding(binding)
        logits = binding.get_outputs()[-1].numpy()[0]
        logits[eos] = -np.inf
        token = int(logits.argmax())
        made.append(token)
        first = first or time.perf_counter()
    total = time.perf_counter()
    return {"firstTokenMs": 1000 * (first - began), "totalMs": 1000 * (total - began), "tokens": made}


print(json.dumps({"version": ort.__version__}), flush=True)
for _ in sys.stdin:
    print(json.dumps(generate()), flush=True)
