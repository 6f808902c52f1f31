"""Faultless solutions, the ground on which probes are built.

Guarantees: every base has an id of its own, a problem, and at least two steps, all of them text
that a table and a model can hold; what breaks this raises `ProblemFileError` with file, row and
field. Not guaranteed, and assumed by everything in this folder: that the solutions are faultless.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from annotators.base import MAX_STEP
from pipeline.errors import ProblemFileError
from pipeline.rows import BadRow, Row, clean_text, read_rows

BUNDLED = Path(__file__).with_name("base.jsonl")


@dataclass(frozen=True, slots=True)
class Base:
    """One problem with a solution whose every step is right."""

    problem_id: str
    domain: str
    text: str
    answer: str | None
    steps: tuple[str, ...]


def bundled_base() -> list[Base]:
    """60 problems of the two synthetic worlds, 3 to 8 steps each."""
    return read_base(str(BUNDLED))


def read_base(source: str) -> list[Base]:
    """The solutions of a file of the user's own; none is left out silently."""
    bases: list[Base] = []
    first: dict[str, int] = {}
    for row in read_rows(source):
        base = _base(row, source)
        if (before := first.setdefault(base.problem_id, row.number)) != row.number:
            _refuse(source, row.number, "problem_id", f"is that of row {before} too")
        bases.append(base)
    return bases


def _base(row: Row, source: str) -> Base:
    """{"problem_id": "p1", "domain": "sums", "text": "...", "answer": "5", "steps": ["...", ""]}"""
    if not isinstance(row.data, dict):
        _refuse(source, row.number, None, f"is {type(row.data).__name__}, not an object")
    steps = row.data.get("steps")
    if not isinstance(steps, list) or len(steps) < 2:
        _refuse(source, row.number, "steps", "must be a list of at least two steps")

    def text(field: str, value: object, longest: int = MAX_STEP) -> str:
        try:
            return clean_text(value, field, longest)
        except BadRow as bad:
            _refuse(source, row.number, field, f"cannot be used: {bad}")

    answer = row.data.get("answer")
    domain = row.data.get("domain")
    return Base(
        problem_id=text("problem_id", row.data.get("problem_id")),
        domain="unknown" if domain is None else text("domain", domain),
        text=text("text", row.data.get("text")),
        answer=None if answer is None else text("answer", answer),
        steps=tuple(text("steps", step) for step in steps),
    )


def _refuse(source: str, row: int, field: str | None, what: str) -> NoReturn:
    where = f"{source}, row {row}" + (f", field '{field}'" if field else "")
    raise ProblemFileError(f"{where}: {what}", file=source, row=row, field=field)
