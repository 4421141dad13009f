"""Tiny random encoder-decoders of every published family that `slm import` reads, with what their own library computes.

    python tools/interop/reference/tiny-encoder-decoders.py packages/checkpoints/fixtures/encoder-decoders [FAMILY...]

Needs torch, transformers 4.57 and safetensors; family t5gemma2 needs transformers 5, and is made by it alone. Each directory holds the model as the library saves it (config.json,
generation_config.json, model.safetensors), in the layout that `slm model check --reference DIR` compares:

- expected.safetensors: input_ids, attention_mask [2, source] int64 (the second row is padded), decoder_input_ids
  [2, target] int64, encoder_output [2, source, width], logits [2, target, vocabulary] float32.
- expected.json: greedy and beams (4 beams, length penalty 1), token ids of generate(max_new_tokens=12) of each row; and
  searches, a list of generation settings and the token ids that generate gives with them.

Weights are larger than freshly initialized ones, so that every setting shows in the numbers. Attention is the library's
`eager` one, which alone caps scores, and answers are made without a cache; in directories that end with -defaults both are the library's defaults.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import save_file

VOCABULARY, SOURCE, TARGET, NEW = 44, 9, 5, 12


def t5(cls, config, **more):
    sizes = dict(d_model=16, d_kv=6, d_ff=20, num_layers=2, num_decoder_layers=1, num_heads=2)
    buckets = dict(relative_attention_num_buckets=8, relative_attention_max_distance=10)
    tokens = dict(pad_token_id=0, eos_token_id=1, decoder_start_token_id=0)
    return cls, config(vocab_size=VOCABULARY, dropout_rate=0.0, **sizes, **buckets, **tokens, **more)


def bart(cls, config, **more):
    sizes = dict(d_model=16, encoder_layers=1, decoder_layers=2, encoder_ffn_dim=20, decoder_ffn_dim=24)
    heads = dict(encoder_attention_heads=2, decoder_attention_heads=2, max_position_embeddings=24)
    dropout = dict(dropout=0.0, attention_dropout=0.0, activation_dropout=0.0)
    return cls, config(vocab_size=VOCABULARY, **{**sizes, **heads, **dropout, **more})


def t5gemma(encoder={}, **more):
    stack = dict(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        query_pre_attn_scalar=12,
        sliding_window=4,
        max_position_embeddings=32,
        attn_logit_softcapping=2.0,
        final_logit_softcapping=5.0,
        dropout_rate=0.0,
        attention_dropout=0.0,
    )
    stack.update(more)
    config = tf.T5GemmaConfig(
        encoder=dict(dict(stack, intermediate_size=20), **encoder),
        decoder=dict(stack, cross_attention_hidden_size=encoder.get("hidden_size", 16)),
        vocab_size=VOCABULARY,
        dropout_rate=0.0,
    )
    config.pad_token_id, config.bos_token_id, config.eos_token_id, config.decoder_start_token_id = 0, 2, 1, 2
    return tf.T5GemmaForConditionalGeneration, config


def t5gemma2():
    stack = dict(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        query_pre_attn_scalar=12,
        sliding_window=4,
        layer_types=["sliding_attention", "full_attention"],
        max_position_embeddings=32,
        final_logit_softcapping=5.0,
        rope_parameters={
            "full_attention": dict(rope_type="default", rope_theta=500.0),
            "sliding_attention": dict(rope_type="default", rope_theta=50.0),
        },
    )
    vision = dict(
        hidden_size=4, intermediate_size=4, num_hidden_layers=1, num_attention_heads=1, image_size=4, patch_size=2
    )
    # Tokens around images stay beyond the vocabulary: the one that ends an image has an embedding of its own, which is not imported.
    images = dict(mm_tokens_per_image=1, image_token_index=9)
    config = tf.T5Gemma2Config(
        encoder=dict(text_config=dict(stack, intermediate_size=20), vision_config=vision, **images),
        decoder=dict(stack),
        image_token_index=9,
    )
    config.pad_token_id, config.bos_token_id, config.eos_token_id, config.decoder_start_token_id = 0, 2, 1, 2
    return tf.T5Gemma2ForConditionalGeneration, config


BART = dict(pad_token_id=1, bos_token_id=0, eos_token_id=2, decoder_start_token_id=2, forced_eos_token_id=2)
MARIAN = dict(
    pad_token_id=3, eos_token_id=0, decoder_start_token_id=3, forced_eos_token_id=0, scale_embedding=True
)


def m2m_100(**more):
    tokens = {key: value for key, value in BART.items() if key != "forced_eos_token_id"}
    dropped = dict(encoder_layerdrop=0.0, decoder_layerdrop=0.0)
    activation = dict(activation_function="relu", scale_embedding=True)
    return bart(tf.M2M100ForConditionalGeneration, tf.M2M100Config, **activation, **dropped, **tokens, **more)


FAMILIES = {
    "t5": lambda: t5(tf.T5ForConditionalGeneration, tf.T5Config, feed_forward_proj="relu"),
    "mt5": lambda: t5(
        tf.MT5ForConditionalGeneration, tf.MT5Config, feed_forward_proj="gated-gelu", tie_word_embeddings=False
    ),
    "umt5": lambda: t5(
        tf.UMT5ForConditionalGeneration, tf.UMT5Config, feed_forward_proj="gated-silu", tie_word_embeddings=False
    ),
    "bart": lambda: bart(
        tf.BartForConditionalGeneration, tf.BartConfig, forced_bos_token_id=0, activation_function="gelu", **BART
    ),
    "mbart": lambda: bart(
        tf.MBartForConditionalGeneration,
        tf.MBartConfig,
        activation_function="gelu_new",
        scale_embedding=True,
        **dict(BART, decoder_start_token_id=5, forced_bos_token_id=7),
    ),
    "pegasus": lambda: bart(
        tf.PegasusForConditionalGeneration,
        tf.PegasusConfig,
        activation_function="relu",
        scale_embedding=True,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        forced_eos_token_id=1,
    ),
    "marian": lambda: bart(tf.MarianMTModel, tf.MarianConfig, activation_function="swish", **MARIAN),
    "marian-two-vocabularies": lambda: bart(
        tf.MarianMTModel,
        tf.MarianConfig,
        activation_function="relu",
        share_encoder_decoder_embeddings=False,
        tie_word_embeddings=False,
        **MARIAN,
    ),
    "m2m_100": lambda: m2m_100(forced_bos_token_id=9),
    "m2m_100-pads": lambda: m2m_100(forced_bos_token_id=1),
    "blenderbot-small": lambda: bart(
        tf.BlenderbotSmallForConditionalGeneration,
        tf.BlenderbotSmallConfig,
        activation_function="gelu",
        scale_embedding=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=1,
        forced_eos_token_id=2,
    ),
    "t5gemma": t5gemma,
    "t5gemma-defaults": t5gemma,
    # Encoders with other heads than their decoders, and the remaining functions of feed-forward blocks.
    "bart-heads": lambda: bart(
        tf.BartForConditionalGeneration,
        tf.BartConfig,
        **dict(BART, encoder_attention_heads=4, activation_function="quick_gelu", encoder_no_repeat_ngram_size=2),
    ),
    "pegasus-heads": lambda: bart(
        tf.PegasusForConditionalGeneration,
        tf.PegasusConfig,
        encoder_attention_heads=1,
        activation_function="gelu_pytorch_tanh",
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    ),
    "t5gemma-heads": lambda: t5gemma(
        dict(num_attention_heads=2, num_key_value_heads=1, head_dim=12, query_pre_attn_scalar=20), hidden_activation="gelu"
    ),
    # As the published 9B-2B: encoder and decoder of two widths, with the heads of each.
    "t5gemma-widths": lambda: t5gemma(
        dict(hidden_size=24, num_attention_heads=2, num_key_value_heads=1, head_dim=12, num_hidden_layers=3),
    ),
    "t5-quick-gelu": lambda: t5(tf.T5ForConditionalGeneration, tf.T5Config, feed_forward_proj="gated-quick_gelu"),
    "t5-dense-act": lambda: t5(
        tf.T5ForConditionalGeneration, tf.T5Config, feed_forward_proj="gated-gelu", dense_act_fn="gelu"
    ),
}
if tf.__version__.startswith("5."):
    FAMILIES = {"t5gemma2": t5gemma2}
# Families that are made as the library computes by default: attention that ignores a cap of scores, and a cache that drops source
# positions of layers with a window. With a cache, tokens after padding (m2m_100-pads) have the positions that follow.
DEFAULTS = {"t5gemma-defaults", "m2m_100-pads"}

# Every setting that decides what is generated, over what the model's own settings say.
SEARCHES = [
    dict(num_beams=3, length_penalty=2.0, early_stopping=True),
    dict(num_beams=4, length_penalty=0.4, early_stopping="never"),
    dict(num_beams=2, length_penalty=-0.5, no_repeat_ngram_size=2),
    dict(num_beams=1, no_repeat_ngram_size=1, min_length=7),
    dict(num_beams=4, repetition_penalty=1.7, min_new_tokens=6),
    dict(num_beams=1, suppress_tokens=[12, 13, 14, 15, 16, 17, 18], begin_suppress_tokens=[20, 21, 22, 23, 24, 25, 26]),
    dict(num_beams=3, bad_words_ids=[[19], [27, 28], [29, 30, 31]]),
    dict(num_beams=1, eos_token_id=[1, *range(20, 30)]),
    dict(num_beams=3, eos_token_id=[1, *range(30, 40)]),
]


# Only newer directories have these.
SOURCE_SEARCHES = [dict(num_beams=1, encoder_no_repeat_ngram_size=1), dict(num_beams=3, encoder_no_repeat_ngram_size=2)]
WITH_SOURCE_SEARCHES = {"bart-heads", "pegasus-heads", "t5gemma-heads", "t5gemma-widths", "t5-quick-gelu", "t5-dense-act"}
PREFERENCES = [
    dict(num_beams=1, encoder_repetition_penalty=3.0, repetition_penalty=1.3),
    dict(num_beams=3, encoder_repetition_penalty=0.2),
]
WITH_PREFERENCES = {"t5gemma-widths"}


def randomize(model, generator):
    draw = lambda tensor, std: torch.empty_like(tensor).normal_(0, std, generator=generator)
    computed = {id(p) for n, p in model.named_parameters() if "embed_positions" in n and not p.requires_grad}
    with torch.no_grad():
        for name, p in model.named_parameters():
            if id(p) in computed:
                continue
            if p.dim() > 1:
                p.copy_(draw(p, 0.6 if "embed" in name or "shared" in name or "relative" in name else 0.35))
            else:
                p.add_(draw(p, 0.1))
        if hasattr(model, "final_logits_bias"):
            model.final_logits_bias.copy_(draw(model.final_logits_bias, 0.5))
    model.tie_weights()


def write(directory, name, make):
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    cls, config = make()
    attention = "sdpa" if name in DEFAULTS else "eager"
    config._attn_implementation = attention
    made = cls(config).eval().float()
    randomize(made, generator)
    made.generation_config.max_length = 32
    made.generation_config.decoder_start_token_id = config.decoder_start_token_id
    shutil.rmtree(directory, ignore_errors=True)
    made.save_pretrained(directory)
    model = cls.from_pretrained(directory, attn_implementation=attention).eval().float()

    searches = SEARCHES + (SOURCE_SEARCHES if directory.name in WITH_SOURCE_SEARCHES else [])
    searches = searches + (PREFERENCES if directory.name in WITH_PREFERENCES else [])
    record(model, directory, generator, use_cache=name in DEFAULTS, searches=searches)


def record(model, directory, generator, use_cache, searches):
    """Writes what the library computes for random sources, and prints the first answer."""
    config = model.config
    top = getattr(config, "vocab_size", None) or config.decoder.vocab_size
    pad = model.generation_config.pad_token_id
    ids = torch.randint(10, top, (2, SOURCE), generator=generator)
    mask = torch.ones_like(ids)
    ids[1, SOURCE - 3 :], mask[1, SOURCE - 3 :] = pad, 0
    target = torch.randint(10, top, (2, TARGET), generator=generator)
    target[:, 0] = model.generation_config.decoder_start_token_id
    source = dict(input_ids=ids, attention_mask=mask)
    with torch.no_grad():
        result = model(**source, decoder_input_ids=target, decoder_attention_mask=torch.ones_like(target))
        # Without a cache: that of transformers 4.57 drops source positions of layers with a window (T5Gemma) after the first step.
        fixed = dict(source, do_sample=False, use_cache=use_cache, max_new_tokens=NEW)
        generate = lambda **more: model.generate(**fixed, **more).tolist()
        answers = dict(
            transformers=tf.__version__,
            greedy=generate(num_beams=1),
            beams=generate(num_beams=4, length_penalty=1.0, early_stopping=False),
            searches=[dict(settings=settings, tokens=generate(**settings)) for settings in searches],
        )
    tensors = dict(source, decoder_input_ids=target, encoder_output=result.encoder_last_hidden_state, logits=result.logits)
    save_file({key: value.contiguous() for key, value in tensors.items()}, directory / "expected.safetensors")
    (directory / "expected.json").write_text(json.dumps(answers) + "\n")
    print(directory.name, sum(p.numel() for p in model.parameters()), answers["greedy"][0])


if __name__ == "__main__":
    for name in sys.argv[2:] or FAMILIES:
        write(Path(sys.argv[1]) / name, name, FAMILIES[name])
