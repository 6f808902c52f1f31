"""The call of Math-Verify; runs in a worker process only.

Guaranteed: texts reach its LaTeX grammar only after our gate, never its expression evaluator; its
own time-outs are off (the pool has the clock); an error or an empty parse is unknown. Its word
alone decides nothing: an equality counts only if both sides have equal values at several points,
a difference only if the values differ. Math-Verify alone calls 1/2^99 and 1/2^98 equal, and
sqrt(1/n) and 1/sqrt(n) different.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any

from pipeline.grading.compare import compare_math
from pipeline.grading.gate import gate_math
from pipeline.grading.normal import normalise
from pipeline.grading.quantity import CORRECT, INCORRECT, UNDECIDED, read_quantity
from pipeline.verdict import Grade, Reason, Verdict


def check(gold: str, pred: str) -> tuple[str, str]:
    """The verdict and, where it is unknown, the reason, as plain strings."""
    grade = compare_math(normalise(gold), normalise(pred), _compare_parsed)
    return grade.verdict.value, grade.reason.value if grade.reason else ""


def _compare_parsed(gold: str, pred: str) -> Grade:
    for text in (gold, pred):
        if reason := gate_math(text):
            return Grade(Verdict.UNKNOWN, reason)
    letters = set(re.sub(r"\\[A-Za-z]+", "", gold + pred))
    if any(letter.isupper() and letter.lower() in letters for letter in letters):
        return UNDECIDED  # Math-Verify reads R and r as one symbol
    if "\\log" in gold + pred and ("\\ln" in gold) != ("\\ln" in pred):
        return UNDECIDED  # nobody says which base a bare log has
    from math_verify import verify

    try:
        a, b = _parse(gold), _parse(pred)
        if a is None or b is None or _kind(a) == "other" or _kind(b) == "other":
            return Grade(Verdict.UNKNOWN, Reason.UNPARSABLE)
        if _kind(a) != _kind(b):
            return UNDECIDED
        equal = bool(verify(a, b, timeout_seconds=None, raise_on_error=True))
        if _kind(a) == "value":
            return _confirm(equal, _same_value(a, b, _rounding(gold, pred)))
        if _kind(a) == "matrix":
            return _confirm(equal, _same_matrix(a, b))
        if _kind(a) == "relation":
            return _confirm(equal, _same_relation(a, b))
        return CORRECT if equal else UNDECIDED
    except MemoryError:
        raise
    except Exception:  # whatever a parser says about hostile text, it is no verdict
        return Grade(Verdict.UNKNOWN, Reason.UNPARSABLE)


def _confirm(equal: bool, same: bool | None) -> Grade:
    """An equality needs both; a difference needs the values only, since they prove it."""
    if same is False:
        return INCORRECT
    return CORRECT if equal and same else UNDECIDED


@cache
def _config() -> list[Any]:
    from latex2sympy2_extended.latex2sympy2 import NormalizationConfig
    from math_verify import LatexExtractionConfig

    # Both warn about time-outs that are off; here that is meant.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    plain = NormalizationConfig(
        basic_latex=True,
        units=False,  # else 3 cm is 3 km
        malformed_operators=False,
        nits=False,
        boxed="none",
        equations=False,
    )
    return [LatexExtractionConfig(boxed_match_priority=-1, normalization_config=plain)]


def _parse(text: str) -> Any:
    from math_verify import parse

    found = parse(
        f"${text}$",
        extraction_config=_config(),
        fallback_mode="no_fallback",
        parsing_timeout=None,
        raise_on_error=True,
    )
    return found[0] if len(found) == 1 else None


def _kind(parsed: Any) -> str:
    from sympy import Expr, MatrixBase, Set
    from sympy.core.relational import Relational

    if isinstance(parsed, MatrixBase):
        return "matrix"
    if isinstance(parsed, Relational):
        return "relation"
    if isinstance(parsed, Set):
        return "set"
    return "value" if isinstance(parsed, Expr) else "other"


def _rounding(gold: str, pred: str) -> float:
    """How far rounding may have moved a decimal: 0.866 for sqrt(3)/2 is 0.0005."""
    read = [q.places for q in map(read_quantity, (gold, pred)) if q and q.places]
    return 0.5 * 10.0 ** -min(read) if read and min(read) >= 2 else 0.0


def _same_matrix(a: Any, b: Any) -> bool | None:
    if a.shape != b.shape:
        return False
    cells = {_same_value(x, y) for x, y in zip(a.flat(), b.flat(), strict=True)}
    return False if False in cells else True if cells == {True} else None


def _same_value(a: Any, b: Any, rounding: float = 0.0) -> bool | None:
    """Whether two expressions agree at fixed positive points; None where that stays open."""
    points = _at_points(a, b)
    answers = {_close(x, y) for x, y in points}
    if rounding and False in answers and all(abs(x - y) <= rounding for x, y in points):
        return None
    if False in answers:
        return False
    return True if answers == {True} else None


def _same_relation(a: Any, b: Any) -> bool | None:
    """Whether one relation is the other one times a constant; sure for linear ones only."""
    from sympy import Eq, Rel

    p, q = a.lhs - a.rhs, b.lhs - b.rhs
    ratios = [x / y for x, y in _at_points(p, q) if y]
    constant = bool(ratios) and all(_close(ratio, ratios[0]) for ratio in ratios)
    flip = constant and ratios[0].is_extended_negative
    same_sense = type(a) is type(b.reversed if flip else b) or (
        isinstance(a, Eq) and isinstance(b, Eq)
    )
    if constant and isinstance(a, Rel):
        return same_sense
    symbols = sorted(p.free_symbols | q.free_symbols, key=str)
    linear = symbols and all(
        side.is_polynomial(*symbols) and side.as_poly(*symbols).total_degree() == 1
        for side in (p.doit().expand(), q.doit().expand())
    )
    return False if linear and ratios else None


def _at_points(a: Any, b: Any) -> list[tuple[Any, Any]]:
    from sympy import I, Rational

    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    imaginary = {symbol: I for symbol in symbols if symbol.name == "i"}  # parsed as a variable
    pairs = []
    starts = (Rational(7, 5), Rational(23, 17), Rational(31, 9))
    for start in starts if symbols else starts[:1]:
        point = {symbol: start + Rational(i * i + 2 * i, 7) for i, symbol in enumerate(symbols)}
        x, y = (side.subs(point | imaginary).doit().evalf(30) for side in (a, b))
        if x.is_number and y.is_number and x.is_finite and y.is_finite:
            pairs.append((x, y))
    return pairs


def _close(x: Any, y: Any) -> bool | None:
    """Equal to 15 digits; None between that and a part in a million, or beside a zero."""
    size = max(abs(x), abs(y))
    if x == y:
        return True
    if x == 0 or y == 0:
        return None if size < 1e-20 else False
    apart = abs(x - y) / size
    if apart < 1e-15:
        return True
    return None if apart < 1e-6 else False
