"""One solution that somebody already has, and what all shapes share in making it.

Guaranteed: pieces join to the text; every text can be stored and sent, else `BadRow`. Columns that
only describe (level, domain, language, source) never cost a row: what is no word is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.problems import reference_answer
from pipeline.rows import MAX_SOLUTION, BadRow, clean_text, content_id
from pipeline.verdict import Verdict

PROBLEM = ("problem", "question", "prompt")
ANSWER = ("answer", "ground_truth", "reference_answer")
POLICY = ("policy", "model", "generator")
_STEP_ONE = re.compile(r"(?<!\S)Step 1:")


@dataclass(frozen=True, slots=True)
class ImportedSolution:
    """One solution; `steps` are pieces that join to `text`, None where the row is not cut."""

    solution_id: str
    problem_id: str
    problem: str
    answer: str | None
    text: str
    steps: list[str] | None
    policy: str | None
    truth: list[Verdict] | None
    meta: str  # JSON
    level: str | None = None
    domain: str | None = None
    language: str | None = None
    source: str | None = None
    finish_reason: str | None = None  # stop / length, where the row says so
    prefix_hashes: list[str] | None = None  # ours: of the prefixes m = 1 .. T
    answer_agreement: float | None = None  # ours: the answer is a majority's


Parsed = list[tuple[ImportedSolution, bool]]  # True: the id is the row's own


def build(
    data: Mapping[str, Any],
    problem: object,
    text: object,
    steps: Sequence[str] | None = None,
    *,
    answer: object = None,
    policy: object = None,
    truth: list[Verdict] | None = None,
    meta: Mapping[str, Any] | None = None,
    prefix_hashes: list[str] | None = None,
    answer_agreement: float | None = None,
) -> tuple[ImportedSolution, bool]:
    """`data` is the row: ids and descriptions are taken from it."""
    problem, text = clean_text(problem, "problem"), clean_text(text, "solution", MAX_SOLUTION)
    if isinstance(answer, int | float | Decimal) and not isinstance(answer, bool):
        answer = str(answer)
    given = data.get("solution_id", data.get("id"))
    own_id = isinstance(given, str | int) and given != ""
    policy = None if policy is None else clean_text(policy, "policy")
    solution_id = content_id("s", problem, text, str(policy), *(truth or []))
    problem_id = data.get("problem_id")
    ended = data.get("finish_reason")
    solution = ImportedSolution(
        solution_id=clean_text(str(given), "id") if own_id else solution_id,
        problem_id=clean_text(str(problem_id), "problem_id")
        if problem_id is not None
        else content_id("p", problem),
        problem=problem,
        answer=None if answer in (None, "") else reference_answer(clean_text(answer, "answer")),
        text=text,
        steps=list(steps) if steps is not None else None,
        policy=policy,
        truth=truth,
        meta=json.dumps(meta or {}, default=str, sort_keys=True),
        level=_word(data, "level"),
        domain=_word(data, "domain", "type", "subject"),
        language=_word(data, "language"),
        source=_word(data, "source"),
        finish_reason=ended if ended in ("stop", "length") else None,
        prefix_hashes=prefix_hashes,
        answer_agreement=answer_agreement,
    )
    return solution, own_id


def first_of(data: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of these columns that has one."""
    return next((data[name] for name in names if data.get(name) not in (None, "")), None)


def pieces(steps: object) -> list[str]:
    """Steps as pieces that join to the solution's text: where all but the last end in a line
    break they carry their own delimiter; otherwise a blank line is added to each but the last."""
    texts = [clean_text(step, "step", MAX_SOLUTION) for step in as_list(steps, "steps")]
    if not texts:
        raise BadRow("empty_steps", "there is no step")
    if all(text.endswith("\n") for text in texts[:-1]):
        return texts
    return [text + "\n\n" for text in texts[:-1]] + texts[-1:]


def until_error(truth: list[Verdict]) -> list[Verdict]:
    """Labels after the first error speak of another question: unknown."""
    if Verdict.INCORRECT not in truth:
        return truth
    end = truth.index(Verdict.INCORRECT) + 1
    return truth[:end] + [Verdict.UNKNOWN] * (len(truth) - end)


def split_question(text: str, data: Mapping[str, Any]) -> tuple[str, str]:
    """A question and the first step behind it; the row's own problem says where it ends, else
    "Step 1:" does."""
    known = first_of(data, PROBLEM)
    if isinstance(known, str) and text.startswith(known):
        return known, text[len(known) :].strip()
    marks = list(_STEP_ONE.finditer(text))
    if len(marks) != 1:
        raise BadRow(
            "question_not_split",
            f"the question and the first step are one text with {len(marks)} times 'Step 1:' in "
            "it; add a column `problem` that holds the question",
        )
    return text[: marks[0].start()].strip(), text[marks[0].start() :].strip()


def as_list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRow("wrong_type", f"{field} is {type(value).__name__}, not a list")
    return value


def _word(data: Mapping[str, Any], *names: str) -> str | None:
    value = first_of(data, names)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    word = f"{value:g}" if isinstance(value, float) else str(value)  # a level 3.0 is the level 3
    try:
        return clean_text(word, names[0])
    except BadRow:
        return None
