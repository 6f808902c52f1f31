"""What was freed, given back to the system.

Planning reads all problems at once and keeps none; a shard's tables go when it is published.
Allocators hold what is freed for later, and what lives on between it keeps it: a run of many
problems would become larger than one of few. Five milliseconds in a process of half a gigabyte.
"""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back_memory() -> None:
    """Where the C library can (glibc); nothing elsewhere."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
