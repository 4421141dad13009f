"""Writes the Parquet fixtures of packages/data with the reference implementation.

    python tools/interop/reference/parquet-fixtures.py        (made with pyarrow 25; any version serves)

The same eight rows in every codec and page version that Python writers use, in two row groups, with empty values and a nested
column, so that the reader is tested against another program's files.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

TARGET = Path(__file__).resolve().parents[2] / "packages/data/fixtures"

SOURCES = ["a cat", "two dogs", "né à Paris", None, "emoji 😀", "a cat", "line\nbreak", "last one"]
TARGETS = ["un chat", "deux chiens", "born in Paris", "nothing", "joie", "le chat", "saut", "dernier"]

TABLE = pa.table(
    {
        "id": pa.array(range(8), pa.int64()),
        "text": pa.array(SOURCES, pa.string()),
        "fr": pa.array(TARGETS, pa.string()),
        "also": pa.array([["x"], [], None, ["y", "z"], ["w"], [], ["v"], ["u"]], pa.list_(pa.string())),
        "translation": pa.array(
            [{"en": source or "none", "fr": target} for source, target in zip(SOURCES, TARGETS)],
            pa.struct([("en", pa.string()), ("fr", pa.string())]),
        ),
        "score": pa.array([0.5, 1.0, None, 2.5, 3.0, 4.0, 5.0, 6.0], pa.float64()),
    }
)

WRITERS = {
    "zstd": dict(compression="zstd"),
    "gzip": dict(compression="gzip"),
    "brotli": dict(compression="brotli"),
    "lz4": dict(compression="lz4"),
    "snappy": dict(compression="snappy"),
    "none": dict(compression="none", use_dictionary=False),
    "zstd-v2": dict(compression="zstd", data_page_version="2.0"),
    "delta-v2": dict(
        compression="snappy",
        data_page_version="2.0",
        use_dictionary=False,
        column_encoding={"id": "DELTA_BINARY_PACKED", "text": "DELTA_LENGTH_BYTE_ARRAY"},
    ),
    "front-coded": dict(use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}),
    "front-coded-v2": dict(
        data_page_version="2.0",
        use_dictionary=False,
        column_encoding={"text": "DELTA_BYTE_ARRAY", "fr": "DELTA_BYTE_ARRAY", "score": "BYTE_STREAM_SPLIT"},
    ),
}

TARGET.mkdir(exist_ok=True)
for name, options in WRITERS.items():
    pq.write_table(TABLE, TARGET / f"{name}.parquet", row_group_size=5, **options)
