"""What a format reads of a dataset: one shard at a time, in tables of bounded size.

Guarantees: tables hold some `TEXT_BYTES` of steps whatever the length of solutions, so memory does
not grow with the dataset; formats that look at whole problems get every row of a problem in one
table, whatever shards they stand in (spread.py), and the problems of a shard in the order of their
first rows. Those formats read a shard's columns at once, with the rows of its problems that stand
in later shards, and rationales come a shard at once: a shard is bounded by the run that made it. It
is read once it is published, and never changes after that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.errors import InputError
from pipeline.folder import RATIONALES_TABLE, DatasetFolder
from pipeline.formats.format import Format
from pipeline.formats.rows import codes
from pipeline.formats.spread import Spread
from pipeline.places import exists, is_remote, read_bytes
from pipeline.schemas import SCHEMA_VERSION
from pipeline.tables import named, read_table
from pipeline.versions import OLDEST, other_way

TEXT_BYTES = 8 * 2**20  # of steps, in one table
MOST_ROWS = 8192
# What an export says of its rows (flows/export.py).
OF_ROWS = ("recipe_hash", "view", "after_error", "policy", "prover", "schema_version")
_OF_LABELS = ("solution_id", "keep", "label")  # beside a rationale


def check_shard(folder: DatasetFolder, shard: str, wanted: Format) -> None:
    """Raises InputError that says what to do where the format cannot read the shard."""
    path = folder.published(shard)
    _check_schema(folder, path)
    if wanted.table == "labels":
        _check_columns(folder, path, (*wanted.reads, *OF_ROWS), wanted)
        return
    _check_columns(folder, path, (*_OF_LABELS, *OF_ROWS), wanted)
    if not exists(place := _rationales_of(folder, shard)):
        raise InputError(
            f"{place}: is not there: format {wanted.name} is made of what judges wrote, and this "
            f"dataset has no judge; docs/judges.md says how to ask one"
        )
    _check_columns(folder, place, wanted.reads, wanted)


def _check_schema(folder: DatasetFolder, path: Path) -> None:
    with _parquet(path) as file:
        if "schema_version" not in file.schema_arrow.names:
            raise InputError(f"{path}: holds no labels of Stepsmith's: no column schema_version")
        columns = [name for name in ("schema_version", "view") if name in file.schema_arrow.names]
        head = next(file.iter_batches(1, columns=columns), None)
    if head is None or not head.num_rows:
        return
    row = head.to_pylist()[0]
    found, view = row["schema_version"], row.get("view") or "VIEW"
    if found == SCHEMA_VERSION:
        return
    if found is None or not OLDEST <= found < SCHEMA_VERSION:
        raise InputError(
            f"{path}: has schema {found}, and this Stepsmith knows {SCHEMA_VERSION}: "
            f"{other_way(found)}"
        )
    raise InputError(
        f"{path}: has schema {found}, and formats read {SCHEMA_VERSION}. `stepsmith derive "
        f"{folder.root} --view {view} --out NEW` writes the same labels in schema {SCHEMA_VERSION} "
        f"from the evidence, without asking a model; then export NEW"
    )


def _check_columns(
    folder: DatasetFolder, path: Path, columns: Sequence[str], wanted: Format
) -> None:
    with _parquet(path) as file:
        missing = [name for name in columns if name not in file.schema_arrow.names]
    if missing:
        raise InputError(
            f"{path}: has no column {', '.join(missing)}, which format {wanted.name} reads: all "
            f"tables of schema {SCHEMA_VERSION} have it. `stepsmith derive {folder.root} --view "
            f"VIEW --out NEW` writes them anew from the evidence; then export NEW"
        )


def digest(path: Path) -> str:
    """Of a file's bytes."""
    if is_remote(path):
        return hashlib.sha256(read_bytes(path)).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tables(folder: DatasetFolder, shard: str, wanted: Format, spread: Spread) -> Iterator[pa.Table]:
    """At least one, which may be empty."""
    if wanted.table == "rationales":
        yield _rationales(folder, shard, wanted)
    elif wanted.whole_problems:
        yield from _by_problem(_whole(folder, shard, wanted, spread))
    else:
        with _parquet(folder.published(shard)) as file:
            size = _rows_at_once(file)
            yield file.schema_arrow.empty_table().select(list(wanted.reads))
            for batch in file.iter_batches(size, columns=list(wanted.reads), use_threads=False):
                yield pa.Table.from_batches([batch])


def _rationales(folder: DatasetFolder, shard: str, wanted: Format) -> pa.Table:
    """With `keep` and `label` of their solutions; null where there is no such solution."""
    labels = _read(folder.published(shard), _OF_LABELS)
    table = _read(_rationales_of(folder, shard), wanted.reads)
    at = pc.index_in(table.column("solution_id"), value_set=labels.column("solution_id"))
    for name in _OF_LABELS[1:]:
        table = table.append_column(name, labels.column(name).take(at))
    return table


def _rationales_of(folder: DatasetFolder, shard: str) -> Path:
    return DatasetFolder(folder.evidence_root()).side(RATIONALES_TABLE, shard)


def _whole(folder: DatasetFolder, shard: str, wanted: Format, spread: Spread) -> pa.Table:
    """The shard's rows but those that are read with an earlier one; then later shards' rows of its
    problems."""
    own, away = _read(folder.published(shard), wanted.reads), spread.away_from(shard)
    if len(away):
        own = own.filter(pc.invert(pc.is_in(own.column("problem_id"), value_set=away)))
    parts = [own]
    for later, problems in spread.guests_of(shard).items():
        table = _read(folder.published(later), wanted.reads)
        parts.append(table.filter(pc.is_in(table.column("problem_id"), value_set=problems)))
    return pa.concat_tables(parts)


def _by_problem(table: pa.Table) -> Iterator[pa.Table]:
    """In tables of whole problems, each problem where its first row stands."""
    if not table.num_rows:
        yield table
        return
    problem = codes(table.column("problem_id").combine_chunks())
    if (np.diff(problem) < 0).any():
        order = np.argsort(problem, kind="stable")
        table, problem = table.take(pa.array(order)), problem[order]
    begins = np.append(np.flatnonzero(np.diff(problem, prepend=-2)), len(problem))
    size = max(1, int(TEXT_BYTES * table.num_rows / max(table.column("steps").nbytes, 1)))
    start = 0
    while start < len(problem):
        # The last beginning within reach, or the next one where a problem is larger than that.
        reach = begins[(begins > start) & (begins <= start + min(size, MOST_ROWS))]
        end = int(reach[-1] if len(reach) else begins[begins > start][0])
        yield table.slice(start, end - start)
        start = end


def _rows_at_once(file: Any) -> int:
    metadata = file.metadata
    if not metadata.num_rows:
        return 1
    size = 0
    for group in range(metadata.num_row_groups):
        found = metadata.row_group(group)
        for number in range(found.num_columns):
            column = found.column(number)
            if column.path_in_schema.partition(".")[0] == "steps":
                size += column.total_uncompressed_size
    return min(MOST_ROWS, max(1, int(TEXT_BYTES * metadata.num_rows / max(size, 1))))


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    source = path if not is_remote(path) else pa.BufferReader(read_bytes(path))
    with named(path), pq.ParquetFile(source) as file:
        yield file


def _read(path: Path, columns: Sequence[str]) -> pa.Table:
    with named(path):
        return read_table(path, columns)
