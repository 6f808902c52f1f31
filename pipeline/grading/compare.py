"""Comparing an extracted answer with the reference, as far as exact reading goes.

Guaranteed: CORRECT and INCORRECT are said only where both sides were read as a whole; the
verdict is UNKNOWN with a reason where the answer cannot be read or two readings disagree;
None means that only Math-Verify can tell. Nothing is evaluated but exact fractions.

Not guaranteed for "text": words are compared, not meanings (USA is not United States).
"""

from __future__ import annotations

import re
from typing import Literal

from pipeline.grading.gate import gate_text
from pipeline.grading.normal import normalise, split_name, squeeze
from pipeline.grading.quantity import (
    CORRECT,
    INCORRECT,
    UNDECIDED,
    compare_quantities,
    read_quantity,
    split_unit,
)
from pipeline.grading.structure import (
    Compare,
    compare_structures,
    compare_with_scalar,
    read_structure,
)
from pipeline.verdict import Grade, Reason, Verdict

AnswerType = Literal["number", "expression", "choice", "boolean", "text"]

UNPARSABLE = Grade(Verdict.UNKNOWN, Reason.UNPARSABLE)

_INTEGER = re.compile(r"-?\d{1,60}")
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
# "(B)", "B", "B.", "B) 12", "(B) 12", "Option B", "A, C"
_CHOICE = re.compile(
    r"(?:option|choice|answer)?\s*(?:\(([A-Za-z])\)|([A-J])(?=$|[.):]))(?:[.):\s].*)?", re.I | re.S
)
_CHOICES = re.compile(r"\(?[A-J]\)?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*&\s*)\(?[A-J]\)?)+")
_RELATION = re.compile(r"=|<|>|\\[lg]eq")
_MAYBE_UNIT = re.compile(r"-?[\d.,/]+ ?[A-Za-z]{1,3}")  # "5 N": five newtons, or 5 times N
_NEGATIONS = frozenset(["not", "no", "never", "neither", "nor", "isn't", "aren't", "cannot"])


class _NeedsMathVerify(Exception):
    """Some part is beyond exact reading."""


def compare(gold: str, pred: str, answer_type: str) -> Grade | None:
    """Whether `pred` answers what `gold` answers; None where Math-Verify must look."""
    if reason := gate_text(pred) or gate_text(gold):
        return Grade(Verdict.UNKNOWN, reason)
    if _INTEGER.fullmatch(gold) and _INTEGER.fullmatch(pred) and answer_type == "number":
        return CORRECT if int(gold) == int(pred) else INCORRECT
    if answer_type == "boolean":
        return _compare_read(read_boolean(gold), read_boolean(pred))
    if answer_type == "choice":
        return _compare_read(read_choice(gold), read_choice(pred))
    if answer_type == "text":
        return _compare_text(gold, pred)
    if answer_type not in ("number", "expression"):
        raise ValueError(f"no answer type is called {answer_type!r}")
    try:
        return compare_math(normalise(gold), normalise(pred), _beyond)
    except _NeedsMathVerify:
        return None


def compare_math(gold: str, pred: str, beyond: Compare) -> Grade:
    """Compares normalised answers; `beyond` gets the pairs that exact reading cannot decide."""
    if squeeze(gold) == squeeze(pred):
        return CORRECT
    gold_name, gold_value = split_name(gold)
    pred_name, pred_value = split_name(pred)
    if gold_name and pred_name and gold_name != pred_name:
        return UNDECIDED
    if not _RELATION.search(gold_value + pred_value):  # else "y = 2x" is a line like "2x - y = 0"
        gold, pred = gold_value, pred_value
    if squeeze(gold) == squeeze(pred):
        return CORRECT
    a, b = read_quantity(gold), read_quantity(pred)
    if a and b:
        return compare_quantities(a, b)
    s, t = (None if a else read_structure(gold)), (None if b else read_structure(pred))
    if s and t:
        return compare_structures(s, t, lambda g, p: compare_math(g, p, beyond))
    if s:
        return compare_with_scalar(s, pred)
    if t:
        return compare_with_scalar(t, gold)
    if (a and _MAYBE_UNIT.fullmatch(pred)) or (b and _MAYBE_UNIT.fullmatch(gold)):
        return UNDECIDED
    if ("°" in gold) != ("°" in pred):
        return UNDECIDED  # 90° and \pi/2
    return _beyond_units(gold, pred, beyond)


def _beyond_units(gold: str, pred: str, beyond: Compare) -> Grade:
    """Units of roots and the like: one may be left out, two must be the same."""
    (gold, gold_unit), (pred, pred_unit), letter = (
        split_unit(gold),
        split_unit(pred),
        re.search(r" [A-Za-z]$", gold) or re.search(r" [A-Za-z]$", pred),
    )
    if gold_unit != pred_unit and (letter or (gold_unit and pred_unit)):
        return UNDECIDED  # other units; or m, which may be metres or a factor
    return CORRECT if squeeze(gold) == squeeze(pred) else beyond(gold, pred)


def read_boolean(text: str) -> bool | None:
    """ "True.", "**yes**", "No, because ..." -> a truth value."""
    match = re.match(r"(true|yes|false|no)(?![A-Za-z])(?!\s+(?:or|and|/))", normalise(text), re.I)
    return _BOOLEANS[match[1].lower()] if match else None


def read_choice(text: str) -> tuple[str, ...] | None:
    """ "(B)", "B. 12", "A and C" -> the letters, sorted."""
    text = normalise(text)
    if _CHOICES.fullmatch(text):
        return tuple(sorted(re.findall(r"[A-J](?![a-z])", text)))
    match = _CHOICE.fullmatch(text)
    return ((match[1] or match[2]).upper(),) if match else None


def guess_answer_type(answer: str) -> AnswerType:
    """The type of a reference answer that comes without one."""
    text = normalise(answer)
    if text.lower() in _BOOLEANS:
        return "boolean"
    if read_quantity(text):
        return "number"
    if re.fullmatch(r"\(?[A-H]\)?[.)]?", text):
        return "choice"
    if re.search(r"[\\=<>^\d()\[\]]", text) or re.fullmatch(r"[A-Za-z]{1,2}", text):
        return "expression"
    return "text"


def _beyond(gold: str, pred: str) -> Grade:
    raise _NeedsMathVerify


def _compare_read(gold: object, pred: object) -> Grade:
    if gold is None or pred is None:
        return UNPARSABLE
    return CORRECT if gold == pred else INCORRECT


def _compare_text(gold: str, pred: str) -> Grade:
    a, b = (re.findall(r"[\w']+", normalise(text).casefold()) for text in (gold, pred))
    if not a or not b:
        return CORRECT if normalise(gold) == normalise(pred) else UNPARSABLE
    if a == b:
        return CORRECT
    # "Paris, France" for "Paris" may be right; "not red" for "red" is not.
    part = set(a) <= set(b) or set(b) <= set(a)
    return UNDECIDED if part and not (set(a) ^ set(b)) & _NEGATIONS else INCORRECT
