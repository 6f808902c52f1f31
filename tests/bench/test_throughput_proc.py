"""Processes as Linux describes them."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.throughput_proc import Children, cpu_seconds, descendants, high_water, resident

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"


def test_a_childs_time_is_counted_and_kept_after_its_end() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdout.readline()
    children = Children(os.getpid())
    assert process.pid in descendants(os.getpid())
    children.look()
    assert children.spent()["graders"] >= 0.25
    assert children.together > resident(os.getpid()) > 0
    process.communicate("\n")
    children.look()
    assert process.pid not in descendants(os.getpid())
    assert children.spent()["graders"] >= 0.25


def test_a_process_that_is_gone_has_used_nothing() -> None:
    assert cpu_seconds(2**22 + 1) == 0.0
    assert high_water(2**22 + 1) == 0
