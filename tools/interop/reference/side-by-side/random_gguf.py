"""Writes a GGUF file of a llama-shaped model with random weights, which do not affect the speed. Started by llama-cpp.mjs with the path, the shape and
the type of the weights. Prints the number of parameters."""

import json
import sys

import gguf
import numpy

path, shape, kind = sys.argv[1], json.loads(sys.argv[2]), getattr(gguf.GGMLQuantizationType, sys.argv[3])
layers, width, feed_forward, heads, kv_heads, vocabulary, context = (
    shape[key] for key in ("layers", "width", "feedForward", "heads", "kvHeads", "vocabulary", "context")
)
random = numpy.random.default_rng(1)
writer = gguf.GGUFWriter(path, "llama")
writer.add_context_length(context)
writer.add_embedding_length(width)
writer.add_block_count(layers)
writer.add_feed_forward_length(feed_forward)
writer.add_head_count(heads)
writer.add_head_count_kv(kv_heads)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_freq_base(10_000.0)
writer.add_vocab_size(vocabulary)

# A SentencePiece vocabulary: three special tokens, the bytes, and words.
tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
kinds = [2, 3, 3, *([6] * 256)]
words = [f"w{at}" for at in range(vocabulary - len(tokens))]
writer.add_tokenizer_model("llama")
writer.add_token_list(tokens + words)
writer.add_token_scores([float(-at) for at in range(vocabulary)])
writer.add_token_types(kinds + [1] * len(words))
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_unk_token_id(0)

kv_width = width // heads * kv_heads
MATRICES = {
    "attn_q": (width, width),
    "attn_k": (kv_width, width),
    "attn_v": (kv_width, width),
    "attn_output": (width, width),
    "ffn_gate": (feed_forward, width),
    "ffn_up": (feed_forward, width),
    "ffn_down": (width, feed_forward),
}


def add_matrix(name, size):
    values = random.standard_normal(size, numpy.float32) / 256
    writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    return values.size


def add_norm(name):
    writer.add_tensor(name, numpy.ones(width, numpy.float32))
    return width


parameters = add_matrix("token_embd.weight", (vocabulary, width)) + add_norm("output_norm.weight")
for layer in range(layers):
    parameters += add_norm(f"blk.{layer}.attn_norm.weight") + add_norm(f"blk.{layer}.ffn_norm.weight")
    parameters += sum(add_matrix(f"blk.{layer}.{name}.weight", size) for name, size in MATRICES.items())
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
print(parameters)
