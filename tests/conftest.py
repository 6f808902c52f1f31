"""What every test process has."""

from __future__ import annotations

from multiprocessing import forkserver

from pipeline.grading.grader import PRELOAD
from pipeline.lean_process import LeanContext


def pytest_configure() -> None:
    """The fork server with what runs preload. It is one for a process: begun by the first pool of
    any test, it would have nothing, and each worker of each run would import Math-Verify anew."""
    LeanContext().set_forkserver_preload(list(PRELOAD))
    forkserver.ensure_running()
