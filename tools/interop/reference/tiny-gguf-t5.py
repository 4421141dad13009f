"""Tiny random T5 models as GGUF files, written by llama.cpp's own converter, with what transformers computes for the same weights.

    python tools/interop/reference/tiny-gguf-t5.py packages/extension-gguf/fixtures/t5 LLAMA_CPP
    python tools/interop/reference/tiny-gguf-t5.py --vocabularies DIRECTORY LLAMA_CPP

Needs torch, transformers 4.57, sentencepiece and safetensors. LLAMA_CPP is llama.cpp's source tree, which has the converter and the
`gguf` package: node tools/interop/reference/llama-cpp/packages.mjs prints the one that is fetched.

Each directory holds model.gguf, expected.safetensors and expected.json in the layout of tiny-encoder-decoders.py (computed with the
numbers that the file's quantized tensors stand for, by the gguf package), and tokens.json: texts and their ids by T5Tokenizer.

With --vocabularies, the directories that family-tokenizers.mjs made get a vocabulary.gguf, which that program compares with --gguf.
"""

import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
import transformers as tf

HERE = Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("tiny", HERE / "tiny-encoder-decoders.py")
tiny = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tiny)

PIECES, SENTINELS, WIDTH = 110, 100, 32
# A short map of characters: SentencePiece's own are larger than these models.
RULES = ["9\t20", "A\t20", "A0\t20", "3000\t20", "FB01\t66 69", "BD\t31 2F 32", "65 301\tE9", "AD\t"]
WORDS = "the cat sat on a mat and saw two small fish in deep water; one of them was é and ½ as old, said Typ-5 (2026).".split()
TEXTS = [
    "the cat sat on the mat",
    "  two   small\tfish  ",
    "deep water and ﬁsh, ½ old",
    "e\u0301 and é, ÄÖ unknown 日本",
    "a <extra_id_0> sat on <extra_id_1>.",
    "Typ-5 (2026)\n said",
]
NAMES = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
SIZES = dict(d_model=WIDTH, d_kv=16, d_ff=64, num_layers=2, num_heads=2, dropout_rate=0.0, relative_attention_num_buckets=8)
# The converter takes no decoder deeper than its encoder. Name: class, configuration, type of the tensors, whether the directory names its sentinels.
MODELS = {
    "t5": (tf.T5ForConditionalGeneration, dict(feed_forward_proj="relu", num_decoder_layers=1), "f32", False),
    "flan-t5": (
        tf.T5ForConditionalGeneration,
        dict(feed_forward_proj="gated-gelu", num_decoder_layers=2, tie_word_embeddings=False),
        "q8_0",
        True,
    ),
    "umt5": (
        tf.UMT5ForConditionalGeneration,
        dict(feed_forward_proj="gated-gelu", num_layers=3, num_decoder_layers=2, tie_word_embeddings=False),
        "f16",
        False,
    ),
}


def piece_model(rules):
    file = io.BytesIO()
    texts = [" ".join(WORDS[at % len(WORDS)] for at in range(start, start + 7)) for start in range(60)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=file,
        vocab_size=PIECES,
        hard_vocab_limit=False,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
        num_threads=1,
        normalization_rule_tsv=str(rules),
    )
    return file.getvalue()


def soften(model):
    """Twice the width of the other tiny models: smaller factors keep attention as steep as theirs."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if ".layer." in name and p.dim() > 1 and "relative" not in name:
                p.mul_(0.6)


def convert(llama_cpp, directory, output, *more):
    # The converter reads a field of spiece.model with the classes of package sentencepiece, made for another protobuf than transformers'.
    environment = dict(os.environ, PYTHONPATH=str(llama_cpp / "gguf-py"), TEMPORARILY_DISABLE_PROTOBUF_VERSION_CHECK="true")
    command = [sys.executable, str(llama_cpp / "convert_hf_to_gguf.py"), str(directory), "--outfile", str(output), *more]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def stored_weights(llama_cpp, file, model):
    """The numbers of a file under the names of transformers, by the gguf package."""
    sys.path.insert(0, str(llama_cpp / "gguf-py"))
    import gguf

    stored = {one.name: one for one in gguf.GGUFReader(file).tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.T5, 16)
    weights = {}
    for name, old in model.state_dict().items():
        theirs = names.get_name(name, try_suffixes=(".weight",))
        if name.endswith("embed_tokens.weight") or (name == "lm_head.weight" and model.config.tie_word_embeddings):
            theirs = "token_embd.weight"
        one = stored[theirs]
        numbers = gguf.quants.dequantize(one.data, one.tensor_type).astype("float32")
        weights[name] = torch.from_numpy(numbers.reshape(old.shape).copy())
    return weights


def write(directory, name, llama_cpp):
    cls, settings, kind, names_sentinels = MODELS[name]
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        # The converter takes the model's name from the folder's.
        work = Path(work) / f"tiny-{name}"
        work.mkdir()
        (work / "rules.tsv").write_text("\n".join(RULES), encoding="utf-8")
        (work / "spiece.model").write_bytes(piece_model(work / "rules.tsv"))
        tokenizer = tf.T5Tokenizer(str(work / "spiece.model"), extra_ids=SENTINELS)
        generator = torch.Generator().manual_seed(sum(map(ord, name)))
        config_class = cls.config_class
        config = config_class(vocab_size=len(tokenizer) + 2, **{**SIZES, **NAMES, **settings})
        config._attn_implementation = "eager"
        model = cls(config).eval().float()
        tiny.randomize(model, generator)
        soften(model)
        model.save_pretrained(work)
        if names_sentinels:
            tokenizer.save_pretrained(work)
        convert(llama_cpp, work, directory / "model.gguf", "--outtype", kind)
        model.load_state_dict(stored_weights(llama_cpp, directory / "model.gguf", model))
    model.generation_config.max_length = 32
    tiny.record(model, directory, generator, use_cache=False, searches=tiny.SEARCHES)
    rows = [dict(text=text, ids=tokenizer(text).input_ids) for text in TEXTS]
    (directory / "tokens.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def write_vocabularies(root, llama_cpp):
    for directory in sorted(path.parent for path in root.glob("*/spiece.model")):
        expected = json.loads((directory / "expected.json").read_text(encoding="utf-8"))
        if expected["modelType"] not in ("t5", "mt5"):
            continue
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(directory / "spiece.model"))
        # Room for the sentinels, and for rows that no token has.
        sentinels = 0 if expected["modelType"] == "mt5" else SENTINELS
        config = tf.T5Config(vocab_size=len(pieces) + sentinels + 28, **NAMES, architectures=["T5ForConditionalGeneration"])
        config.save_pretrained(directory)
        convert(llama_cpp, directory, directory / "vocabulary.gguf", "--vocab-only")
        (directory / "config.json").unlink()
        print(directory.name, flush=True)


if __name__ == "__main__":
    *mode, target, source = sys.argv[1:]
    if mode == ["--vocabularies"]:
        write_vocabularies(Path(target), Path(source))
    else:
        for name in MODELS:
            write(Path(target) / name, name, Path(source))
