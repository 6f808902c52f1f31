"""One shard of an export, written table by table.

Guarantees: the file is whole or not there; its bytes depend on the shard (and on later ones, where
rows of its problems stand there and the format wants whole problems), the format and its options
alone (and the pyarrow version). A Parquet file says in its metadata (key `stepsmith`) what it was
made of; JSON lines cannot, the export's README.md does.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.files import write_whole
from pipeline.folder import DatasetFolder
from pipeline.formats.format import Format, Value
from pipeline.formats.rows import Rows
from pipeline.formats.source import digest, tables
from pipeline.formats.spread import NOWHERE, Spread


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported, and how."""

    folder: DatasetFolder
    format: Format
    options: Mapping[str, Value]  # as they were given
    every: bool  # also rows that are not kept
    jsonl: bool
    policy: str = ""  # the dataset's, where it is known: the default of option `policy`
    spread: Spread = NOWHERE

    def used(self) -> Mapping[str, Value]:
        """The options, with what the dataset says. No part of `settings`: a run in the making may
        not say it yet."""
        if self.options.get("policy") == "":
            return {**self.options, "policy": self.policy}
        return self.options

    def file(self, root: Path, shard: str) -> Path:
        """The dataset's own name of the shard, below another root."""
        path = DatasetFolder(root).published(shard)
        return path.with_suffix(".jsonl") if self.jsonl else path

    def settings(self) -> dict[str, Any]:
        return {
            "format": self.format.name,
            "options": dict(self.options),
            "every": self.every,
            "jsonl": self.jsonl,
        }


@dataclass(frozen=True, slots=True)
class Written:
    """Of one shard, or of all."""

    read: int  # rows of the table that the format reads
    rows: int
    left_out: dict[str, int]
    digests: dict[str, str]  # of the dataset's shards

    def __add__(self, other: Written) -> Written:
        left_out = Counter(self.left_out) + Counter(other.left_out)
        return Written(
            self.read + other.read,
            self.rows + other.rows,
            {name: left_out[name] for name in {**self.left_out, **other.left_out}},
            self.digests | other.digests,
        )


NOTHING = Written(0, 0, {}, {})


def export_shard(export: Export, root: Path, shard: str) -> Written:
    """Of a shard that source.py's `check_shard` lets pass. Raises StorageError."""
    found = digest(export.folder.published(shard))
    total = Written(0, 0, {}, {shard: found})
    said = {**export.settings(), "shard": shard, "sha256": found}
    if guests := export.spread.guests_of(shard):
        said["with"] = {one: digest(export.folder.published(one)) for one in guests}
    facts = json.dumps(said)
    schema = export.format.schema.with_metadata({"stepsmith": facts})
    options = export.used()

    def fill(temporary: Path) -> None:
        nonlocal total
        with _writer(temporary, schema, export.jsonl) as write:
            for table in tables(export.folder, shard, export.format, export.spread):
                rows = Rows(table, export.every)
                made = export.format.project(rows, options)
                total += Written(len(rows), made.table.num_rows, made.left_out, {})
                if made.table.num_rows:
                    write(made.table.replace_schema_metadata(schema.metadata))

    write_whole(export.file(root, shard), fill)
    return total


@contextmanager
def _writer(path: Path, schema: pa.Schema, jsonl: bool) -> Iterator[Callable[[pa.Table], None]]:
    """What takes the tables of a file."""
    if jsonl:
        with path.open("wb") as file:
            yield lambda table: pl.DataFrame(table).write_ndjson(file)
        return
    # As all our tables: zstd, without dictionaries (pipeline/files.py).
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        yield writer.write_table
