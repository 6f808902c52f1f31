"""What people said, as evidence of annotator `human` and as truth of origin `human`.

Guarantees: one row of evidence a step, that counts reviewers by what they say and names them; one
row of truth for each reviewer and step, so that people who contradict each other make a step
unknown there, as contradicting origins do (pipeline/step_truth.py). Labels are not made of it: it
measures those who make them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from pipeline.folder import DatasetFolder
from pipeline.human.log import HUMAN, Said, VerdictLog
from pipeline.places import is_remote
from pipeline.schemas import EVIDENCE, TRUTH
from pipeline.verdict import Verdict

SOURCE = hashlib.sha256(b"human@1").hexdigest()[:16]


def verdict_log(folder: DatasetFolder) -> VerdictLog:
    """Of all datasets with this evidence: verdicts are on solutions, not on labels.

    Raises InputError where the evidence is in an object store."""
    return VerdictLog(folder.evidence_root() / HUMAN / "verdicts.jsonl")


def human_verdicts(folder: DatasetFolder) -> list[Said]:
    """Those that stand; none where nobody can have said any."""
    return [] if is_remote(folder.evidence_root()) else verdict_log(folder).current()


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
