"""Writes what the public programs say about texts of our own, for the tests of @slm/metrics to compare with.

    python -m venv venv
    venv/bin/pip install rouge-score==0.1.2 sacrebleu==2.6.0 seqeval==1.2.2 jiwer==4.0.0 transformers==4.46.3
    venv/bin/python tools/interop/reference/metrics.py packages/metrics/fixtures
    npx prettier --write packages/metrics/fixtures

A wider comparison, not to be committed, is

    venv/bin/python tools/interop/reference/metrics.py DIRECTORY --random 2000
    PEERS_DIRECTORY=DIRECTORY npx vitest run src/peers.test.ts

Writes texts.json, answers.json and stems.json. squadExactMatch and squadF1 come from `transformers`, which carries the
functions of SQuAD's evaluation script 2.0; slotF1 from seqeval, each (slot, value) being one tag of a sequence; of
jsonExactMatch and intentAccuracy there is no program, so they are written out here over `json.loads`.
"""

import argparse
import json
import pathlib
import platform
import random
import warnings
from importlib import metadata
from types import SimpleNamespace

import jiwer
from nltk.stem.porter import PorterStemmer
from rouge_score import rouge_scorer, tokenize
from sacrebleu.metrics import BLEU, CHRF
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from seqeval.metrics import classification_report, f1_score
from transformers.data.metrics import squad_metrics

PACKAGES = ("rouge-score", "nltk", "sacrebleu", "seqeval", "jiwer", "transformers")
ROUGES = ("rouge1", "rouge2", "rougeL", "rougeLsum")

# Each row: prediction, references.
TEXTS = {
    "one reference a row": [
        ("The ferry leaves at noon.", ["The ferry leaves the harbour at noon."]),
        ("A cat sat on the mat, quietly.", ["The cat sat quietly on a mat."]),
        ("It costs 1,000.50 crowns - or 2-3 coins!", ["It cost 1,000.5 crowns, or 2-3 coins."]),
        ("Nobody expected rain", ["Everyone was surprised by the snow"]),
    ],
    "the best of several references": [
        ("the old lighthouse keeper", ["An old keeper", "The lighthouse's old keeper!", "keeper of the light"]),
        ("Rivers run down to the sea.", ["All rivers run to the sea.", "Rivers run down, down to the sea."]),
        ("green tea", ["black coffee", "Green  tea", "tea"]),
        ("we met in May, in Oslo", ["They met in Oslo in May", "In May we met in Oslo"]),
    ],
    "the reference itself": [
        ("The bridge was opened in 1932 by the mayor.", ["The bridge was opened in 1932 by the mayor."]),
        ("Short one.", ["Long other one.", "Short one."]),
    ],
    "an answer, no answer and an empty answer": [
        ("", ["Three of the seven lakes freeze."]),
        ("Three lakes", ["Three of the seven lakes freeze."]),
        ("the", ["A"]),
        ("...", ["Three of the seven lakes freeze.", "?!"]),
    ],
    "summaries of several lines": [
        (
            "The council met on Monday.\nIt voted for a new library.\nWork begins in spring.",
            ["On Monday the council voted.\n\nA new library will be built; work begins next spring.\n"],
        ),
        (
            "Bees visited more flowers.\nMore flowers visited by bees more often more",
            ["Bees visited flowers more often.\nFlowers were visited more.", "Bees\nflowers\nmore more"],
        ),
        ("one line only", ["only\none\nline"]),
    ],
    "inflected words": [
        (
            "The happily running runners were generalizing relational operations.",
            ["A happy runner runs and generalized the operation's relations."],
        ),
        ("Flies dying in the skies, conditionally organized", ["A fly dies in the sky on conditions of organization"]),
    ],
    "scripts, signs and odd spaces": [
        ("Größe und Maß: 3 m²", ["Die Größe, das Maß: 3 m2"]),
        ("Émile's café\u00a0is  open", ["Emile's cafe\u0301 is open."]),
        ("東京は晴れ。", ["東京は晴れでした。", "大阪は雨。"]),
        ("\U0001f600 fine \U0001f44d\U0001f3fd", ["\U0001f600 fine! \U0001f44d", "fine"]),
        ("ΟΔΟΣ the\u2019end a\u0301b x_the_y", ["οδος the end ab the y"]),
        ("\u2003wide\u3000space\u200b\x85 ", ["wide space\u200b", "wide\x1cspace"]),
    ],
    "entities, hyphens and periods": [
        ("Salt &amp; pepper &lt;b&gt; &quot;mix&quot;", ['Salt & pepper <b> "mix"']),
        ("a well-\nknown 10-year plan <skipped>. ", ["a wellknown 10 - year plan .", "plan-\n"]),
        ("v1.2.3 (beta); see http://example.org/a_b?c=d", ["v1.2.3 [beta], see example.org"]),
        ("U.S.A. 3.14, .5 and 7.", ["USA 3.14 .5 and 7 ."]),
        ("don't (hi) 'quoted' $5/kg 50%", ["dont ( hi ) quoted $ 5 / kg 50 %"]),
    ],
    "fewer words than BLEU counts": [
        ("yes", ["yes"]),
        ("no way", ["no", "no way out"]),
    ],
}

# Each row: prediction, references, all of them JSON objects with an intent.
ANSWERS = {
    "flat slots": [
        ('{"intent": "book", "city": "Oslo", "day": "Monday"}', ['{"day":"Monday","city":"Oslo","intent":"book"}']),
        ('{"intent": "book", "city": "Bergen"}', ['{"intent": "book", "city": "Oslo", "day": "Monday"}']),
        ('{"intent": "cancel", "id": 7, "id2": "7"}', ['{"intent": "cancel", "id": "7", "id2": "7"}']),
    ],
    "nested slots and arrays": [
        (
            '{"intent": "order", "items": [{"name": "tea", "count": 2}, {"name": "cake", "count": 1}]}',
            ['{"intent": "order", "items": [{"name": "tea", "count": 2}, {"name": "cake", "count": 3}]}'],
        ),
        (
            '{"intent": "order", "items": [{"name": "cake"}, {"name": "tea"}], "note": null}',
            ['{"intent": "order", "items": [{"name": "tea"}, {"name": "cake"}], "note": "", "paid": false}'],
        ),
        ('{"intent": "route", "a/b": {"~": 1.0}, "to": {"city": "Łódź"}}', ['{"intent": "route", "a/b": {"~": 1}, "to": {"city": "\\u0141\\u00f3d\\u017a"}}']),
    ],
    "predictions that are not objects": [
        ("", ['{"intent": "greet"}']),
        ('{"intent": "greet"', ['{"intent": "greet"}']),
        ('["intent", "greet"]', ['{"intent": "greet"}']),
        ("{'intent': 'greet'}", ['{"intent": "greet"}']),
        ('{"intent": "greet"} and more', ['{"intent": "greet", "name": "Ada"}']),
        ('{"Intent": "greet", "name": "Ada"}', ['{"intent": "greet", "name": "Ada"}']),
    ],
    "no slots": [('{"intent": "stop", "slots": {}}', ['{"intent": "stop"}'])],
    "equal keys": [('{"intent": "a", "intent": "b"}', ['{"intent": "b"}'])],
    "several references": [
        ('{"intent": "play", "song": "Hey"}', ['{"intent": "stop"}', '{"intent": "play", "song": "Hey", "loud": true}']),
        ('{"intent": "stop"}', ['{"intent": "stop"}', '{"intent": "halt"}']),
    ],
}

# Words for every rule of the stemmer, and around its exceptions.
WORDS = """
caresses ponies ties caress cats dies lies flies skies sky news innings canning howe proceed exceeding succeed
feed agreed plastered bled motoring sing conflated troubled sized hopping tanned falling hissing fizzed failing filing
died spied tried untied cried needed freed kneed bleed happy sky enjoy enjoyment by spy fly say dryly yyyy syzygy
relational conditional rational valency hesitancy digitizer conformably radically differently vilely analogously
vietnamization predication operator feudalism decisiveness hopefulness callousness formality sensitivity sensibility
hopefully archaeology geology theology philology fully trilogy legally dually triplicate formative formalize electricity
electrical hopeful goodness revival allowance inference airliner gyroscopic adjustable defensible irritant replacement
adjustment dependent adoption homologous communism activate angularity effective bowdlerize probate rate cease controlling
roll rolling generalizations oscillators organization university universal nation nations nationality national internationally
2nd 3rds 1990s abc123ing x1y2ed running runner runs connect connected connecting connection connections ion lion onion
box boxes boxing snowing playing staying wholly allying ally allied ability abilities possibly terribly able table
oed oing aed eing ies ied eed sses ational alli elli ss sss ee ees oye eye eyes eyed dye dyed dyeing queueing beauty
beautiful beautifully beautification created creation creating creative creatively creativity creator creators create
""".split()


def flatten(value, path=""):
    """(slot, value) pairs of a JSON value: leaves with their JSON Pointers."""
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        return [(path, json.dumps(canonical(value)))]
    return [pair for key, item in entries for pair in flatten(item, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")]


def canonical(value):
    """Values that are equal as JSON compare equal, and others do not: Python takes True for 1."""
    if isinstance(value, dict):
        return {"object": sorted((key, canonical(item)) for key, item in value.items())}
    if isinstance(value, list):
        return [canonical(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def parse(text):
    """[value] of a JSON text, [] if it is not valid."""
    try:
        return [json.loads(text)]
    except ValueError:
        return []


def parse_object(text):
    return [value for value in parse(text) if isinstance(value, dict)]


def rouge(rows, use_stemmer):
    scorer = rouge_scorer.RougeScorer(list(ROUGES), use_stemmer=use_stemmer)
    scores = [scorer.score_multi(references, prediction) for prediction, references in rows]
    return {name: [score[name].fmeasure for score in scores] for name in ROUGES}


def streams(rows):
    """References as sacreBLEU takes them: one list per position, None where a row has fewer."""
    most = max(len(references) for _, references in rows)
    return [[(references[index] if index < len(references) else None) for _, references in rows] for index in range(most)]


def corpus(metric, rows):
    return metric.corpus_score([prediction for prediction, _ in rows], streams(rows)).score


def squad(rows):
    examples = [
        SimpleNamespace(qas_id=index, answers=[{"text": text} for text in references])
        for index, (_, references) in enumerate(rows)
    ]
    exact, f1 = squad_metrics.get_raw_scores(examples, {index: prediction for index, (prediction, _) in enumerate(rows)})
    return list(exact.values()), list(f1.values())


def mean(values):
    return sum(values) / len(values)


def with_rows(rows):
    return {"value": mean(rows), "rows": rows}


def text_case(name, rows):
    predictions = [prediction for prediction, _ in rows]
    first = [references[0] for _, references in rows]
    exact, f1 = squad(rows)
    sentence_bleu = BLEU(effective_order=True)
    character, plus = CHRF(), CHRF(word_order=2)
    characters = [jiwer.process_characters(reference, prediction) for prediction, reference in zip(predictions, first)]
    # jiwer divides words at single spaces, not at whitespace.
    spaced, spaced_first = [[" ".join(text.split()) for text in texts] for texts in (predictions, first)]
    words = [jiwer.process_words(reference, prediction) for prediction, reference in zip(spaced, spaced_first)]
    return {
        "name": name,
        "predictions": predictions,
        "references": [references for _, references in rows],
        "metrics": {
            "squadExactMatch": with_rows(exact),
            "squadF1": with_rows(f1),
            **{kind: with_rows(scores) for kind, scores in rouge(rows, False).items()},
            "bleu": {
                "value": corpus(BLEU(), rows),
                "rows": [sentence_bleu.sentence_score(*row).score for row in rows],
            },
            "chrf": {"value": corpus(character, rows), "rows": [character.sentence_score(*row).score for row in rows]},
            "chrfPlusPlus": {"value": corpus(plus, rows), "rows": [plus.sentence_score(*row).score for row in rows]},
        },
        # jiwer knows one reference a row.
        "firstReferenceOnly": {
            "per": {"value": jiwer.wer(spaced_first, spaced), "rows": [output.wer for output in words]},
            "cer": {"value": jiwer.cer(first, predictions), "rows": [output.cer for output in characters]},
        },
        "stemmed": {kind: mean(scores) for kind, scores in rouge(rows, True).items()},
        "tokens": {
            "bleu": [Tokenizer13a()(text.rstrip()).split() for text in predictions],
            "rouge": [tokenize.tokenize(text, None) for text in predictions],
            "squad": [squad_metrics.normalize_answer(text) for text in predictions],
        },
    }


def tags(pairs, vocabulary):
    """One position per (slot, value) of the row, tagged with the slot where the pair is there: CoNLL tags for seqeval."""
    return [f"B-{slot}" if (slot, value) in pairs else "O" for slot, value in vocabulary]


def slot_tags(rows):
    """True and predicted tags; each row against the reference where its own F1 is highest, the first of equals."""
    true, predicted = [], []
    for prediction, references in rows:
        guess = {pair for value in parse_object(prediction) for pair in flatten(value)}
        candidates = []
        for reference in references:
            gold = set(flatten(json.loads(reference)))
            vocabulary = sorted(guess | gold)
            candidates.append((tags(gold, vocabulary), tags(guess, vocabulary)))
        best = max(candidates, key=lambda pair: f1_score([pair[0]], [pair[1]]))
        true.append(best[0])
        predicted.append(best[1])
    return true, predicted


def answer_case(name, rows):
    exact = [
        int(any(canonical(value) == canonical(json.loads(text)) for value in parse(prediction) for text in references))
        for prediction, references in rows
    ]
    intents = [
        int(
            any(
                isinstance(value.get("intent"), str) and value["intent"] == json.loads(text)["intent"]
                for value in parse_object(prediction)
                for text in references
            )
        )
        for prediction, references in rows
    ]
    true, predicted = slot_tags(rows)
    report = classification_report(true, predicted, output_dict=True)
    slots = {key: value for key, value in report.items() if not key.endswith(" avg")}
    return {
        "name": name,
        "predictions": [prediction for prediction, _ in rows],
        "references": [references for _, references in rows],
        "metrics": {
            "jsonExactMatch": with_rows(exact),
            "intentAccuracy": with_rows(intents),
            "slotF1": {
                "value": float(f1_score(true, predicted)),
                "rows": [float(f1_score([gold], [guess])) for gold, guess in zip(true, predicted)],
            },
        },
        # Without arrays a slot's name is its path.
        "slots": {
            slot: [float(values["precision"]), float(values["recall"]), float(values["f1-score"]), int(values["support"])]
            for slot, values in slots.items()
        },
    }


PIECES = (
    "the a an The THE . , - ' ! ( ) & &amp; < \n -\n 1 23 4.5 1,000 cat cats Cat's running ran flies é É ß Σ 東京 \u00a0 \u3000 "
    "x_y don't U.S. well-known 10-year \U0001f600 a\u0301 \u0301 happily nationalization <skipped> \x85 \x1c \u200b \t"
).split(" ")
ENDINGS = """s es ed ing er ly y ies ied eed ational tional enci izer bli alli entli eli ousli ization ation ator alism iveness
fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical ful ness al ance ence ic able ible ant ement ment ent
ion ou ism ate iti ous ive ize e ll""".split()
KEYS = ("intent", "city", "day", "a/b", "~", "items", "")
LEAVES = ("x", "X", "1", "", 1, 1.0, 0, True, False, None, "é")


def random_text(draw, longest=14):
    return "".join(draw.choice(PIECES) + draw.choice(("", " ", " ", " ")) for _ in range(draw.randint(0, longest)))


def random_row(draw):
    """A prediction that shares much with its references, which all have letters."""
    references = ["cat " + random_text(draw) for _ in range(draw.randint(1, 3))]
    words = draw.choice(references).split(" ")
    kept = [word if draw.random() < 0.8 else draw.choice(PIECES) for word in words if draw.random() < 0.9]
    return " ".join(kept), references


def random_value(draw, depth):
    kind = draw.random()
    if depth == 0 or kind < 0.7:
        return draw.choice(LEAVES)
    if kind < 0.85:
        return {draw.choice(KEYS): random_value(draw, depth - 1) for _ in range(draw.randint(0, 3))}
    return [random_value(draw, depth - 1) for _ in range(draw.randint(0, 3))]


def random_answer(draw):
    answer = {draw.choice(KEYS): random_value(draw, 3) for _ in range(draw.randint(0, 4))}
    answer["intent"] = draw.choice(("go", "stop"))
    return json.dumps(answer)


def random_word(draw):
    stem = "".join(draw.choice("aeiouybcdlnstwxz1") for _ in range(draw.randint(0, 6)))
    return stem + "".join(draw.choice(ENDINGS) for _ in range(draw.randint(0, 2)))


def widen(count, seed):
    draw = random.Random(seed)
    for index in range(count // 10):
        TEXTS[f"random {index}"] = [random_row(draw) for _ in range(10)]
        answers = [[random_answer(draw) for _ in range(3)] for _ in range(10)]
        ANSWERS[f"random {index}"] = [(draw.choice((row[0], row[1], row[0][:-1])), row[1:]) for row in answers]
    WORDS.extend(word for word in (random_word(draw) for _ in range(count * 20)) if word)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("output", type=pathlib.Path)
    options.add_argument("--random", type=int, default=0, metavar="ROWS")
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    warnings.filterwarnings("ignore")
    widen(given.random, given.seed)
    made_by = {
        "command": "python tools/interop/reference/metrics.py packages/metrics/fixtures",
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in PACKAGES},
    }
    stemmer = PorterStemmer()
    files = {
        "texts.json": {"cases": [text_case(name, rows) for name, rows in TEXTS.items()]},
        "answers.json": {"cases": [answer_case(name, rows) for name, rows in ANSWERS.items()]},
        "stems.json": {"stems": {word: stemmer.stem(word) for word in WORDS}},
    }
    given.output.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        text = json.dumps({"madeBy": made_by, **content}, ensure_ascii=True, indent=1)
        (given.output / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
