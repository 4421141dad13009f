"""Results of the reference programs for the files of tools/interop/published-files.mjs.

    python tools/interop/programs.py TASK < request.json > answer.json

Needs the packages in tools/interop/requirements.txt.
"""

import datetime
import decimal
import hashlib
import json
import math
import os
import pathlib
import sys


def tokenizer(request):
    import tokenizers

    native = tokenizers.Tokenizer.from_file(request["file"])
    native.no_truncation()
    native.no_padding()
    texts = []
    for text, ids in zip(request["texts"], request["ids"]):
        expected = native.encode(text, add_special_tokens=False).ids
        decoded = native.decode(ids, skip_special_tokens=True)
        texts.append(dict(ids=expected, decoded=clean_up(decoded) if request["cleanUp"] else decoded))
    return dict(version=tokenizers.__version__, texts=texts)


def clean_up(text):
    """What transformers does for `clean_up_tokenization_spaces`."""
    for mark in (".", "?", "!", ","):
        text = text.replace(f" {mark}", mark)
    text = text.replace(" ' ", "'")
    for end in ("n't", "'m", "'s", "'ve", "'re"):
        text = text.replace(f" {end}", end)
    return text


def safetensors(request):
    import safetensors as library

    stored = library.deserialize(pathlib.Path(request["file"]).read_bytes())
    tensors = {
        name: dict(dtype=facts["dtype"], shape=list(facts["shape"]), sha256=hashlib.sha256(facts["data"]).hexdigest())
        for name, facts in stored
    }
    return dict(version=library.__version__, tensors=tensors)


def image(request):
    import numpy
    import PIL
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None
    opened = Image.open(request["file"])
    answer = dict(version=PIL.__version__, mode=f"{opened.format} {opened.mode}")
    upright = ImageOps.exif_transpose(opened)
    if upright.mode.startswith("I;16"):
        upright = Image.fromarray((numpy.asarray(upright) >> 8).astype(numpy.uint8))
    theirs = numpy.asarray(upright.convert("RGB"))
    ours = numpy.fromfile(request["pixels"], numpy.uint8).reshape(request["height"], request["width"], 3)
    if theirs.shape != ours.shape:
        return dict(answer, error=f"they read {theirs.shape[1]} x {theirs.shape[0]}")
    difference = numpy.abs(theirs.astype(numpy.int16) - ours)
    return dict(answer, largest=int(difference.max()), mean=float(difference.mean()))


def comparable(value):
    """Like `comparable` in kinds/table.mjs: whole numbers as text, dates as ISO 8601, bytes in hexadecimal."""
    if value is None:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else value
    if isinstance(value, decimal.Decimal):
        return comparable(float(value))
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.timezone.utc) if value.tzinfo else value
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    if isinstance(value, datetime.date):
        return f"{value.isoformat()}T00:00:00.000Z"
    if isinstance(value, bytes):
        return f"bytes {value.hex()}"
    if isinstance(value, (list, tuple)):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    return str(value)


ROWS_COMPARED = 20_000


def table(request):
    path = request["file"]
    ending = pathlib.Path(path).suffix.lower()
    ragged = 0
    if ending in (".parquet", ".pq"):
        import pyarrow
        import pyarrow.parquet

        read = pyarrow.parquet.ParquetFile(path).read()
        count, program = read.num_rows, f"pyarrow {pyarrow.__version__}"
        rows = read.slice(0, ROWS_COMPARED).to_pylist()[:count]
    elif ending in (".csv", ".tsv"):
        # Python's reader treats quotes as in RFC 4180; in TSV they are text.
        import csv

        dialect = dict(delimiter=",") if ending == ".csv" else dict(delimiter="\t", quoting=csv.QUOTE_NONE)
        encoding = "utf-8-sig" if request["encoding"] == "utf-8" else request["encoding"]
        with open(path, encoding=encoding, newline="") as file:
            found = [row for row in csv.reader(file, **dialect) if "".join(row).strip() != ""]
        names = [name.strip() for name in found[0]]
        whole = [row for row in found[1:] if len(row) == len(names)]
        rows, program, count = [dict(zip(names, row)) for row in whole[:ROWS_COMPARED]], "Python csv", len(whole)
        ragged = len(found) - 1 - count
    else:
        rows, program = json.loads(pathlib.Path(path).read_text("utf-8-sig")), "Python json"
        count = len(rows)
        rows = rows[:ROWS_COMPARED]
    return dict(program=program, count=count, ragged=ragged, rows=[comparable(row) for row in rows])


def gguf(request):
    import importlib.metadata

    import gguf as library

    reader = library.GGUFReader(request["file"])
    return dict(
        version=importlib.metadata.version("gguf"),
        architecture=reader.fields["general.architecture"].contents(),
        tensors={tensor.name: hashlib.sha256(tensor.data.tobytes()).hexdigest() for tensor in reader.tensors},
    )


NUMPY = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(uint8)": "uint8",
    "tensor(int8)": "int8",
    "tensor(bool)": "bool",
}


def onnx(request):
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    answer = dict(version=onnxruntime.__version__, others={})

    def load(path):
        if os.path.isdir(path):
            path = next(str(one) for one in sorted(pathlib.Path(path).rglob("*.onnx")))
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    try:
        original = load(request["file"])
        feeds, described = random_feeds(original, request["feeds"], numpy)
        expected = original.run(None, feeds)
    except Exception as error:
        return dict(answer, error=first_line(error))
    answer["inputs"] = described
    for name, path in request["others"].items():
        try:
            answer["others"][name] = compare(expected, load(path).run(None, feeds), numpy)
        except Exception as error:
            answer["others"][name] = dict(error=first_line(error))
    return answer


def first_line(error):
    return f"{type(error).__name__}: {str(error).splitlines()[0]}"[:200]


def random_feeds(session, given, numpy):
    generator = numpy.random.default_rng(7)
    feeds, described = {}, []
    for value in session.get_inputs():
        asked = given.get(value.name, {})
        shape = asked.get("shape") or [size if isinstance(size, int) and size > 0 else 1 for size in value.shape]
        dtype = NUMPY[value.type]
        if "value" in asked:
            feed = numpy.full(shape, asked["value"], dtype)
        elif dtype == "bool":
            feed = numpy.ones(shape, dtype)
        elif dtype.startswith("float"):
            feed = (generator.standard_normal(shape) * asked.get("scale", 1)).astype(dtype)
        else:
            feed = generator.integers(asked.get("low", 0), asked.get("high", 2), shape).astype(dtype)
        feeds[value.name] = feed
        described.append(f"{value.name} {'x'.join(map(str, feed.shape)) or 'scalar'}")
    return feeds, ", ".join(described)


def compare(expected, got, numpy):
    """Largest difference of any output, and the cosine of all floating-point outputs together."""
    largest, dot, ours, theirs = 0.0, 0.0, 0.0, 0.0
    for left, right in zip(expected, got):
        left, right = numpy.asarray(left), numpy.asarray(right)
        if left.shape != right.shape:
            raise ValueError(f"shapes {left.shape} and {right.shape}")
        if left.dtype.kind not in "fiub":
            continue
        a, b = left.astype(numpy.float64).ravel(), right.astype(numpy.float64).ravel()
        same = (a == b) | (numpy.isnan(a) & numpy.isnan(b))
        if a.size and not same.all():
            largest = max(largest, float(numpy.abs(a[~same] - b[~same]).max()))
        if left.dtype.kind == "f":
            finite = numpy.isfinite(a) & numpy.isfinite(b)
            dot += float(a[finite] @ b[finite])
            ours += float(b[finite] @ b[finite])
            theirs += float(a[finite] @ a[finite])
    return dict(largest=largest, cosine=dot / math.sqrt(ours * theirs) if ours * theirs > 0 else 1.0)


TASKS = dict(tokenizer=tokenizer, safetensors=safetensors, image=image, table=table, gguf=gguf, onnx=onnx)

if __name__ == "__main__":
    json.dump(TASKS[sys.argv[1]](json.load(sys.stdin)), sys.stdout)
