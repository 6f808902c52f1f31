"""Where a run folder is: a path of this machine, or a URL of an object store.

    place("runs/demo")         an ordinary pathlib.Path
    place("s3://bucket/run")   a UPath: pathlib's methods over fsspec; typed as a Path, as it is
                               used like one

Reading is here, writing in pipeline/files.py; nobody else asks which of the two a place is. Reads
of a URL go through fsspec and never through polars' or pyarrow's own clients, so that one
configuration (fsspec's, and for S3 the variables AWS_*) holds for all of them.

Guaranteed: listings are never taken from fsspec's cache, so what another process wrote is seen; a
missing file is a FileNotFoundError in both; other failures of a store are StorageErrors that name
the URL and what to do. Not guaranteed: more than the store itself does. A store whose listings lag
behind its writes (S3's do not) would hide what was just committed.
"""

from __future__ import annotations

import errno
import fnmatch
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.errors import RecipeError, StepsmithError, StorageError

AHEAD = 8  # files of a scan that are fetched at once


def is_url(text: str) -> bool:
    return "://" in text


def place(text: str) -> Path:
    """Raises RecipeError where a URL's kind is unknown, or its library is not installed."""
    if not is_url(text):
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    extra = f"pip install 'stepsmith[{'s3' if parts.scheme in ('s3', 's3a') else 'url'}]'"
    try:
        from upath import UPath
    except ImportError:
        raise RecipeError(f"{text}: a URL as a folder needs `{extra}`", url=text) from None
    try:
        # Listings are cached for ever by default, and other processes write here too.
        found: Any = UPath(text, use_listings_cache=False)
        found.fs  # noqa: B018 - the library is looked for here
    except ImportError as error:
        raise RecipeError(f"{text}: {error}; for S3: `{extra}`", url=text) from None
    except ValueError as error:
        raise RecipeError(f"{text}: no folder can be there: {error}", url=text) from None
    return found  # type: ignore[no-any-return]


def is_remote(path: Path) -> bool:
    return not isinstance(path, PurePath)


def absolute(path: Path) -> Path:
    """As another process would name it."""
    return path if is_remote(path) else path.resolve()


def beside(path: Path, suffix: str) -> Path:
    """A folder next to another, named after it: `.` by its real name."""
    named = absolute(path) if path.name in ("", "..") else path
    return named.with_name(f"{named.name}-{suffix}")


def fs_of(path: Path) -> tuple[Any, str]:
    """The fsspec file system of a URL's place, and the name in it."""
    found: Any = path
    return found.fs, found.path


@contextmanager
def store_errors(path: Path, what: str) -> Iterator[None]:
    """Turn what an object store raises into a StorageError: "`path`: cannot be `what`: …"."""
    try:
        yield
    except (FileNotFoundError, FileExistsError, StepsmithError):
        raise
    except Exception as error:
        if not _of_the_store(error):
            raise
        raise StorageError(
            f"{path}: cannot be {what}: {_hint(error)}. What was committed before is safe.",
            path=str(path),
            errno=getattr(error, "errno", None) or 0,
        ) from error


def _of_the_store(error: Exception) -> bool:
    library = type(error).__module__.partition(".")[0]
    return isinstance(error, OSError) or library in ("aiobotocore", "botocore", "aiohttp", "fsspec")


def _hint(error: Exception) -> str:
    said = f"{type(error).__name__}: {error}"
    if "credentials" in said.lower():
        return (
            f"there are no credentials ({error}): set AWS_ACCESS_KEY_ID and "
            f"AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, here and on every worker"
        )
    if isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EACCES:
        return f"the store refuses it ({error}): check the credentials and the bucket's policy"
    if "connect" in said.lower():
        return f"the store does not answer ({error}): check AWS_ENDPOINT_URL and the network"
    return said


# Reading.


def exists(path: Path) -> bool:
    if not is_remote(path):
        return path.exists()
    fs, name = fs_of(path)
    with store_errors(path, "read"):
        return bool(fs.exists(name))


def read_bytes(path: Path) -> bytes:
    """Raises FileNotFoundError."""
    if not is_remote(path):
        return path.read_bytes()
    fs, name = fs_of(path)
    with store_errors(path, "read"):
        return bytes(fs.cat_file(name))


def read_many(paths: Sequence[Path]) -> Iterator[bytes]:
    """The contents in order; of a store `AHEAD` at once."""
    if not paths or not is_remote(paths[0]):
        return (path.read_bytes() for path in paths)
    return ahead(paths, read_bytes)


def ahead(paths: Sequence[Path], read: Callable[[Path], Any]) -> Iterator[Any]:
    """What `read` makes of each, in order; a few are read before they are asked for."""
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="store") as pool:
        for start in range(0, len(paths), AHEAD):
            yield from pool.map(read, paths[start : start + AHEAD])


def read_json(path: Path) -> Any:
    """Raises FileNotFoundError, ValueError."""
    return json.loads(read_bytes(path))


def glob(folder: Path, pattern: str) -> list[Path]:
    """Files whose path below `folder` has the parts of `pattern`, sorted; none in no folder."""
    if not is_remote(folder):
        return sorted(folder.glob(pattern))
    fs, name = fs_of(folder)
    with store_errors(folder, "listed"):
        try:
            names: list[str] = fs.find(name)  # one flat listing
        except FileNotFoundError:
            return []
    wanted = pattern.split("/")
    found = []
    for one in names:
        parts = one[len(name) :].strip("/").split("/")
        if len(parts) == len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted)):
            found.append(folder.joinpath(*parts))
    return sorted(found, key=str)


def is_empty(folder: Path, but: str) -> bool:
    """Whether `folder` is not there, or holds nothing beside a folder named `but`."""
    if not is_remote(folder):
        return not folder.exists() or all(path.name == but for path in folder.iterdir())
    fs, name = fs_of(folder)
    with store_errors(folder, "listed"):
        try:
            names = fs.ls(name, detail=False)
        except FileNotFoundError:
            return True
    own = name.rstrip("/")  # some stores list a folder's own marker
    inside = [one.rstrip("/") for one in names if one.rstrip("/") != own]
    return all(one.rpartition("/")[2] == but for one in inside)


def is_folder(folder: Path) -> bool:
    """A store has no empty folders."""
    return folder.is_dir() if not is_remote(folder) else not is_empty(folder, "")
