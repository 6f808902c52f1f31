r"""Plain numbers with units, read and compared exactly.

Read: 67 | 1,000 | 1 000 | -0.5 | .5 | 3/4 | \frac{3}{4} | 2 1/2 | 50% | $5 | 12 apples | 3 hours
      | 5 million | 12 cm^2. Everything else is left to others (None).

Guaranteed: arithmetic is exact; a unit that one side left out is forgiven, another unit is not;
where two honest readings disagree (a rounded value, 50 for 50%, an unknown unit) the verdict is
unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from pipeline.verdict import Grade, Reason, Verdict

CORRECT = Grade(Verdict.CORRECT)
INCORRECT = Grade(Verdict.INCORRECT)
UNDECIDED = Grade(Verdict.UNKNOWN, Reason.UNDECIDED)

MAX_DIGITS = 60

_DECIMAL = (
    r"(?:\d+(?:\.\d+)?[eE][+-]?\d{1,2}(?!\d)"
    r"|(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?: \d{3})+|\d+)(?:\.\d+)?|\.\d+)"
)
_FRACTION = r"(?:\d+ ?/ ?\d+|\\frac ?\{ ?-?\d+ ?\} ?\{ ?\d+ ?\})(?!\d)"
_QUANTITY = re.compile(
    rf"(?P<sign>[+-]?) ?(?P<money>[$€£¥]?) ?(?P<sign2>-?)"
    rf"(?:(?P<fraction>{_FRACTION})|(?P<whole>\d+)[ ]?(?P<part>{_FRACTION})"
    rf"|(?P<decimal>{_DECIMAL}))"
    r"(?P<unit> ?[A-Za-z°%$€£¢][A-Za-z°%$€£¢/ ]{0,40}(?:\^?\{?[23]\}?|[²³])?)?"
)
_TRAILING_UNIT = re.compile(
    r"(?<=[\w})])(?:°| [A-Za-z]{1,20}(?: [A-Za-z]{1,20}){0,2}(?:\^?\{?[23]\}?)?)$"
)
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "dozen": 12}
_DIMENSIONS: dict[str, dict[str, Fraction]] = {
    "time": {"second sec s": Fraction(1), "minute min": Fraction(60), "hour hr h": Fraction(3600),
             "day": Fraction(86400), "week": Fraction(604800)},
    "length": {"millimeter millimetre mm": Fraction(1), "centimeter centimetre cm": Fraction(10),
               "meter metre m": Fraction(1000), "kilometer kilometre km": Fraction(10**6),
               "inch inche in": Fraction(254, 10), "foot feet ft": Fraction(3048, 10),
               "yard yd": Fraction(9144, 10), "mile": Fraction(1609344)},
    "mass": {"milligram mg": Fraction(1), "gram g": Fraction(1000),
             "kilogram kg": Fraction(10**6)},
    "volume": {"milliliter millilitre ml": Fraction(1), "liter litre l": Fraction(1000)},
    "money": {"$ dollar usd": Fraction(100), "cent ¢": Fraction(1)},
    "euro": {"€ euro": Fraction(1)},
    "angle": {"° degree": Fraction(1)},
    "percent": {"% percent": Fraction(1)},
}  # fmt: skip
_KNOWN = {
    name: (dimension, factor)
    for dimension, units in _DIMENSIONS.items()
    for names, factor in units.items()
    for name in names.split()
}
# Words that make "3 …" something else than 3 of a thing.
NOT_UNITS = frozenset(
    re.findall(
        r"\w+",
        "and or to is are not no than then if because since so more less fewer as at with plus "
        "minus times over by of mod modulo base half halves third quarter fourth fifth tenth "
        "hundredth percentage pair couple score gross infinity pi am pm factorial choose squared "
        "cubed root negative remainder out",
    )
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value in its unit; `places` is the number of decimals, None where written exactly."""

    value: Fraction
    places: int | None = None
    unit: str = ""
    dimension: str = ""  # "" for a unit that the table does not know
    factor: Fraction = Fraction(1)


def read_quantity(text: str) -> Quantity | None:
    """The quantity that a normalised text is, as a whole, or None."""
    if text.startswith("(") and text.endswith(")") and "," not in text:
        text = text[1:-1].strip()
    match = _QUANTITY.fullmatch(text)
    if (
        not match
        or sum(c.isdigit() for c in text) > MAX_DIGITS
        or (not text.isascii() and (re.search(r"[^\x00-\x7f°€£¥¢²³]", text)))
    ):
        return None
    places: int | None = None
    try:
        if decimal := match["decimal"]:
            value = Fraction(decimal.replace(",", "").replace(" ", ""))
            mantissa = decimal.lower().partition("e")
            places = (len(mantissa[0].partition(".")[2]) or None) if not mantissa[1] else None
        else:
            value = _fraction(match["fraction"] or match["part"])
            if match["whole"]:
                if not 0 < value < 1:
                    return None  # "2 3/2" is no mixed number
                value += int(match["whole"])
    except ZeroDivisionError:
        return None
    if match["sign"] and match["sign2"]:
        return None
    if "-" in (match["sign"], match["sign2"]):
        value = -value
    return _with_unit(value, places, match["money"], (match["unit"] or "").strip())


def split_unit(text: str) -> tuple[str, str]:
    """What stands before a unit, and the unit: "2\\sqrt{3} cm" -> ("2\\sqrt{3}", "cm")."""
    match = _TRAILING_UNIT.search(text)
    if match and (unit := _with_unit(Fraction(1), None, "", match[0].strip())) and unit.unit:
        return text[: match.start()].strip(), unit.unit
    return text, ""


def compare_quantities(gold: Quantity, pred: Quantity) -> Grade:
    """Whether `pred` is an answer where `gold` is the right one."""
    if "percent" in (gold.dimension, pred.dimension) and not (gold.unit and pred.unit):
        return _compare_percent(gold, pred)
    if not (gold.unit and pred.unit):
        grade = _compare_values(gold.value, pred.value, gold, pred)
        dimension = gold.dimension or pred.dimension
        if grade is INCORRECT and _differ_by_unit(dimension, gold, pred):
            return UNDECIDED  # "2 hours" where 120 is asked for
        return grade
    if gold.unit == pred.unit:
        return _compare_values(gold.value, pred.value, gold, pred)
    if not (gold.dimension and pred.dimension):
        return UNDECIDED
    if gold.dimension != pred.dimension:
        return INCORRECT
    same = gold.value * gold.factor == pred.value * pred.factor
    return CORRECT if same else INCORRECT


def _compare_percent(gold: Quantity, pred: Quantity) -> Grade:
    """50% is 0.5; a bare 50 is forgiven where the reference says per cent, else it may be 50."""
    if gold.dimension == "percent":
        if pred.value * 100 == gold.value:
            return CORRECT
        return _compare_values(gold.value, pred.value, gold, pred)
    if pred.value == gold.value * 100:
        return CORRECT
    return UNDECIDED if pred.value == gold.value else INCORRECT


def _compare_values(gold: Fraction, pred: Fraction, a: Quantity, b: Quantity) -> Grade:
    if gold == pred:
        return CORRECT
    places = [q.places for q in (a, b) if q.places is not None and q.places >= 2]
    if places and abs(gold - pred) <= Fraction(1, 2 * 10 ** min(places)):
        return UNDECIDED  # 0.33 and 1/3: equal if rounding is allowed, and nobody said so
    return INCORRECT


def _differ_by_unit(dimension: str, gold: Quantity, pred: Quantity) -> bool:
    factors = {f for d, f in _KNOWN.values() if d == dimension}
    return any(gold.value * a == pred.value * b for a in factors for b in factors)


def _fraction(text: str) -> Fraction:
    """ "3/4" or "\\frac{3}{4}"."""
    above, below = re.findall(r"-?\d+", text)
    return Fraction(int(above), int(below))


def _with_unit(value: Fraction, places: int | None, money: str, text: str) -> Quantity | None:
    words = text.lower().split()
    if words and words[0] in _SCALES:
        value, places = value * _SCALES[words.pop(0)], None
    if len(words) > 4 or (money and words and words != ["dollars"]):
        return None
    if money:
        words = [money]
    unit = " ".join(w if w in _KNOWN else w.removesuffix("s") for w in words)
    if not unit:
        return Quantity(value, places)
    if unit in _KNOWN:
        dimension, factor = _KNOWN[unit]
        canonical = next(n for n, known in _KNOWN.items() if known == (dimension, factor))
        return Quantity(value, places, canonical, dimension, factor)
    bare = re.sub(r"[\^{}²³23]", "", unit).split()
    if NOT_UNITS & {*words, *bare} or not all(len(w) >= 3 or w in _KNOWN for w in bare):
        return None  # "3 x", "12 or so"
    return Quantity(value, places, unit)
