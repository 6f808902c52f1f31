r"""Problems with checkable answers, from a file or the Hub.

Guaranteed: every problem that is handed out has an id that is unique in the file, a text and
(unless the caller does without) an answer that can be stored and sent; what cannot be used is set
aside with its row and reason, and what makes the whole file useless raises `ProblemFileError`
before anything is spent. The same file gives the same problems in the same order. Not guaranteed:
that an answer is right, or that a grader can read it.

A field is read from the column that `columns` names, else from the column with its own name (`id`:
problem_id). Where a file has none of that name, these are looked for; two of them are an error:

    text    problem, question, prompt
    answer  ground_truth, reference_answer, final_answer; else solution: its last \boxed{} or ####
    domain  type, subject
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.errors import ProblemFileError
from pipeline.grading.compare import guess_answer_type
from pipeline.grading.extract import last_box
from pipeline.rows import BadRow, Row, SetAside, clean_text, columns_of, content_id, read_rows

DEFAULT_COLUMNS = {
    "id": "problem_id",
    "text": "text",
    "answer": "answer",
    "answer_type": "answer_type",
    "source": "source",
    "domain": "domain",
    "language": "language",
    "level": "level",
    "meta": "meta",
}
_OTHERS = {
    "text": ("problem", "question", "prompt"),
    "answer": ("ground_truth", "reference_answer", "final_answer"),
    "domain": ("type", "subject"),
}
_WORKED = "solution"  # holds more than the answer


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; `answer` is the reference alone, without its solution.

    One without an answer has the type "" unless its source tells it.
    """

    problem_id: str
    text: str
    answer: str | None
    answer_type: str
    source: str
    domain: str
    language: str
    meta: str  # JSON
    level: str | None = None  # the difficulty that the source states, in its own words
    answer_origin: str | None = None  # given / majority
    answer_agreement: float | None = None  # share of the samples behind a majority answer


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """The usable rows in file order, and those that are not."""

    problems: list[Problem]
    set_aside: list[SetAside]


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the rows of one file are read."""

    source: str
    names: Mapping[str, str]  # our field -> their column
    has_ids: bool
    worked: bool  # the answer stands in a worked solution
    need_answers: bool


def read_problems(
    source: str, columns: Mapping[str, str], limit: int = 0, *, need_answers: bool = True
) -> ProblemSet:
    """The first `limit` usable problems (0: all); `columns` maps our field to their column.

    Without `need_answers` a row that has no answer is a problem all the same, with None.
    """
    rows = read_rows(source)
    names = _columns(source, columns, rows, need_answers)
    how = _Reading(
        source=source,
        names=names,
        has_ids=_check_ids(source, rows, names["id"]),
        worked=names["answer"] == _WORKED and "answer" not in columns,
        need_answers=need_answers,
    )
    problems: list[Problem] = []
    set_aside: list[SetAside] = []
    seen: set[str] = set()
    for row in rows:
        if limit and len(problems) == limit:
            break
        try:
            problem = _problem(row, how)
            if problem.problem_id in seen:  # ids of content: the same text twice
                raise BadRow("duplicate_text", f"the text of {problem.problem_id} came before")
        except BadRow as bad:
            set_aside.append(SetAside(row.number, _id_of(row, names["id"]), bad.reason, bad.detail))
        else:
            seen.add(problem.problem_id)
            problems.append(problem)
    return ProblemSet(problems, set_aside)


def read_texts(source: str, column: str = "") -> list[tuple[int, str]]:
    """Row number and text of every row that has one, whatever else it holds; `column` where the
    text is in none of the columns that hold a problem's. Raises ProblemFileError, also where no row
    has a text."""
    rows = read_rows(source)
    names = _columns(source, {"text": column} if column else {}, rows, need_answers=False)
    found = []
    for row in rows:
        try:
            data = row.data if isinstance(row.data, dict) else {}
            found.append((row.number, clean_text(data.get(names["text"]), "text")))
        except BadRow:
            continue
    if not found:
        raise ProblemFileError(
            f"{source}: no row has a text in the column '{names['text']}'", file=source, row=None
        )
    return found


def reference_answer(answer: str) -> str:
    """The answer alone, where it comes with its working; any other as it is."""
    found = worked_answer(answer)
    return answer.strip() if found is None else found


def worked_answer(solution: str) -> str | None:
    r"""What a worked solution ends in: "#### 72" (GSM8K), a last line "A: 72" below other lines
    (the solutions of the GSM8K authors' models), or else its last \boxed{} (MATH)."""
    working, _, line = solution.rstrip().rpartition("\n")
    line = line.strip()
    if line.startswith("####"):
        return line.removeprefix("####").strip()
    if working.strip() and line.startswith("A:"):
        return line.removeprefix("A:").strip()
    return last_box(solution)


def _columns(
    source: str, columns: Mapping[str, str], rows: list[Row], need_answers: bool
) -> dict[str, str]:
    there = columns_of(rows)
    if unknown := [field for field in columns if field not in DEFAULT_COLUMNS]:
        raise ProblemFileError(
            f"{source}: no such field: {', '.join(unknown)}; "
            f"fields are {', '.join(DEFAULT_COLUMNS)}",
            file=source,
            row=None,
            field=unknown[0],
        )
    names = {**DEFAULT_COLUMNS, **columns}
    for field in _OTHERS:
        if field not in columns and names[field] not in there:
            names[field] = _other(source, field, rows) or names[field]
    needed = ("text", "answer") if need_answers else ("text",)
    for field, name in names.items():
        asked_for = columns.get(field, DEFAULT_COLUMNS[field]) != DEFAULT_COLUMNS[field]
        if name not in there and (field in needed or asked_for):
            raise ProblemFileError(
                f"{source}: no row has the column '{name}' (for {field}); "
                f"columns are: {', '.join(there) or 'none'}. Set problems.columns.{field}",
                file=source,
                row=None,
                field=field,
            )
    return names


def _other(source: str, field: str, rows: list[Row]) -> str | None:
    """The column that takes the place of the one with the field's own name, if there is one."""
    kinds = (str, int, float) if field == "answer" else (str,)  # not the turns of a chat
    there = [name for name in (*_OTHERS[field], _WORKED) if _has(rows, name, kinds)]
    found = [name for name in there if name != _WORKED]
    if len(found) > 1:
        raise ProblemFileError(
            f"{source}: each of the columns {', '.join(found)} may hold the {field}. "
            f"Set problems.columns.{field}",
            file=source,
            row=None,
            field=field,
        )
    return found[0] if found else (_WORKED if field == "answer" and there else None)


def _has(rows: list[Row], column: str, kinds: tuple[type, ...]) -> bool:
    return any(
        isinstance(row.data, dict) and isinstance(row.data.get(column), kinds) for row in rows
    )


def _check_ids(source: str, rows: list[Row], column: str) -> bool:
    """Whether rows bring ids of their own; two rows with one id are an error of the file."""
    first: dict[str, int] = {}
    for row in rows:
        name = _id_of(row, column)
        if name is not None and first.setdefault(name, row.number) != row.number:
            raise ProblemFileError(
                f"{source}: rows {first[name]} and {row.number} have the same {column} '{name}'",
                file=source,
                row=row.number,
                field="id",
                rows=(first[name], row.number),
            )
    return any(isinstance(row.data, dict) and column in row.data for row in rows)


def _id_of(row: Row, column: str) -> str | None:
    value = row.data.get(column) if isinstance(row.data, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _problem(row: Row, how: _Reading) -> Problem:
    """{"problem_id": "p1", "text": "Add 2 and 3.", "answer": "5", "domain": "sums"}"""
    if not isinstance(row.data, dict):
        raise BadRow("not_an_object", f"the row is {type(row.data).__name__}")
    data: dict[str, Any] = row.data
    names = how.names
    text = clean_text(data.get(names["text"]), "text")
    try:
        answer = _answer(data.get(names["answer"]), how.worked)
    except BadRow as bad:
        if how.need_answers or bad.reason != "empty_answer":
            raise
        answer = None
    problem_id = content_id("p", text)
    if how.has_ids:
        problem_id = clean_text(_id_of(row, names["id"]), "id")
    kind = _word(data, names, "answer_type", "")
    return Problem(
        problem_id=problem_id,
        text=text,
        answer=answer,
        answer_type=kind or (guess_answer_type(answer) if answer else ""),
        source=_word(data, names, "source", how.source.rsplit("/", 1)[-1]),
        domain=_word(data, names, "domain", "unknown"),
        language=_word(data, names, "language", "und"),  # ISO 639: undetermined
        meta=_meta(data.get(names["meta"])),
        level=_level(data, names),
        answer_origin="given" if answer else None,
    )


def _answer(value: object, worked: bool) -> str:
    """The answer in `value`; of a worked solution, only what it marks as its answer."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            if not math.isfinite(value):
                raise BadRow("empty_answer", f"answer is {value}")
            value = str(value)
        except (OverflowError, ValueError) as error:
            raise BadRow("too_long", f"answer is a number beyond use: {error}") from None
    text = clean_text(value, "answer")
    answer = worked_answer(text) if worked else reference_answer(text)
    if not answer:
        raise BadRow("empty_answer", "no answer stands in a box or after ####")
    return answer


def _word(data: Mapping[str, Any], names: Mapping[str, str], field: str, default: str) -> str:
    value = data.get(names[field])
    return default if value is None or value == "" else clean_text(value, field)


def _level(data: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    """ "Level 5" (MATH), 5 (MATH-500)"""
    value = data.get(names["level"])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return _word(data, names, "level", "") or None


def _meta(value: object) -> str:
    """Always a JSON text: the value itself where it is one already."""
    if value is None:
        return "{}"
    if isinstance(value, str):
        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return json.dumps(value)
        return clean_text(value, "meta")
    try:
        return json.dumps(value, default=str, sort_keys=True)
    except (ValueError, RecursionError) as error:
        raise BadRow("wrong_type", f"meta cannot be written as JSON: {error}") from None
