"""Compares a tokenizer that tools/interop/reference/tokenizer-ids.mjs wrote with the native library: ids of every text, the text
that comes back, and the vocabulary and merges that the library's own trainer learns from the same rows.

    python -m venv venv
    venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/interop/reference/tokenizer_ids.py DIRECTORY
"""

import json
import pathlib
import sys

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers


def main() -> int:
    directory = pathlib.Path(sys.argv[1])
    report = json.loads((directory / "ids.json").read_text(encoding="utf-8"))
    ours = json.loads((directory / "tokenizer.json").read_text(encoding="utf-8"))
    native = Tokenizer.from_file(str(directory / "tokenizer.json"))
    wrong = 0
    for row in report["encoded"]:
        ids = native.encode(row["text"], add_special_tokens=False).ids
        text = native.decode(row["ids"], skip_special_tokens=True)
        if ids != row["ids"] or text != row["text"]:
            wrong += 1
            if wrong <= 5:
                print(f"differs: {row['text']!r}: ours {row['ids'][:20]}, native {ids[:20]}, decoded {text!r}")
    print(f"{len(report['encoded'])} texts, {wrong} differ")

    again = Tokenizer(models.BPE())
    pattern = ours["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    again.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=report["settings"]["vocabularySize"],
        min_frequency=report["settings"]["minCount"],
        special_tokens=[token["content"] for token in ours["added_tokens"]],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    rows = [json.loads(line) for line in open(report["rows"], encoding="utf-8") if line.strip()]
    again.train_from_iterator((text for row in rows for text in (row["source"], row["target"])), trainer)
    theirs = json.loads(again.to_str())["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in theirs["merges"]]
    same = theirs["vocab"] == ours["model"]["vocab"] and merges == ours["model"]["merges"]
    print(f"trained again by the native library: {'the same' if same else 'another'} vocabulary and merges")
    return 0 if wrong == 0 and same else 1


if __name__ == "__main__":
    sys.exit(main())
