"""What was freed, given back to the system.

Planning reads all problems at once and keeps none. Allocators hold what is freed for later, so that
a run of many problems would stay larger than one of few for as long as it lasts.
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
