"""The probes that a judge failed, as lines for people.

Guarantees: one line each, whatever the texts hold; kinds take turns, keys first, so that a short
list shows every way in which the judge fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from annotators.judge.probes.probe import KEYED, PLANTED, REWORDED, Kind, Probe
from annotators.judge.probes.said import Case, Said

_LONGEST = 120
_ORDER: tuple[Kind, ...] = (*KEYED, "clean", *PLANTED, *REWORDED)


def failing_cases(probes: Sequence[Probe], said: Sequence[Said], most: int) -> list[str]:
    """At most so many of them; steps count from 1."""
    failed: dict[Kind, list[str]] = {kind: [] for kind in _ORDER}
    for probe, answer in zip(probes, said, strict=True):
        case = Case(probe, answer)
        if _fails(case):
            failed[probe.kind].append(_line(case))
    turns = zip_longest(*failed.values())
    return [line for turn in turns for line in turn if line is not None][:most]


def _fails(case: Case) -> bool:
    if not case.answered:
        return True
    if case.probe.kind in KEYED:
        return case.accepted
    return case.named >= 0 if case.probe.first_error < 0 else not case.found


def _line(case: Case) -> str:
    probe, named = case.probe, case.named
    if case.said.failed:
        what = "the call failed"
    elif not case.answered:
        what = "the answer could not be read"
    elif named < 0:
        what = "called no step incorrect"
    else:
        what = f"called step {named + 1} incorrect ({_short(probe.steps[named])})"
    wrong = probe.first_error
    truth = (
        f"step {wrong + 1} is wrong ({_short(probe.steps[wrong])})" if wrong >= 0 else "no error"
    )
    return f"{probe.kind}: {truth}; {what}. {_short(probe.detail)} Problem: {_short(probe.problem)}"


def _short(text: str) -> str:
    """On one line, quoted where it would be invisible, cut where it is long."""
    plain = " ".join(text.split())
    if not plain:
        return repr(text)
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in plain)
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…"
