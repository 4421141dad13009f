"""Fixtures of packages/extension-gguf/src, by the `gguf` package: random blocks with their numbers, and a small file.

Usage: python tools/interop/reference/gguf-fixtures.py packages/extension-gguf/fixtures
Needs: pip install gguf==0.19.0 numpy==2.4.6
"""

import base64
import json
import sys
from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

BLOCKS = 3
TYPES = [
    Type.F32, Type.F16, Type.BF16, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0, Type.Q4_K, Type.Q5_K,
    Type.Q6_K,
]
# Added later, drawn apart: the other fixtures stay what they were.
LATER_TYPES = [Type.Q2_K, Type.Q3_K, Type.IQ4_NL, Type.IQ4_XS]
# Where the half-precision scales of a block lie; everything else in a block may be any byte.
SCALES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.IQ4_NL: [0], Type.IQ4_XS: [0],
}
# Scales that rounding treats differently: plain, subnormal, large.
SCALE_VALUES = [0.0123, -3.1e-6, 61.5]


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def random_blocks(kind: Type, rng: np.random.Generator) -> np.ndarray:
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    if elements == 1:
        values = rng.standard_normal(64).astype(np.float32) * np.float32(10.0) ** rng.integers(-6, 5, 64)
        return gguf.quants.quantize(values.astype(np.float32).reshape(1, -1), kind)
    raw = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for block in range(BLOCKS):
        for place, at in enumerate(SCALES[kind]):
            scale = np.float16(SCALE_VALUES[block] * (1 - 0.3 * place))
            raw[block, at : at + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    return raw.reshape(1, -1)


def write_blocks(directory: Path, rng: np.random.Generator) -> None:
    cases = []
    later = np.random.default_rng(8)
    for kind in TYPES + LATER_TYPES:
        raw = random_blocks(kind, later if kind in LATER_TYPES else rng)
        values = gguf.quants.dequantize(raw, kind).astype(np.float32)
        elements, size = gguf.GGML_QUANT_SIZES[kind]
        cases.append({
            "type": kind.name, "elements": elements, "bytes": size,
            "raw": text(raw.tobytes()), "values": text(values.tobytes()),
        })
    (directory / "blocks.json").write_text(json.dumps(cases, indent=1) + "\n")


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a head in ggml's rotary order: pairs side by side."""
    return (
        weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
        .swapaxes(1, 2)
        .reshape(weights.shape)
    )


def write_llama(directory: Path, rng: np.random.Generator) -> None:
    """One layer, two heads over one KV head, stored in several types; `tiny-llama.json` has what was stored."""
    width, heads, kv_heads, head, inner, vocabulary = 32, 2, 1, 16, 64, 20
    writer = gguf.GGUFWriter(str(directory / "tiny-llama.gguf"), "llama")
    writer.add_block_count(1)
    writer.add_context_length(128)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(100000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(["<pad>", "<s>", "</s>", *"abcdefghijklmno", "\u010a", "ab"])
    writer.add_token_types([3, 3, 3] + [1] * (vocabulary - 3))
    writer.add_token_merges(["a b"])
    writer.add_pad_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {
        "token_embd": ("model.embed_tokens", (vocabulary, width), Type.Q8_0),
        "output_norm": ("model.norm", (width,), Type.F32),
        "blk.0.attn_norm": ("model.layers.0.input_layernorm", (width,), Type.F32),
        "blk.0.attn_q": ("model.layers.0.self_attn.q_proj", (heads * head, width), Type.F16),
        "blk.0.attn_k": ("model.layers.0.self_attn.k_proj", (kv_heads * head, width), Type.F32),
        "blk.0.attn_v": ("model.layers.0.self_attn.v_proj", (kv_heads * head, width), Type.BF16),
        "blk.0.attn_output": ("model.layers.0.self_attn.o_proj", (width, heads * head), Type.Q4_0),
        "blk.0.ffn_norm": ("model.layers.0.post_attention_layernorm", (width,), Type.F32),
        "blk.0.ffn_gate": ("model.layers.0.mlp.gate_proj", (inner, width), Type.Q4_1),
        "blk.0.ffn_up": ("model.layers.0.mlp.up_proj", (inner, width), Type.Q5_0),
        "blk.0.ffn_down": ("model.layers.0.mlp.down_proj", (width, inner), Type.Q5_1),
    }
    expected = {}
    for name, (theirs, shape, kind) in shapes.items():
        values = rng.standard_normal(shape).astype(np.float32)
        stored = values
        if name.endswith("attn_q"):
            stored = permute(values, heads)
        if name.endswith("attn_k"):
            stored = permute(values, kv_heads)
        raw = gguf.quants.quantize(stored, kind)
        rounded = gguf.quants.dequantize(raw, kind).astype(np.float32).reshape(shape)
        # What a reader must give: the stored numbers in the original order.
        if name.endswith(("attn_q", "attn_k")):
            count = heads if name.endswith("attn_q") else kv_heads
            order = permute(np.arange(shape[0]), count)
            restored = np.empty_like(rounded)
            restored[order] = rounded
            rounded = restored
        expected[f"{theirs}.weight"] = {"shape": shape, "type": kind.name, "values": text(rounded.tobytes())}
        writer.add_tensor(f"{name}.weight", raw, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    (directory / "tiny-llama.json").write_text(json.dumps(expected, indent=1) + "\n")


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    write_blocks(directory, rng)
    write_llama(directory, rng)


main()
