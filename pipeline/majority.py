"""The majority answer of a problem's samples, where no reference answer is known.

Guaranteed: answers that grade as equal are one; the share is taken over *all* samples, those that
failed or cannot be read among them, so that it is never flattered; a tie is no majority. Equal
samples give equal answers. Not guaranteed: that it is right. A policy that is wrong in one way is
sure of it, so labels from such answers carry `answer_agreement`, and weak ones are dropped
(PRISM; SPARK trains on them all the same).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from pipeline.grading.compare import guess_answer_type
from pipeline.grading.grader import Grader
from pipeline.problems import Problem
from pipeline.verdict import Verdict


async def with_majority(
    problem: Problem, samples: Sequence[tuple[str, str]], least: float, grader: Grader
) -> Problem:
    """The problem with the majority answer of `samples` (text, finish_reason), if at least the
    share `least` of them gave it; else as it is. One that has an answer keeps it."""
    if problem.answer is not None or not least or not samples:
        return problem
    read = [grader.read(text, problem.answer_type or "text", end) for text, end in samples]
    counts = Counter(answer for answer in read if isinstance(answer, str))
    groups: list[tuple[str, int]] = []  # (the answer that stands for it, votes)
    for answer, votes in counts.most_common():
        kind = problem.answer_type or guess_answer_type(answer)
        for number, (other, already) in enumerate(groups):
            if (await grader.compare(other, answer, kind)).verdict is Verdict.CORRECT:
                groups[number] = other, already + votes
                break
        else:
            groups.append((answer, votes))
    groups.sort(key=lambda group: -group[1])
    if not groups or (len(groups) > 1 and groups[0][1] == groups[1][1]):
        return problem
    answer, votes = groups[0]
    agreement = votes / len(samples)
    if agreement < least:
        return problem
    return replace(
        problem,
        answer=answer,
        answer_type=problem.answer_type or guess_answer_type(answer),
        answer_origin="majority",
        answer_agreement=agreement,
    )
