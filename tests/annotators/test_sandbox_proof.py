"""The trial of the walls: it must find each missing one, and then no program may run."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from annotators.program import annotator as program
from annotators.program import sandbox_child, sandbox_process, sandbox_proof
from annotators.program.annotator import Program
from annotators.program.sandbox import Limits, Ran, Sandbox, Status
from pipeline.verdict import Reason, Verdict
from tests.annotators.sandboxed import need_sandbox

ALLOW_ALL = struct.pack("<HBBI", 0x06, 0, 0, 0x7FFF0000)
CLAIM = "```python\nprint(12)\n```\n```output\n13\n```\n"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """One that must be tried anew."""
    need_sandbox()
    monkeypatch.setattr(sandbox_proof, "_broken", {})
    sandbox = Sandbox()
    monkeypatch.setattr(program, "SANDBOX", sandbox)
    return sandbox


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A machine without a list of system calls; needs no sandbox to be there."""
    monkeypatch.setattr(sandbox_proof, "_broken", {})
    monkeypatch.setattr(sandbox_process.platform, "machine", lambda: "vax")
    sandbox = Sandbox()
    monkeypatch.setattr(program, "SANDBOX", sandbox)
    return sandbox


def weaken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, old: str, new: str) -> None:
    """A child that leaves one of its walls out."""
    source = Path(sandbox_child.__file__).read_text()
    assert source.count(old) == 1
    child = tmp_path / "weak_child.py"
    child.write_text(source.replace(old, new))
    monkeypatch.setattr(sandbox_child, "__file__", str(child))


def test_nothing_is_missing_here(sandbox: Sandbox) -> None:
    assert sandbox.missing() == ()


def test_the_trial_is_made_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sandbox.missing() == ()
    monkeypatch.setattr(sandbox_process.platform, "machine", lambda: "vax")
    assert sandbox.missing() == ()


def test_a_missing_filter_is_found(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_process, "filter_program", lambda *_: ALLOW_ALL)
    assert {"no network", "no processes", "no writing outside"} <= set(sandbox.missing())


def test_a_missing_landlock_is_found(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    call = '    _landlock(job["readable"], job["scratch"])\n'
    weaken(monkeypatch, tmp_path, call, "")
    assert sandbox.missing() == ("no reading of files", "no writing outside")


def test_a_readable_folder_too_many_is_found(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_process, "_SYSTEM_LIBRARIES", ("/",))
    assert sandbox.missing() == ("no reading of files",)


def test_a_missing_limit_of_memory_is_found(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weaken(monkeypatch, tmp_path, 'in job["limits"].items()', "in ()")
    assert sandbox.missing() == ("a limit of memory",)


def test_a_kernel_without_landlock_is_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weaken(monkeypatch, tmp_path, "    abi = landlock_abi()\n", "    abi = -1\n")
    assert sandbox.missing() == ("Landlock",)


def test_a_kernel_without_seccomp_is_named(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_process, "filter_program", lambda *_: b"")
    assert sandbox.missing() == ("seccomp: Invalid argument",)


@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5, 6])
def test_an_older_landlock_will_do(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, abi: int
) -> None:
    if abi > sandbox_child.landlock_abi():
        pytest.skip("this kernel's Landlock is older still")
    weaken(monkeypatch, tmp_path, "    abi = landlock_abi()\n", f"    abi = {abi}\n")
    monkeypatch.setattr(sandbox_child, "landlock_abi", lambda: abi)
    assert sandbox.missing() == ()


def test_namespaces_are_not_needed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weaken(monkeypatch, tmp_path, "    _libc.unshare(_NAMESPACES)", "    pass")
    assert sandbox.missing() == ()


def test_without_a_right_of_truncation_no_file_is_opened_for_it(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weaken(monkeypatch, tmp_path, "    abi = landlock_abi()\n", "    abi = 2\n")
    monkeypatch.setattr(sandbox_child, "landlock_abi", lambda: 2)
    ran = sandbox.run("import os\nopen('a', 'a').write('12')\nos.open('a', os.O_TRUNC)")
    assert ran.stderr.strip().splitlines()[-1].startswith("PermissionError")


def test_an_interpreter_that_does_not_start_is_no_sandbox(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_process, "_interpreter", lambda: "/nonexistent/python")
    assert sandbox.missing() == (
        "the sandbox does not start: [Errno 2] No such file or directory: '/nonexistent/python'",
    )


def test_without_a_folder_for_temporary_files_there_is_no_sandbox(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(sandbox_process.tempfile, "tempdir", "/nonexistent")
        assert sandbox.run("print(12)").status is Status.NO_SANDBOX
    assert sandbox.missing() == ()


def test_a_busy_machine_is_tried_again(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as busy:
        busy.setattr(sandbox_proof, "run_process", lambda *_: Ran("", "", Status.TIME))
        assert sandbox.missing() == ("a complete trial (time): ",)
    assert sandbox.missing() == ()


def test_another_system_has_no_sandbox(elsewhere: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_process.sys, "platform", "darwin")
    assert elsewhere.missing() == ("there is no sandbox on darwin",)


def test_no_program_runs_where_a_wall_is_missing(elsewhere: Sandbox) -> None:
    ran = elsewhere.run("print(12)")
    assert (ran.status, ran.stdout) == (Status.NO_SANDBOX, "")
    assert ran.stderr == "missing: there is no list of system calls for vax"


def test_without_a_sandbox_a_false_output_is_unknown(elsewhere: Sandbox) -> None:
    (evidence,) = Program().check("", [CLAIM])
    assert (evidence.verdict, evidence.reason) == (Verdict.UNKNOWN, Reason.UNDECIDED)
    (detail,) = evidence.details
    assert detail.rule == "no_sandbox"
    assert detail.text == ("no program was run, missing: there is no list of system calls for vax")


def test_limits_of_another_kind_are_tried_by_themselves(sandbox: Sandbox) -> None:
    assert Sandbox(Limits(memory_mb=256)).missing() == ()
    assert list(sandbox_proof._broken) == [Limits(memory_mb=256)]
