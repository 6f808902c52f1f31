"""One owner of a folder, whatever becomes of its process or its host."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.errors import FolderBusy
from pipeline.lock import FolderLock

HOLDER = """
import sys, time
from pathlib import Path
from pipeline.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def write_holder(folder: Path, host: str, age_s: float) -> None:
    holder = {"host": host, "pid": 77, "time": time.time() - age_s}
    (folder / "lock").write_text(json.dumps(holder))


def test_a_second_lock_is_refused_and_the_holder_named(tmp_path: Path) -> None:
    who = rf"process {os.getpid()} on {socket.gethostname()}"
    with FolderLock(tmp_path), pytest.raises(FolderBusy, match=who), FolderLock(tmp_path):
        pass


def test_a_lock_that_was_given_back_can_be_had(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "new"):
        pass
    with FolderLock(tmp_path / "new"):
        pass


def test_a_killed_holder_frees_the_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderBusy, match=f"process {holder.pid} on "), FolderLock(tmp_path):
            pass
        holder.kill()
    with FolderLock(tmp_path):
        pass


def test_a_fresh_heartbeat_from_another_host_keeps_the_folder(tmp_path: Path) -> None:
    write_holder(tmp_path, "elsewhere", age_s=10)
    with pytest.raises(FolderBusy, match="process 77 on elsewhere"), FolderLock(tmp_path):
        pass


def test_a_stale_heartbeat_from_another_host_does_not(tmp_path: Path) -> None:
    write_holder(tmp_path, "elsewhere", age_s=61)
    with FolderLock(tmp_path):
        pass


def test_what_another_process_of_this_host_left_behind_does_not(tmp_path: Path) -> None:
    write_holder(tmp_path, socket.gethostname(), age_s=0)
    with FolderLock(tmp_path):
        pass


@pytest.mark.parametrize(
    "content", ["{half", '["a list"]', '{"host": "elsewhere", "time": "noon"}']
)
def test_an_unreadable_lock_file_is_nobodys(tmp_path: Path, content: str) -> None:
    (tmp_path / "lock").write_text(content)
    with FolderLock(tmp_path):
        pass


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a network file system without locks; none can be mounted here."""

    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_without_flock_a_live_process_of_this_host_keeps_the_folder(
    tmp_path: Path, no_flock: None
) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FolderBusy, match=f"process {holder.pid} on "), FolderLock(tmp_path):
            pass
        os.kill(holder.pid, signal.SIGKILL)
    with FolderLock(tmp_path):  # its heartbeat is fresh, but it is dead
        pass


def test_without_flock_a_fresh_heartbeat_from_another_host_keeps_the_folder(
    tmp_path: Path, no_flock: None
) -> None:
    write_holder(tmp_path, "elsewhere", age_s=10)
    with pytest.raises(FolderBusy, match="process 77 on elsewhere"), FolderLock(tmp_path):
        pass


def test_the_heart_beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.lock.BEAT_S", 0.02)
    with FolderLock(tmp_path):
        first = json.loads((tmp_path / "lock").read_text())["time"]
        deadline = time.monotonic() + 10
        while json.loads((tmp_path / "lock").read_text())["time"] == first:
            assert time.monotonic() < deadline
            time.sleep(0.02)
