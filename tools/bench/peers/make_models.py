"""Makes a random T5 with a tokenizer, its greedy answers, and the same weights for CTranslate2 and llama.cpp. Started by models.ts."""

import json
import sys
from pathlib import Path

import ctranslate2
import gguf
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

shape, prompts, answer, weights = (json.loads(text) for text in sys.argv[1:5])
folder = Path(sys.argv[5])
SPECIAL = ["<pad>", "</s>", "<unk>"]


def random_model():
    config = T5Config(
        vocab_size=shape["vocabulary"],
        d_model=shape["width"],
        d_kv=shape["width"] // shape["heads"],
        d_ff=4 * shape["width"],
        num_heads=shape["heads"],
        num_layers=shape["encoderLayers"],
        num_decoder_layers=shape["decoderLayers"],
        decoder_start_token_id=0,
    )
    torch.manual_seed(1)
    model = T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        # Small embeddings: otherwise a tied head repeats the token that the decoder read.
        model.shared.weight.mul_(0.05)
        # Logits of 0 are never the largest, so no answer ends early.
        model.shared.weight[1:3] = 0
    return model


def save_tokenizer(path):
    pieces = [(piece, 0.0) for piece in SPECIAL]
    pieces += [(f"\u2581w{at}", -1.0) for at in range(len(SPECIAL), shape["vocabulary"])]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    pad, eos, unknown = SPECIAL
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=pad, eos_token=eos, unk_token=unknown).save_pretrained(path)


def greedy(model, prompt):
    limits = dict(min_new_tokens=answer, max_new_tokens=answer, do_sample=False, num_beams=1)
    return model.generate(torch.tensor([prompt]), **limits)[0, 1:].tolist()


def write_gguf(model, path, kind):
    """Tensors under llama.cpp's names, without a tokenizer: prompts are ids."""
    config, writer = model.config, gguf.GGUFWriter(path, "t5")
    writer.add_context_length(512)
    writer.add_embedding_length(config.d_model)
    writer.add_feed_forward_length(config.d_ff)
    writer.add_block_count(config.num_layers)
    writer.add_decoder_block_count(config.num_decoder_layers)
    writer.add_head_count(config.num_heads)
    writer.add_key_length(config.d_kv)
    writer.add_value_length(config.d_kv)
    writer.add_relative_attn_buckets_count(config.relative_attention_num_buckets)
    writer.add_layer_norm_rms_eps(config.layer_norm_epsilon)
    writer.add_decoder_start_token_id(config.decoder_start_token_id)
    writer.add_vocab_size(config.vocab_size)
    writer.add_tokenizer_model("none")
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5, 16)
    for name, value in model.state_dict().items():
        if name.endswith("embed_tokens.weight") or name == "lm_head.weight":
            continue  # Tied with shared.weight.
        theirs = names.get_name(name, try_suffixes=(".weight",))
        is_matrix = value.dim() > 1 and "relative" not in name
        stored = kind if is_matrix else gguf.GGMLQuantizationType.F32
        writer.add_tensor(theirs, gguf.quants.quantize(value.numpy(), stored), raw_dtype=stored)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


model = random_model()
published = folder / "published"
model.save_pretrained(published)
save_tokenizer(published)
with torch.no_grad():
    answers = [greedy(model, prompt) for prompt in prompts]
(folder / "answers.json").write_text(json.dumps(answers))
KINDS = gguf.GGMLQuantizationType
for kind in weights:
    write_gguf(model, folder / f"llama-{kind}.gguf", {"float32": KINDS.F32, "int8": KINDS.Q8_0, "int4": KINDS.Q4_0}[kind])
    if kind != "int4":  # CTranslate2 has no type of 4 bits for CPUs.
        converter = ctranslate2.converters.TransformersConverter(str(published))
        converter.convert(str(folder / f"ctranslate2-{kind}"), quantization=kind, force=True)
print(sum(parameter.numel() for parameter in model.parameters()))
