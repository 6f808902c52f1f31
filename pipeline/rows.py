"""Rows of a file that somebody else wrote: JSON lines, JSON, Parquet or a Hub dataset.

Guaranteed: what cannot be read as a whole (missing, empty, not text, bad JSON at row n) raises
`ProblemFileError` that names file and row, before anything is spent; a row that is not an object
is handed on as it is, for the caller to set aside. Row numbers count from 1; in a .jsonl file
they are line numbers. Nothing here looks into a row.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ProblemFileError

MAX_TEXT = 100_000
MAX_SOLUTION = 2_000_000  # a reasoning trace of some 500,000 tokens


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it was read; `data` is a dict with string keys where the row is an object."""

    number: int
    data: Any


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row that cannot be used, and why; the run goes on without it."""

    row: int
    problem_id: str | None
    reason: str
    detail: str


class BadRow(Exception):
    """Raised by a parser for one row; becomes a `SetAside`, never an error of the run."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def read_rows(source: str) -> list[Row]:
    """All rows of `source`: a file, a folder of Parquet files (a dataset's `data/`), or
    `hf:owner/name[:config[:split]]`."""
    rows = _hub_rows(source) if source.startswith("hf:") else _file_rows(source)
    if not rows:
        raise ProblemFileError(f"{source}: there is no row in it", file=source, row=None)
    return rows


def columns_of(rows: Iterable[Row]) -> list[str]:
    """The columns that are in any row, in the order in which they appear."""
    return list(
        dict.fromkeys(key for row in rows if isinstance(row.data, dict) for key in row.data)
    )


def content_id(prefix: str, *parts: str) -> str:
    """An id made from content alone: the same text has the same id in every file."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"{prefix}-{digest[:12]}"


def clean_text(value: object, field: str, longest: int = MAX_TEXT) -> str:
    """`value` as text that every table and model can hold, or `BadRow`."""
    if value is None:
        raise BadRow(f"empty_{field}", f"{field} is null or not there")
    if not isinstance(value, str):
        raise BadRow("wrong_type", f"{field} is {type(value).__name__}, not text")
    if not value.strip():
        raise BadRow(f"empty_{field}", f"{field} is empty")
    if len(value) > longest:
        raise BadRow("too_long", f"{field} has {len(value)} characters, more than {longest}")
    if "\x00" in value:
        raise BadRow("nul_bytes", f"{field} holds a NUL character at {value.index(chr(0))}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRow("not_unicode", f"{field} holds half a character at {error.start}") from None
    return value


def _file_rows(source: str) -> list[Row]:
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder_rows(path, source)
    if not path.is_file():
        raise ProblemFileError(f"{source}: is not there; a file is needed", file=source, row=None)
    readers = {".jsonl": _json_lines, ".json": _json_file, ".parquet": _parquet_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ProblemFileError(
            f"{source}: cannot read '{path.suffix}' files; use one of {', '.join(readers)} "
            "or hf:owner/name",
            file=source,
            row=None,
        )
    try:
        return reader(path, source)
    except OSError as error:
        raise ProblemFileError(
            f"{source}: cannot be read: {os.strerror(error.errno) if error.errno else error}",
            file=source,
            row=None,
        ) from error
    except UnicodeDecodeError as error:
        raise ProblemFileError(
            f"{source}: is not UTF-8 text (byte {error.start})", file=source, row=None
        ) from error


def _json_lines(path: Path, source: str) -> list[Row]:
    """{"question": "Natalia sold clips ...", "answer": "Natalia sold 48/2 = ... #### 72"}"""
    # Split on \n alone: splitlines() also cuts at U+2028, which JSON allows inside a string.
    lines = path.read_text("utf-8-sig").split("\n")
    return [Row(n, _parse(line, source, n)) for n, line in enumerate(lines, 1) if line.strip()]


def _json_file(path: Path, source: str) -> list[Row]:
    """{"data": [{"question": ..., "answer": ...}, ...]}, or the list alone"""
    data = _parse(path.read_text("utf-8-sig"), source, None)
    if isinstance(data, dict):
        data = data.get("data")
    if not isinstance(data, list):
        raise ProblemFileError(
            f'{source}: is neither a list of rows nor {{"data": [...]}}', file=source, row=None
        )
    return [Row(n, row) for n, row in enumerate(data, 1)]


def _folder_rows(folder: Path, source: str) -> list[Row]:
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise ProblemFileError(
            f"{source}: is a folder without a Parquet file in it", file=source, row=None
        )
    rows = [row.data for path in files for row in _parquet_rows(path, str(path))]
    return [Row(n, data) for n, data in enumerate(rows, 1)]


def _parquet_rows(path: Path, source: str) -> list[Row]:
    try:
        table = pq.read_table(path)
    except pa.ArrowInvalid as error:
        raise ProblemFileError(
            f"{source}: is not a Parquet file: {error}", file=source, row=None
        ) from error
    return [Row(n, row) for n, row in enumerate(table.to_pylist(), 1)]


def _hub_rows(source: str) -> list[Row]:
    """hf:openai/gsm8k:main:train"""
    name, _, rest = source.removeprefix("hf:").partition(":")
    config, _, split = rest.partition(":")
    if name.count("/") != 1:
        raise ProblemFileError(
            f"{source}: write hf:owner/name, hf:owner/name:config or hf:owner/name:config:split",
            file=source,
            row=None,
        )
    import datasets  # heavy, and needed for this source alone

    try:
        dataset = datasets.load_dataset(name, config or None, split=split or "train")
    except Exception as error:  # the library raises its own, huggingface_hub's and aiohttp's types
        raise ProblemFileError(
            f"{source}: the dataset could not be loaded ({type(error).__name__}: {error}); "
            "check name, config and split, and that this machine reaches the Hub or has it cached",
            file=source,
            row=None,
        ) from error
    return [Row(n, dict(row)) for n, row in enumerate(dataset, 1)]


def _parse(text: str, source: str, row: int | None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f"{source}, row {row}" if row is not None else source
        raise ProblemFileError(f"{where}: is not JSON: {error}", file=source, row=row) from error
