"""`Plugging x = 2 into x^2 + 1 gives 5`: the value of a formula at a stated place.

Guaranteed: the three parts follow each other with nothing between them but the words below, and
the value is exact. An equation into which something is plugged is a test, not a claim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from annotators.algebra.function import Finding
from annotators.algebra.identity import compound, is_number
from annotators.algebra.parse import Name, variables
from annotators.algebra.text import Statement
from annotators.algebra.tokens import Unreadable
from annotators.algebra.value import exact

_START = re.compile(
    r"\b(?:plug\w*|substitut\w+|evaluat\w+|insert\w*|put\w*)\s*(?:in\s*)?\$?\s*$", re.I
)
_INTO = re.compile(
    r"(?:back )?in(?:to)?(?: the)?(?: (?:expression|polynomial|formula|original))*", re.I
)
_GIVES = re.compile(
    r",?\s*(?:(?:which |that |this )?(?:gives|yields|equals|is)(?: us)?(?: a value of)?"
    r"|(?:we|to)? ?(?:get|obtain|have|find))",
    re.I,
)


def substituted(parts: Sequence[Statement], step: str) -> list[Finding]:
    """Each place, formula and value in a row of formulas of one step, decided."""
    found: list[Finding] = []
    for place, formula, value in zip(parts, parts[1:], parts[2:], strict=False):
        if len(place.sides) != 2 or len(formula.sides) != 1 or not _START.search(place.before):
            continue
        into = step[place.end : formula.start].strip(" $")
        gives = step[formula.end : value.start].strip(" $")
        if not (_INTO.fullmatch(into) and _GIVES.fullmatch(gives)):
            continue
        one = _decided(place, formula, value)
        found += [one] if one else []
    return found


def _decided(place: Statement, formula: Statement, value: Statement) -> Finding | None:
    name, number = place.sides
    (body,) = formula.sides
    if not isinstance(name, Name) or number is None or body is None or not compound(body):
        return None
    if variables(body) != {name.text} or place.decimal or formula.decimal or value.decimal:
        return None
    if name.text in ("i", "e") or not all(is_number(side) for side in value.sides):
        return None
    try:
        at = exact(number, {})
        true = exact(body, {name.text: at})
        claimed = [exact(side, {}) for side in value.sides if side is not None]
    except Unreadable:
        return None
    shown = f"{formula.text} at {name.text} = {at}"
    if claimed and all(one == true for one in claimed):
        return Finding("value_holds", value.start, value.end, f"{shown} is {true}", False)
    text = f"{shown} is not {value.text}: it is {true}"
    return Finding("wrong_value", value.start, value.end, text, True)
