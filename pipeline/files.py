"""Files that are either whole or not there.

On this machine every write goes to a temporary name beside its target, is flushed to the disk, then
renamed; a folder made for it is flushed too. A full or read-only disk raises StorageError that
names the path; the temporary file is removed. What a killed process leaves is for
`remove_leftovers`. In an object store (pipeline/places.py) every file is one PUT, which is whole or
not there by itself; failures in passing are retried by its client, and what it gives up on is a
StorageError too.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import StorageError
from pipeline.places import exists, fs_of, is_remote, store_errors

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
_HINTS = {
    errno.ENOSPC: "the disk is full: free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up: free some space and run the same command again",
    errno.EROFS: "the file system is read-only: choose another --out",
    errno.EACCES: "there is no permission to write here: choose another --out",
}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError of writing below `path` into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        # pyarrow raises plain OSErrors whose errno is only in the text.
        code = error.errno or next((c for c in _HINTS if os.strerror(c) in str(error)), 0)
        hint = _HINTS.get(code, str(error))
        raise StorageError(
            f"{path}: cannot be written: {hint}. What was committed before is safe.",
            path=str(path),
            errno=code,
        ) from error


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file, then make it `path`, durably."""
    if is_remote(path):
        with tempfile.TemporaryDirectory(prefix="stepsmith-") as folder:
            local = Path(folder, path.name)
            with storage_errors(local):
                write(local)
                content = local.read_bytes()
        put_bytes(path, content)
        return
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    with storage_errors(path):
        make_folder(path.parent)
        try:
            write(temporary)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def put_bytes(path: Path, content: bytes, exclusive: bool = False) -> None:
    """One object of a store. `exclusive`: only where there is none yet, else FileExistsError; what
    that is worth is the store's (S3: a conditional PUT). Raises StorageError."""
    fs, name = fs_of(path)
    with store_errors(path, "written"):
        try:
            fs.pipe_file(name, content, mode="create" if exclusive else "overwrite")
        except FileNotFoundError as error:
            bucket = name.strip("/").partition("/")[0]
            raise StorageError(
                f"{path}: cannot be written: there is no bucket {bucket!r} ({error}): make it "
                f"first, or choose another --out",
                path=str(path),
            ) from error


def make_folder(folder: Path) -> None:
    """Make it and its parents, durably: a file is no safer than the folder it is in."""
    if is_remote(folder) or folder.is_dir():
        return  # a store has none
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for place in missing:
        sync_folder(place.parent)


def remove_leftovers(root: Path) -> list[Path]:
    """Remove the temporary files that killed processes left below `root`, and say which.

    Only for the owner of the folder's lock: those of a live process look the same. Another dataset
    inside the folder (a derived one, a replay) has an owner of its own and is left alone. A store
    has none. Raises StorageError.
    """
    if is_remote(root):
        return []
    found: list[Path] = []
    with storage_errors(root):
        for place, folders, files in os.walk(root):
            if Path(place) != root and {"data", "work", "manifest.json"} & {*folders, *files}:
                folders.clear()
                continue
            for name in files:
                if _TEMPORARY.fullmatch(name):
                    found.append(Path(place, name))
                    found[-1].unlink(missing_ok=True)
    return found


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=False) + "\n"
    write_whole(path, lambda temporary: _put(temporary, text))


def write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: _put(temporary, text))


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def write_table(
    path: Path,
    table: pa.Table,
    row_group_size: int | None = None,
    use_dictionary: Sequence[str] = (),
) -> None:
    """One Parquet file; the bytes depend on the rows alone (and the pyarrow version).

    Without dictionaries but for the columns named, as Parquet names them: most of our values are
    texts or numbers that do not come again, zstd finds those that do, and files are smaller and
    written in two thirds of the time.
    """

    def write(temporary: Path) -> None:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            row_group_size=row_group_size,
            use_dictionary=list(use_dictionary) or False,
        )

    write_whole(path, write)


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` the same file as `source`: a hard link where the disk can, else a copy (in a
    store by the store itself).

    A target that is there already is replaced, unless it is that very file.
    """
    if is_remote(source):
        fs, name = fs_of(source)
        with store_errors(target, "written"):
            fs.cp_file(name, fs_of(target)[1])
        return
    if target.exists() and target.samefile(source):
        return

    def fill(temporary: Path) -> None:
        try:
            os.link(source, temporary)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK):
                raise
            shutil.copyfile(source, temporary)

    write_whole(target, fill)


def remove_files(paths: Sequence[Path]) -> None:
    """Those of one folder. Raises StorageError."""
    if not paths:
        return
    if is_remote(paths[0]):
        with store_errors(paths[0].parent, "written"):
            fs_of(paths[0])[0].rm([fs_of(path)[1] for path in paths])
        return
    with storage_errors(paths[0].parent):
        for path in paths:
            path.unlink()


def remove_tree(root: Path) -> None:
    """A folder with all that is in it, if it is there."""
    if not is_remote(root):
        shutil.rmtree(root, ignore_errors=True)
    elif exists(root):
        with store_errors(root, "written"):
            fs_of(root)[0].rm(fs_of(root)[1], recursive=True)
