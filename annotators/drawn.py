"""All rollouts drawn so far from one prefix, graded."""

from __future__ import annotations

from dataclasses import dataclass

from annotators.search.probe import Counts, Rollout
from pipeline.engines.base import Completion
from pipeline.prefix import Prefix, about_tokens
from pipeline.verdict import Grade, Verdict


@dataclass(slots=True)
class Drawn:
    """One grade for each completion, by draw."""

    prefix: Prefix
    completions: list[Completion]
    grades: list[Grade]

    def counts(self) -> Counts:
        correct = incorrect = 0
        for grade in self.grades:
            correct += grade.verdict is Verdict.CORRECT
            incorrect += grade.verdict is Verdict.INCORRECT
        return Counts(correct, incorrect, len(self.grades) - correct - incorrect)

    @property
    def tokens(self) -> int:
        """What was generated for it."""
        return sum(completion.tokens for completion in self.completions)

    def rollouts(self) -> list[Rollout]:
        written = self.prefix.text
        return [
            Rollout(
                self.prefix,
                draw,
                written + completion.text,
                completion.tokens or about_tokens(completion.text),
                grade.verdict,
            )
            for draw, (completion, grade) in enumerate(
                zip(self.completions, self.grades, strict=True)
            )
        ]
