"""The labels written in other ways, to see what each does to the bytes of another version, and a
dataset with texts as long as a language model's: parts of bench/push_bytes.py."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.chunks import Store
from pipeline.files import write_table
from pipeline.folder import RATIONALES_TABLE, DatasetFolder
from pipeline.hub.content import side_tables
from pipeline.published import changing, rounded, write_labels
from pipeline.schemas import LABELS

_WORDS = [f"{'bcdfglmnprst'[n % 12]}{'aeiou'[n // 12 % 5]}{n // 60:x}" for n in range(5_000)]
_WEIGHTS = [1 / (n + 1) for n in range(5_000)]  # Zipf's law
LAYOUTS: dict[str, dict[str, bool]] = {
    "as it is written": {"last": True, "round": True, "dictionary": True},
    "numbers with all their digits": {"last": True},
    "no dictionaries": {"last": True, "round": True},
    "numbers among the texts": {"round": True, "dictionary": True},
    "none of these": {},
    "no dictionaries, byte-stream split": {"last": True, "round": True, "split": True},
    "content-defined pages": {"last": True, "round": True, "dictionary": True, "pages": True},
}


def layouts(old: pa.Table, new: pa.Table) -> dict[str, tuple[int, int]]:
    """Of the second table as one file: its bytes, and those in chunks that the first has not."""
    found = {}
    for name, layout in LAYOUTS.items():
        store = Store()
        store.put(_written(old, layout))
        data = _written(new, layout)
        found[name] = (len(data), store.put(data))
    return found


def _written(table: pa.Table, layout: dict[str, bool]) -> bytes:
    names = list(LABELS.names)
    if not layout.get("last"):  # as a schema is when nobody thinks of this: by meaning
        at, texts = names.index("p_correct"), names.index("steps") + 1
        mixed = [one for pair in zip(names[at:], names[texts:at], strict=False) for one in pair]
        names = [*names[:texts], *mixed, *(n for n in names[texts:] if n not in set(mixed))]
    table = (rounded(table) if layout.get("round") else table).select(names)
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="zstd",
        use_dictionary=changing(LABELS) if layout.get("dictionary") else False,
        use_byte_stream_split=_floats(table.schema) if layout.get("split") else False,
        use_content_defined_chunking=layout.get("pages", False),
    )
    return bytes(sink.getvalue().to_pybytes())


def _floats(schema: pa.Schema) -> list[str]:
    """Paths of the columns of floating-point numbers, as Parquet names them."""
    found = []
    for field in schema:
        nested = pa.types.is_list(field.type)
        if pa.types.is_floating(field.type.value_type if nested else field.type):
            found.append(f"{field.name}.list.element" if nested else field.name)
    return found


def like_a_models(folder: DatasetFolder, out: Path, characters: int) -> DatasetFolder:
    """A copy as one shard, whose every step has so many more characters, of made-up words, in all
    tables, and as many more token ids as go with them. Equal steps get equal words, so that texts
    share as much as they did."""
    target = DatasetFolder(out)
    tables = {"data": [folder.published(shard) for shard in folder.shards()]}
    for name, path in side_tables(folder).items():
        tables.setdefault(name.partition("/")[0], []).append(path)
    tables.pop(RATIONALES_TABLE, None)
    for table, files in tables.items():
        rows = pa.concat_tables([pq.read_table(path) for path in files])
        shard = "00000-00000"
        rows = _longer(table, rows, characters)
        if table == "data":
            write_labels(target.published(shard), rows)
        else:
            write_table(target.side(table, shard), rows)
    manifest: dict[str, Any] = folder.read_manifest() or {}
    manifest["batches"] = [manifest["batches"][0] | {"shards": ["00000-00000"]}]
    manifest.pop("derived_from", None)
    target.manifest.write_text(json.dumps(manifest))
    return target


def _longer(table: str, rows: pa.Table, characters: int) -> pa.Table:
    columns = {
        name: rows[name].to_pylist() for name in ("steps", "text") if name in rows.schema.names
    }
    if table == "data":
        columns["steps"] = [
            [one + _prose(one, characters) for one in row] for row in columns["steps"]
        ]
    elif table == "solutions":
        columns["text"] = [_paragraphs(text, characters) for text in columns["text"]]
        for row in columns["steps"]:
            for step in row:
                step["text"] += _prose(step["text"], characters)
        columns["token_ids"] = [
            None
            if ids is None
            else ids + [n for step in row for n in _ids(step["text"], characters)]
            for ids, row in zip(rows["token_ids"].to_pylist(), columns["steps"], strict=True)
        ]
    elif table == "rollouts":
        columns["text"] = [_paragraphs(text, characters) for text in columns["text"]]
    else:
        return rows
    for name, values in columns.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(
            at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type)
        )
    return rows


def _paragraphs(text: str, characters: int) -> str:
    parts = re.split(r"(?<=\n\n)", text)
    return "".join(part + _prose(part, characters) for part in parts)


def _prose(text: str, characters: int) -> str:
    words = random.Random(text).choices(_WORDS, _WEIGHTS, k=characters // 3)
    return (" " + " ".join(words))[:characters]


def _ids(text: str, characters: int) -> list[int]:
    """Four characters a token."""
    places = random.Random(text).choices(range(5_000), _WEIGHTS, k=characters // 4)
    return [place * 29 % 32_000 for place in places]
