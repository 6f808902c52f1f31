"""Problems with checkable answers, from a file or the Hub.

Guaranteed: every problem that is handed out has an id that is unique in the file, a text and an
answer that can be stored and sent; what cannot be used is set aside with its row and reason, and
what makes the whole file useless raises `ProblemFileError` before anything is spent. The same
file gives the same problems in the same order. Not guaranteed: that an answer is right, or that
a grader can read it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipeline.errors import ProblemFileError
from pipeline.grading.compare import guess_answer_type
from pipeline.rows import BadRow, Row, SetAside, clean_text, columns_of, content_id, read_rows

DEFAULT_COLUMNS = {
    "id": "problem_id",
    "text": "text",
    "answer": "answer",
    "answer_type": "answer_type",
    "source": "source",
    "domain": "domain",
    "language": "language",
    "meta": "meta",
}
_NEEDED = ("text", "answer")
_FINAL = re.compile(r"(?:\A|\n)[ \t]*####[ \t]*([^\n]*)\s*\Z")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem; `answer` is the reference alone, without its solution."""

    problem_id: str
    text: str
    answer: str | None
    answer_type: str
    source: str
    domain: str
    language: str
    meta: str  # JSON


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """The usable rows in file order, and those that are not."""

    problems: list[Problem]
    set_aside: list[SetAside]


def read_problems(source: str, columns: Mapping[str, str], limit: int = 0) -> ProblemSet:
    """The first `limit` usable problems (0: all); `columns` maps our field to their column."""
    rows = read_rows(source)
    names = _columns(source, columns, rows)
    has_ids = _check_ids(source, rows, names["id"])
    problems: list[Problem] = []
    set_aside: list[SetAside] = []
    seen: set[str] = set()
    for row in rows:
        if limit and len(problems) == limit:
            break
        try:
            problem = _problem(row, names, source, has_ids)
            if problem.problem_id in seen:  # ids of content: the same text twice
                raise BadRow("duplicate_text", f"the text of {problem.problem_id} came before")
        except BadRow as bad:
            set_aside.append(SetAside(row.number, _id_of(row, names["id"]), bad.reason, bad.detail))
        else:
            seen.add(problem.problem_id)
            problems.append(problem)
    return ProblemSet(problems, set_aside)


def reference_answer(answer: str) -> str:
    """What follows the last `####` of a GSM8K solution; any other answer as it is."""
    final = _FINAL.search(answer)
    return final.group(1).strip() if final else answer.strip()


def _columns(source: str, columns: Mapping[str, str], rows: list[Row]) -> dict[str, str]:
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
    for field, name in names.items():
        asked_for = columns.get(field, DEFAULT_COLUMNS[field]) != DEFAULT_COLUMNS[field]
        if name not in there and (field in _NEEDED or asked_for):
            raise ProblemFileError(
                f"{source}: no row has the column '{name}' (for {field}); "
                f"columns are: {', '.join(there) or 'none'}. Set problems.columns.{field}",
                file=source,
                row=None,
                field=field,
            )
    return names


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


def _problem(row: Row, names: Mapping[str, str], source: str, has_ids: bool) -> Problem:
    """{"problem_id": "p1", "text": "Add 2 and 3.", "answer": "5", "domain": "sums"}"""
    if not isinstance(row.data, dict):
        raise BadRow("not_an_object", f"the row is {type(row.data).__name__}")
    data: dict[str, Any] = row.data
    text = clean_text(data.get(names["text"]), "text")
    answer = _answer(data.get(names["answer"]))
    problem_id = content_id("p", text)
    if has_ids:
        problem_id = clean_text(_id_of(row, names["id"]), "id")
    return Problem(
        problem_id=problem_id,
        text=text,
        answer=answer,
        answer_type=_word(data, names, "answer_type", "") or guess_answer_type(answer),
        source=_word(data, names, "source", source.rsplit("/", 1)[-1]),
        domain=_word(data, names, "domain", "unknown"),
        language=_word(data, names, "language", "und"),  # ISO 639: undetermined
        meta=_meta(data.get(names["meta"])),
    )


def _answer(value: object) -> str:
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        try:
            if not math.isfinite(value):
                raise BadRow("empty_answer", f"answer is {value}")
            value = str(value)
        except (OverflowError, ValueError) as error:
            raise BadRow("too_long", f"answer is a number beyond use: {error}") from None
    answer = reference_answer(clean_text(value, "answer"))
    if not answer:
        raise BadRow("empty_answer", "nothing follows ####")
    return answer


def _word(data: Mapping[str, Any], names: Mapping[str, str], field: str, default: str) -> str:
    value = data.get(names[field])
    return default if value is None or value == "" else clean_text(value, field)


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
