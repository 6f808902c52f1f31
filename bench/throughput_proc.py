"""What Linux says of processes: descendants, their processor time and command lines, peaks."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Processes below `pid` that live."""
    found: list[int] = []
    new = [pid]
    while new:
        new = [child for parent in new for child in _children(parent)]
        found += new
    return found


def _children(pid: int) -> list[int]:
    """The kernel keeps them by the thread that made them; to list all of /proc costs far more."""
    try:
        threads = [place.name for place in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(one) for tid in threads for one in _read(pid, f"task/{tid}/children").split()]


def cpu_seconds(pid: int) -> float:
    """Of all threads, those that ended too; 0 where the process is gone."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICK if fields else 0.0


def words(pid: int) -> str:
    return _read(pid, "cmdline").replace("\0", " ")


def high_water(pid: int) -> int:
    """Most bytes of memory that the process ever had resident."""
    return _of_status(pid, "VmHWM:")


def resident(pid: int) -> int:
    return _of_status(pid, "VmRSS:")


@dataclass(slots=True)
class Children:
    """Processor seconds of a process's descendants, by what they are: look often."""

    pid: int
    together: int = 0  # most bytes resident of all of them and the process at once
    graders: list[tuple[float, float]] = field(default_factory=list)  # time, seconds so far
    _seen: dict[int, tuple[str, float]] = field(default_factory=dict)

    def look(self) -> None:
        family = descendants(self.pid)
        for one in family:
            said = words(one)
            known = self._seen.get(one, ("graders", 0.0))
            kind = "prefect" if "prefect" in said or "uvicorn" in said else "graders"
            # A process that ended and waits for its parent has no words left.
            self._seen[one] = kind if said else known[0], max(cpu_seconds(one), known[1])
        self.together = max(self.together, sum(map(resident, [self.pid, *family])))
        self.graders.append((time.monotonic(), self.spent()["graders"]))

    def spent(self) -> dict[str, float]:
        found = {"prefect": 0.0, "graders": 0.0}
        for kind, seconds in self._seen.values():
            found[kind] += seconds
        return found


def _stat(pid: int) -> list[str]:
    """Fields from the state on: the name before them may hold blanks."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _of_status(pid: int, name: str) -> int:
    for line in _read(pid, "status").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
