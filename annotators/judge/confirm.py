"""Rollouts from corrected prefixes: does the prover go on to the right answer from there?

Guarantees: the prompt is the problem's, the steps before the error as they stand in the solution,
and the corrected step, all as text; equal corrections of one prefix are bought once; draws are in
the journal before they count. A rollout that failed, was cut or cannot be graded is no outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from annotators.judge.correction import Tried
from pipeline.engines.base import Completion, Prompt
from pipeline.grading.grader import Grader
from pipeline.problems import Problem
from pipeline.prompt import PromptTemplate
from pipeline.purchase import Purchaser
from pipeline.together import together
from pipeline.verdict import Grade, Verdict


@dataclass(frozen=True, slots=True)
class Attempt:
    """A corrected prefix and how many draws are wanted from it. `written`: its steps."""

    problem: Problem
    written: str
    draws: int

    @property
    def key(self) -> tuple[str, str]:
        return self.problem.problem_id, self.written


@dataclass(frozen=True, slots=True)
class Confirmer:
    """The prover, as what tries corrections; `template` is its prompt."""

    purchaser: Purchaser
    template: PromptTemplate
    grader: Grader

    async def all(self, attempts: Sequence[Attempt]) -> list[Tried]:
        """One for each. Raises EngineDown, StorageError."""
        largest: dict[tuple[str, str], Attempt] = {}
        for attempt in attempts:
            other = largest.get(attempt.key)
            if other is None or other.draws < attempt.draws:
                largest[attempt.key] = attempt
        drawn = dict(zip(largest, await together(map(self._draw, largest.values())), strict=True))
        counted = dict.fromkeys(largest, 0)
        found = []
        for attempt in attempts:
            graded = drawn[attempt.key][: attempt.draws]
            verdicts = [grade.verdict for _, grade in graded]
            success = verdicts.count(Verdict.CORRECT)
            known = success + verdicts.count(Verdict.INCORRECT)
            fresh = graded[counted[attempt.key] :]
            found.append(Tried(success, known, sum(completion.tokens for completion, _ in fresh)))
            counted[attempt.key] = max(counted[attempt.key], attempt.draws)
        return found

    async def _draw(self, attempt: Attempt) -> list[tuple[Completion, Grade]]:
        problem, written = attempt.problem, attempt.written
        prompt = Prompt(self.template.render(problem.text) + written)
        completions = await self.purchaser.draw(problem.problem_id, prompt, 0, attempt.draws)
        grades = await together(
            self.grader.grade(
                written + one.text, problem.answer, problem.answer_type, one.finish_reason
            )
            for one in completions
        )
        return list(zip(completions, grades, strict=True))
