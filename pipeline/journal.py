"""The journal: every completion is on disk before anybody uses it.

A journal belongs to one shard: a folder of segments, each an Arrow IPC file that is whole or not
there (temporary name, fsync, rename; in an object store one PUT). `commit` returns when its rows
are durable; rows of many callers share a segment (a group commit: at most `LINGER_S` and `EACH_S`
for each of those who are `expected`, in a store `STORE_LINGER_S`, or `GROUP` rows, or all who are
expected). `compact` joins the segments of a finished shard into one, and compresses it: to compress
a few rows takes longer than all else that is done for them. A segment's name ends in the hash of
its content, so two writers never overwrite each other.

Where a shard may be taken over from a worker that was thought dead, the journal has a claim
(pipeline/claim.py), whose number stands in the names of its segments; rows of a later claim go
before those of an earlier one. That changes nothing while each claim saw all that the one before
wrote, and decides for the one who went on where it did not.

Guaranteed: after any kill, a row whose `commit` had returned is there; a key that was committed
twice keeps its first row, now and after a reload; a segment of which a byte changed is refused by
name. Not guaranteed: rows of the group in flight; that a deleted segment is missed (its rows are
bought again). A key lists all that can change a completion: model revision (a server's chat has
another than its completions), tokenizer hash, prompt (messages, token ids or text), temperature,
top-p, top-k, max tokens, stop list, JSON schema, draw, run seed. Left out, because they cannot:
engine kind, host, batch, shard, time. What else the shard paid for is a row too, under a key that
no draw has: pipeline/scores.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.claim import Claim
from pipeline.engines.base import Completion, EngineIdentity, Prompt, Sampling
from pipeline.errors import FolderBusy, StorageError
from pipeline.files import remove_files, write_whole
from pipeline.places import glob, is_remote, read_many

LINGER_S = 0.1
EACH_S = 0.003  # and no longer for each purchase under way: few would wait for one another
STORE_LINGER_S = 0.5  # a PUT takes longer than a write, and each one is paid for
GROUP = 512
_DIGEST = 8  # bytes
_CLAIMED = re.compile(r"claim(\d+)-")

_SCHEMA = pa.schema(
    [
        ("key", pa.binary(16)),
        ("text", pa.string()),
        ("finish_reason", pa.string()),
        ("tokens", pa.int32()),
        ("token_ids", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float32())),
    ]
)


def draw_keys(
    identity: EngineIdentity, prompt: Prompt, sampling: Sampling, seed: int, draws: Iterable[int]
) -> list[bytes]:
    """The keys of some draws of one prompt, 16 bytes each."""
    kind, seen = _as_seen(prompt)
    base = _head(identity, sampling, seed, kind).copy()
    base.update(seen)
    keys = []
    for draw in draws:
        one = base.copy()
        one.update(b"\0draw" + draw.to_bytes(8, "little"))
        keys.append(one.digest())
    return keys


@lru_cache(maxsize=64)
def _head(identity: EngineIdentity, sampling: Sampling, seed: int, kind: str) -> hashlib.blake2b:
    """What the keys of a model's draws begin with: the same for thousands of prompts."""
    parts: list[Any] = [
        identity.model_revision,
        identity.tokenizer_hash,
        sampling.temperature,
        sampling.top_p,
        sampling.top_k,
        sampling.max_tokens,
        list(sampling.stop),
        seed,
        *([sampling.schema] if sampling.schema else []),  # keys from before schemas stay
        kind,
    ]
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16)


def key_base(parts: list[Any], prompt: Prompt) -> hashlib.blake2b:
    """What keys of one kind share: `parts` as JSON, and the prompt as the model sees it."""
    kind, seen = _as_seen(prompt)
    base = hashlib.blake2b(json.dumps([*parts, kind]).encode(), digest_size=16)
    base.update(seen)
    return base


def _as_seen(prompt: Prompt) -> tuple[str, bytes]:
    if prompt.chat is not None:
        messages = json.dumps(prompt.chat, ensure_ascii=False, separators=(",", ":"))
        return "chat", messages.encode("utf-8", "surrogatepass")
    if prompt.token_ids is not None:
        return "ids", array("q", prompt.token_ids).tobytes()
    return "text", prompt.text.encode("utf-8", "surrogatepass")


class Journal:
    """One shard's committed completions. Not thread-safe: it lives on one event loop."""

    def __init__(self, folder: Path, claim: Claim | None = None) -> None:
        self.expected = 0  # purchases under way: each may still call `commit`, or has
        self._folder = folder
        self._claim = claim
        self._remote = is_remote(folder)
        self._rows: dict[bytes, Completion] = {}
        self._pending: list[tuple[bytes, Completion]] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._writing = 0  # callers of `commit` whose rows are being written
        self._full = asyncio.Event()
        self._flusher: asyncio.Task[None] | None = None
        self._number = 0

    def load(self) -> int:
        """Read what is committed; the number of completions. Raises StorageError."""
        self._rows = {}
        for table in _read_all(_segments(self._folder)):
            for key, completion in _unpack(table):
                self._rows.setdefault(key, completion)
            self._number += 1
        return len(self._rows)

    def get(self, key: bytes) -> Completion | None:
        return self._rows.get(key)

    async def commit(self, rows: list[tuple[bytes, Completion]]) -> None:
        """Make `rows` durable, then visible to `get`. Raises StorageError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending += rows
        self._waiting.append(done)
        # Where all who may come are here, as in a problem that asks for one rollout after the
        # other, to wait for more is to wait for nobody.
        if len(self._pending) >= GROUP or len(self._waiting) + self._writing >= self.expected:
            self._full.set()
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        await done

    async def _flush(self) -> None:
        """Write groups until nothing waits, then end: an idle journal costs nothing."""
        try:
            while self._pending:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), self._linger())
                rows, self._pending = self._pending, []
                waiting, self._waiting = self._waiting, []
                self._writing = len(waiting)
                self._full.clear()
                await self._write_group(rows, waiting)
                self._writing = 0
        finally:
            self._flusher, self._writing = None, 0

    def _linger(self) -> float:
        """Seconds that a group waits for more."""
        if self._remote:
            return STORE_LINGER_S
        return min(LINGER_S, EACH_S * self.expected)

    async def _write_group(
        self, rows: list[tuple[bytes, Completion]], waiting: list[asyncio.Future[None]]
    ) -> None:
        """A group that cannot be written fails its own callers; the next one is tried."""
        number, self._number = self._number, self._number + 1
        failure: Exception | None = None
        try:
            await asyncio.to_thread(_write, self._folder, number, rows, self._claim)
        except asyncio.CancelledError:
            for future in waiting:
                future.cancel()
            raise
        except Exception as error:
            failure = error
        else:
            for key, completion in rows:
                self._rows.setdefault(key, completion)
        for future in waiting:
            if future.done():  # its caller was cancelled
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)

    async def close(self) -> None:
        """Wait for the group in flight."""
        if self._flusher is not None:
            await self._flusher

    def compact(self) -> None:
        """Join all segments into one. Safe to be killed: a key that is there twice is one row.

        Rows go from file to file, so that what is in memory cannot matter.
        """
        segments = _segments(self._folder)
        if len(segments) < 2:
            return
        whole = pa.concat_tables(_read_all(segments))
        first: dict[bytes, int] = {}
        for row, key in enumerate(whole.column("key").to_pylist()):
            first.setdefault(key, row)
        joined = _write_segment(self._folder, "all", whole.take(list(first.values())), "zstd")
        # One that is the joined one already: a compaction that was cut short had the same rows.
        remove_files([path for path in segments if path.name != joined.name])


def _segments(folder: Path) -> list[Path]:
    """In the order in which the rows of a key count."""
    return sorted(glob(folder, "*.arrow"), key=_rank)


def _rank(path: Path) -> tuple[bool, int, str]:
    # What was joined goes first: a segment that is not in it came too late to be used.
    claimed = _CLAIMED.match(path.name)
    return not path.name.startswith("all-"), -int(claimed[1]) if claimed else 0, path.name


def _write(
    folder: Path, number: int, rows: list[tuple[bytes, Completion]], claim: Claim | None
) -> None:
    table = pa.table(
        {
            "key": pa.array([key for key, _ in rows], pa.binary(16)),
            "text": [c.text for _, c in rows],
            "finish_reason": [c.finish_reason for _, c in rows],
            "tokens": [c.tokens for _, c in rows],
            "token_ids": [c.token_ids for _, c in rows],
            "logprobs": [c.logprobs for _, c in rows],
        },
        schema=_SCHEMA,
    )
    if claim is None:
        _write_segment(folder, f"{number:06d}", table)
        return
    path = _write_segment(folder, f"claim{claim.number:04d}-{number:06d}", table)
    try:
        claim.check()
    except FolderBusy:
        with contextlib.suppress(StorageError):
            remove_files([path])  # rows that nobody will have used
        raise


def _write_segment(
    folder: Path, stem: str, table: pa.Table, compression: str | None = None
) -> Path:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_file(sink, _SCHEMA, options=options) as writer:
        writer.write_table(table)
    content = sink.getvalue()
    path = folder / f"{stem}-{_digest(content)}.arrow"

    def put(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_whole(path, put)
    return path


def _read_all(paths: list[Path]) -> Iterator[pa.Table]:
    if paths and is_remote(paths[0]):
        return (
            _parse(path, content) for path, content in zip(paths, read_many(paths), strict=True)
        )
    return map(_read, paths)


def _read(path: Path) -> pa.Table:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    return _parse(path, content)


def _parse(path: Path, content: bytes) -> pa.Table:
    try:
        written = path.stem.rpartition("-")[2]
        # Arrow does not see every byte that changed; a name from before had no digest.
        if len(written) == 2 * _DIGEST and written != _digest(content):
            raise ValueError("its content is not what was written")
        return pa.ipc.open_file(pa.BufferReader(content)).read_all()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> StorageError:
    return StorageError(
        f"{path}: this journal segment cannot be read ({error}); restore it, or delete it "
        f"to buy its completions again",
        path=str(path),
    )


def _digest(content: bytes | pa.Buffer) -> str:
    return hashlib.blake2b(content, digest_size=_DIGEST).hexdigest()


def _unpack(table: pa.Table) -> Iterable[tuple[bytes, Completion]]:
    columns = [table.column(name).to_pylist() for name in _SCHEMA.names]
    for key, text, finish, tokens, ids, logprobs in zip(*columns, strict=True):
        yield (
            key,
            Completion(
                text=text,
                finish_reason=finish,
                tokens=tokens,
                token_ids=None if ids is None else tuple(ids),
                logprobs=None if logprobs is None else tuple(logprobs),
            ),
        )
