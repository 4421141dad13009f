"""A T5 of random weights in CTranslate2's format, weights int8, as its converter of transformers writes one (T5Loader, 4.6.0)."""

import json
import os

import ctranslate2
import numpy
from ctranslate2.specs import common_spec, transformer_spec

BUCKETS, LONGEST_DISTANCE = 32, 128


def write(directory, shape):
    """Writes the model, and parameters.json with their number. Special tokens: padding, which begins an answer, and the end."""
    random = numpy.random.default_rng(1)
    width, inner = shape["width"], shape["heads"] * shape["headDim"]
    parameters = 0

    def table(rows, columns):
        nonlocal parameters
        parameters += rows * columns
        return (random.standard_normal((rows, columns)) * rows**-0.5).astype(numpy.float32)

    def norm(spec):
        nonlocal parameters
        parameters += width
        spec.gamma = numpy.ones(width, numpy.float32)

    def attention(spec, *, is_self, bias):
        spec.queries_scale = 1.0
        # Query, key and value of one input are one product; key and value of the source another.
        if is_self:
            spec.linear[0].weight = table(3 * inner, width)
        else:
            spec.linear[0].weight = table(inner, width)
            spec.linear[1].weight = table(2 * inner, width)
        spec.linear[-1].weight = table(width, inner)
        if bias is not None:
            spec.relative_attention_bias = bias
            spec.relative_attention_max_distance = numpy.dtype("int32").type(LONGEST_DISTANCE)
        norm(spec.layer_norm)

    def stack(spec, embeddings, *, is_decoder):
        embedded = spec.embeddings[0] if isinstance(spec.embeddings, list) else spec.embeddings
        embedded.weight = embeddings
        spec.scale_embeddings = False
        norm(spec.layer_norm)
        bias = table(BUCKETS, shape["heads"])
        for layer in spec.layer:
            attention(layer.self_attention, is_self=True, bias=bias)
            if is_decoder:
                attention(layer.attention, is_self=False, bias=None)
            layer.ffn.linear_0.weight = table(shape["feedForward"], width)
            layer.ffn.linear_1.weight = table(width, shape["feedForward"])
            norm(layer.ffn.layer_norm)

    spec = transformer_spec.TransformerSpec.from_config(
        (shape["encoderLayers"], shape["decoderLayers"]),
        shape["heads"],
        pre_norm=True,
        activation=common_spec.Activation.GELU,
        relative_attention_bias=True,
        rms_norm=True,
    )
    embeddings = table(shape["vocabularySize"], width)
    stack(spec.encoder, embeddings, is_decoder=False)
    stack(spec.decoder, embeddings, is_decoder=True)
    spec.decoder.projection.weight = embeddings
    spec.decoder.scale_outputs = width**-0.5
    words = ["<pad>", "<s>", "</s>", "<unk>"]
    words += [f"w{at}" for at in range(4, shape["vocabularySize"])]
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.bos_token = "<pad>"
    spec.config.eos_token = "</s>"
    spec.config.unk_token = "<unk>"
    spec.config.decoder_start_token = "<pad>"
    spec.validate()
    spec.optimize(quantization="int8")
    os.makedirs(directory, exist_ok=True)
    spec.save(directory)
    with open(os.path.join(directory, "parameters.json"), "w") as file:
        json.dump(parameters, file)


def opened(place, shape, threads):
    """A translator of that shape, made once, and the number of its parameters."""
    key = "-".join(str(shape[part]) for part in sorted(shape) if isinstance(shape[part], int))
    directory = os.path.join(place, f"ctranslate2-{key}")
    if not os.path.exists(os.path.join(directory, "parameters.json")):
        write(directory, shape)
    with open(os.path.join(directory, "parameters.json")) as file:
        parameters = json.load(file)
    translator = ctranslate2.Translator(
        directory, device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads
    )
    return translator, parameters
