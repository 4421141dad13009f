"""A T5 of random weights in CTranslate2: one generation for each line on standard input. Started by ctranslate2.mjs."""

import json
import os
import sys
import tempfile
import time

import ctranslate2
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

setting = json.loads(sys.argv[1])
shape = setting["shape"]
threads, source, answer = setting["threads"], setting["source"], setting["answer"]
vocabulary = shape["vocabularySize"]
directory = os.path.join(setting["place"], f"ctranslate2-{setting['size']}")


def count(model):
    return sum(parameter.numel() for parameter in model.parameters())


def convert():
    """Writes the model in CTranslate2's format, weights int8."""
    config = T5Config(
        vocab_size=vocabulary,
        d_model=shape["width"],
        d_kv=shape["headDim"],
        d_ff=shape["feedForward"],
        num_layers=shape["encoderLayers"],
        num_decoder_layers=shape["decoderLayers"],
        num_heads=shape["heads"],
        feed_forward_proj="gelu",
        pad_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=0,
    )
    model = T5ForConditionalGeneration(config)
    words = {"<pad>": 0, "<unk>": 3, "</s>": 2, "<s>": 1}
    words.update({f"w{at}": at for at in range(4, vocabulary)})
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="<unk>")),
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        tokenizer.save_pretrained(place)
        converter = ctranslate2.converters.TransformersConverter(place)
        converter.convert(directory, quantization="int8", force=True)
    with open(os.path.join(directory, "parameters.json"), "w") as file:
        json.dump(count(model), file)


if not os.path.exists(os.path.join(directory, "parameters.json")):
    convert()
with open(os.path.join(directory, "parameters.json")) as file:
    parameters = json.load(file)
translator = ctranslate2.Translator(
    directory, device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
)
prompt = [f"w{4 + at % (vocabulary - 4)}" for at in range(source)]


def generate():
    """Milliseconds to the first token and to the last. Tokens arrive by callback, as a caller that streams gets them."""
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
for _ in sys.stdin:
    print(json.dumps(generate()), flush=True)
