"""Break-outs, one behaviour each: every program here is an attack on a canary or on a limit."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from annotators.program.sandbox import Limits, Ran, Sandbox, Status
from tests.annotators.sandboxed import need_sandbox

REPOSITORY = Path(__file__).parents[2]
SECRET = "the canary's secret"


@pytest.fixture(scope="module", autouse=True)
def needed() -> None:
    need_sandbox()


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    path = tmp_path / "canary"
    path.write_text(SECRET)
    path.chmod(0o666)
    return path


def run(code: str, **limits: float) -> Ran:
    return Sandbox(Limits(**{"wall_s": 20.0, "cpu_s": 20, **limits})).run(code)  # type: ignore[arg-type]


def last_error(ran: Ran) -> str:
    assert ran.status is Status.RAISED, ran
    return ran.stderr.strip().splitlines()[-1]


# --- programs that mean no harm


def test_a_program_prints() -> None:
    assert run("print(1 + 1)") == Ran("2\n", "", Status.FINISHED)


def test_the_standard_library_is_there() -> None:
    code = "import decimal, hashlib, json, math, re, statistics, zlib\nprint(math.gcd(12, 18))"
    assert run(code).stdout == "6\n"


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("import sympy; print(sympy.factorint(12))", "{2: 2, 3: 1}\n"),
        ("import numpy; print(numpy.arange(3).sum())", "3\n"),
    ],
)
def test_the_listed_packages_are_there(code: str, printed: str) -> None:
    assert run(code).stdout == printed


def test_other_packages_are_not() -> None:
    assert last_error(run("import pyarrow")) == "ModuleNotFoundError: No module named 'pyarrow'"


def test_the_project_is_not() -> None:
    assert "ModuleNotFoundError" in last_error(run("import pipeline"))


def test_a_file_in_the_scratch_folder_can_be_written_and_read() -> None:
    code = "open('a.txt', 'w').write('12')\nprint(open('a.txt').read())"
    assert run(code).stdout == "12\n"


def test_the_scratch_folder_is_gone_afterwards() -> None:
    folder = run("import os\nopen('a', 'w')\nprint(os.getcwd())").stdout.strip()
    assert "stepsmith-program-" in folder
    assert not Path(folder).exists()


def test_an_exception_is_raised_with_its_trace() -> None:
    assert last_error(run("1 / 0")) == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit", Status.FINISHED),
        ("raise SystemExit(3)", Status.RAISED),
        ("import os; os._exit(7)", Status.RAISED),
        ("import sys; sys.stdout.close()", Status.RAISED),
        ("def f(:", Status.RAISED),
        ("x = '\ud800'", Status.RAISED),
        ("x = 1\x00", Status.RAISED),
        ("(" * 5000, Status.RAISED),
        ("import ctypes; ctypes.string_at(0)", Status.DIED),
    ],
)
def test_every_end_has_its_status(code: str, status: Status) -> None:
    assert run(code).status is status


def test_standard_input_is_at_its_end() -> None:
    assert last_error(run("input()")).startswith("EOFError")


def test_the_hash_seed_orders_sets_of_text() -> None:
    code = "print(list({'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}))"
    assert Sandbox().run(code, 0) == Sandbox().run(code, 0)
    assert Sandbox().run(code, 0) != Sandbox().run(code, 1)


# --- the network


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_PACKET"])
def test_no_socket_can_be_made(family: str) -> None:
    code = f"import socket; socket.socket(socket.{family}, socket.SOCK_RAW)"
    assert last_error(run(code)).startswith("PermissionError")


def test_no_page_can_be_fetched() -> None:
    code = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1/')"
    assert "urlopen error" in last_error(run(code))


# --- files


@pytest.mark.parametrize(
    "attack",
    [
        "open(canary)",
        "open('../' + os.path.relpath(canary, '/tmp'))",
        "open('/proc/self/root' + canary)",
        "os.open(os.path.basename(canary), 0, dir_fd=os.open(os.path.dirname(canary), os.O_PATH))",
        "os.listdir(os.path.dirname(canary))",
        "open(canary, 'w')",
        "open(canary, 'a')",
        "open(canary, 'r+')",
        "open(canary + '.new', 'x')",
        "os.truncate(canary, 0)",
        "os.remove(canary)",
        "os.rename(canary, canary + '.moved')",
        "os.rename(canary, 'mine')",
        "os.replace('mine', canary)",
        "os.chmod(canary, 0)",
        "os.chown(canary, 65534, 65534)",
        "os.utime(canary, (0, 0))",
        "os.setxattr(canary, 'user.x', b'x')",
        "os.mkdir(canary + '.folder')",
        "os.mkfifo(canary + '.fifo')",
        "os.mknod(canary + '.node')",
        "os.link(canary, 'mine')",
        "os.link('mine', canary + '.link')",
        "(os.symlink(canary, 'way'), open('way'))",
        "(os.symlink(os.path.dirname(canary), 'way'), os.listdir('way'))",
        "os.chroot('.')",
    ],
)
def test_a_file_outside_is_neither_read_nor_changed(canary: Path, attack: str) -> None:
    code = f"import os\ncanary = {str(canary)!r}\nopen('mine', 'w').close()\nprint({attack})"
    if "mine'," in attack:
        code = code.replace("open('mine', 'w').close()", "open('mine', 'w').write('mine')")
    ran = run(code)
    error = last_error(ran)
    assert error.startswith(("PermissionError", "OSError: [Errno 18]", "FileNotFoundError")), error
    assert SECRET not in ran.stdout + ran.stderr
    assert canary.read_text() == SECRET
    assert os.listdir(canary.parent) == [canary.name]
    assert canary.stat().st_mode & 0o777 == 0o666


def test_a_link_out_of_a_readable_folder_leads_nowhere(
    canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "harmlesspackage"
    package.mkdir()
    (package / "__init__.py").write_text("x = 12")
    (package / "way").symlink_to(canary)
    monkeypatch.syspath_prepend(tmp_path)
    sandbox = Sandbox(Limits(packages=("harmlesspackage",)))
    code = "import harmlesspackage as p; print(p.x, flush=True); open(p.__path__[0] + '/way')"
    ran = sandbox.run(code)
    assert ran.stdout == "12\n"
    assert last_error(ran).startswith("PermissionError")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/1/environ", "/dev/zero"]
)
def test_no_file_of_the_system_is_read(path: str) -> None:
    assert last_error(run(f"open({path!r}, 'rb').read(1)")).startswith("PermissionError")


def test_the_environment_of_the_parent_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPSMITH_API_KEY", SECRET)
    ran = run("import os\nprint(dict(os.environ))\nopen(f'/proc/{os.getppid()}/environ')")
    assert SECRET not in ran.stdout
    assert last_error(ran).startswith("PermissionError")


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "cmdline", "fd/0"])
def test_the_memory_and_files_of_the_parent_are_out_of_reach(name: str) -> None:
    code = f"open('/proc/{os.getpid()}/{name}', 'rb')"
    assert last_error(run(code)).startswith("PermissionError")


def test_nothing_is_written_into_the_repository() -> None:
    path = REPOSITORY / "annotators" / "canary_of_the_sandbox.py"
    assert last_error(run(f"open({str(path)!r}, 'w')")).startswith("PermissionError")
    assert not path.exists()


def test_the_repository_is_not_read() -> None:
    code = f"open({str(REPOSITORY / 'pyproject.toml')!r})"
    assert last_error(run(code)).startswith("PermissionError")


def test_the_interpreters_own_files_are_not_changed() -> None:
    code = "import os\nopen(os.__file__, 'r+b')"
    assert last_error(run(code)).startswith("PermissionError")


@pytest.mark.parametrize(
    "attack",
    ["open(f, 'r+b')", "open(f, 'wb')", "open(f, 'ab')", "os.open(f, os.O_TRUNC)", "os.remove(f)"],
)
def test_a_package_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: str
) -> None:
    package = tmp_path / "harmlesspackage"
    package.mkdir()
    (package / "__init__.py").write_text("x = 12")
    monkeypatch.syspath_prepend(tmp_path)
    sandbox = Sandbox(Limits(packages=("harmlesspackage",)))
    ran = sandbox.run(f"import harmlesspackage, os\nf = harmlesspackage.__file__\n{attack}")
    assert last_error(ran).startswith("PermissionError")
    assert (package / "__init__.py").read_text() == "x = 12"


def test_no_open_file_of_the_parent_is_inherited(canary: Path) -> None:
    with canary.open() as file:
        os.set_inheritable(file.fileno(), True)
        code = (
            "import os\nfor n in range(3, 64):\n  try: os.read(n, 9)\n"
            "  except OSError: continue\n  print(n)"
        )
        ran = run(code)
    assert ran == Ran("", "", Status.FINISHED)


# --- other processes


@pytest.mark.parametrize(
    "attack",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['/bin/true'])",
        "subprocess.run('true', shell=True)",
        "multiprocessing.Process(target=print).start()",
        "os.kill(os.getppid(), signal.SIGTERM)",
        "os.kill(-1, signal.SIGTERM)",
        "os.killpg(0, signal.SIGTERM)",
        "signal.pidfd_send_signal(0, signal.SIGTERM)",
        "os.pidfd_open(os.getppid())",
        "fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid())",
        "fcntl.fcntl(1, 10, signal.SIGKILL)",
        "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (0, 0))",
        "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "os.setuid(0)",
        "os.memfd_create('x')",
    ],
)
def test_nothing_is_done_to_other_processes(attack: str) -> None:
    code = f"import fcntl, multiprocessing, os, resource, signal, subprocess\n{attack}"
    assert last_error(run(code)).startswith(("PermissionError", "ValueError: not allowed"))


def test_a_shell_does_not_run(canary: Path) -> None:
    run(f"import os\nos.system('echo gone > {canary}')")
    assert canary.read_text() == SECRET


def test_a_fork_bomb_makes_no_process() -> None:
    code = (
        "import os\nmade = 0\nfor _ in range(1000):\n  try:\n    os.fork()\n    made += 1\n"
        "  except OSError: pass\nprint(made)"
    )
    assert run(code).stdout == "0\n"


def test_a_thread_does_not_start() -> None:
    code = "import threading; threading.Thread(target=print).start()"
    assert "can't start new thread" in last_error(run(code))


# --- system calls made by hand

CALLS = {  # x86-64, aarch64
    "socket": (41, 198), "connect": (42, 203), "bind": (49, 200), "clone": (56, 220),
    "clone3": (435, 435), "execve": (59, 221), "execveat": (322, 281), "kill": (62, 129),
    "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "mount": (165, 40),
    "pivot_root": (155, 41), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280),
    "io_uring_setup": (425, 425), "userfaultfd": (323, 282), "perf_event_open": (298, 241),
    "keyctl": (250, 219), "init_module": (175, 105), "prctl": (157, 167), "seccomp": (317, 277),
    "prlimit64": (302, 261), "open_by_handle_at": (304, 265), "openat2": (437, 437),
    "shmget": (29, 194), "memfd_create": (319, 279), "capset": (126, 91), "reboot": (169, 142),
    "landlock_restrict_self": (446, 446), "ioctl": (16, 29), "setsid": (112, 157),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_a_system_call_by_hand_is_refused(name: str) -> None:
    number = CALLS[name][platform.machine() == "aarch64"]
    code = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        f"print(libc.syscall({number}, 0, 0, 0, 0, 0, 0), ctypes.get_errno())"
    )
    assert run(code).stdout == "-1 1\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x32 is a table of x86-64")
def test_the_x32_table_is_refused() -> None:
    code = (
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print(libc.syscall(0x40000000 + 41, 2, 1, 0), ctypes.get_errno())"
    )
    assert run(code).stdout == "-1 1\n"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="machine code of x86-64")
def test_the_i386_table_kills_the_process() -> None:
    code = (
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=7)\n"
        "page.write(bytes.fromhex('b814000000cd80c3'))  # getpid by int 0x80\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "print(ctypes.CFUNCTYPE(ctypes.c_int)(address)())"
    )
    ran = run(code)
    assert (ran.status, ran.stdout) == (Status.DIED, "")


# --- limits


def timed(code: str, **limits: float) -> tuple[Status, float]:
    start = time.monotonic()
    status = run(code, **limits).status
    return status, time.monotonic() - start


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(60)",
        "9**9**9",
        "import os, time; os.close(1); os.close(2); time.sleep(60)",
        "import signal\nfor n in (1, 2, 15, 24): signal.signal(n, signal.SIG_IGN)\nwhile 1: pass",
        "try:\n  while True: pass\nfinally:\n  while True: pass",
    ],
)
def test_a_program_without_end_is_stopped_by_the_clock(code: str) -> None:
    status, seconds = timed(code, wall_s=0.5)
    assert status is Status.TIME
    assert seconds < 10


def test_a_program_without_end_is_stopped_by_its_processor_time() -> None:
    code = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    status, seconds = timed(code, wall_s=30, cpu_s=1)
    assert status is Status.TIME
    assert seconds < 15


@pytest.mark.parametrize(
    "code", ["x = bytearray(10**10)", "x = []\nwhile True: x.append(bytearray(10**6))"]
)
def test_too_much_memory_is_refused(code: str) -> None:
    assert run(code, memory_mb=128).status is Status.MEMORY


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 1000)",
        "print('x' * 10**8)",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "import os\nwhile True: os.write(1, b'x' * 1000)",
    ],
)
def test_a_flood_of_output_is_cut(code: str) -> None:
    ran = run(code)
    assert ran.status is Status.OUTPUT
    assert len(ran.stdout) <= 65_536
    assert len(ran.stderr) <= 65_536


def test_one_file_has_its_limit() -> None:
    assert "File too large" in last_error(run("open('a', 'wb').write(bytes(2 * 10**6))"))


@pytest.mark.parametrize("size", [10**6, 0])
def test_many_files_have_theirs(size: int) -> None:
    code = f"n = 0\nwhile True:\n  n += 1\n  with open(str(n), 'wb') as f: f.write(bytes({size}))"
    assert run(code).status is Status.OUTPUT


def test_open_files_have_their_limit() -> None:
    code = "files = []\nwhile True: files.append(open('a', 'w'))"
    assert "Too many open files" in last_error(run(code))


# --- the life of the process


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("deadly", [signal.SIGTERM, signal.SIGKILL])
def test_the_program_dies_with_its_parent(deadly: signal.Signals, tmp_path: Path) -> None:
    code = (
        "from annotators.program.sandbox import Limits, Sandbox\n"
        "sandbox = Sandbox(Limits(wall_s=60))\nsandbox.missing()\nprint('up', flush=True)\n"
        "sandbox.run('import time; time.sleep(60)')"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        deadline = time.monotonic() + 20
        while not (found := children(parent.pid)) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5)  # it sets its death signal first of all, but it has to start
        (child,) = found
        assert alive(child)
        parent.send_signal(deadly)
        parent.wait(10)
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)


def test_many_programs_leave_nothing_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        run("print(1)")
    assert len(os.listdir("/proc/self/fd")) == before
