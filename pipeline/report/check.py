"""One thing that is known to go wrong with step labels, and whether it did.

Guarantees: a check states what it measured and from where on it warns; where a figure is undefined
(no judge was asked, truth is not known) it says so and does not warn. A warning is a reason to
look, not a proof.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one."""

    key: str
    title: str
    measured: str  # in words, with the counts; why there is nothing to measure, if so
    threshold: str
    fired: bool | None  # None: could not be measured
    advice: str
    paper: str  # that knows of it
    shows: str | None = None  # a flag of pipeline/report/flags.py: the solutions it speaks of


def percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part:,} of {whole:,})"


def rated(
    key: str,
    title: str,
    part: int,
    whole: int,
    limit: float,
    what: str,
    advice: str,
    paper: str,
    shows: str | None = None,
) -> Check:
    """A check that warns where a share is above `limit`; `what` follows the figure."""
    if not whole:
        return Check(
            key, title, f"nothing to measure: no {what}", f"above {limit:.0%}", None, advice, paper
        )
    fired = part > limit * whole
    measured = f"{percent(part, whole)} {what}"
    return Check(key, title, measured, f"above {limit:.0%}", fired, advice, paper, shows)
