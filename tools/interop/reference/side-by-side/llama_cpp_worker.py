"""Runs a GGUF model in llama.cpp, compiled by llama-cpp-python: one greedy generation per line on standard input. Started by llama-cpp.mjs."""

import json
import sys
import time

import llama_cpp
import numpy

setting = json.loads(sys.argv[1])
threads, answer, prompt = setting["threads"], setting["answer"], setting["prompt"]
model = llama_cpp.Llama(
    model_path=setting["path"],
    n_ctx=len(prompt) + answer + 8,
    n_batch=max(512, len(prompt)),
    n_threads=threads,
    n_threads_batch=threads,
    n_gpu_layers=0,
    verbose=False,
)
context = model.ctx
vocabulary = model.n_vocab()


def decode(tokens):
    """Runs tokens after the earlier ones, and returns the most probable next token."""
    array = (llama_cpp.llama_token * len(tokens))(*tokens)
    if llama_cpp.llama_decode(context, llama_cpp.llama_batch_get_one(array, len(tokens))) != 0:
        raise RuntimeError("llama_decode failed")
    logits = llama_cpp.llama_get_logits_ith(context, -1)
    return int(numpy.ctypeslib.as_array(logits, shape=(vocabulary,)).argmax())


def generate():
    """Milliseconds to the first and to the last token."""
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
    began = time.perf_counter()
    token = decode(prompt)
    first = time.perf_counter()
    for _ in range(answer - 1):
        token = decode([token])
    total = time.perf_counter()
    return {"firstTokenMs": 1000 * (first - began), "totalMs": 1000 * (total - began)}


print(json.dumps({"version": llama_cpp.__version__}), flush=True)
for _ in sys.stdin:
    print(json.dumps(generate()), flush=True)
