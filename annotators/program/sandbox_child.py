"""What the sandbox's interpreter runs: it locks itself in, then runs the program.

Started by path (sandbox_process.py), alone, with a job as JSON on its standard input;
it imports nothing but the standard library. Guaranteed: the program is compiled and run only
after every wall stands; where one cannot be built, the exit status is NO_WALLS and the reason is
on standard error. The order matters: each step gives up a right that the next one might need.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import resource
import signal
import struct
import sys
import traceback
import types
from typing import Any

NO_WALLS, OUT_OF_MEMORY, RAISED = 99, 98, 1

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 38, 22
_NAMESPACES = 0x10000000 | 0x40000000 | 0x08000000 | 0x04000000  # user, network, IPC, host name
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # on every architecture
_CAPSET = {"x86_64": 126, "aarch64": 91}

# rights of Landlock: of files, then of folders
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG, _TRUNCATE = 1 << 5, 1 << 8, 1 << 14
_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights there are; 16 from ABI 5 on

_libc = ctypes.CDLL(None, use_errno=True)


class NoWall(Exception):
    """The kernel refused one of the walls; the message says which."""


def lock_in(job: dict[str, Any]) -> None:
    """Every wall, in order; raises NoWall."""
    _libc.unshare(_NAMESPACES)  # one wall more where the kernel lets us; nothing rests on it
    _drop_capabilities(job["machine"])
    _call("a death signal", _libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != job["parent"]:
        raise NoWall("the parent is gone")
    for name, value in job["limits"].items():
        _limit(getattr(resource, name), value)
    _call("no_new_privs", _libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _landlock(job["readable"], job["scratch"])
    os.chdir(job["scratch"])
    _no_input()
    os.closerange(3, 65536)
    _seccomp(bytes.fromhex(job["filter"]))


def _drop_capabilities(machine: str) -> None:
    """Root without capabilities; those of a fresh user namespace go too."""
    if machine not in _CAPSET:
        raise NoWall(f"system calls of {machine}")
    header = struct.pack("<Ii", 0x20080522, 0)
    _call("capset", _libc.syscall, _CAPSET[machine], header, bytes(24))


def _limit(which: int, value: int) -> None:
    """At most `value`, and no more than what was inherited; hard, so it cannot be undone."""
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def landlock_abi() -> int:
    """The kernel's version of Landlock; 0 or less where there is none."""
    return int(_libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def _landlock(readable: list[str], scratch: str) -> None:
    abi = landlock_abi()
    if abi < 1:
        raise NoWall("Landlock")
    rights = (1 << _RIGHTS_BY_ABI.get(abi, 16)) - 1
    rules = struct.pack("<Q", rights)
    if abi >= 4:
        rules += struct.pack("<Q", 3)  # bind and connect of TCP
    if abi >= 6:
        rules += struct.pack("<Q", 3)  # abstract sockets and signals of others
    size = ctypes.c_size_t(len(rules))
    ruleset = _call("Landlock", _libc.syscall, _LANDLOCK_CREATE, rules, size, ctypes.c_uint32(0))
    reading = _READ_FILE | _READ_DIR
    writing = reading | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | _TRUNCATE
    for path, allowed in [(path, reading) for path in readable] + [(scratch, writing)]:
        if not os.path.isdir(path):
            allowed &= _READ_FILE
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("<Qi", allowed & rights, fd)
        _call("Landlock", _libc.syscall, _LANDLOCK_ADD, ruleset, 1, rule, ctypes.c_uint32(0))
        os.close(fd)
    _call("Landlock", _libc.syscall, _LANDLOCK_RESTRICT, ruleset, ctypes.c_uint32(0))
    os.close(ruleset)


def _seccomp(program: bytes) -> None:
    array = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.cast(array, ctypes.c_void_p).value or 0
    header = struct.pack("@HxxxxxxQ", len(program) // 8, pointer)
    _call("seccomp", _libc.prctl, _PR_SET_SECCOMP, 2, header, 0, 0)


def _no_input() -> None:
    """Standard input at its end, in place of the job."""
    reader, writer = os.pipe()
    os.close(writer)
    os.dup2(reader, 0)
    os.close(reader)


def _call(wall: str, function: Any, *arguments: object) -> int:
    result = int(function(*arguments))
    if result < 0:
        raise NoWall(f"{wall}: {os.strerror(ctypes.get_errno())}")
    return result


class PackageFinder:
    """Imports the packages of the job from their folders, and nothing that lies beside them."""

    def __init__(self, packages: dict[str, str]) -> None:
        self._packages = packages

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        folder = self._packages.get(name)
        if folder is None:
            return None
        return importlib.util.spec_from_file_location(
            name, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
        )


def run(code: str) -> int:
    """The program as `__main__`; its exit status as `python file.py` would give it."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    try:
        exec(compile(code, "<program>", "exec"), module.__dict__)
    except MemoryError:
        return OUT_OF_MEMORY
    except SystemExit as stop:
        return 0 if stop.code in (None, 0) else RAISED
    except BaseException:
        traceback.print_exc()
        return RAISED
    return 0


def main() -> None:
    job = json.loads(sys.stdin.buffer.read())
    sys.meta_path.append(PackageFinder(job["packages"]))
    sys.argv = ["program"]
    try:
        lock_in(job)
    except (NoWall, OSError, ValueError) as error:
        sys.stderr.write(str(error))
        sys.stderr.flush()
        os._exit(NO_WALLS)
    status = run(job["code"])
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # closed by the program
            status = status or RAISED
    os._exit(status)  # no handlers of the program after this


if __name__ == "__main__":
    main()
