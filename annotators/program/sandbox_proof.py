"""Does the sandbox hold here? Break-out attempts, made inside it before anything else is run.

Guaranteed: no wall is taken for granted from the kernel's version or a return value: each is tried
with a harmless attack (a canary file of our own, signal 0, a fork that ends at once). Kept for the
life of the process. Not guaranteed: that attacks not listed here fail too.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path

from annotators.program.sandbox_process import Limits, Status, run_process

_CANARY = "the canary is alive"

# Each attack raises OSError or MemoryError where its wall stands; a line is printed for each that
# does not. SystemExit is not caught: a fork's child must not go on.
_ATTACKS = """
import mmap, os, socket

CANARY, PARENT, MEMORY = {canary!r}, {parent}, {memory}

def attack(wall, action, *arguments):
    try:
        action(*arguments)
    except (OSError, MemoryError):
        return
    print("broken:" + wall)

def read(path):
    open(path, "rb").read(1)

def fork():
    if os.fork() == 0:
        os._exit(0)

def execute():
    try:
        os.execv("/nonexistent/program", ["program"])
    except FileNotFoundError:
        pass  # looked for, so allowed

for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK):
    attack("no network", socket.socket, family, socket.SOCK_DGRAM)
attack("no network", socket.socketpair)

for path in (CANARY, "/etc/passwd", "/proc/self/environ", f"/proc/{{PARENT}}/environ"):
    attack("no reading of files", read, path)
attack("no reading of files", os.listdir, os.path.dirname(CANARY))
attack("no reading of files", os.listdir, "/")

for mode in ("r+b", "wb", "ab"):
    attack("no writing outside", open, CANARY, mode)
attack("no writing outside", open, CANARY + ".new", "wb")
attack("no writing outside", open, os.__file__, "r+b")
attack("no writing outside", os.truncate, CANARY, 0)
attack("no writing outside", os.unlink, CANARY)
attack("no writing outside", os.rename, CANARY, CANARY + ".moved")
attack("no writing outside", os.mkdir, CANARY + ".folder")
attack("no writing outside", os.chmod, CANARY, 0o600)
attack("no writing outside", os.utime, CANARY)
for link in (os.link, os.symlink):
    attack("no links", link, CANARY, "link")

attack("no processes", fork)
attack("no processes", execute)
attack("no signals", os.kill, PARENT, 0)
attack("no signals", os.kill, -1, 0)
attack("a limit of memory", mmap.mmap, -1, MEMORY)  # asked for, never touched

with open("scratch", "a") as scratch:
    scratch.write("1")
print("done")
"""
_NO_TRIAL = "a complete trial"
_LOOP = "while True: pass"

_broken: dict[Limits, tuple[str, ...]] = {}


def broken_walls(limits: Limits) -> tuple[str, ...]:
    """The walls that an attack came through, or whose trial could not be made."""
    if limits in _broken:
        return _broken[limits]
    try:
        broken = _try_to_break_out(limits)
    except OSError as error:  # no room for a canary
        broken = (f"{_NO_TRIAL}: {error}",)
    if not any(wall.startswith(_NO_TRIAL) for wall in broken):  # else the machine may be busy
        _broken[limits] = broken
    return broken


def _try_to_break_out(limits: Limits) -> tuple[str, ...]:
    with tempfile.TemporaryDirectory(prefix="stepsmith-canary-") as folder:
        canary = Path(folder).resolve() / "canary"
        canary.write_text(_CANARY)
        canary.chmod(0o666)
        attacks = _ATTACKS.format(
            canary=str(canary), parent=os.getpid(), memory=2 * limits.memory_mb * 2**20
        )
        patient = dataclasses.replace(limits, wall_s=max(limits.wall_s, 3.0))
        ran = run_process(attacks, patient)
        broken = {
            line.removeprefix("broken:")
            for line in ran.stdout.splitlines()
            if line.startswith("broken:")
        }
        if ran.status is Status.NO_SANDBOX:
            broken.add(ran.stderr.strip() or "the sandbox")
        elif ran.status is not Status.FINISHED or not ran.stdout.endswith("done\n"):
            broken.add(f"{_NO_TRIAL} ({ran.status}): {ran.stderr.strip()[-200:]}")
        if not _alive(canary):
            broken.add("no writing outside")
    if not broken:  # a loop shows nothing where programs do not run
        hasty = dataclasses.replace(limits, wall_s=0.3)
        if run_process(_LOOP, hasty).status is not Status.TIME:
            broken.add("a limit of time")
    return tuple(sorted(broken))


def _alive(canary: Path) -> bool:
    """Whether the canary and its folder are as they were."""
    if [path.name for path in canary.parent.iterdir()] != [canary.name]:
        return False
    return canary.read_text() == _CANARY and canary.stat().st_mode & 0o777 == 0o666
