"""One process of the sandbox: started, watched, stopped, and what it wrote.

Guaranteed: the call returns soon after `wall_s`, with at most `output_bytes` of each stream; the
process is dead by then, and dies with its parent. The walls are built by the process itself
(sandbox_child.py) before it looks at the program. Whether they hold is not asked here
but in sandbox_proof.py: use sandbox.py.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import platform
import selectors
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from annotators.program import sandbox_child
from annotators.program.seccomp import filter_program

_POLL_S = 0.02
_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")


class Status(StrEnum):
    """How a program ended."""

    FINISHED = "finished"
    RAISED = "raised"  # an exception, or an exit status other than 0
    TIME = "time"  # out of clock or processor time
    MEMORY = "memory"
    OUTPUT = "output"  # printed or wrote to the scratch folder more than it may
    DIED = "died"  # by a signal of its own making
    NO_SANDBOX = "no_sandbox"  # never ran: stderr says which wall is missing


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program printed, and how it ended."""

    stdout: str
    stderr: str
    status: Status


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use, and the packages it may import beside the standard library."""

    wall_s: float = 1.8  # two runs fit into a worker's 5 s (pipeline/workers.py)
    cpu_s: int = 2
    memory_mb: int = 512
    output_bytes: int = 65_536
    files_mb: int = 8  # all of the scratch folder; one file may have an eighth of it
    packages: tuple[str, ...] = ("mpmath", "numpy", "scipy", "sympy")


def run_process(code: str, limits: Limits, hash_seed: int = 0) -> Ran:
    """Runs `code` in a new interpreter that locks itself in first."""
    try:
        return _run(_job(code, limits), limits, hash_seed)
    except ValueError as error:  # another system, or no list of system calls for this machine
        return Ran("", str(error), Status.NO_SANDBOX)
    except OSError as error:  # no interpreter, no room for a scratch folder
        return Ran("", f"the sandbox does not start: {error}", Status.NO_SANDBOX)


def _run(job: dict[str, object], limits: Limits, hash_seed: int) -> Ran:
    with (
        tempfile.TemporaryDirectory(prefix="stepsmith-program-", ignore_cleanup_errors=True) as top,
        tempfile.TemporaryFile() as stdin,
    ):
        scratch = Path(top).resolve()
        stdin.write(json.dumps({**job, "scratch": str(scratch)}).encode())
        stdin.seek(0)
        with subprocess.Popen(
            # -I without -E, which would switch the hash seed off; the environment is ours
            [_interpreter(), "-P", "-s", "-S", "-B", "-X", "utf8", sandbox_child.__file__],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=scratch,
            env={"PYTHONHASHSEED": str(hash_seed), "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        ) as process:
            try:
                return _watch(process, limits, scratch)
            finally:
                process.kill()  # it has no children: it cannot


def _interpreter() -> str:
    """The interpreter itself, not the link to it in a virtual environment's folder."""
    return os.path.realpath(sys.executable)


def _job(code: str, limits: Limits) -> dict[str, object]:
    """All that the process must know, as JSON."""
    if sys.platform != "linux":
        raise ValueError(f"there is no sandbox on {sys.platform}")
    machine = platform.machine()
    packages = {}
    for name in limits.packages:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            packages[name] = os.path.dirname(os.path.realpath(spec.origin))
    paths = sysconfig.get_paths()
    readable = {paths["stdlib"], paths["platstdlib"], os.path.join(sys.base_prefix, "lib")}
    readable |= {*_SYSTEM_LIBRARIES, *packages.values()}
    readable |= {f"{folder}.libs" for folder in packages.values()}  # of wheels: numpy.libs
    return {
        "code": code,
        "parent": os.getpid(),
        "machine": machine,
        "filter": filter_program(machine, sandbox_child.landlock_abi() >= 3).hex(),
        "packages": packages,
        "readable": sorted({os.path.realpath(path) for path in readable if os.path.exists(path)}),
        "limits": {
            "RLIMIT_CPU": limits.cpu_s,
            "RLIMIT_AS": limits.memory_mb * 2**20,
            "RLIMIT_FSIZE": limits.files_mb * 2**20 // 8,
            "RLIMIT_NOFILE": 64,
            "RLIMIT_NPROC": 0,
            "RLIMIT_CORE": 0,
        },
    }


def _watch(process: subprocess.Popen[bytes], limits: Limits, scratch: Path) -> Ran:
    """Reads both streams until the process ends or breaks a limit."""
    deadline = time.monotonic() + limits.wall_s
    captured: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
    broken: Status | None = None
    with selectors.DefaultSelector() as selector:
        for name in captured:
            stream: IO[bytes] = getattr(process, name)
            selector.register(stream, selectors.EVENT_READ, name)
        while broken is None and (selector.get_map() or process.poll() is None):
            if time.monotonic() > deadline:
                broken = Status.TIME
            if not selector.get_map():
                time.sleep(_POLL_S)  # it closed both streams, and lives
            for key, _ in selector.select(_POLL_S) if selector.get_map() else ():
                data = os.read(key.fd, 65_536)
                captured[key.data] += data
                if not data:
                    selector.unregister(key.fileobj)
                elif len(captured[key.data]) > limits.output_bytes:
                    broken = Status.OUTPUT
            if _size(scratch) > limits.files_mb * 2**20:
                broken = Status.OUTPUT
    if broken is not None:
        process.kill()
    code = process.wait()
    texts = [
        bytes(captured[name][: limits.output_bytes]).decode("utf-8", "replace")
        for name in ("stdout", "stderr")
    ]
    return Ran(texts[0], texts[1], broken or _status(code))


def _size(scratch: Path) -> int:
    """Bytes of all files of a folder that has no folders, each counted with its inode."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(scratch) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # gone since
                total += 4096 + entry.stat(follow_symlinks=False).st_size
    return total


def _status(code: int) -> Status:
    match code:
        case 0:
            return Status.FINISHED
        case sandbox_child.NO_WALLS:
            return Status.NO_SANDBOX
        case sandbox_child.OUT_OF_MEMORY:
            return Status.MEMORY
        case _ if code in (-signal.SIGXCPU, -signal.SIGKILL):
            return Status.TIME  # nobody else sends these: limits do
        case _:
            return Status.RAISED if code > 0 else Status.DIED
