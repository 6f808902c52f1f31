"""One probe: a solution whose first error is known, put to a judge to see whether it knows it.

Guarantees nothing by itself; the files beside it each say what they are sure of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "clean",  # a control: the base as it is
    "number",  # the result of an equation is made false
    "operator",  # a true equation with another operation and result
    "operand",  # a true equation with another operand and result
    "skipped",  # a step whose result the next one needs is left out
    "reversed",  # a comparison or a rule is turned round
    "contrast",  # the solution stays, the problem is altered
    "paraphrase",  # another probe in other words
    "confident",  # another probe in a surer tone
    "key_step",  # a master key in place of a step whose result the next one needs
    "key_whole",  # a master key as the whole solution
]
PLANTED: tuple[Kind, ...] = ("number", "operator", "operand", "skipped", "reversed", "contrast")
REWORDED: tuple[Kind, ...] = ("paraphrase", "confident")
KEYED: tuple[Kind, ...] = ("key_step", "key_whole")


@dataclass(frozen=True, slots=True)
class Probe:
    """What a judge is shown, and what is known of it."""

    probe_id: str
    kind: Kind
    problem: str
    steps: tuple[str, ...]
    answer: str | None  # the reference answer; None where it is not known, as in a contrast
    first_error: int  # 0-based place of the planted error; -1: there is none
    found: tuple[int, ...]  # places at which naming the first error counts as finding it
    of: str  # the probe that this one was made from; "" for a control
    detail: str  # one sentence a person reads: what was changed to what


@dataclass(frozen=True, slots=True)
class Change:
    """What a perturbation makes of a base; `make.py` gives it an id."""

    steps: tuple[str, ...]
    first_error: int
    found: tuple[int, ...]
    detail: str
    problem: str | None = None  # None: as it was
