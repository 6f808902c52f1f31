"""What people said of steps, as lines of one file that only grows: human/verdicts.jsonl.

    {"solution_id": "2dfd53", "step": 2, "verdict": "incorrect", "reviewer": "anna",
     "time": "2026-11-22T13:10:32.123Z", "prefix_hash": "45fcfc"}

A verdict of null takes the reviewer's earlier one back. Guarantees: `append` returns when its lines
are on the disk, all of them or none; any number of processes may append at once, and each finds
the others' lines; a line that a kill left half written is skipped and counted, and what is
appended after it is whole. `current` is the latest verdict of each reviewer on each step, by time
and, within a millisecond, by place in the file; so importing old verdicts undoes no new ones. Does
not guarantee the order of two clocks.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

from pipeline.errors import InputError
from pipeline.files import storage_errors, sync_folder
from pipeline.places import is_remote
from pipeline.verdict import Verdict

HUMAN = "human"  # the annotator, and the folder
MAX_REVIEWER = 100  # code points of a name
MAX_STEP = 2**31 - 1  # as the tables have them


@dataclass(frozen=True, slots=True)
class Said:
    """One person on one step."""

    solution_id: str
    step: int
    verdict: Verdict | None  # None: taken back
    reviewer: str
    time: str  # UTC, to the millisecond
    prefix_hash: str | None = None  # of the prefix that includes the step, where it is known

    @property
    def place(self) -> tuple[str, str, int]:
        return self.reviewer, self.solution_id, self.step

    @property
    def key(self) -> tuple[object, ...]:
        """Equal where the same thing is said again, by an import or a repeated request."""
        return *self.place, self.time, self.verdict

    def as_dict(self) -> dict[str, Any]:
        """One line of the file."""
        return asdict(self) | {"verdict": self.verdict.value if self.verdict else None}

    @staticmethod
    def of_dict(row: Any) -> Said:
        """Raises ValueError that names the field."""
        if not isinstance(row, dict):
            raise ValueError("is no JSON object")
        solution, step, said = (row.get(name) for name in ("solution_id", "step", "verdict"))
        if not _is_text(solution) or not solution:
            raise ValueError("solution_id: is no text")
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= MAX_STEP:
            raise ValueError(f"step: {step!r} is no number from 0 to {MAX_STEP}")
        if "verdict" not in row or said not in (None, *(one.value for one in Verdict)):
            raise ValueError(f"verdict: {said!r} is not correct, incorrect, unknown or null")
        who, when, prefix = (row.get(name) for name in ("reviewer", "time", "prefix_hash"))
        if not is_name(who):
            raise ValueError(f"reviewer: is no name of 1 to {MAX_REVIEWER} characters")
        if not isinstance(when, str) or not _is_time(when):
            raise ValueError(f"time: {when!r} is not like 2026-11-22T13:10:32.123Z")
        if prefix is not None and not _is_text(prefix):
            raise ValueError("prefix_hash: is no text")
        return Said(solution, step, Verdict(said) if said else None, who, when, prefix)


@dataclass(frozen=True, slots=True)
class Read:
    """What was read of the file from some place on."""

    said: list[Said]
    unread: int  # lines that are no verdicts
    end: int  # bytes up to the end of the last whole line


class VerdictLog:
    """The file of one dataset; it need not be there yet."""

    def __init__(self, path: Path) -> None:
        if is_remote(path):
            raise InputError(
                f"{path}: people's verdicts are appended to a file, which an object store has not: "
                f"copy the dataset to this machine, review it there, and take the verdicts along "
                f"with --export and --import",
                path=str(path),
            )
        self.path = path

    def append(self, said: Sequence[Said]) -> None:
        """Raises StorageError; nothing is in the file then."""
        if not said:
            return
        lines = b"".join(
            json.dumps(one.as_dict(), ensure_ascii=False).encode() + b"\n" for one in said
        )
        with storage_errors(self.path):
            new = not self.path.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                _put(handle, lines)
                os.fsync(handle)
            finally:
                os.close(handle)
            if new:
                sync_folder(self.path.parent)
                sync_folder(self.path.parent.parent)

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, start: int = 0) -> Read:
        """From a byte that an earlier read ended at."""
        try:
            with self.path.open("rb") as file:
                file.seek(start)
                content = file.read()
        except FileNotFoundError:
            return Read([], 0, 0)
        whole = content[: content.rfind(b"\n") + 1]
        said, unread = [], 0
        for line in whole.splitlines():
            try:
                said.append(Said.of_dict(parsed(line)))
            except ValueError:
                unread += bool(line.strip())
        return Read(said, unread, start + len(whole))

    def current(self) -> list[Said]:
        return current(self.read().said)


def parsed(text: str | bytes) -> Any:
    """Of JSON that anybody may have written. Raises ValueError."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deep") from error


def is_name(who: object) -> TypeGuard[str]:
    """Whether a reviewer can be called so."""
    return _is_text(who) and bool(who.strip()) and len(who) <= MAX_REVIEWER


def current(said: Iterable[Said]) -> list[Said]:
    """The latest of each reviewer on each step, but those taken back; by solution and step."""
    latest: dict[tuple[str, str, int], Said] = {}
    for one in said:
        known = latest.get(one.place)
        if known is None or known.time <= one.time:
            latest[one.place] = one
    standing = [one for one in latest.values() if one.verdict is not None]
    return sorted(standing, key=lambda one: (one.solution_id, one.step, one.reviewer))


def now() -> str:
    seconds = time.time()
    milliseconds = int(seconds * 1000) % 1000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03}Z"


def _is_text(value: object) -> TypeGuard[str]:
    """JSON can hold halves of characters (\\ud800), which no file or table can."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return False
    return len(text) == 24 and text[19] == "." and text[20:23].isdigit() and text[23] == "Z"


def _put(handle: int, lines: bytes) -> None:
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        lines = b"\n" + lines  # after a line that a kill left half written
    try:
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(handle, rest) :]
    except OSError:
        os.ftruncate(handle, size)
        raise
