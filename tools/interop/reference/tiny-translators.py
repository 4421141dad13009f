"""Tiny random translation models of many languages with their tokenizers, and what their own library answers in each language.

    python tools/interop/reference/tiny-translators.py packages/tokenizer/fixtures/families.json.gz packages/checkpoints/fixtures/translators

Needs torch, transformers 4.57, sentencepiece and safetensors. The tokenizers are those of families.json.gz
(tools/interop/reference/family-tokenizers.mjs). Each directory holds a model as the library saves it and its tokenizer's files, and

- expected.json: rows of {text, languages: [source, target], greedy, beams}: token ids of generate(max_new_tokens=10), with 4 beams
  and with one, told the target language as the family is told it: as the first token of the answer (forced_bos_token_id), or as the
  first token that the decoder is fed (decoder_start_token_id: mBART with 25 languages).
"""

import base64
import gzip
import json
import shutil
import sys
from pathlib import Path

import torch
import transformers as tf

TEXTS = ["Hello, world!", "three birds", "sea"]
NEW = 10

SIZES = dict(
    d_model=16,
    encoder_layers=1,
    decoder_layers=1,
    encoder_ffn_dim=20,
    decoder_ffn_dim=20,
    encoder_attention_heads=2,
    decoder_attention_heads=2,
    max_position_embeddings=64,
    dropout=0.0,
    attention_dropout=0.0,
    activation_dropout=0.0,
    encoder_layerdrop=0.0,
    decoder_layerdrop=0.0,
    scale_embedding=True,
)

M2M = (tf.M2M100ForConditionalGeneration, tf.M2M100Config)
MBART = (tf.MBartForConditionalGeneration, tf.MBartConfig)

# Name: the tokenizer's case, its class, the model's, languages of requests, and whether the decoder starts with the language.
FAMILIES = {
    "nllb": ("nllb", tf.NllbTokenizer, M2M, [("eng_Latn", "fra_Latn"), ("deu_Latn", "zul_Latn")], False),
    "m2m_100": ("m2m100", tf.M2M100Tokenizer, M2M, [("en", "fr"), ("de", "zu")], False),
    "mbart": ("mbart", tf.MBartTokenizer, MBART, [("en_XX", "ro_RO"), ("de_DE", "fr_XX")], True),
    "mbart-50": ("mbart50-json", tf.MBart50TokenizerFast, MBART, [("en_XX", "ro_RO"), ("de_DE", "fr_XX")], False),
}


def write(directory, case, family):
    _, tokens, (cls, config), pairs, starts = family
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name, content in case["files"].items():
        (directory / name).write_bytes(base64.b64decode(content))
    tokenizer = tokens.from_pretrained(directory)
    generator = torch.Generator().manual_seed(sum(map(ord, directory.name)))
    special = dict(pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=tokenizer.bos_token_id)
    made = cls(config(vocab_size=len(tokenizer), decoder_start_token_id=tokenizer.eos_token_id, **SIZES, **special)).eval().float()
    with torch.no_grad():
        for name, p in made.named_parameters():
            if "embed_positions" in name and not p.requires_grad:
                continue
            drawn = torch.empty_like(p).normal_(0, 0.4 if p.dim() > 1 else 0.1, generator=generator)
            p.copy_(drawn if p.dim() > 1 else p + drawn)
    made.tie_weights()
    settings = made.generation_config
    settings.max_length, settings.decoder_start_token_id = 32, tokenizer.eos_token_id
    # M2M-100 gives padding inside an answer no position, which only random models say.
    settings.suppress_tokens = [tokenizer.pad_token_id]
    # A tied random head says again what it was fed.
    settings.no_repeat_ngram_size = 2
    made.save_pretrained(directory)
    model = cls.from_pretrained(directory).eval().float()
    rows = []
    for text in TEXTS:
        for source, target in [*pairs, *[(target, source) for source, target in pairs]]:
            tokenizer.src_lang = source
            inputs = tokenizer(text, return_tensors="pt")
            language = tokenizer.get_lang_id(target) if "m2m_100" == directory.name else tokenizer.convert_tokens_to_ids(target)
            told = dict(decoder_start_token_id=language) if starts else dict(forced_bos_token_id=language)
            generate = lambda **more: model.generate(**inputs, **told, do_sample=False, max_new_tokens=NEW, **more)[0].tolist()
            with torch.no_grad():
                beams = generate(num_beams=4, length_penalty=1.0, early_stopping=False)
                rows.append(dict(text=text, languages=[source, target], greedy=generate(num_beams=1), beams=beams))
    (directory / "expected.json").write_text(json.dumps(dict(transformers=tf.__version__, rows=rows)) + "\n")
    print(directory.name, len(tokenizer), rows[0]["greedy"], rows[1]["greedy"])


if __name__ == "__main__":
    cases = {case["name"]: case for case in json.loads(gzip.decompress(Path(sys.argv[1]).read_bytes()))["cases"]}
    for name in sys.argv[3:] or FAMILIES:
        write(Path(sys.argv[2]) / name, cases[FAMILIES[name][0]], FAMILIES[name])
