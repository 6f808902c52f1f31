"""One owner of an output folder.

An exclusive `flock` (gone with its process, however it ends) and a heartbeat inside the file for
folders that several hosts share, where `flock` may not reach. A holder on another host whose
heartbeat is younger than `STALE_S` keeps the folder; where the file system knows no `flock` at all,
so does one on this host whose process lives.

Not guaranteed without a `flock` that reaches everybody: two owners that begin in the same instant
are both let in; clocks that differ by more than `STALE_S` are believed; and a holder that was
frozen for longer loses the folder without noticing. A folder in an object store has a lock of
another kind: pipeline/object_lock.py.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import threading
import time
from pathlib import Path
from types import TracebackType

from pipeline.errors import FolderBusy, StorageError
from pipeline.files import storage_errors
from pipeline.object_lock import ObjectLock
from pipeline.places import exists, glob, is_remote

BEAT_S = 5.0
STALE_S = 60.0


def folder_lock(folder: Path) -> FolderLock | ObjectLock:
    """The lock of a folder, by where it is."""
    return ObjectLock(folder) if is_remote(folder) else FolderLock(folder)


def check_free(folder: Path) -> None:
    """Raises FolderBusy where somebody owns a folder that was owned before."""
    used = glob(folder / "locks", "*.json") if is_remote(folder) else exists(folder / "lock")
    if used:
        with folder_lock(folder):
            pass  # no other run is at work


class FolderLock:
    """`with FolderLock(folder):` owns the folder. Raises FolderBusy that names the holder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._folder = folder
        self._stop = threading.Event()
        self._beat: threading.Thread | None = None
        self._handle = -1

    def __enter__(self) -> FolderLock:
        with storage_errors(self._path):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = self._holder()
            os.close(self._handle)
            raise self._busy(holder) from None
        except OSError:
            flocked = False  # a file system without flock: the heartbeat is all there is
        else:
            flocked = True
        holder = self._holder()
        if _alive(holder, flocked):
            os.close(self._handle)
            raise self._busy(holder)
        try:
            with storage_errors(self._path):
                self._write()
        except StorageError:
            os.close(self._handle)
            raise
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
        self._stop.set()
        if self._beat is not None:
            self._beat.join()
        with contextlib.suppress(OSError):  # a disk that fails has been reported by who wrote data
            os.ftruncate(self._handle, 0)
        os.close(self._handle)

    def check(self) -> None:
        """A flock is kept until it is given back."""

    def _keep_beating(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._write()
            except OSError:
                continue  # a full disk is reported by who writes data; the flock still holds

    def _write(self) -> None:
        text = json.dumps(
            {"host": socket.gethostname(), "pid": os.getpid(), "time": round(time.time(), 1)}
        ).encode()
        os.pwrite(self._handle, text.ljust(200), 0)

    def _holder(self) -> dict[str, object]:
        try:
            found = json.loads(os.pread(self._handle, 200, 0) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _busy(self, holder: dict[str, object]) -> FolderBusy:
        who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}"
        return FolderBusy(
            f"{self._folder}: another run ({who}) is working in this folder; wait for it, stop "
            f"it, or choose another --out",
            folder=str(self._folder),
            **{k: str(v) for k, v in holder.items()},
        )


def _alive(holder: dict[str, object], flocked: bool) -> bool:
    """Whether the process that last wrote the heartbeat still owns the folder."""
    host, pid, beat = (holder.get(key) for key in ("host", "pid", "time"))
    if not isinstance(beat, int | float) or time.time() - beat >= STALE_S:
        return False
    if host != socket.gethostname():
        return True
    # On this host the flock, where there is one, knows better than a process id.
    return not flocked and isinstance(pid, int) and pid != os.getpid() and _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # somebody else's process
    return True
