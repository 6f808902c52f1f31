"""Stages: a shard's tables at a path that holds the hash of everything that shaped them.

    <work>/stages/<shard>/<stage>-<hash>/<table>.parquet
    <work>/stages/<shard>/<stage>-<hash>/done.json      written last: it exists when all do

A finished stage is never recomputed; a changed recipe has another hash, so it never meets a
stale one. Tables hold no times (evidence's `seconds` apart), so equal input gives equal bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.files import write_json, write_table
from pipeline.places import read_json
from pipeline.tables import read_table


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of one shard."""

    folder: Path

    def done(self) -> dict[str, Any] | None:
        """The marker's content (counts), or None while the stage is not finished."""
        try:
            found = read_json(self.folder / "done.json")
        except FileNotFoundError:
            return None
        return dict(found)

    def finish(self, tables: Mapping[str, pa.Table], counts: Mapping[str, Any]) -> None:
        """Write the tables, then the marker. Raises StorageError."""
        for name, table in tables.items():
            write_table(self.table_path(name), table)
        write_json(self.folder / "done.json", dict(counts))

    def table_path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def read(self, name: str) -> pa.Table:
        return read_table(self.table_path(name))


def stage(work: Path, shard: str, name: str, digest: str) -> Stage:
    return Stage(work / "stages" / shard / f"{name}-{digest}")
