"""The sandbox's list of system calls, as a seccomp-bpf program: what is not on it is refused.

Guaranteed: a call that is not listed fails with EPERM, so that a program sees an error and goes
on; a call through another architecture's table (i386 on x86-64) kills the process. Not listed,
so refused: sockets of any kind, new processes and threads, execve, signals to anyone, ptrace and
the memory of others, mounts, namespaces, io_uring (which would bypass the list), memfd, links,
folders, modes, owners and times of files, limits and priorities, devices' ioctls.

Not guaranteed: which files may be opened. A filter sees pointers, not paths; that is Landlock's
part (sandbox_child.py). Numbers are from the kernel's arch/x86/entry/syscalls/
syscall_64.tbl and include/uapi/asm-generic/unistd.h (aarch64).
"""

from __future__ import annotations

import struct

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_EPERM = 1
_O_TRUNC = 0o1000  # the same number on both

# name: its number on x86-64 and on aarch64
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # bytes of open files
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "pread64": (17, 67), "pwrite64": (18, 68), "lseek": (8, 62), "close": (3, 57),
    "close_range": (436, 436), "fstat": (5, 80), "ftruncate": (77, 46), "fsync": (74, 82),
    "fdatasync": (75, 83), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "pipe": (22, None), "pipe2": (293, 59), "poll": (7, None), "ppoll": (271, 73),
    "select": (23, None), "pselect6": (270, 72),
    # paths, which Landlock judges where contents are read or changed
    "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61),
    "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "umask": (95, 166),
    "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276),
    # its own memory and signal handlers
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "sigaltstack": (131, 132), "alarm": (37, None), "setitimer": (38, 103),
    "getitimer": (36, 102), "pause": (34, None), "restart_syscall": (219, 128),
    # clocks, chance, and who and where it is
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153),
    "getrusage": (98, 165), "getrandom": (318, 278), "sysinfo": (99, 179), "uname": (63, 160),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getcpu": (309, 168),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    # what the C library needs within one thread, and the end
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "exit": (60, 93),
    "exit_group": (231, 94),
}  # fmt: skip
_OPEN, _OPENAT = (2, None), (257, 56)
_FCNTL = (72, 25)
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: with F_SETOWN and F_SETSIG a
# program could have any signal sent to any process of the same user
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)

# instructions of classic BPF, and what the kernel does with their result
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_AT_NUMBER, _AT_ARCHITECTURE, _AT_ARGUMENTS = 0, 4, 16


def filter_program(machine: str, may_truncate: bool) -> bytes:
    """The filter as an array of `struct sock_filter`; ValueError for an unknown machine.

    `may_truncate` is false where Landlock cannot tell truncation from reading (before Linux
    6.2): there no file may be opened with O_TRUNC, or a readable one could be emptied.
    """
    if machine not in _ARCHITECTURES:
        raise ValueError(f"there is no list of system calls for {machine}")
    architecture, column = _ARCHITECTURES[machine]
    program = [
        _op(_LOAD, _AT_ARCHITECTURE),
        _op(_EQUAL, architecture, 1, 0),
        _op(_RETURN, _KILL),
        _op(_LOAD, _AT_NUMBER),
    ]
    for numbers in _ALLOWED.values():
        if (number := numbers[column]) is not None:
            program += _on(number, [_op(_RETURN, _ALLOW)])
    for numbers, flags_at in ((_OPEN, 1), (_OPENAT, 2)):
        if (number := numbers[column]) is not None:
            truncating = [] if may_truncate else [_op(_ANY_BIT, _O_TRUNC, 1, 0)]
            opening = [*truncating, _op(_RETURN, _ALLOW), _op(_RETURN, _ERRNO | _EPERM)]
            program += _on(number, [_argument(flags_at), *opening])
    commands = [
        op for value in _FCNTL_COMMANDS for op in (_op(_EQUAL, value, 0, 1), _op(_RETURN, _ALLOW))
    ]
    program += _on(_FCNTL[column], [_argument(1), *commands, _op(_RETURN, _ERRNO | _EPERM)])
    program.append(_op(_RETURN, _ERRNO | _EPERM))
    return b"".join(program)


def _on(number: int, then: list[bytes]) -> list[bytes]:
    """Instructions for one system call; `then` ends with a return."""
    return [_op(_EQUAL, number, 0, len(then)), *then]


def _argument(index: int) -> bytes:
    """Loads the low half of an argument: the kernel too reads these as 32 bits."""
    return _op(_LOAD, _AT_ARGUMENTS + 8 * index)


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, if_true, if_false, value)
