"""Sentences that give one number to one thing: "Ann has 5 apples", "So Tom has 3 * 12 = 36 pens".

Guaranteed: a statement has exactly one value, every other word of its clause stands in its key,
its subject is no pronoun, and no word makes it a question, a wish or a hypothesis. A comparison
is put in one order ("Compared with Ann, Tom has 3 more pens" = "Tom has 3 more pens than Ann")
and `has`, `owns` and `starts with` are one verb. Not guaranteed: that two statements with one key
speak of the same moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from annotators.arithmetic.tokens import Token, Unreadable, number, tokenize
from annotators.base import MAX_STEP
from annotators.consistency.explained import NUMBER_WORDS
from annotators.consistency.finals import without_notes

MAX_SENTENCE = 400

SENTENCE = re.compile(r"(?:[^.?!;\n]|[.?!;](?=[^\s]))+[.?!;]?")
_CLAUSE_END = re.compile(r",? and, |, so (?!that)|, and (?=[A-Z])|, which means (?:that )?")
# "compared with Ann, Tom has 3 more pens" -> "Tom has 3 more pens", "Ann"
_BESIDE = re.compile(
    r"\s*(?:compared (?:with|to)|next to|set beside|measured against)\s+([^,]+),\s*(.+)",
    re.IGNORECASE,
)
_OPENERS_WORDS = (
    "so thus therefore hence then and but since because as we know that now next first also "
    "means this"
)
_OPENERS = frozenset(_OPENERS_WORDS.split())
# a conclusion is no restatement of a given, even where it computes nothing in writing
_CONCLUDES_WORDS = "so thus therefore hence then now means leaves leaving makes"
_CONCLUDES = frozenset(_CONCLUDES_WORDS.split())
_NO_SUBJECT_WORDS = (
    "he she it they we you i his her its their our your my this that these those each one both "
    "all everyone another others which who what how if when while after before on in at by for "
    "from during with of to per let x rest"
)
_NO_SUBJECT = frozenset(_NO_SUBJECT_WORDS.split())
# the clause is no statement of a fact, or a fact of one moment only
_NO_FACT_WORDS = (
    "answer if suppose assume assuming let would could should might may unless imagine "
    "instead wants want wanted needs wrong mistake actually wait not never no another other "
    "again remaining left now still later then after before until or either about around "
    "approximately average least most only"
)
_NO_FACT = frozenset(_NO_FACT_WORDS.split())
_HAS_WORDS = "has have had owns own owned"
_HAS = frozenset(_HAS_WORDS.split())
_MATH = frozenset(["num", "+", "-", "*", "/", "^", "(", ")", "%", "="])


@dataclass(frozen=True, slots=True)
class Statement:
    """A clause and its span; `computed`: the value is an equation's right side."""

    key: str
    value: Fraction
    start: int
    end: int
    computed: bool
    concludes: bool


def statements(text: str) -> list[Statement]:
    """The statements of a text, in its order."""
    if len(text) > MAX_STEP:
        return []
    return [found for start, end in _clauses(text) if (found := _read(text, start, end))]


def words_of(text: str) -> frozenset[str]:
    """The words of a text in lower case, possession as one verb, plural as singular."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return frozenset("has" if word in _HAS else stem(word) for word in words)


def stem(word: str) -> str:
    """ "apples" and "apple" alike; nothing but a final s goes."""
    return word.removesuffix("s") if len(word) > 3 and not word.endswith("ss") else word


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    for sentence in SENTENCE.finditer(text):
        if sentence.end() - sentence.start() > MAX_SENTENCE or sentence[0].endswith("?"):
            continue
        if not any(c.isdigit() for c in sentence[0]) and not NUMBER_WORDS.keys() & set(
            sentence[0].lower().split()
        ):
            continue
        start = sentence.start()
        for cut in _CLAUSE_END.finditer(text, sentence.start(), sentence.end()):
            yield start, cut.start()
            if text[start : cut.start()].split()[:1] and not _plain_head(text[start : cut.start()]):
                break  # "On Monday, Ann ate 3, and Bob ate 5": the rest hangs on the head
            start = cut.end()
        else:
            yield start, sentence.end()


def _plain_head(clause: str) -> bool:
    return bool(_BESIDE.match(clause)) or "," not in clause


def _read(text: str, start: int, end: int) -> Statement | None:
    clause = text[start:end].rstrip(" .!;,")
    end = start + len(clause)
    start += len(clause) - len(clause.lstrip())
    clause = text[start:end]
    concludes = False
    tail = ""
    while (head := re.match(r"([A-Za-z]+)[\s,:]+", clause)) and head[1].lower() in _OPENERS:
        concludes = concludes or head[1].lower() in _CONCLUDES
        clause = clause[head.end() :]
    if beside := _BESIDE.match(clause):
        clause, tail = beside[2], beside[1]
    read = _masked(tokenize(without_notes(clause)))
    if read is None:
        return None
    words, value, computed = read
    if len(words) < 3 or words[0] in _NO_SUBJECT | {"#"} or _NO_FACT & set(words):
        return None
    if tail:
        words += ["as" if "as" in words else "than", *tail.lower().split()]
    return Statement(" ".join(words), value, start, end, computed, concludes)


def _masked(tokens: list[Token]) -> tuple[list[str], Fraction, bool] | None:
    """The clause's words with `#` for its one value, the value, and whether it was computed."""
    words: list[str] = []
    value: Fraction | None = None
    computed = False
    at = 0
    while at < len(tokens):
        token = tokens[at]
        lower = token.text.lower()
        if token.kind in _MATH or lower in NUMBER_WORDS:
            run = at
            while run < len(tokens) and tokens[run].kind in _MATH:
                run += 1
            run = max(run, at + 1)
            if value is not None or (read := _run_value(tokens[at:run])) is None:
                return None
            value, computed, percent = read
            words.append("#%" if percent else "#")
            at = run
            continue
        if token.kind in ("bad", "<", "frac", "frac2", "{", "}", "sup"):
            return None
        if token.kind == "word":
            if lower in _HAS:
                lower = "has"
            elif lower in ("starts", "started", "begins", "began") and _next_is(tokens, at, "with"):
                lower, at = "has", at + 1
            words.append(lower)
        at += 1
    return None if value is None else (words, value, computed)


def _next_is(tokens: list[Token], at: int, word: str) -> bool:
    return at + 1 < len(tokens) and tokens[at + 1].text.lower() == word


def _run_value(run: list[Token]) -> tuple[Fraction, bool, bool] | None:
    """A number alone, or what stands alone behind the last equals sign; with `%` or without."""
    percent = run[-1].kind == "%"
    run = run[:-1] if percent else run
    if not run:
        return None
    if run[-1].text.lower() in NUMBER_WORDS:
        return NUMBER_WORDS[run[-1].text.lower()], False, percent
    computed = len(run) > 1
    if run[-1].kind != "num" or (computed and run[-2].kind != "="):
        return None
    try:
        return number(run[-1].text), computed, percent
    except Unreadable:
        return None
