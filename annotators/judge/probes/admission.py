"""What the probes say of a judge, and whether its votes may count.

Pure scoring. Guarantees: every figure is a share with its counts, and one without cases is
undefined, never 0 or 1; an undefined figure passes no gate. What was not answered (a failed call,
an answer that could not be read) finds no error and convicts no step. docs/judges.md defines every
figure. Not guaranteed: that a judge does on a run's solutions what it does on probes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import median_low
from typing import Any

from scipy.special import betaincinv

from annotators.judge.probes.probe import KEYED, PLANTED, REWORDED, Kind, Probe
from annotators.judge.probes.said import Case, Said, Share

CONFIDENCE = 0.95
_THIRDS = ("first", "middle", "last")


@dataclass(frozen=True, slots=True)
class Admission:
    """The result of the admission test."""

    probes: int
    answered: Share  # of the probes: verdicts could be read
    parse_rate: Share  # of the calls that gave something
    sensitivity: Share  # of planted errors
    sensitivity_by_kind: dict[str, Share]
    sensitivity_by_place: dict[str, Share]  # position bias: first, middle, last third
    any_error_rate: Share
    specificity: Share  # of faultless probes that were answered
    specificity_by_length: dict[str, Share]  # length bias: short, long
    incorrect_if_wrong: Share  # of wrong steps: those called incorrect
    correct_if_wrong: Share
    incorrect_if_fine: Share  # of faultless steps
    correct_if_fine: Share
    invariance: Share  # of answered pairs
    invariance_by_kind: dict[str, Share]
    contrast_flips: Share
    fooled: Share  # of answered keys
    fooled_by_kind: dict[str, Share]
    fooled_bound: float | None  # one-sided upper 95 % bound of the fooled rate
    tokens: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Admission:
        """What `as_dict` gave, also after a way through JSON."""
        return cls(**{field.name: _read(data[field.name]) for field in fields(cls)})


def score(probes: Sequence[Probe], said: Sequence[Said]) -> Admission:
    """All figures; `said` has one entry for each probe, in their order."""
    cases = [Case(probe, answer) for probe, answer in zip(probes, said, strict=True)]
    planted = _of_kinds(cases, PLANTED)
    faultless = [case for case in cases if case.probe.first_error < 0]
    short = median_low([len(case.probe.steps) for case in faultless]) if faultless else 0
    faultless = [case for case in faultless if case.answered]
    keys = [case for case in _of_kinds(cases, KEYED) if case.answered]
    pairs = _pairs(cases)
    wrong, fine = _steps(cases)
    fooled = Share.among(case.accepted for case in keys)
    return Admission(
        probes=len(cases),
        answered=Share.among(case.answered for case in cases),
        parse_rate=Share.among(case.said.parsed for case in cases if not case.said.failed),
        sensitivity=Share.among(case.found for case in planted),
        sensitivity_by_kind={
            kind: Share.among(case.found for case in _of_kinds(planted, (kind,)))
            for kind in PLANTED
        },
        sensitivity_by_place={
            name: Share.among(case.found for case in planted if case.third == third)
            for third, name in enumerate(_THIRDS)
        },
        any_error_rate=Share.among(case.named >= 0 for case in planted),
        specificity=Share.among(case.named < 0 for case in faultless),
        specificity_by_length={
            name: Share.among(
                case.named < 0 for case in faultless if (len(case.probe.steps) <= short) == is_short
            )
            for name, is_short in (("short", True), ("long", False))
        },
        incorrect_if_wrong=Share.among(verdict == 0 for verdict in wrong),
        correct_if_wrong=Share.among(verdict == 1 for verdict in wrong),
        incorrect_if_fine=Share.among(verdict == 0 for verdict in fine),
        correct_if_fine=Share.among(verdict == 1 for verdict in fine),
        invariance=Share.among(_same(pairs, REWORDED)),
        invariance_by_kind={kind: Share.among(_same(pairs, (kind,))) for kind in REWORDED},
        contrast_flips=Share.among(
            case.found and of.named < 0 for case, of in pairs if case.probe.kind == "contrast"
        ),
        fooled=fooled,
        fooled_by_kind={
            kind: Share.among(case.accepted for case in _of_kinds(keys, (kind,))) for kind in KEYED
        },
        fooled_bound=upper_bound(fooled),
        tokens=sum(case.said.tokens for case in cases),
    )


def upper_bound(share: Share) -> float | None:
    """The one-sided upper bound of Clopper and Pearson for the rate behind a share."""
    if not share.of:
        return None
    if share.count == share.of:
        return 1.0
    return float(betaincinv(share.count + 1, share.of - share.count, CONFIDENCE))


def _of_kinds(cases: Iterable[Case], kinds: Sequence[Kind]) -> list[Case]:
    return [case for case in cases if case.probe.kind in kinds]


def _pairs(cases: Sequence[Case]) -> list[tuple[Case, Case]]:
    """Each answered probe with the one that it was made from, if that was answered as well."""
    by_id = {case.probe.probe_id: case for case in cases if case.answered}
    return [(case, by_id[case.probe.of]) for case in by_id.values() if case.probe.of in by_id]


def _same(pairs: Iterable[tuple[Case, Case]], kinds: Sequence[Kind]) -> Iterable[bool]:
    return (case.named == of.named for case, of in pairs if case.probe.kind in kinds)


def _steps(cases: Sequence[Case]) -> tuple[list[int | None], list[int | None]]:
    """The verdicts on steps known to be wrong, and on those known to be right.

    Of controls and planted errors only: rewordings would count the same step again, and what
    comes behind an error is neither.
    """
    wrong: list[int | None] = []
    fine: list[int | None] = []
    for case in _of_kinds(cases, ("clean", *PLANTED)):
        verdicts = case.said.verdicts or ()
        at = case.probe.first_error
        fine += verdicts if at < 0 else verdicts[:at]
        wrong += () if at < 0 else verdicts[at : at + 1]
    return wrong, fine


def _read(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"count", "of"}:
        return Share(**value)
    return {key: _read(inner) for key, inner in value.items()}
