"""Problems whose rows stand in more than one shard.

A later batch may bring more solutions of problems that an earlier one labelled (`relabel
--new-solutions`, a file of solutions that grew). Formats that look at whole problems read all rows
of a problem with the first shard that has some.

Guarantees: every row is read with one shard, its own where its problem stands in no other. Keeps
nothing in memory but eight bytes a problem, and the ids of those in more than one shard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from pipeline.folder import DatasetFolder
from pipeline.tables import named, read_frame

_IDS = pa.array([], pa.string())
_HASH = pl.col("problem_id").hash()


@dataclass(frozen=True, slots=True)
class Spread:
    """Of problems in more than one shard, their ids."""

    # Of a later shard: those whose rows are read with an earlier one.
    away: Mapping[str, pa.Array] = field(default_factory=dict)
    # Of a first shard: the later ones, in order, and which of their rows are read with it.
    guests: Mapping[str, Mapping[str, pa.Array]] = field(default_factory=dict)

    def away_from(self, shard: str) -> pa.Array:
        return self.away.get(shard, _IDS)

    def guests_of(self, shard: str) -> Mapping[str, pa.Array]:
        return self.guests.get(shard, {})


NOWHERE = Spread()


def find_spread(folder: DatasetFolder, shards: Sequence[str]) -> Spread:
    """Reads one column, twice where there are such problems. Raises InputError."""
    numbers = range(len(shards))
    hashes = pl.concat(_problems(folder, shards, one).select(_HASH) for one in numbers).to_series()
    several = hashes.filter(hashes.is_duplicated()).unique()  # ids that share a hash among them
    if several.is_empty():
        return NOWHERE
    twice = _HASH.is_in(several.implode())
    every = pl.concat(_problems(folder, shards, one).filter(twice) for one in numbers)
    home = every.group_by("problem_id").agg(pl.len(), home=pl.col("shard").min())
    moved = (
        every.join(home.filter(pl.col("len") > 1), on="problem_id")
        .filter(pl.col("shard") > pl.col("home"))
        .sort("home", "shard", "problem_id")
    )
    away: dict[str, pa.Array] = {}
    guests: dict[str, dict[str, pa.Array]] = {}
    for (number,), rows in moved.group_by("shard", maintain_order=True):
        away[shards[int(number)]] = _array(rows)
    for (first, number), rows in moved.group_by("home", "shard", maintain_order=True):
        guests.setdefault(shards[int(first)], {})[shards[int(number)]] = _array(rows)
    return Spread(away, guests)


def _problems(folder: DatasetFolder, shards: Sequence[str], number: int) -> pl.DataFrame:
    path = folder.published(shards[number])
    with named(path):
        ids = read_frame(path, ["problem_id"])
    return ids.drop_nulls().unique().with_columns(shard=pl.lit(number, pl.UInt32))


def _array(rows: pl.DataFrame) -> pa.Array:
    return pa.array(rows["problem_id"].to_list(), pa.string())
