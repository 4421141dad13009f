"""Tiny random decoder-only models of every family that `slm teacher import` reads, with the logits their own library gives.

    python tools/interop/reference/tiny-teachers.py packages/checkpoints/fixtures/import

Needs torch, transformers 4.57 and safetensors. Each directory holds the model as the library saves it (weights and
config.json) and expected.safetensors: `ids` int32 [rows, length] and `logits` float32 [rows, length, vocab], computed in
float32 from the stored weights. Weights are larger than freshly initialized ones, so that caps, windows and rotary
scaling show in the logits.
"""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SHARED = dict(
    vocab_size=80,
    hidden_size=32,
    intermediate_size=40,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)
ROWS, LENGTH = 2, 24

LLAMA3 = dict(
    rope_type="llama3",
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=16,
)
LONGROPE = dict(
    type="longrope",
    short_factor=[1.0, 1.1, 1.25, 1.5],
    long_factor=[1.0, 1.5, 3.0, 6.0],
)

# name: class, configuration, dtype of the file, bytes of a shard
FAMILIES = {
    "llama": (
        LlamaForCausalLM,
        LlamaConfig(**SHARED, num_hidden_layers=2, rope_theta=500.0, rope_scaling=LLAMA3, tie_word_embeddings=True),
        torch.bfloat16,
        None,
    ),
    "smollm2": (
        LlamaForCausalLM,
        LlamaConfig(**SHARED, num_hidden_layers=2, tie_word_embeddings=False, attention_bias=True, mlp_bias=False),
        torch.float32,
        None,
    ),
    "qwen2": (
        Qwen2ForCausalLM,
        Qwen2Config(
            **SHARED,
            num_hidden_layers=3,
            tie_word_embeddings=False,
            use_sliding_window=True,
            sliding_window=6,
            max_window_layers=1,
            rope_scaling=dict(rope_type="linear", factor=2.0),
        ),
        torch.float16,
        "24KB",
    ),
    "qwen3": (
        Qwen3ForCausalLM,
        Qwen3Config(**SHARED, num_hidden_layers=2, head_dim=16, tie_word_embeddings=True, rope_theta=1000000.0),
        torch.bfloat16,
        None,
    ),
    "phi3": (
        Phi3ForCausalLM,
        Phi3Config(
            **SHARED,
            num_hidden_layers=2,
            sliding_window=6,
            original_max_position_embeddings=32,
            rope_scaling=LONGROPE,
            tie_word_embeddings=False,
        ),
        torch.bfloat16,
        None,
    ),
    # The same with sequences longer than the model was first trained on: the long factors.
    "phi3-long": (
        Phi3ForCausalLM,
        Phi3Config(
            **SHARED,
            num_hidden_layers=1,
            original_max_position_embeddings=16,
            rope_scaling=LONGROPE,
            tie_word_embeddings=False,
        ),
        torch.bfloat16,
        None,
    ),
    "gemma2": (
        Gemma2ForCausalLM,
        Gemma2Config(
            **SHARED,
            num_hidden_layers=3,
            head_dim=16,
            query_pre_attn_scalar=24,
            sliding_window=6,
            attn_logit_softcapping=5.0,
            final_logit_softcapping=3.0,
        ),
        torch.float16,
        None,
    ),
    "gemma3": (
        Gemma3ForCausalLM,
        Gemma3TextConfig(
            **SHARED,
            num_hidden_layers=3,
            head_dim=8,
            query_pre_attn_scalar=12,
            sliding_window=6,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
            rope_theta=1000000.0,
            rope_local_base_freq=1000.0,
            rope_scaling=dict(rope_type="linear", factor=8.0),
        ),
        torch.bfloat16,
        None,
    ),
}


def randomize(model: torch.nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2:
            parameter.data.normal_(0, 0.25)
        elif name.endswith("bias"):
            parameter.data.normal_(0, 0.3)
        else:
            parameter.data += torch.randn_like(parameter) * 0.2


def write(name: str, target: Path) -> None:
    architecture, config, dtype, shard = FAMILIES[name]
    config._attn_implementation = "eager"
    torch.manual_seed(7)
    model = architecture(config).eval()
    randomize(model)
    # Weights are rounded as the file will round them; buffers (rotary frequencies, embedding scales) stay float32.
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype).float()
    ids = torch.randint(3, config.vocab_size, (ROWS, LENGTH))
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits
    shutil.rmtree(target, ignore_errors=True)
    model.to(dtype).save_pretrained(target, **({} if shard is None else {"max_shard_size": shard}))
    (target / "generation_config.json").unlink(missing_ok=True)
    save_file({"ids": ids.to(torch.int32), "logits": logits.float()}, target / "expected.safetensors")
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, {size} bytes, |logits| {logits.abs().mean():.2f}")


if __name__ == "__main__":
    for family in FAMILIES:
        write(family, Path(sys.argv[1]) / family)
