"""Step annotators over many solutions, in worker processes, as rows of the evidence table.

Guaranteed: one row for each step of each solution, whatever happens to a worker; a check that
ran out of time or memory is *unknown (timeout)* for every step of its solution, never incorrect.
The evidence table has no column for the reason of an unknown: it stands as the first detail, with
rule "reason" and the reason's value as its text.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from annotators.base import StepAnnotator, StepEvidence
from annotators.check import timed_check
from pipeline.schemas import EVIDENCE
from pipeline.verdict import Reason, Verdict
from pipeline.workers import CheckerError, CheckerPool

TARGET = "step_valid"


@dataclass(frozen=True, slots=True)
class SolutionText:
    """What an annotator of text needs of a solution."""

    solution_id: str
    problem: str
    steps: tuple[str, ...]


def source_of(annotator: StepAnnotator) -> str:
    """A hash of the annotator's name, version and parameters: all that can change its evidence."""
    parameters: dict[str, Any] = {}
    if dataclasses.is_dataclass(annotator):
        parameters = dataclasses.asdict(annotator)
    key = [annotator.name, annotator.version, parameters]
    text = json.dumps(key, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def evidence_rows(
    annotator_name: str,
    source: str,
    solution_id: str,
    evidence: Sequence[StepEvidence],
    seconds: float = 0.0,
) -> list[dict[str, Any]]:
    """Rows of `EVIDENCE` for one solution; `seconds` is shared out evenly over its steps."""
    return [
        {
            "solution_id": solution_id,
            "step": step,
            "annotator": annotator_name,
            "source": source,
            "target": TARGET,
            "correct": int(one.verdict is Verdict.CORRECT),
            "incorrect": int(one.verdict is Verdict.INCORRECT),
            "unknown": int(one.verdict is Verdict.UNKNOWN),
            "censored": False,
            "score": None,
            "detail": _details(one),
            "tokens": 0,
            "seconds": seconds / len(evidence),
        }
        for step, one in enumerate(evidence)
    ]


async def annotate_solutions(
    annotator: StepAnnotator, solutions: Sequence[SolutionText], pool: CheckerPool
) -> pa.Table:
    """The evidence of one annotator on all steps of these solutions, in their order."""
    source = source_of(annotator)
    jobs = [(annotator, solution.problem, solution.steps) for solution in solutions]
    results = await pool.map(timed_check, jobs) if jobs else []
    rows: list[dict[str, Any]] = []
    for solution, result in zip(solutions, results, strict=True):
        if isinstance(result, CheckerError | RecursionError):  # the text used a limit up
            lost = StepEvidence(Verdict.UNKNOWN, Reason.TIMEOUT)
            evidence, seconds = [lost] * len(solution.steps), 0.0
        elif isinstance(result, BaseException):
            raise result  # a fault of the annotator, not of the text
        else:
            assert isinstance(result, tuple)
            evidence, seconds = result
        rows += evidence_rows(annotator.name, source, solution.solution_id, evidence, seconds)
    return pa.Table.from_pylist(rows, schema=EVIDENCE)


def _details(one: StepEvidence) -> list[dict[str, Any]]:
    details = [dataclasses.asdict(detail) for detail in one.details]
    if one.reason is not None:
        details.insert(0, {"rule": "reason", "start": 0, "end": 0, "text": one.reason.value})
    return details
