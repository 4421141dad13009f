"""Makes a small tokenizer of each family of encoder-decoders with Python's libraries, and records what they make of many lines.

    python -m venv venv
    venv/bin/pip install transformers==4.57.1 tokenizers==0.22.2 sentencepiece==0.2.3 protobuf==6.33.1
    node tools/interop/reference/family-tokenizers.mjs DIRECTORY --python venv/bin/python

The Node program writes DIRECTORY/lines.json, runs this one, and compares. Vocabularies are trained here, because no registry of
packages carries the published ones: SentencePiece's trainer for its models, tokenizers' for byte-level BPE. Each case is a directory
as save_pretrained writes it, or with fewer files, and `expected.json`.

    python tools/interop/reference/family_tokenizers.py DIRECTORY [CASE,...]
"""

import io
import json
import pathlib
import shutil
import sys

import sentencepiece
import tokenizers
import transformers
from transformers import (
    BartTokenizer,
    BartTokenizerFast,
    GemmaTokenizer,
    GemmaTokenizerFast,
    M2M100Tokenizer,
    MarianTokenizer,
    MBart50Tokenizer,
    MBart50TokenizerFast,
    MBartTokenizer,
    MBartTokenizerFast,
    MT5Tokenizer,
    NllbTokenizer,
    NllbTokenizerFast,
    PegasusTokenizer,
    PegasusTokenizerFast,
    T5Tokenizer,
    T5TokenizerFast,
)
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES

TRAINED_ON = 12_000
PAD_FIRST = dict(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
GEMMA = dict(
    model_type="bpe",
    byte_fallback=True,
    normalization_rule_name="identity",
    add_dummy_prefix=False,
    remove_extra_whitespaces=False,
    split_digits=True,
    user_defined_symbols=["\n", "\n\n", "▁▁", "▁▁▁", "<start_of_turn>"],
    pad_id=0,
    eos_id=1,
    bos_id=2,
    unk_id=3,
    pad_piece="<pad>",
    eos_piece="<eos>",
    bos_piece="<bos>",
)

root = pathlib.Path(sys.argv[1])
asked = sys.argv[2].split(",") if len(sys.argv) > 2 else None
data = json.loads((root / "lines.json").read_text(encoding="utf-8"))
# Fixtures are small: fewer pieces, a short map of characters, fewer tokens of pre-training.
SIZE = data.get("size", 4000)
FEW = {"extra_ids": 5} if "rules" in data else {}
FEW_IN_FRONT = {"offset": 8} if "rules" in data else {}
RULES = {}
if "rules" in data:
    (root / "rules.tsv").write_text(data["rules"], encoding="utf-8")
    RULES = {"normalization_rule_tsv": str(root / "rules.tsv")}
models = {}


def model(name, part=slice(0, TRAINED_ON), **settings):
    """A model of SentencePiece, trained on a part of the training lines; bytes."""
    if name not in models:
        file = io.BytesIO()
        settings = settings if "normalization_rule_name" in settings else {**settings, **RULES}
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(line.replace("\n", " ") for line in data["training"][part]),
            model_writer=file,
            vocab_size=int(settings.pop("share", 1) * SIZE) + (256 if settings.get("byte_fallback") else 0),
            character_coverage=0.999,
            minloglevel=2,
            num_threads=1,
            **settings,
        )
        models[name] = file.getvalue()
    return models[name]


def pieces(content):
    processor = sentencepiece.SentencePieceProcessor(model_proto=content)
    return [processor.id_to_piece(index) for index in range(len(processor))]


def put(directory, **files):
    """Writes files whose names have a double underscore for a dot."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = directory / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def only_json(directory):
    """Leaves tokenizer.json and tokenizer_config.json."""
    for path in directory.iterdir():
        if path.name not in ("tokenizer.json", "tokenizer_config.json"):
            path.unlink()
    # The class would want the model of SentencePiece again; published directories do not have the key.
    file = directory / "tokenizer_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config.pop("add_prefix_space", None)
    file.write_text(json.dumps(config), encoding="utf-8")


def saved(cls, directory, *arguments, bare=False, fast=None, **settings):
    """Builds a tokenizer of files in the directory, saves it there, and reads it again."""
    built = cls(*[str(directory / name) for name in arguments], **settings)
    if bare:
        return built
    built.save_pretrained(directory)
    if fast is not None:
        fast.from_pretrained(directory).save_pretrained(directory)
        only_json(directory)
        return fast.from_pretrained(directory)
    return cls.from_pretrained(directory)


SPIECE = "spiece.model"
BPE_MODEL = "sentencepiece.bpe.model"


def t5(directory, **more):
    put(directory, **{SPIECE.replace(".", "__"): model("t5", **PAD_FIRST)})
    return saved(T5Tokenizer, directory, SPIECE, **({} if more.get("bare") else FEW), **more)


def mt5(directory):
    symbols = [f"<extra_id_{index}>" for index in range(10)]
    content = model("mt5", byte_fallback=True, user_defined_symbols=symbols, **PAD_FIRST)
    put(directory, **{"spiece__model": content})
    return saved(MT5Tokenizer, directory, SPIECE, extra_ids=0)


def pegasus(directory, **more):
    put(directory, **{"spiece__model": model("t5", **PAD_FIRST)})
    return saved(PegasusTokenizer, directory, SPIECE, **FEW_IN_FRONT, **more)


def fairseq(cls, kind, **more):
    def make(directory):
        put(directory, **{"sentencepiece.bpe.model".replace(".", "__"): model(kind, model_type=kind)})
        return saved(cls, directory, BPE_MODEL, **more)

    return make


def m2m100(directory):
    content = model("bpe", model_type="bpe")
    # The dictionary of fairseq is sorted differently, and lacks some pieces.
    own = ["<s>", "<pad>", "</s>", "<unk>"]
    listed = sorted(piece for index, piece in enumerate(pieces(content)) if piece not in own and index % 11 != 0)
    vocab = {token: index for index, token in enumerate(own + listed)}
    put(directory, **{"sentencepiece.bpe.model".replace(".", "__"): content}, vocab__json=vocab)
    # The published model lists its languages as special tokens.
    languages = [f"__{code}__" for code in FAIRSEQ_LANGUAGE_CODES["m2m100"]]
    files = [str(directory / "vocab.json"), str(directory / BPE_MODEL)]
    built = M2M100Tokenizer(*files, src_lang="en", tgt_lang="fr", additional_special_tokens=languages)
    built.save_pretrained(directory)
    return M2M100Tokenizer.from_pretrained(directory)


def marian(is_separate):
    def make(directory):
        source = model("marian-source", slice(0, None, 2), share=0.625)
        target = model("marian-target", slice(1, None, 2), share=0.75, model_type="unigram")
        own = ["</s>", "<unk>"]
        codes = [] if is_separate else [">>fra<<", ">>deu<<", ">>zh_CN<<"]

        def listed(*contents):
            found = sorted({piece for content in contents for piece in pieces(content)} - {*own, "<s>"})
            return {token: index for index, token in enumerate([*own, *found, *codes, "<pad>"])}

        put(directory, source__spm=source, target__spm=target)
        files = [str(directory / name) for name in ("source.spm", "target.spm", "vocab.json")]
        if is_separate:
            put(directory, vocab__json=listed(source), target_vocab__json=listed(target))
            built = MarianTokenizer(*files, target_vocab_file=str(directory / "target_vocab.json"), separate_vocabs=True)
        else:
            put(directory, vocab__json=listed(source, target))
            built = MarianTokenizer(*files)
        built.save_pretrained(directory)
        return MarianTokenizer.from_pretrained(directory)

    return make


def bart(fast=None):
    def make(directory):
        directory.mkdir(parents=True, exist_ok=True)
        trained = tokenizers.ByteLevelBPETokenizer()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        trained.train_from_iterator(data["training"][:TRAINED_ON], vocab_size=SIZE + 256, special_tokens=special, show_progress=False)
        trained.save_model(str(directory))
        return saved(BartTokenizer, directory, "vocab.json", "merges.txt", fast=fast)

    return make


def gemma(fast=None):
    def make(directory):
        put(directory, tokenizer__model=model("gemma", **GEMMA))
        return saved(GemmaTokenizer, directory, "tokenizer.model", fast=fast)

    return make


# Name: how it is made, model_type, languages to test as (source, target), tokens behind targets, lines with masks.
SENTINELS = ["<extra_id_0> walks in <extra_id_1> park", "a<extra_id_4>b  <extra_id_2>", "the <extra_id_0>, and"]
MASKS = ["The <mask> is here.", "a<mask>b", "<mask>", "two  <mask> <mask>."]
PEGASUS_MASKS = ["The <mask_2> is here. <mask_1>", "<mask_1> and"]
MBART = [("en_XX", "ro_RO"), ("de_DE", "ja_XX"), ("zh_CN", "en_XX")]
NLLB = [("eng_Latn", "fra_Latn"), ("zho_Hans", "deu_Latn")]
M2M = [("en", "fr"), ("zh", "de")]
NONE = [(None, None)]
CODES = [">>fra<< Hello world", ">>xx<< Hello", ">>deu<<", ">> no code"]
CASES = {
    "t5": (t5, "t5", NONE, 1, SENTINELS),
    "t5-new": (lambda d: t5(d, legacy=False), "t5", NONE, 1, SENTINELS),
    "t5-bare": (lambda d: t5(d, bare=True), "t5", NONE, 1, SENTINELS),
    "t5-json": (lambda d: t5(d, fast=T5TokenizerFast), "t5", NONE, 1, SENTINELS),
    "mt5": (mt5, "mt5", NONE, 1, []),
    "pegasus": (pegasus, "pegasus", NONE, 1, PEGASUS_MASKS),
    "pegasus-json": (lambda d: pegasus(d, fast=PegasusTokenizerFast), "pegasus", NONE, 1, PEGASUS_MASKS),
    "mbart": (fairseq(MBartTokenizer, "unigram"), "mbart", MBART, 2, MASKS),
    "mbart-json": (fairseq(MBartTokenizer, "unigram", fast=MBartTokenizerFast), "mbart", MBART, 2, MASKS),
    "mbart50": (fairseq(MBart50Tokenizer, "unigram"), "mbart", MBART, 1, MASKS),
    "mbart50-json": (fairseq(MBart50Tokenizer, "unigram", fast=MBart50TokenizerFast), "mbart", MBART, 1, MASKS),
    "nllb": (fairseq(NllbTokenizer, "bpe"), "m2m_100", NLLB, 1, MASKS),
    "nllb-legacy": (fairseq(NllbTokenizer, "bpe", legacy_behaviour=True), "m2m_100", NLLB, 2, []),
    "nllb-json": (fairseq(NllbTokenizer, "bpe", fast=NllbTokenizerFast), "m2m_100", NLLB, 1, MASKS),
    "m2m100": (m2m100, "m2m_100", M2M, 1, []),
    "marian": (marian(False), "marian", NONE, 1, CODES),
    "marian-separate": (marian(True), "marian", NONE, 1, []),
    "bart": (bart(), "bart", NONE, 1, MASKS),
    "bart-json": (bart(BartTokenizerFast), "bart", NONE, 1, MASKS),
    "gemma": (gemma(), "t5gemma", NONE, 0, []),
    "gemma-json": (gemma(GemmaTokenizerFast), "t5gemma", NONE, 0, []),
}


def main():
    for name in asked or CASES:
        make, model_type, pairs, behind, masks = CASES[name]
        directory = root / name
        shutil.rmtree(directory, ignore_errors=True)
        tokenizer = make(directory)
        rows = []
        for number, text in enumerate([*data["lines"], *masks]):
            source_language, target_language = pairs[number % len(pairs)]
            if source_language is not None:
                tokenizer.src_lang, tokenizer.tgt_lang = source_language, target_language
            target = tokenizer(text_target=text).input_ids
            # With a vocabulary of its own, a target may have a token with the id of a source's special token, which Python skips.
            is_mixed = name == "marian-separate" and tokenizer.pad_token_id in target
            rows.append(
                {
                    "text": text,
                    "languages": [source_language, target_language],
                    "source": tokenizer(text).input_ids,
                    "target": target[: len(target) - behind],
                    "decoded": None if is_mixed else tokenizer.decode(target, skip_special_tokens=True),
                }
            )
        expected = {"modelType": model_type, "class": type(tokenizer).__name__, "rows": rows}
        put(directory, expected__json=expected)
        print(name, type(tokenizer).__name__, len(tokenizer), "tokens", len(rows), "rows", flush=True)
    versions = {module.__name__: module.__version__ for module in (transformers, tokenizers, sentencepiece)}
    put(root, versions__json=versions)


main()
