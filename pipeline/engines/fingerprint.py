"""What a served model says after sixteen fixed texts: enough to tell whether its weights changed.

A fingerprint holds, for each of PROBES, the most probable next tokens (20, or as many as the server
lists) with their log-probabilities. Two are of one model when they are no further apart than the
server is from itself: `noise` is the largest distance between fingerprints taken one after the
other, one request at a time and all at once, for arithmetic on GPUs depends on what runs beside.

Guarantees: pure functions. The distance is a mean over probes of differences in log-probability,
each weighed by the token's probability; a token that one side does not list counts as if it stood
at the end of that list. Not guaranteed: that a change too small to move these tokens beyond the
noise is seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.engines.answers import BadAnswer
from pipeline.engines.base import usable_logprobs

# Beginnings that a model of texts, of code or of mathematics goes on from; none ends in a blank,
# which tokenizers treat differently.
PROBES = (
    "1 + 1 = 2\n2 + 3 =",
    "Step 1: Let x be the number of apples. Then",
    "The sum of the first ten positive integers is",
    "Q: What is 17 times 6?\nA:",
    "Therefore, the answer is",
    "If a train travels 60 miles in 1.5 hours, its speed is",
    "The derivative of x^2 + 3x is",
    "Ann has 12 cards. Bob has 3 times as many cards. So Bob has",
    "def is_prime(n):\n    if n <",
    "The capital of France is",
    "Once upon a time there was a",
    "All cats are animals. Tom is a cat. So Tom is",
    "\\frac{1}{2} + \\frac{1}{3} =",
    "We prove the claim by induction on n. For n = 1",
    "Wait, let me check that again:",
    "Water boils at 100 degrees",
)
LISTED = 20
# Servers write few digits, and a sum may be taken in another order: as small as that is nothing.
LEAST = 1e-3
# Noise is the largest of a few distances, so a later one may well exceed it.
MARGIN = 3.0

Tops = tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`tops`: for each probe, log-probabilities by token."""

    tops: Tops
    noise: float

    def is_same(self, other: Fingerprint) -> bool:
        return distance(self.tops, other.tops) <= tolerance(max(self.noise, other.noise))

    def as_dict(self) -> dict[str, Any]:
        return {"noise": self.noise, "tops": [dict(top) for top in self.tops]}

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Fingerprint:
        tops = tuple({str(k): float(v) for k, v in top.items()} for top in raw["tops"])
        return Fingerprint(tops, float(raw["noise"]))


def tolerance(noise: float) -> float:
    return max(LEAST, MARGIN * noise)


def distance(one: Tops, other: Tops) -> float:
    """In nats; 0 for equal ones."""
    if len(one) != len(other):
        return math.inf
    return sum(map(_apart, one, other)) / len(one)


def measured(rounds: Sequence[Tops]) -> Fingerprint:
    """The first of several rounds, and how far they lie apart."""
    pairs = [(a, b) for at, a in enumerate(rounds) for b in rounds[at + 1 :]]
    return Fingerprint(rounds[0], max((distance(a, b) for a, b in pairs), default=0.0))


def read_top(answer: Mapping[str, Any]) -> dict[str, float]:
    """Tokens that a server lists for the first one it wrote. Raises BadAnswer where it lists none.

    `{"choices": [{"logprobs": {"top_logprobs": [{" 5": -0.1, " 6": -2.3}]}}]}`
    """
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    holder = first.get("logprobs") if isinstance(first, dict) else None
    listed = holder.get("top_logprobs") if isinstance(holder, dict) else None
    top = listed[0] if isinstance(listed, list) and listed else None
    if not isinstance(top, dict) or usable_logprobs(list(top.values())) is None or not top:
        raise BadAnswer("no list of probable tokens")
    return {str(token): float(value) for token, value in top.items()}


def _apart(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    ends = min(one.values()), min(other.values())
    total = weight = 0.0
    for token in one.keys() | other.keys():
        a, b = one.get(token, ends[0]), other.get(token, ends[1])
        share = (math.exp(a) + math.exp(b)) / 2
        total += share * abs(a - b)
        weight += share
    return total / weight
