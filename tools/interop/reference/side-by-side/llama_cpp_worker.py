"""Runs a GGUF model in llama.cpp, compiled by llama-cpp-python: one greedy generation per line on standard input. Started by llama-cpp.mjs."""

import json
import sys
import time

import llama_cpp
import numpy

setting = json.loads(sys.argv[1])
threads, answer, prompt = setting["threads"], setting["answer"], setting["prompt"]
options = llama_cpp.llama_model_default_params()
options.n_gpu_layers = 0
# Its AMX kernels crash (llama.cpp issue 20824). Without extra buffers it uses AVX-512.
options.use_extra_bufts = False
model = llama_cpp.llama_model_load_from_file(setting["path"].encode(), options)
sizes = llama_cpp.llama_context_default_params()
sizes.n_ctx = len(prompt) + answer + 8
sizes.n_batch = sizes.n_ubatch = max(512, len(prompt))
sizes.n_threads = sizes.n_threads_batch = threads
context = llama_cpp.llama_init_from_model(model, sizes)
vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))


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
