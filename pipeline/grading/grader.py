"""Grading a solution against the reference answer: correct, incorrect or unknown.

Guaranteed: INCORRECT is said only of an answer that was found, complete, read and different. A
failed call, a cut, a missing or unreadable answer, a time-out, a problem without a reference are
unknown, each with its reason. What a model only thought is not its answer: thinking that was cut
is truncated, and thinking without a response is unparsable.
Model text is never evaluated in this process; Math-Verify runs in the pool, behind the gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from pipeline.errors import StepsmithError
from pipeline.grading.compare import compare
from pipeline.grading.extract import find_answer
from pipeline.grading.gate import MAX_LENGTH
from pipeline.grading.mathverify import check
from pipeline.verdict import Grade, Reason, Verdict
from pipeline.workers import CheckerError, CheckerPool

PRELOAD = ("pipeline.grading.warm",)  # for the pool: no check then pays for an import
CACHE_SIZE = 8_192  # (reference, answer) pairs: those of the problems under way repeat often


class Grader:
    """Grades in this process where exact reading is enough, else in `pool`.

    Make the pool with `preload=PRELOAD`.
    """

    def __init__(self, pool: CheckerPool) -> None:
        self._pool = pool
        self._known: dict[tuple[str, str, str], Grade] = {}

    async def grade(
        self, text: str, answer: str | None, answer_type: str, finish_reason: str
    ) -> Grade:
        """The verdict on a whole solution text; `answer` is None where nobody knows it."""
        read = self.read(text, answer_type, finish_reason)
        if isinstance(read, Grade):
            return read
        if not answer:
            return Grade(Verdict.UNKNOWN, Reason.NOT_COVERED, read)
        return await self.compare(answer, read, answer_type)

    async def grade_all(
        self, texts: Sequence[tuple[str, str]], answer: str | None, answer_type: str
    ) -> list[Grade]:
        """The verdicts on (text, finish reason), in order. Most can be told here and now: they
        cost no task of the event loop."""
        grades = [self._at_once(text, answer, answer_type, reason) for text, reason in texts]
        hard = [at for at, grade in enumerate(grades) if grade is None]
        if not hard:
            return [grade for grade in grades if grade is not None]
        told = await asyncio.gather(
            *(self.grade(texts[at][0], answer, answer_type, texts[at][1]) for at in hard)
        )
        rest = iter(told)
        return [next(rest) if grade is None else grade for grade in grades]

    def _at_once(
        self, text: str, answer: str | None, answer_type: str, finish_reason: str
    ) -> Grade | None:
        """None where it takes a worker."""
        read = self.read(text, answer_type, finish_reason)
        if isinstance(read, Grade):
            return read
        if not answer:
            return Grade(Verdict.UNKNOWN, Reason.NOT_COVERED, read)
        known = self._known.get((answer, read, answer_type))
        if known is None:
            grade = compare(answer, read, answer_type)
            if grade is not None:
                known = self._keep((answer, read, answer_type), grade)
        return known

    def read(self, text: str, answer_type: str, finish_reason: str) -> str | Grade:
        """The final answer of a whole solution text, or why it is unknown."""
        if finish_reason == "failed":
            return Grade(Verdict.UNKNOWN, Reason.FAILED)
        if not text.strip() or "\0" in text:
            return Grade(Verdict.UNKNOWN, Reason.UNREADABLE)
        found = find_answer(text, answer_type)
        read = found.text if found and len(found.text) <= MAX_LENGTH else None
        if finish_reason == "length" and not (found and found.complete):
            return Grade(Verdict.UNKNOWN, Reason.TRUNCATED, read)
        return Grade(Verdict.UNKNOWN, Reason.UNPARSABLE) if read is None else read

    async def compare(self, answer: str, read: str, answer_type: str) -> Grade:
        """The verdict on an answer that was found."""
        key = (answer, read, answer_type)
        if key not in self._known:
            grade = compare(answer, read, answer_type) or await self._math_verify(answer, read)
            return self._keep(key, grade)
        return self._known[key]

    def _keep(self, key: tuple[str, str, str], grade: Grade) -> Grade:
        if len(self._known) >= CACHE_SIZE:
            del self._known[next(iter(self._known))]
        kept = self._known[key] = replace(grade, answer=key[1])
        return kept

    async def self_check(self, answers: Sequence[tuple[str, str]]) -> list[Grade]:
        """Each (reference answer, type) graded as a solution that ends in it.

        Anything but CORRECT is a problem that cannot be graded. Raises StepsmithError if the
        workers are broken, which would make every harder answer unknown.
        """
        canary = await self._math_verify("2\\sqrt{2}", "\\sqrt{8}")
        if canary.verdict is not Verdict.CORRECT:
            raise StepsmithError(
                f"Math-Verify does not work in the checker processes: it calls 2√2 = √8 {canary}; "
                "is math-verify installed, and is 1 GB of memory free for each worker?"
            )
        grades = [
            await self.grade(f"\\boxed{{{answer}}}", answer, answer_type, "stop")
            for answer, answer_type in answers
        ]
        # Its keys are strings that stand among all the problems that were just read: each would
        # keep a megabyte of the allocator's from being given back.
        self._known.clear()
        return grades

    async def _math_verify(self, answer: str, read: str) -> Grade:
        try:
            verdict = await self._pool.run(check, answer, read)
        except CheckerError:
            return Grade(Verdict.UNKNOWN, Reason.TIMEOUT)
        word, reason = verdict if isinstance(verdict, tuple) else ("unknown", "undecided")
        return Grade(Verdict(word), Reason(reason) if reason else None)
