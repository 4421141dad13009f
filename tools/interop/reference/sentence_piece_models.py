"""Trains models of SentencePiece with many settings, and records the pieces and the text of many lines for them and for given files.

tools/interop/reference/sentence-piece-models.mjs runs this program and compares; family_tokenizers.py says how to make the environment.

    python tools/interop/reference/sentence_piece_models.py DIRECTORY [FILE ...]
"""

import io
import json
import pathlib
import sys

import sentencepiece

SETTINGS = {
    "unigram": {},
    "unigram-bytes": dict(byte_fallback=True),
    "unigram-user": dict(user_defined_symbols=["<extra_id_0>", "Typ", "é é", "ー"], normalization_rule_name="nfkc"),
    "unigram-suffix": dict(treat_whitespace_as_suffix=True, normalization_rule_name="nmt_nfkc_cf"),
    "unigram-identity": dict(
        normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False
    ),
    "unigram-spaces": dict(remove_extra_whitespaces=False, allow_whitespace_only_pieces=True),
    "bpe": dict(model_type="bpe"),
    "bpe-bytes": dict(
        model_type="bpe",
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        add_dummy_prefix=False,
    ),
    "bpe-user": dict(model_type="bpe", user_defined_symbols=["Typ", "ー", "  "]),
}


def trained(lines, settings):
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line.replace("\n", " ") for line in lines),
        model_writer=file,
        vocab_size=4000,
        character_coverage=0.999,
        minloglevel=2,
        num_threads=1,
        **settings,
    )
    return file.getvalue()


def main():
    root = pathlib.Path(sys.argv[1])
    data = json.loads((root / "lines.json").read_text(encoding="utf-8"))
    given = [pathlib.Path(name) for name in sys.argv[2:]]
    models = {name: trained(data["training"][:12_000], settings) for name, settings in SETTINGS.items()}
    for name, content in {**models, **{path.name: path.read_bytes() for path in given}}.items():
        processor = sentencepiece.SentencePieceProcessor(model_proto=content)
        rows = []
        for line in data["lines"]:
            pieces = processor.encode(line, out_type=str)
            rows.append([pieces, processor.decode_pieces(pieces)])
        (root / f"{name}.spm").write_bytes(content)
        (root / f"{name}.rows.json").write_text(json.dumps(rows), encoding="utf-8")
        print(name, len(processor), "pieces", len(rows), "rows", flush=True)
    print("sentencepiece", sentencepiece.__version__)


main()
