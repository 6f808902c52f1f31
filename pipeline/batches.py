"""Batches and shards: which problems a dataset holds, in which order, frozen when planned.

Each run that finds new problems plans one batch; a batch is cut into shards of at most S
problems. A planned batch never changes, whatever the source file becomes, because its problems
are kept in `<work>/batches/<batch>/problems.parquet`; a later run plans only what is in no batch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.errors import ProblemFileError
from pipeline.files import write_json, write_table
from pipeline.problems import Problem
from pipeline.recipe import content_hash
from pipeline.schemas import PROBLEMS


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
    to that answer: they are not tried again while it stays the same.
    """

    number: int
    folder: Path
    size: int
    shard_problems: int
    skipped: dict[str, int]
    rejected: dict[str, str]

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
        with pq.ParquetFile(self.folder / "problems.parquet") as file:
            rows = file.read_row_group(shard.start // self.shard_problems).to_pylist()
        return [Problem(**row) for row in rows]

    def texts(self) -> dict[str, str]:
        """problem_id -> text, to notice a problem that changed."""
        table = pq.read_table(self.folder / "problems.parquet", columns=["problem_id", "text"])
        return dict(zip(*(column.to_pylist() for column in table.columns), strict=True))


def read_batches(work: Path) -> list[Batch]:
    """The planned batches in order."""
    batches = []
    for path in sorted((work / "batches").glob("*/batch.json")):
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
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
) -> Batch:
    """Write a new batch down; from then on it is fixed. Raises StorageError."""
    folder = work / "batches" / f"{number:05d}"
    rows = [asdict(problem) for problem in problems]
    table = pa.Table.from_pylist(rows, schema=PROBLEMS)
    write_table(folder / "problems.parquet", table, row_group_size=shard_problems)
    batch = Batch(number, folder, len(problems), shard_problems, skipped, rejected)
    raw = asdict(batch)
    del raw["folder"]
    write_json(folder / "batch.json", raw)
    return batch


def allot(batch: Batch, budget_tokens: int, live: int) -> int | None:
    """Generated tokens that each of a batch's `live` problems may spend; None: no limit.

    Every searched problem gets the same allowance, so that its choices depend on its own evidence
    and a fixed number, never on which problem came first. The number is written down with its
    budget: a resumed run does not share the budget anew.
    """
    if budget_tokens < 0:
        return None
    place = batch.folder / "allowance.json"
    if place.exists():
        known = json.loads(place.read_text(encoding="utf-8"))
        if known["budget_tokens"] == budget_tokens:
            return int(known["allowance"])
    allowance = budget_tokens // max(live, 1)
    write_json(place, {"budget_tokens": budget_tokens, "live": live, "allowance": allowance})
    return allowance


def problems_hash(problems: Sequence[Problem]) -> str:
    return content_hash([asdict(problem) for problem in problems])
