"""A hash of strings that is the same on every machine and in every version of every library.

Guarantees: FNV-1a over the UTF-8 bytes, then the finaliser of SplitMix64 (Steele, Lea and Flood
2014), in 64 bits; computed column by column over a whole shard. Polars' own hash changes between
versions, and a published `keep` must not. Not a cryptographic hash.
"""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray


def stable_hash(texts: pl.Series) -> NDArray[np.uint64]:
    array = texts.fill_null("").rechunk().to_arrow().cast(pa.large_string())
    _, offsets_buffer, data_buffer = array.buffers()
    hashes = np.full(len(texts), 0xCBF29CE484222325, dtype=np.uint64)
    if data_buffer is None:
        return hashes
    offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[array.offset :][: len(texts) + 1]
    data = np.frombuffer(data_buffer, dtype=np.uint8)
    lengths = np.diff(offsets)
    for column in range(int(lengths.max(initial=0))):
        live = lengths > column
        byte = data[offsets[:-1][live] + column].astype(np.uint64)
        hashes[live] = (hashes[live] ^ byte) * np.uint64(0x100000001B3)
    hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes ^ (hashes >> np.uint64(31))
