"""What the normalizers and pre-tokenizers of the native library make of texts, for the tests of @slm/tokenizer.

    python tools/interop/reference/tokenizer_components.py packages/tokenizer/fixtures/native-components.json

Needs tokenizers 0.23.3. Every component is written as the library writes it into a tokenizer.json.
"""

import json
import sys

import tokenizers
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

TEXTS = [
    "Hello, world! It's 12,5 km; don't (we'll) stop...",
    "na\u00efve Stra\u00dfe \u0141\u00f3d\u017a \u0130stanbul \u01c5 \ufb01ne",
    "\u03a3\u038a\u03a3\u03a5\u03a6\u039f\u03a3 \u03a4\u0395\u039b\u039f\u03a3 \u03c3\u03c2",
    "\u4f60\u597d\u4e16\u754cabc \U0002070e \u30ab\u30bf\u30ab\u30ca \uff76\uff80 \uff11\uff12\uff21",
    "\u0938\u093e\u0930\u094d\u0925 \u0967\u0968\u0969 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
    "e\u0301 A\u030a \u1e9b\u0323 \u212b \u00bd \u00b2 \u2167 \u2460",
    "  two  spaces\tand\n\nlines \u00a0\u3000\u2028\u0085 end ",
    "a\u200bb\u200cc\u200dd\u00ade\ufefff\x07g\x7fh\u0378i\ue000j\ufffdk",
    "snake_case_1 x__y -- == $5 + \u20ac6 `q` ^ ~ \u00ab\u00bb \u2014 \u2026 \u00bf?",
    "\U0001f44d\U0001f3fd \U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "\u2581a \u2581\u2581b c\u2581d",
    "a1b22c333d",
    "",
]

NORMALIZERS = [
    normalizers.NFC(),
    normalizers.NFD(),
    normalizers.NFKC(),
    normalizers.NFKD(),
    normalizers.Lowercase(),
    normalizers.StripAccents(),
    normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
    normalizers.Strip(),
    normalizers.Strip(left=True, right=False),
    normalizers.Strip(left=False, right=True),
    normalizers.Prepend("\u2581"),
    normalizers.Replace(" ", "\u2581"),
    normalizers.Replace(Regex(r"\s{2,}"), "$1 "),
    normalizers.Replace(Regex(r"(?i:IT)'s|\p{Nd}+"), "#"),
    normalizers.Nmt(),
    normalizers.ByteLevel(),
    normalizers.BertNormalizer(),
    normalizers.BertNormalizer(lowercase=False),
    normalizers.BertNormalizer(lowercase=False, strip_accents=True),
    normalizers.BertNormalizer(strip_accents=False),
    normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False),
]

BEHAVIORS = ["isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous"]
GPT4 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

PRE_TOKENIZERS = [
    pre_tokenizers.Whitespace(),
    pre_tokenizers.WhitespaceSplit(),
    pre_tokenizers.BertPreTokenizer(),
    *[pre_tokenizers.Punctuation(behavior) for behavior in BEHAVIORS],
    pre_tokenizers.Digits(True),
    pre_tokenizers.Digits(False),
    pre_tokenizers.CharDelimiterSplit("a"),
    *[pre_tokenizers.Split(" ", behavior, invert) for behavior in BEHAVIORS for invert in (False, True)],
    *[pre_tokenizers.Split(Regex(r"\p{L}+"), behavior, invert) for behavior in BEHAVIORS for invert in (False, True)],
    pre_tokenizers.Split(Regex(GPT4), "isolated"),
    pre_tokenizers.Split(Regex(GPT4), "removed", True),
    pre_tokenizers.FixedLength(3),
    *[
        pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
        for scheme in ("always", "first", "never")
        for split in (True, False)
    ],
    pre_tokenizers.ByteLevel(),
    pre_tokenizers.ByteLevel(add_prefix_space=False),
    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="first")]),
    pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel()]),
]


def written(key, component):
    tokenizer = Tokenizer(models.BPE())
    setattr(tokenizer, key, component)
    return json.loads(tokenizer.to_str())[key]


def main():
    answer = dict(
        program=f"tokenizers {tokenizers.__version__}",
        texts=TEXTS,
        normalizers=[
            dict(component=written("normalizer", one), results=[one.normalize_str(text) for text in TEXTS])
            for one in NORMALIZERS
        ],
        preTokenizers=[
            dict(
                component=written("pre_tokenizer", one),
                results=[[piece for piece, _ in one.pre_tokenize_str(text)] for text in TEXTS],
            )
            for one in PRE_TOKENIZERS
        ],
    )
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        json.dump(answer, file, indent=0)
        file.write("\n")


main()
