"""Tables of a place: Parquet from a path, or from a URL through fsspec (pipeline/places.py).

Of a path nothing is read that polars and pyarrow would not read. Of a URL whole files are fetched,
a scan `AHEAD` of them at once, so that a file is one request; a frame of a scan holds the columns
that are asked for, as one of a path does.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from polars.io.plugins import register_io_source

from pipeline.errors import InputError
from pipeline.places import ahead, fs_of, glob, is_remote, read_bytes, store_errors


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Turn what a broken file makes pyarrow and polars raise, who do not say which one it is, into
    an InputError that does."""
    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from error
    except OSError as error:
        # What the system says of a file has a number, what pyarrow says of its bytes has none.
        if error.errno is not None:
            raise
        raise _unreadable(path, error) from error


@contextmanager
def each_named(paths: Callable[[], Iterable[Path]]) -> Iterator[None]:
    """Of a scan of many files, the like: the broken one is looked for among `paths`, which are
    listed only then."""
    try:
        yield
    except pl.exceptions.PolarsError:
        for path in paths():
            with named(path):
                read_frame(path)
        raise  # none of them


def _unreadable(path: Path, error: Exception) -> InputError:
    (said, *_) = str(error).splitlines() or [type(error).__name__]
    return InputError(
        f"{path}: cannot be read ({said}): the file is damaged, or is not what Stepsmith wrote: "
        f"copy it anew, or make the dataset anew",
        path=str(path),
    )


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    source = path if not is_remote(path) else pa.BufferReader(read_bytes(path))
    # Not pq.read_table, whose way to a folder of files takes longer than most of ours take to read.
    with pq.ParquetFile(source) as file:
        return file.read(None if columns is None else list(columns))


def read_row_group(path: Path, number: int) -> pa.Table:
    """One row group of a file that never changes; of a store, no more of it is fetched."""
    if not is_remote(path):
        with pq.ParquetFile(path) as file:
            return file.read_row_group(number)
    fs, name = fs_of(path)
    with (
        store_errors(path, "read"),
        fs.open(name, "rb") as source,
        pq.ParquetFile(source, metadata=_metadata(path)) as file,
    ):
        return file.read_row_group(number)


@lru_cache(maxsize=16)
def _metadata(path: Path) -> Any:
    # That of a large batch is megabytes, and each of its shards asks.
    fs, name = fs_of(path)
    with fs.open(name, "rb") as source:
        return pq.read_metadata(source)


def read_frame(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    source: Any = path if not is_remote(path) else io.BytesIO(read_bytes(path))
    return pl.read_parquet(source, columns=None if columns is None else list(columns))


def scan_frames(folder: Path, pattern: str, without: Container[str] = ()) -> pl.LazyFrame:
    """All files of a pattern as one frame, in the order of their names, without those whose stems
    are in `without`; one at least."""
    if not is_remote(folder) and not without:
        return pl.scan_parquet(folder / pattern)
    paths = [path for path in glob(folder, pattern) if path.stem not in without]
    if paths and not is_remote(folder):
        return pl.scan_parquet(paths)
    if not paths:
        raise FileNotFoundError(errno.ENOENT, "no such files", str(folder / pattern))
    schema = pl.read_parquet_schema(io.BytesIO(read_bytes(paths[0])))

    def fetch(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        left = rows
        for frame in ahead(paths, lambda path: read_frame(path, columns)):
            part = frame if left is None else frame.head(left)
            left = None if left is None else left - len(part)
            yield part if predicate is None else part.filter(predicate)
            if left == 0:
                return

    return register_io_source(fetch, schema=schema, is_pure=True)


def read_frames(folder: Path, pattern: str) -> pl.DataFrame:
    """All rows of all files of a pattern; one file at least. Raises InputError naming the one that
    cannot be read."""
    with each_named(lambda: glob(folder, pattern)):
        return scan_frames(folder, pattern).collect()
