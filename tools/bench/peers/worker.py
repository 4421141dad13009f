"""Answers prompts with CTranslate2, llama.cpp or IREE. For each line on standard input: that many passes over the prompts, then one line with the
tokens of every answer as JSON. Started by contenders.ts with the kind and the path of a job."""

import json
import os
import sys

kind = sys.argv[1]
with open(sys.argv[2]) as file:
    job = json.load(file)
prompts, limit, threads, start, end = (job[key] for key in ("prompts", "tokens", "threads", "start", "end"))


def greedy(step):
    """The tokens of an answer. `step` reads a token at a position and returns the next one."""
    tokens, token = [], start
    while len(tokens) < limit:
        token = step(token, len(tokens))
        if token == end:
            break
        tokens.append(token)
    return tokens


def of_ctranslate2(model):
    import ctranslate2

    with open(os.path.join(model, "shared_vocabulary.json")) as file:
        pieces = json.load(file)
    ids = {piece: at for at, piece in enumerate(pieces)}
    type = os.path.basename(model).split("-")[1]
    translator = ctranslate2.Translator(model, device="cpu", compute_type=type, inter_threads=1, intra_threads=threads)

    def answer(prompt):
        source = [pieces[token] for token in prompt]
        [result] = translator.translate_batch([source], beam_size=1, max_decoding_length=limit)
        return [ids[piece] for piece in result.hypotheses[0]]

    return answer


def of_llama(model):
    import llama_cpp
    import numpy

    llama_cpp.llama_log_set(SILENT := llama_cpp.llama_log_callback(lambda *_: None), None)
    settings = llama_cpp.llama_model_default_params()
    settings.n_gpu_layers = 0
    # Its AMX kernels for Q8_0 crash (llama.cpp issue 20824). Without extra buffers it uses AVX-512.
    settings.use_extra_bufts = False
    loaded = llama_cpp.llama_model_load_from_file(model.encode(), settings)
    size = llama_cpp.llama_context_default_params()
    size.n_ctx = size.n_batch = size.n_ubatch = max(map(len, prompts)) + limit + 8
    size.n_threads = size.n_threads_batch = threads
    size.type_k = size.type_v = 0  # float32, as in the other programs. The default is float16.
    context = llama_cpp.llama_init_from_model(loaded, size)
    vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(loaded))

    def run(function, tokens):
        array = (llama_cpp.llama_token * len(tokens))(*tokens)
        if function(context, llama_cpp.llama_batch_get_one(array, len(tokens))) != 0:
            raise RuntimeError(f"{function.__name__} failed")

    def step(token, _):
        run(llama_cpp.llama_decode, [token])
        logits = llama_cpp.llama_get_logits_ith(context, -1)
        return int(numpy.ctypeslib.as_array(logits, shape=(vocabulary,)).argmax())

    def answer(prompt, _silent=SILENT):
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(context), True)
        run(llama_cpp.llama_encode, prompt)
        return greedy(step)

    return answer


def of_iree(model):
    import iree.runtime as rt
    import numpy

    with open(os.path.join(model, "model.json")) as file:
        about = json.load(file)
    layers, heads, size = (about[key] for key in ("decoderLayers", "kvHeads", "headDim"))
    source, slots = about["static"]["buckets"][0]["source"], about["static"]["window"] - 1
    if threads > 1:
        rt.flags.parse_flags(f"--task_topology_group_count={threads}")
    config = rt.Config("local-task" if threads > 1 else "local-sync")

    def opened(name):
        module = rt.VmModule.mmap(config.vm_instance, os.path.join(model, f"{name}.vmfb"))
        return rt.load_vm_module(module, config)[f"{name}.{source}"]

    encoder, decoder = opened("encoder"), opened("decoder")
    seen = numpy.zeros((1, 1, 1, source), "float32")
    caches = [
        numpy.zeros((1, heads, *((size, slots) if at % 2 == 0 else (slots, size))), "float32") for at in range(2 * layers)
    ]

    def answer(prompt):
        cross = encoder(numpy.array([prompt], "int32"), seen)
        hidden = numpy.full((1, 1, 1, slots + 1), about["static"]["maskedBias"], "float32")
        hidden[..., slots] = 0

        def step(token, at):
            now, place = numpy.array([[token]], "int32"), numpy.array([at], "int32")
            logits, *present = decoder(now, place, hidden, *caches, seen, *cross)
            for row, (cache, new) in enumerate(zip(caches, present)):
                if row % 2 == 0:
                    cache[..., at] = new.to_host()[..., 0]
                else:
                    cache[..., at, :] = new.to_host()[..., 0, :]
            hidden[..., at] = 0
            return int(logits.to_host()[0].argmax())

        return greedy(step)

    return answer


answer = {"ctranslate2": of_ctranslate2, "llama": of_llama, "iree": of_iree}[kind](job["model"])
for line in sys.stdin:
    for _ in range(int(line)):
        answers = [answer(prompt) for prompt in prompts]
    print(json.dumps(answers), flush=True)
