"""How likely the prover holds the reference answer after each prefix, as evidence; no rollouts.

For each m = 0 .. T-1 the prover reads the problem, the first m steps and a sentence that states the
reference answer, such as "The answer is 42."; `score` is the natural logarithm of the probability
that it gives to the sentence from the answer on. What stands before the answer in the template is
given. What stands behind it counts: it says that the answer ends there, and 4 is not 42. The whole
solution (m = T) is not rated: it has stated an answer.

Guaranteed: one row a prefix of every solution of a problem with an answer, in the order of `tasks`;
a prefix that solutions of a problem share is rated once; `score` is null where nobody knows, and no
row has counts. Where a token spans the end of what is given and the answer's beginning (" 4" of
"is 42"), it counts as the answer's.

Not guaranteed: that two solutions' scores compare (an answer of five digits is less likely than
"True" at any prefix), or that a prefix that looks likely is right: this is the prover's belief
without further thought. On the bundled worlds it tells clean prefixes from those after an error
where one word is left to find (deduction: AUROC 0.79 and 0.90), and hardly where sums are (chains:
0.55 and 0.60).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from annotators.rollouts import SearchTask
from pipeline.errors import RecipeError
from pipeline.prefix import CutSolution, Prefix
from pipeline.purchase import Purchaser
from pipeline.recipe import content_hash
from pipeline.schemas import EVIDENCE
from pipeline.together import together

NAME = "answer_logprob"
VERSION = 1

_SLOT = "{answer}"


class AnswerLogprobSettings(BaseModel):
    """`[annotators.answer_logprob]` of a recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # As the bundled policies end; a model that was taught \boxed{} needs its own sentence.
    template: str = "The answer is {answer}."

    @field_validator("template")
    @classmethod
    def _has_one_slot(cls, template: str) -> str:
        if template.count(_SLOT) != 1:
            raise ValueError(f"{_SLOT} must stand in it exactly once")
        return template

    def before(self) -> str:
        """What is given before the answer."""
        return self.template.partition(_SLOT)[0]

    def sentence(self, answer: str) -> str:
        return self.template.replace(_SLOT, answer)


def answer_logprob_settings(raw: Mapping[str, Any]) -> AnswerLogprobSettings:
    """Raises RecipeError that names every bad key."""
    try:
        return AnswerLogprobSettings.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"annotators.{NAME}.{problem['loc'][0]}: "
            + ("unknown key" if problem["type"] == "extra_forbidden" else problem["msg"])
            for problem in error.errors()
        ]
        raise RecipeError("\n".join(lines), key=f"annotators.{NAME}") from None


def source_of(settings: AnswerLogprobSettings, prover: str) -> str:
    """What can change its evidence; `prover` stands for the model, its tokenizer and its prompt."""
    return content_hash([NAME, VERSION, prover, settings.template])


async def annotate_answers(
    tasks: Sequence[SearchTask],
    settings: AnswerLogprobSettings,
    purchaser: Purchaser,
    source: str,
) -> pa.Table:
    """The evidence on all prefixes of all solutions. Raises EngineDown, StorageError."""
    parts = await together(_rows(task, settings, purchaser, source) for task in tasks)
    return pa.Table.from_pylist([row for part in parts for row in part], schema=EVIDENCE)


async def _rows(
    task: SearchTask, settings: AnswerLogprobSettings, purchaser: Purchaser, source: str
) -> list[dict[str, Any]]:
    answer = task.problem.answer
    if not answer:
        return []
    sentence, given = settings.sentence(answer), len(settings.before())

    async def rate(prefix: Prefix) -> float | None:
        scored = await purchaser.score(prefix.problem_id, prefix.prompt, sentence)
        if scored is None:
            return None
        pairs = zip(scored.logprobs, scored.ends, strict=True)
        return sum(logprob for logprob, end in pairs if end > given)

    solutions = [candidate.solution for candidate in task.candidates]
    prefixes = {prefix.hash: prefix for one in solutions for prefix in _prefixes(one)}
    rated = await together(rate(prefix) for prefix in prefixes.values())
    scores = dict(zip(prefixes, rated, strict=True))
    return [
        _row(one, prefix.steps - 1, source, scores[prefix.hash])
        for one in solutions
        for prefix in _prefixes(one)
    ]


def _prefixes(solution: CutSolution) -> list[Prefix]:
    return [solution.prefix(m) for m in range(len(solution))]


def _row(solution: CutSolution, step: int, source: str, score: float | None) -> dict[str, Any]:
    return {
        "solution_id": solution.solution_id,
        "step": step,
        "annotator": NAME,
        "source": source,
        "target": "prefix_value",
        "correct": 0,
        "incorrect": 0,
        "unknown": 0,
        "censored": False,
        "score": score,
        "detail": [],
        "tokens": 0,
        "seconds": None,
    }
