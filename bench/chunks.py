"""Content-defined chunks as Xet cuts them, to count what an upload would send.

The rule is Xet's published one: a gear hash over the bytes, a boundary where its upper 16 bits are
zero, chunks of 8 KiB to 128 KiB. Its table of 256 random numbers is our own, so single boundaries
differ from the Hub's and their statistics do not.
"""

from __future__ import annotations

import hashlib

import numpy as np

SMALLEST, LARGEST = 8 * 1024, 128 * 1024
_TABLE = np.frombuffer(hashlib.shake_256(b"gear").digest(256 * 8), np.uint64)
_MASK = np.uint64(0xFFFF << 48)


def boundaries(data: bytes) -> list[int]:
    """Where chunks end."""
    hashes = _TABLE[np.frombuffer(data, np.uint8)]
    # h = (h << 1) + table[byte] forgets a byte after 64 more: the sum of 64 shifted neighbours.
    for shift in (1, 2, 4, 8, 16, 32):
        shifted = hashes.copy()
        shifted[shift:] += hashes[:-shift] << np.uint64(shift)
        hashes = shifted
    candidates = np.flatnonzero((hashes & _MASK) == 0) + 1
    found, start = [], 0
    while start < len(data):
        at = np.searchsorted(candidates, start + SMALLEST)
        end = min(start + LARGEST, len(data))
        if at < len(candidates):
            end = min(end, int(candidates[at]))
        found.append(end)
        start = end
    return found


class Store:
    """The chunks that a Hub has."""

    def __init__(self) -> None:
        self._known: set[bytes] = set()

    def put(self, data: bytes) -> int:
        """How many bytes of `data` are new."""
        new = start = 0
        for end in boundaries(data):
            digest = hashlib.blake2b(data[start:end], digest_size=16).digest()
            if digest not in self._known:
                self._known.add(digest)
                new += end - start
            start = end
        return new
