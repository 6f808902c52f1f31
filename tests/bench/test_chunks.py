from __future__ import annotations

import random

from bench.chunks import LARGEST, SMALLEST, Store, boundaries

DATA = random.Random(0).randbytes(3_000_000)


def test_chunks_are_as_large_as_the_rule_says() -> None:
    ends = boundaries(DATA)
    sizes = [b - a for a, b in zip([0, *ends], ends, strict=False)]
    assert ends[-1] == len(DATA)
    assert all(SMALLEST <= size <= LARGEST for size in sizes[:-1])
    assert 40_000 < len(DATA) / len(sizes) < 80_000


def test_a_boundary_is_where_the_upper_bits_of_the_gear_hash_are_zero() -> None:
    from bench.chunks import _TABLE

    value, ends, start = 0, [], 0
    for at, byte in enumerate(DATA[:500_000]):
        value = ((value << 1) + int(_TABLE[byte])) % 2**64
        size = at + 1 - start
        if (size >= SMALLEST and value >> 48 == 0) or size >= LARGEST:
            ends.append(at + 1)
            start = at + 1
    assert boundaries(DATA)[: len(ends) - 1] == ends[:-1]


def test_bytes_that_were_put_in_cost_the_chunks_around_them() -> None:
    store = Store()
    assert store.put(DATA) == len(DATA)
    assert store.put(DATA) == 0
    assert 0 < store.put(DATA[:1_000_000] + b"new" + DATA[1_000_000:]) <= 3 * LARGEST
