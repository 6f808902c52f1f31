"""Batches and shards: which problems a dataset holds, in which order, frozen when planned.

Each run that finds new problems plans one batch; a batch is cut into shards of at most S
problems. A planned batch never changes, whatever the source file becomes, because its problems
are kept in `<work>/batches/<batch>/problems.parquet`, and what was imported with them beside it;
a later run plans only what is in no batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from pipeline.errors import ProblemFileError
from pipeline.files import write_json, write_table
from pipeline.places import exists, glob, is_folder, read_bytes, read_json
from pipeline.problems import Problem
from pipeline.recipe import content_hash
from pipeline.schemas import PROBLEMS
from pipeline.tables import read_row_group, read_table

TAKEN = "taken-"  # before the name of what another dataset brought along


@dataclass(frozen=True, slots=True)
class Shard:
    """A slice of a batch: `name` is `<batch>-<shard>`, the published file's too."""

    name: str
    batch: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A planned batch; `skipped` counts, by reason, the rows of its source that were set aside.

    `rejected` maps the ids of problems whose reference answer does not grade as equal to itself
    to that answer: they are not tried again while it stays the same. Of a relabelling: `spent`,
    tokens of the rollouts that its problems had before; `first`, the batch that was planned first
    with it, for batches taken over at once are learnt from and paid for as one.
    """

    number: int
    folder: Path
    size: int
    shard_problems: int
    skipped: dict[str, int]
    rejected: dict[str, str]
    spent: int | None = None
    first: int | None = None

    @property
    def group(self) -> int:
        """The number of the batch that it goes with."""
        return self.number if self.first is None else self.first

    def shards(self) -> list[Shard]:
        step = self.shard_problems
        return [
            Shard(
                f"{self.number:05d}-{i:05d}", self.number, i * step, min((i + 1) * step, self.size)
            )
            for i in range(-(-self.size // step))
        ]

    def problems(self, shard: Shard) -> list[Problem]:
        # One row group a shard: a shard costs the same, however large its batch is.
        place = self.folder / "problems.parquet"
        rows = read_row_group(place, shard.start // self.shard_problems).to_pylist()
        return [Problem(**row) for row in rows]

    def imported(self, name: str, shard: Shard) -> pa.Table | None:
        """The rows of an imported table that are this shard's; None where nothing was imported."""
        path = self.folder / name / f"{shard.name}.parquet"
        return read_table(path) if exists(path) else None

    def imported_hash(self, name: str, shard: Shard) -> str | None:
        """Part of the hash of the stages that read it."""
        path = self.folder / name / f"{shard.name}.parquet"
        return hashlib.sha256(read_bytes(path)).hexdigest()[:16] if exists(path) else None

    def taken(self, name: str, shard: Shard) -> pa.Table | None:
        """The rows of a table that another dataset brought along (pipeline/origin.py)."""
        path = self.folder / f"{TAKEN}{name}" / f"{shard.name}.parquet"
        return read_table(path) if exists(path) else None

    @property
    def is_taken(self) -> bool:
        """Whether another dataset brought it along."""
        return is_folder(self.folder / f"{TAKEN}solutions")

    def texts(self) -> dict[str, str]:
        """problem_id -> text, to notice a problem that changed."""
        table = read_table(self.folder / "problems.parquet", ["problem_id", "text"])
        return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def read_batches(work: Path) -> list[Batch]:
    """The planned batches in order."""
    batches = []
    for path in glob(work / "batches", "*/batch.json"):
        raw: dict[str, Any] = read_json(path)
        batches.append(Batch(folder=path.parent, **raw))
    return batches


def new_problems(batches: Sequence[Batch], problems: Sequence[Problem]) -> list[Problem]:
    """Those in no batch yet. Raises ProblemFileError where a known problem's text changed."""
    known: dict[str, str] = {}
    rejected: dict[str, str] = {}
    for batch in batches:
        known.update(batch.texts())
        rejected.update(batch.rejected)
    fresh = []
    for problem in problems:
        old = known.get(problem.problem_id)
        if old is None:
            if rejected.get(problem.problem_id) != (problem.answer or ""):
                fresh.append(problem)
        elif old != problem.text:
            raise ProblemFileError(
                f"problem {problem.problem_id}: its text has changed since this folder was "
                f"begun; give the changed problem a new id, or choose another --out",
                problem_id=problem.problem_id,
            )
    return fresh


def plan_batch(
    work: Path,
    number: int,
    problems: Sequence[Problem],
    shard_problems: int,
    skipped: dict[str, int],
    rejected: dict[str, str],
    imported: Mapping[str, pa.Table] = MappingProxyType({}),
    spent: int | None = None,
    first: int | None = None,
) -> Batch:
    """Write a new batch down; from then on it is fixed. Raises StorageError.

    Tables in `imported` have a column problem_id and are split by shard; `batch.json` is last.
    """
    folder = work / "batches" / f"{number:05d}"
    write_table(folder / "problems.parquet", problem_rows(problems), row_group_size=shard_problems)
    batch = Batch(number, folder, len(problems), shard_problems, skipped, rejected, spent, first)
    for name, rows_of_problems in imported.items():
        parts = _by_shard(batch, problems, rows_of_problems)
        for shard, part in parts.items():
            write_table(folder / name / f"{shard}.parquet", part)
    raw = asdict(batch)
    del raw["folder"]
    write_json(folder / "batch.json", raw)
    return batch


def _by_shard(batch: Batch, problems: Sequence[Problem], table: pa.Table) -> dict[str, pa.Table]:
    place = {problem.problem_id: number for number, problem in enumerate(problems)}
    rows: list[list[int]] = [[] for _ in batch.shards()]
    order = table.column("problem_id").to_pylist()
    for row, problem_id in enumerate(order):
        if problem_id in place:
            rows[place[problem_id] // batch.shard_problems].append(row)
    # In the order of the problems, and of the file within each.
    return {
        shard.name: table.take(
            pa.array(sorted(part, key=lambda row: place[order[row]]), pa.int64())
        )
        for shard, part in zip(batch.shards(), rows, strict=True)
    }


def allot(batch: Batch, budget_tokens: int, live: int) -> int | None:
    """Generated tokens that each of a batch's `live` problems may spend; None: no limit.

    Every searched problem gets the same allowance, so that its choices depend on its own evidence
    and a fixed number, never on which problem came first. The number is written down with its
    budget: a resumed run does not share the budget anew.
    """
    if budget_tokens < 0:
        return None
    place = batch.folder / "allowance.json"
    if exists(place):
        known = read_json(place)
        if known["budget_tokens"] == budget_tokens:
            return int(known["allowance"])
    allowance = budget_tokens // max(live, 1)
    write_json(place, {"budget_tokens": budget_tokens, "live": live, "allowance": allowance})
    return allowance


def problem_rows(problems: Sequence[Problem]) -> pa.Table:
    """Rows of the problems table."""
    return pa.Table.from_pylist([asdict(problem) for problem in problems], schema=PROBLEMS)


def problems_hash(problems: Sequence[Problem]) -> str:
    return content_hash([asdict(problem) for problem in problems])
