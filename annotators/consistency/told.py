"""A problem and its solution as the consistency rules ask about them, each thing read once.

Guaranteed: the work over a whole solution is linear in its text, however many steps ask.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property

from annotators.base import MAX_STEP
from annotators.consistency.explained import MAX_NUMBERS, numbers_in
from annotators.consistency.statements import words_of

_MANY = re.compile(
    r"\bboth\b|\brespectively\b|\beach\b|\bpair|\bordered\b|\([a-d]\)|\bpossible values\b"
    r"|\ball (?:the )?\w{1,20}s\b|\band how\b|\band what\b|\bsolutions\b|\broots\b",
    re.IGNORECASE,
)
_ASKS = re.compile(r"\b(?:find|calculate|determine|compute)\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")

_STATIC_WORDS = (
    "has have had is are owns own keeps holds costs cost weighs lives starts measures contains"
)
_STATIC = frozenset(_STATIC_WORDS.split())
_NOT_PAST_WORDS = "need compared measured combined called named red bed shed seed hundred"
_NOT_PAST = frozenset(_NOT_PAST_WORDS.split())
_EVENTS_WORDS = (
    "gave sold bought ate got took lost found won left spent made went came put threw broke "
    "drank gives give sells sell buys buy eats eat gets get takes take loses lose finds find "
    "wins win leaves spends spend makes goes comes puts throws breaks drinks adds add removes "
    "remove receives uses use picks sends earns earn pays pay read reads now later after before "
    "day days week weeks month months year monday tuesday wednesday thursday friday saturday "
    "sunday yesterday tomorrow today initially originally first second"
)
_EVENTS = frozenset(_EVENTS_WORDS.split())
_TOO_MANY = frozenset(Fraction(n) for n in range(MAX_NUMBERS + 1))


class Told:
    """Not frozen: it remembers what it has read."""

    def __init__(self, problem: str, steps: Sequence[str]) -> None:
        self.problem = problem
        self.steps = steps
        self._before = [self._numbers(problem)]

    def numbers_before(self, index: int) -> frozenset[Fraction]:
        """Every number of the problem and the steps before one; too many explain everything."""
        while len(self._before) <= index:
            known = self._before[-1]
            if len(known) <= MAX_NUMBERS:
                known |= self._numbers(self.steps[len(self._before) - 1])
            self._before.append(known)
        return self._before[index]

    @cached_property
    def sentences(self) -> list[str]:
        return SENTENCE_END.split(self.problem)

    @cached_property
    def questions(self) -> list[str]:
        """The sentences that ask."""
        return [one for one in self.sentences if "?" in one or _ASKS.search(one)]

    @cached_property
    def asked(self) -> frozenset[str]:
        """The words of the sentences that ask."""
        return words_of(" ".join(self.questions))

    @cached_property
    def asks_many(self) -> bool:
        """Whether more than one final answer may be right."""
        return self.problem.count("?") > 1 or _MANY.search(self.problem) is not None

    @cached_property
    def static(self) -> bool:
        """Whether nothing happens: each sentence but the question says what somebody has or is."""
        for sentence in self.sentences:
            words = re.findall(r"[a-z]+", sentence.lower())
            if not words or "?" in sentence or words[0] in ("find", "what", "how"):
                continue
            past = {w for w in words if w.endswith("ed") and w not in _NOT_PAST}
            if not _STATIC & set(words) or _EVENTS & set(words) or past:
                return False
        return True

    def _numbers(self, text: str) -> frozenset[Fraction]:
        return frozenset(numbers_in(text)) if len(text) <= MAX_STEP else _TOO_MANY
