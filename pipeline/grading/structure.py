r"""Answers made of parts: lists, pairs, intervals, sets, ratios.

    1, 2 | x = 1 or x = 2 | (1, 2) | [1, 2) | \{1, 2\} | 1:2:3

Guaranteed: parts are compared one by one with the comparison that is handed in; brackets count,
so that (1,2), [1,2] and {1,2} differ; order counts except in braces. A list without brackets may
mean any of them: where only that could matter, the verdict is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.grading.normal import split_name
from pipeline.grading.quantity import CORRECT, INCORRECT, UNDECIDED, read_quantity
from pipeline.verdict import Grade, Verdict

MAX_PARTS = 20

Compare = Callable[[str, str], Grade]


@dataclass(frozen=True, slots=True)
class Structure:
    """`kind` is the pair of brackets, "" for a bare list, ":" for a ratio."""

    kind: str
    parts: tuple[str, ...]


def read_structure(text: str) -> Structure | None:
    """The parts of a normalised text, or None if it has none or too many."""
    kind = ""
    body = text
    if text.startswith("\\{") and text.endswith("\\}"):
        kind, body = "{}", text[2:-2]
    elif text[:1] in ("(", "[", "{") and text[-1:] in (")", "]", "}") and len(text) > 1:
        kind, body = text[0] + text[-1], text[1:-1]
    parts = _split(body)
    if parts is None and kind:  # "(1,2),(3,4)" and "(1,2) \cup (3,4)": the outer pair is no pair
        kind, parts = "", _split(text)
    if parts is None or len(parts) > MAX_PARTS or not all(parts):
        return None
    if len(parts) == 1:
        ratio = re.fullmatch(r"\d+(?:\.\d+)?(?: ?: ?\d+(?:\.\d+)?)+", body)
        if ratio:
            return Structure(":", tuple(part.strip() for part in body.split(":")))
        return Structure(kind, tuple(parts)) if kind == "{}" else None
    return Structure(kind, tuple(parts))


def compare_structures(gold: Structure, pred: Structure, compare: Compare) -> Grade:
    """Whether two structures are the same one."""
    if gold.kind == pred.kind == "{}":
        return _unordered(gold, pred, compare)
    if ":" in (gold.kind, pred.kind):
        return _ratio(gold, pred)
    if gold.kind and pred.kind and gold.kind != pred.kind:
        return INCORRECT
    ordered = _ordered(gold, pred, compare)
    if gold.kind == pred.kind and (gold.kind or ordered is CORRECT):
        return ordered
    # A bare list on one side at least: sure only if the parts differ in whatever order.
    anyhow = _unordered(gold, pred, compare)
    return INCORRECT if anyhow is INCORRECT else UNDECIDED


def compare_with_scalar(structure: Structure, scalar: str) -> Grade:
    """A structure on one side only."""
    number = read_quantity(scalar)
    plain = [read_quantity(split_name(part)[1]) for part in structure.parts]
    if number is None or None in plain or len(plain) < 2 or structure.kind == ":":
        return UNDECIDED
    # "1,2" and "1.234,5" may be decimal commas, "(1,000)" a thousand
    comma = read_quantity(".".join(part.replace(".", "") for part in structure.parts))
    thousand = read_quantity(",".join(structure.parts))
    if any(reading and reading.value == number.value for reading in (comma, thousand)):
        return UNDECIDED
    return INCORRECT


def _ordered(gold: Structure, pred: Structure, compare: Compare) -> Grade:
    if len(gold.parts) != len(pred.parts):
        return INCORRECT
    grades = [compare(g, p) for g, p in zip(gold.parts, pred.parts, strict=True)]
    if any(grade.verdict is Verdict.INCORRECT for grade in grades):
        return INCORRECT
    return next((grade for grade in grades if grade.reason), CORRECT)


def _unordered(gold: Structure, pred: Structure, compare: Compare) -> Grade:
    golds, preds = list(dict.fromkeys(gold.parts)), list(dict.fromkeys(pred.parts))
    table = [[compare(g, p).verdict for p in preds] for g in golds]
    if any(all(v is Verdict.INCORRECT for v in row) for row in [*table, *zip(*table, strict=True)]):
        return INCORRECT  # a part that nothing on the other side can be
    known = all(v is not Verdict.UNKNOWN for row in table for v in row)
    return CORRECT if known else UNDECIDED


def _ratio(gold: Structure, pred: Structure) -> Grade:
    if gold.kind != pred.kind or len(gold.parts) != len(pred.parts):
        return UNDECIDED
    a = [q.value for q in map(read_quantity, gold.parts) if q]
    b = [q.value for q in map(read_quantity, pred.parts) if q]
    if a == b:
        return CORRECT
    # 1:2 and 2:4 are one ratio, but two times of the day
    same = all(a[0] * y == b[0] * x for x, y in zip(a, b, strict=True))
    return UNDECIDED if same else INCORRECT


def _split(text: str) -> list[str] | None:
    """The parts between commas, semicolons, "and", "or" outside brackets; None if unbalanced."""
    parts, depth, start = [], 0, 0
    for match in re.finditer(r"[(\[{]|[)\]}]|,(?: ?and | ?or )?|;| and | or ", text):
        if match[0] in "([{":
            depth += 1
        elif match[0] in ")]}":
            depth -= 1
            if depth < 0:
                return None
        elif depth == 0:
            parts.append(text[start : match.start()].strip())
            start = match.end()
    return [*parts, text[start:].strip()] if depth == 0 else None
