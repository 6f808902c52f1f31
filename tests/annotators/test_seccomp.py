"""The filter's bytes, run by a small machine of classic BPF: also for the other architecture."""

from __future__ import annotations

import struct

import pytest

from annotators.program.seccomp import filter_program

ALLOWED, REFUSED, KILLED = 0x7FFF0000, 0x00050001, 0x80000000
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
O_TRUNC = 0o1000


def verdict(program: bytes, architecture: int, number: int, *arguments: int) -> int:
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    ops = list(struct.iter_unpack("<HBBI", program))
    at = loaded = 0
    while True:
        code, if_true, if_false, value = ops[at]
        at += 1
        if code == 0x20:
            (loaded,) = struct.unpack_from("<I", data, value)
        elif code == 0x15:
            at += if_true if loaded == value else if_false
        elif code == 0x45:
            at += if_true if loaded & value else if_false
        else:
            assert code == 0x06
            return int(value)


@pytest.mark.parametrize(
    ("machine", "number", "expected"),
    [
        ("x86_64", 0, ALLOWED),  # read
        ("x86_64", 257, ALLOWED),  # openat
        ("x86_64", 231, ALLOWED),  # exit_group
        ("x86_64", 41, REFUSED),  # socket
        ("x86_64", 56, REFUSED),  # clone; openat on aarch64
        ("x86_64", 59, REFUSED),  # execve
        ("x86_64", 425, REFUSED),  # io_uring_setup
        ("x86_64", 0x40000000, REFUSED),  # read of the x32 table
        ("x86_64", 9999, REFUSED),  # a call of the future
        ("aarch64", 63, ALLOWED),  # read
        ("aarch64", 56, ALLOWED),  # openat
        ("aarch64", 94, ALLOWED),  # exit_group
        ("aarch64", 198, REFUSED),  # socket
        ("aarch64", 220, REFUSED),  # clone
        ("aarch64", 221, REFUSED),  # execve
        ("aarch64", 129, REFUSED),  # kill
        ("aarch64", 117, REFUSED),  # ptrace
        ("aarch64", 425, REFUSED),  # io_uring_setup
    ],
)
def test_a_system_call_has_its_verdict(machine: str, number: int, expected: int) -> None:
    program = filter_program(machine, may_truncate=True)
    assert verdict(program, ARCHITECTURES[machine], number) == expected


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_another_architecture_is_killed(machine: str) -> None:
    program = filter_program(machine, may_truncate=True)
    assert verdict(program, 0x40000003, 0) == KILLED


@pytest.mark.parametrize(("machine", "openat"), [("x86_64", 257), ("aarch64", 56)])
@pytest.mark.parametrize(
    ("may_truncate", "flags", "expected"),
    [
        (True, O_TRUNC, ALLOWED),
        (False, O_TRUNC, REFUSED),
        (False, O_TRUNC | 1, REFUSED),
        (False, 1, ALLOWED),
    ],
)
def test_truncation_where_landlock_cannot_see_it(
    machine: str, openat: int, may_truncate: bool, flags: int, expected: int
) -> None:
    program = filter_program(machine, may_truncate)
    assert verdict(program, ARCHITECTURES[machine], openat, 0, 0, flags) == expected


@pytest.mark.parametrize(("machine", "fcntl"), [("x86_64", 72), ("aarch64", 25)])
@pytest.mark.parametrize(
    ("command", "expected"), [(1, ALLOWED), (1030, ALLOWED), (8, REFUSED), (10, REFUSED)]
)
def test_fcntl_sends_no_signals(machine: str, fcntl: int, command: int, expected: int) -> None:
    program = filter_program(machine, may_truncate=True)
    assert verdict(program, ARCHITECTURES[machine], fcntl, 1, command) == expected


def test_an_unknown_machine_is_refused() -> None:
    with pytest.raises(ValueError, match="no list of system calls for vax"):
        filter_program("vax", may_truncate=True)
