"""A T5 of random weights in CTranslate2: one generation for each line on standard input, which may name its `source` and `answer` [tokens]."""

import json
import sys
import time

import ctranslate2

import ctranslate2_t5

setting = json.loads(sys.argv[1])
shape = setting["shape"]
vocabulary = shape["vocabularySize"]
translator, parameters = ctranslate2_t5.opened(setting["place"], shape, setting["threads"])


def generate(source, answer):
    """Milliseconds to the first token and to the last. Tokens arrive by callback, as a caller that streams gets them."""
    prompt = [f"w{4 + at % (vocabulary - 4)}" for at in range(source)]
    began = time.perf_counter()
    arrivals = []

    def arrived(_):
        arrivals.append(time.perf_counter())
        return False

    [result] = translator.translate_batch(
        [prompt],
        beam_size=1,
        min_decoding_length=answer,
        max_decoding_length=answer,
        max_input_length=0,
        disable_unk=False,
        callback=arrived,
    )
    total = time.perf_counter()
    made = len(result.hypotheses[0])
    if made != answer:
        raise RuntimeError(f"CTranslate2 made {made} tokens, expected {answer}")
    return {"firstTokenMs": 1000 * (arrivals[0] - began), "totalMs": 1000 * (total - began)}


print(json.dumps({"version": ctranslate2.__version__, "parameters": parameters}), flush=True)
for line in sys.stdin:
    asked = {key: setting.get(key) for key in ("source", "answer")} | json.loads(line)
    print(json.dumps(generate(asked["source"], asked["answer"])), flush=True)
del translator  # before the interpreter ends, which its threads would not survive
