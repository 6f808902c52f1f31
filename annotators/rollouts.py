"""The Monte-Carlo annotator: rollouts from prefixes, as evidence on `prefix_value`.

A prefix is evaluated once for a problem, whichever solution asks; every solution that shares it
gets the counts, and its cost stands with the first one. A rollout that failed, cannot be graded
or was truncated is unknown, never incorrect. Counts of fewer than k draws are censored: drawing
stopped because of what was seen.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from annotators.search import SEARCHES
from annotators.search.probe import Candidate, Counts, Probe, SearchSettings
from pipeline.engines.base import Completion
from pipeline.grading.grader import Grader
from pipeline.prefix import CutSolution, Prefix
from pipeline.problems import Problem
from pipeline.purchase import Purchaser
from pipeline.schemas import EVIDENCE, ROLLOUTS
from pipeline.together import together
from pipeline.verdict import Grade, Verdict

VERSION = 1


@dataclass(frozen=True, slots=True)
class RolloutSettings:
    """What the annotator needs beside a shard; `source` identifies its evidence.

    `root_source` is the source of the screening samples. They are rollouts of the prover from
    the problem alone when it equals `source`; otherwise the prover draws k of its own there.
    `allowance`: generated tokens that one problem may spend; None: no limit.
    """

    search: str
    k: int
    window: int | None
    solutions: int
    source: str
    root_source: str
    allowance: int | None
    grader: Grader


@dataclass(slots=True)
class Drawn:
    """All rollouts drawn so far from one prefix."""

    prefix: Prefix
    completions: list[Completion]
    grades: list[Grade]

    def counts(self) -> Counts:
        found = Counter(grade.verdict for grade in self.grades)
        return Counts(found[Verdict.CORRECT], found[Verdict.INCORRECT], found[Verdict.UNKNOWN])


@dataclass(frozen=True, slots=True)
class SearchTask:
    """One problem with its solutions, cut, and its row of the questions table."""

    problem: Problem
    candidates: Sequence[Candidate]
    mean_tokens: float
    question: dict[str, Any]


async def annotate_shard(
    tasks: Sequence[SearchTask], settings: RolloutSettings, purchaser: Purchaser
) -> dict[str, pa.Table]:
    """Tables `rollouts` and `evidence`, in the order of `tasks`. Raises EngineDown."""
    searches = [_ProblemSearch(task, settings, purchaser) for task in tasks]
    await together(search.run() for search in searches)
    return {
        "rollouts": pa.Table.from_pylist(
            [row for search in searches for row in search.rollout_rows()], schema=ROLLOUTS
        ),
        "evidence": pa.Table.from_pylist(
            [row for search in searches for row in search.evidence_rows()], schema=EVIDENCE
        ),
    }


class _ProblemSearch:
    """A problem's state: its search, what was drawn from each prefix, and what it spent."""

    def __init__(self, task: SearchTask, settings: RolloutSettings, purchaser: Purchaser) -> None:
        self._task = task
        self._settings = settings
        self._purchaser = purchaser
        self._drawn: dict[str, Drawn] = {}
        self._root: Drawn | None = None
        self._spent = 0
        self._reserved = 0.0

    async def run(self) -> None:
        if self._task.question["question_reason"] is not None or self._settings.allowance == 0:
            return
        known = [c for c in self._task.candidates if c.outcome is not Verdict.UNKNOWN and len(c)]
        if not known:
            return
        if self._settings.source != self._settings.root_source:
            root = known[0].solution.prefix(0)
            await self._serve([Probe(root, self._settings.k)])
            self._root = self._drawn.get(root.hash)
        search = SEARCHES[self._settings.search](
            known,
            SearchSettings(
                self._settings.k, self._settings.window, self._settings.solutions or None
            ),
        )
        wave = next(search, None)
        while wave is not None:
            found = await self._serve(wave)
            try:
                wave = search.send(found)
            except StopIteration:
                break

    async def _serve(self, wave: Sequence[Probe]) -> list[Counts | None]:
        """Buy what a wave asks for, each prefix once; None where the allowance ends."""
        wanted: dict[str, Probe] = {}
        for probe in wave:
            other = wanted.get(probe.prefix.hash)
            if other is None or other.draws < probe.draws:
                wanted[probe.prefix.hash] = probe
        self._reserved = 0.0
        bought = [probe for probe in wanted.values() if self._affordable(probe)]
        await asyncio.gather(*(self._draw(probe) for probe in bought))
        served: list[Counts | None] = []
        for probe in wave:
            drawn = self._drawn.get(probe.prefix.hash)
            whole = drawn is not None and len(drawn.grades) >= probe.draws
            served.append(drawn.counts() if drawn is not None and whole else None)
        return served

    def _affordable(self, probe: Probe) -> bool:
        """Reserve a probe's expected cost within the allowance, in the order of the wave."""
        if self._settings.allowance is None:
            return True
        drawn = self._drawn.get(probe.prefix.hash)
        missing = max(probe.draws - (len(drawn.grades) if drawn else 0), 0)
        kept = probe.prefix.tokens
        if kept is None:  # about four characters a token, where no tokenizer is at hand
            kept = len(probe.prefix.text) // 4
        cost = missing * max(self._task.mean_tokens - kept, 1.0)
        if self._spent + self._reserved + cost > self._settings.allowance:
            return False
        self._reserved += cost
        return True

    async def _draw(self, probe: Probe) -> None:
        drawn = self._drawn.setdefault(probe.prefix.hash, Drawn(probe.prefix, [], []))
        have = len(drawn.grades)
        if have >= probe.draws:
            return
        problem, written = self._task.problem, probe.prefix.text
        completions = await self._purchaser.draw(
            problem.problem_id, probe.prefix.prompt, have, probe.draws - have
        )
        grades = await asyncio.gather(
            *(
                self._settings.grader.grade(
                    written + c.text,
                    problem.answer or "",
                    problem.answer_type,
                    c.finish_reason,
                )
                for c in completions
            )
        )
        drawn.completions += completions
        drawn.grades += grades
        self._spent += sum(c.tokens for c in completions)

    def rollout_rows(self) -> list[dict[str, Any]]:
        order = sorted(self._drawn.values(), key=lambda d: (d.prefix.steps, d.prefix.hash))
        return [
            {
                "problem_id": drawn.prefix.problem_id,
                "prefix_hash": drawn.prefix.hash,
                "prefix_len": drawn.prefix.steps,
                "draw": draw,
                "text": completion.text,
                "outcome": grade.verdict.value,
                "outcome_reason": grade.reason,
                "final_answer": grade.answer,
                "finish_reason": completion.finish_reason,
                "tokens": completion.tokens,
                "seed": self._purchaser.seed,
                "prover": self._purchaser.identity.model_revision,
            }
            for drawn in order
            for draw, (completion, grade) in enumerate(
                zip(drawn.completions, drawn.grades, strict=True)
            )
        ]

    def evidence_rows(self) -> list[dict[str, Any]]:
        paid: set[str] = set()
        rows = []
        for number, candidate in enumerate(self._task.candidates):
            solution = candidate.solution
            root = self._root_row(solution, number == 0, paid)
            if root is not None:
                rows.append(root)
            for m in range(1, len(solution) + 1):
                drawn = self._drawn.get(solution.prefix(m).hash)
                if drawn is not None:
                    rows.append(self._row(solution, m - 1, drawn, paid))
        return rows

    def _root_row(
        self, solution: CutSolution, first: bool, paid: set[str]
    ) -> dict[str, Any] | None:
        if self._settings.source != self._settings.root_source:
            return None if self._root is None else self._row(solution, -1, self._root, paid)
        question = self._task.question
        return _evidence(
            solution.solution_id,
            -1,
            self._settings.source,
            Counts(question["correct"], question["incorrect"], question["unknown"]),
            censored=False,
            tokens=question["tokens"] if first else 0,
        )

    def _row(
        self, solution: CutSolution, step: int, drawn: Drawn, paid: set[str]
    ) -> dict[str, Any]:
        counts = drawn.counts()
        tokens = 0
        if drawn.prefix.hash not in paid:
            paid.add(drawn.prefix.hash)
            tokens = sum(c.tokens for c in drawn.completions)
        return _evidence(
            solution.solution_id,
            step,
            self._settings.source,
            counts,
            censored=counts.drawn < self._settings.k,
            tokens=tokens,
        )


def _evidence(
    solution_id: str, step: int, source: str, counts: Counts, censored: bool, tokens: int
) -> dict[str, Any]:
    return {
        "solution_id": solution_id,
        "step": step,
        "annotator": "rollouts",
        "source": source,
        "target": "prefix_value",
        "correct": counts.correct,
        "incorrect": counts.incorrect,
        "unknown": counts.unknown,
        "censored": censored,
        "score": None,
        "detail": [],
        "tokens": tokens,
        "seconds": None,
    }
