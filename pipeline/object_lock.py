"""One owner of an output folder in an object store, which has no locks.

Owners are numbered: the folder of the highest `work/locks/<number>.json` belongs to whoever made
that object. It is made by a PUT that fails where there is one already, so of all that want the
folder one gets it; its content is a heartbeat, written again every few seconds, and an owner who
ends says so in it. Whoever finds it ended, or older than `STALE_S`, makes the next number.

Guaranteed where the store knows a conditional PUT (S3 and what speaks S3 with If-None-Match): one
owner at a time, and one that was taken for dead (a host that slept) notices at its next heartbeat
and stops; what it writes until then is what pipeline/claim.py says. Not guaranteed: a store without
conditional PUTs lets in two that begin in the same instant; clocks that differ by more than
`STALE_S` are believed. After a kill another machine waits up to `STALE_S`; this one sees that the
process is gone.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any

from pipeline.errors import FolderBusy, StorageError
from pipeline.files import put_bytes, remove_files
from pipeline.places import glob, read_bytes

BEAT_S = 5.0
STALE_S = 60.0


class ObjectLock:
    """`with ObjectLock(folder):` owns the folder. Raises FolderBusy that names the holder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = uuid.uuid4().hex
        self._number = 0
        self._stop = threading.Event()
        self._beat: threading.Thread | None = None
        self._lost: FolderBusy | None = None

    def __enter__(self) -> ObjectLock:
        old = self._numbers()
        if old:
            self._refuse(old[-1])
        self._number = (old[-1] if old else 0) + 1
        try:
            put_bytes(self._path(self._number), self._content(), exclusive=True)
        except FileExistsError:
            # Another one was faster; or it was this one, whose first answer was lost on the way.
            if self._read(self._number).get("token") != self._token:
                raise self._busy(self._read(self._number)) from None
        now = self._numbers()
        if now[-1] != self._number:  # numbers that were cleared away do not come again
            remove_files([self._path(self._number)])
            raise self._busy(self._read(now[-1]))
        remove_files([self._path(number) for number in now[:-1]])
        self._stop.clear()
        self._beat = threading.Thread(target=self._keep_beating, name="lock", daemon=True)
        self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._beat is None:
            return
        self._stop.set()
        self._beat.join()
        self._beat = None
        if self._lost is None:
            try:
                put_bytes(self._path(self._number), self._content(ended=True))
            except StorageError:
                return  # the next owner waits until it is stale

    def check(self) -> None:
        """Raises FolderBusy where another run has taken the folder over."""
        if self._lost is not None:
            raise FolderBusy(self._lost.message, **self._lost.fields)

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                last = self._numbers()[-1:]
                if last != [self._number]:
                    self._lost = self._busy(self._read(last[0]) if last else {})
                    return
                put_bytes(self._path(self._number), self._content())
            except (StorageError, FileNotFoundError):
                continue  # a store that fails is reported by who writes data

    def _refuse(self, number: int) -> None:
        holder = self._read(number)
        beat = holder.get("time")
        ended = bool(holder.get("ended")) or not isinstance(beat, int | float) or _dead(holder)
        if not ended and time.time() - float(beat or 0) < STALE_S:
            raise self._busy(holder)

    def _numbers(self) -> list[int]:
        found = glob(self._folder / "locks", "*.json")
        return sorted(int(path.stem) for path in found if path.stem.isdecimal())

    def _path(self, number: int) -> Path:
        return self._folder / "locks" / f"{number:06d}.json"

    def _content(self, ended: bool = False) -> bytes:
        holder = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "machine": _machine(),
            "time": round(time.time(), 1),
            "token": self._token,
            "ended": ended,
        }
        return json.dumps(holder).encode()

    def _read(self, number: int) -> dict[str, Any]:
        try:
            found = json.loads(read_bytes(self._path(number)))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _busy(self, holder: dict[str, Any]) -> FolderBusy:
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
        return FolderBusy(
            f"{self._folder}: another run ({who}) is working in this folder; wait for it (up to "
            f"{STALE_S:.0f} s after a kill there), stop it, or choose another --out",
            folder=str(self._folder),
            **{k: str(v) for k, v in holder.items() if k != "token"},
        )


def _machine() -> str:
    """What a process id is one of: this boot, and this container's processes. Empty: not known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _dead(holder: dict[str, Any]) -> bool:
    """Whether the holder was a process of this machine that is gone."""
    pid = holder.get("pid")
    if not isinstance(pid, int) or not _machine() or holder.get("machine") != _machine():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
