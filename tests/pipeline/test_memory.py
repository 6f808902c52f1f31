"""Memory that was freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

_CODE = """
import psutil
from pipeline.memory import give_back_memory

def size():
    return psutil.Process().memory_info().rss

begin = size()
pieces = [bytes(3000) for _ in range(60_000)]
pieces = pieces[::500]  # what is left stands between what is free
held = size() - begin
give_back_memory()
print(held, size() - begin)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc_trim")
def test_what_stands_free_between_what_is_held_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _CODE], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before > 100e6
    assert after < before / 3
