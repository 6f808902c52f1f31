"""What people said, as evidence of annotator `human` and as truth of origin `human`.

Guarantees: one row of evidence a step, that counts reviewers by what they say and names them; one
row of truth for each reviewer and step, so that people who contradict each other make a step
unknown there, as contradicting origins do (pipeline/step_truth.py). A line on a solution or step
that the dataset has not, or that says something else now, counts for nothing but in `People`.
Labels are not made of it: it measures those who make them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.folder import DatasetFolder
from pipeline.human.lines import check, prefixes_of
from pipeline.human.log import HUMAN, Said, VerdictLog, current
from pipeline.places import is_remote
from pipeline.schemas import EVIDENCE, TRUTH
from pipeline.verdict import Verdict

SOURCE = hashlib.sha256(b"human@1").hexdigest()[:16]


def verdict_log(folder: DatasetFolder) -> VerdictLog:
    """Of all datasets with this evidence: verdicts are on solutions, not on labels.

    Raises InputError where the evidence is in an object store."""
    return VerdictLog(folder.evidence_root() / HUMAN / "verdicts.jsonl")


@dataclass(frozen=True, slots=True)
class People:
    """What people said of a dataset, and the lines of the log that are not of it."""

    said: list[Said]  # verdicts that stand
    unread: int = 0  # lines that are no verdicts
    no_solution: int = 0
    no_step: int = 0  # the step is not there, or says something else now

    def warnings(self, folder: DatasetFolder) -> list[str]:
        """A sentence for each kind of line that was left out."""
        kinds = [
            (self.unread, "are no verdicts"),
            (self.no_solution, "are of solutions that are not here"),
            (self.no_step, "are of steps that are not here or say something else"),
        ]
        return [
            f"{verdict_log(folder).path}: lines that {what}, left out: {count:,}"
            for count, what in kinds
            if count
        ]


def people_of(folder: DatasetFolder) -> People:
    """Nobody, where nobody can have said anything."""
    if is_remote(folder.evidence_root()):
        return People([])
    read = verdict_log(folder).read()
    if not read.said:
        return People([], read.unread)
    prefixes = prefixes_of(folder, {one.solution_id for one in read.said})
    why = [check(one, prefixes) for one in read.said]
    return People(
        current(one for one, wrong in zip(read.said, why, strict=True) if wrong is None),
        read.unread,
        why.count("no_solution"),
        why.count("no_step"),
    )


def human_verdicts(folder: DatasetFolder) -> list[Said]:
    """Those that stand, of steps that are what they were; none where nobody can have said any."""
    return people_of(folder).said


def human_evidence(said: Sequence[Said]) -> pl.DataFrame:
    """From verdicts that stand; schema EVIDENCE."""
    rows = []
    places: dict[tuple[str, int], list[Said]] = {}
    for one in said:
        places.setdefault((one.solution_id, one.step), []).append(one)
    for (solution, step), votes in places.items():
        counts = {side.value: sum(v.verdict is side for v in votes) for side in Verdict}
        detail = [{"rule": v.verdict, "start": 0, "end": 0, "text": v.reviewer} for v in votes]
        rows.append(
            counts
            | {"solution_id": solution, "step": step, "annotator": HUMAN, "source": SOURCE}
            | {"target": "step_valid", "censored": False, "detail": detail}
            | {"tokens": 0, "seconds": 0.0}
        )
    return _table(rows, EVIDENCE)


def human_truth(said: Sequence[Said]) -> pl.DataFrame:
    """From verdicts that stand; schema TRUTH."""
    rows = [
        {
            "solution_id": one.solution_id,
            "step": one.step,
            "verdict": str(one.verdict),
            "origin": HUMAN,
        }
        for one in said
    ]
    return _table(rows, TRUTH)


def _table(rows: list[dict[str, object]], schema: object) -> pl.DataFrame:
    import pyarrow as pa

    found = pl.from_arrow(pa.Table.from_pylist(rows, schema=schema))
    assert isinstance(found, pl.DataFrame)
    return found
