"""Run a command whose whole family dies with the process that asked for it. A script of its own:

    python tied.py PARENT GRACE_S COMMAND …        PARENT: the process id of whoever starts it

It is started in a session of its own, and the command runs in that session. The family ends

- when PARENT is gone, however it went (it may be gone already when this script begins);
- when the script gets SIGTERM or SIGINT;
- when the command ends by itself, for it may leave children behind.

"Ends" is: SIGTERM to all, SIGKILL after GRACE_S to who is left. The exit status is the command's,
or 128 + the signal that ended it. On Linux descendants that were orphaned come to this script, so
none is missed, and where the script itself is killed, the command is killed with it (its own
children then by whoever sees that: pipeline/engines/replica.py). Elsewhere the process group is
all that is known of the family.

Nothing of ours is imported: it starts in the time that Python takes.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

_TURN_S = 0.1
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(parent: int, grace_s: float, command: list[str]) -> int:
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: asked.append(number))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    me = os.getpid()

    def die_with_me() -> None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != me:  # this script died before the line above
            os._exit(1)

    try:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_me)
    except OSError as error:
        print(f"{command[0]}: cannot be started: {error}", flush=True)
        return 127
    # The id of a process that is gone may belong to another, but never to our parent.
    while not asked and os.getppid() == parent and _status(child) is None:
        time.sleep(_TURN_S)
    _end(child, grace_s)
    status = child.returncode or 0
    return status if status >= 0 else 128 - status


def _status(child: subprocess.Popen[bytes]) -> int | None:
    """The command's status, and no zombie of the others."""
    _reap(child)
    return child.returncode


def _reap(child: subprocess.Popen[bytes]) -> bool:
    """Whether anybody of the family is left."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    with suppress(ProcessLookupError):
        os.killpg(0, signal.SIGTERM)  # this script hears it too, and goes on
    deadline = time.monotonic() + grace_s
    while _reap(child):
        if time.monotonic() > deadline:
            _kill()
        time.sleep(_TURN_S / 5)


def _kill() -> None:
    """SIGKILL to our children; theirs become ours, and their turn comes."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            pids = [int(pid) for pid in file.read().split()]
    except OSError:  # no Linux: the group, and this script with it
        os.killpg(0, signal.SIGKILL)
        return
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
