"""Greedy answers and logits of llama.cpp for T5's GGUF files, beside those of transformers for the same numbers.

    pip install llama-cpp-python==0.3.36 safetensors numpy
    python tools/interop/reference/llama-cpp/t5_answers.py packages/extension-gguf/fixtures/t5/*

Directories as tiny-gguf-t5.py writes them. Prints for each row whether the greedy answers are the same, and the largest difference of
logits; those of a tied head are compared without the factor 1 / sqrt(width), which llama.cpp leaves out of all logits. Exit 3 where an
answer differs.
"""

import ctypes
import json
import sys
from pathlib import Path

import llama_cpp
import numpy as np
from safetensors.numpy import load_file

SILENT = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda *_: None)


class Model:
    def __init__(self, file):
        self.model = llama_cpp.llama_model_load_from_file(str(file).encode(), llama_cpp.llama_model_default_params())
        settings = llama_cpp.llama_context_default_params()
        # Flash attention has no biases; a cache of float32 rounds nothing.
        settings.flash_attn_type = 0
        settings.type_k = settings.type_v = 0
        settings.n_ctx, settings.n_threads = 64, 1
        self.context = llama_cpp.llama_init_from_model(self.model, settings)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.start = llama_cpp.llama_model_decoder_start_token(self.model)

    def run(self, function, tokens):
        ids = (llama_cpp.llama_token * len(tokens))(*tokens)
        result = function(self.context, llama_cpp.llama_batch_get_one(ids, len(tokens)))
        assert result == 0, result

    def read(self, source):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        self.run(llama_cpp.llama_encode, source)

    def step(self, token):
        self.run(llama_cpp.llama_decode, [token])
        logits = llama_cpp.llama_get_logits_ith(self.context, -1)
        return np.ctypeslib.as_array(logits, shape=(self.vocabulary,)).copy()


def main():
    llama_cpp.llama_log_set(SILENT, None)
    failed = False
    for directory in map(Path, sys.argv[1:]):
        model = Model(directory / "model.gguf")
        expected = load_file(directory / "expected.safetensors")
        told = json.loads((directory / "expected.json").read_text())["greedy"]
        for row, answer in enumerate(told):
            source = expected["input_ids"][row][expected["attention_mask"][row] == 1].tolist()
            model.read(source)
            target = expected["decoder_input_ids"][row].tolist()
            logits = np.stack([model.step(token) for token in target])
            theirs = expected["logits"][row]
            factor = float((logits * theirs).sum() / (logits * logits).sum())
            difference = np.abs(logits * factor - theirs).max()
            model.read(source)
            found, token = [model.start], model.start
            for _ in answer[1:]:
                token = int(model.step(token).argmax())
                found.append(token)
                if token == 1:
                    break
            same = found == answer[: len(found)] and set(answer[len(found) :]) <= {0}
            failed |= not same
            print(f"{directory.name} row {row}: greedy {'same' if same else f'{found} {answer}'}, logits differ by {difference:.2g} of {np.abs(theirs).max():.2g}, factor {factor:.5f}")
    sys.exit(3 if failed else 0)


main()
