"""All figures of one dataset, each computed once, from the tables that `Sources` read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.consensus import Consensus, consensus
from pipeline.noise import Noise, estimated_of
from pipeline.report.agreement import Pair, pairs
from pipeline.report.balance import Part, balance
from pipeline.report.check import Check
from pipeline.report.checks import Seen, all_checks
from pipeline.report.costs import Stage, costs
from pipeline.report.first_errors import FirstErrors, all_first_errors
from pipeline.report.flags import Flags, flags_of
from pipeline.report.funnel import Level, funnel
from pipeline.report.pass_rates import PassRates, pass_rates, rates_of
from pipeline.report.slices import Slice, slice_of
from pipeline.report.sources import Sources
from pipeline.report.value_curves import Point, around_first_error, by_position
from pipeline.report.words import Words, words_of


@dataclass(frozen=True)
class Said:
    """What one source said of steps."""

    source: str
    right: int
    wrong: int
    nothing: int


@dataclass(frozen=True)
class Figures:
    """Of one dataset."""

    funnel: list[Level]
    rates: PassRates
    first_errors: list[FirstErrors]
    balance: list[Part]
    right_values: list[Point]
    wrong_values: list[Point]
    error_values: list[Point]
    said: list[Said]
    pairs: list[Pair]
    consensus: Consensus  # without truth, or with the first slice's
    slices: list[Slice]
    noise: Noise | None  # by the model's own estimate, all kept solutions
    stages: list[Stage]
    checks: list[Check]
    flags: Flags

    @property
    def warnings(self) -> list[Check]:
        return [one for one in self.checks if one.fired]


def figures_of(sources: Sources) -> Figures:
    steps, kept = sources.steps, sources.kept
    words = words_of(steps, sources.with_people)
    flags = flags_of(steps, words)
    rates = rates_of(steps.rows, sources.questions)
    slices = [slice_of(name, sources, words) for name in sources.slices]
    first = slices[0] if slices else None
    seen = Seen(
        steps=steps,
        words=words,
        flags=flags,
        evidence=sources.evidence,
        summary=sources.summary,
        rates=rates,
        truth=sources.truth,
        joint_lift=first.joint_lift if first else None,
        manifest=sources.manifest,
    )
    return Figures(
        funnel=funnel(sources.summary, set_aside(sources.manifest), steps),
        rates=pass_rates(rates),
        first_errors=all_first_errors(kept, sources.truth),
        balance=balance(kept, sources.truth),
        right_values=by_position(kept, kept.right),
        wrong_values=by_position(kept, kept.wrong),
        error_values=around_first_error(kept),
        said=_said(words),
        pairs=pairs(words),
        consensus=first.consensus if first else consensus(steps.rows, sources.evidence),
        slices=slices,
        noise=estimated_of(steps.rows),
        stages=costs(sources.summary, sources.evidence, sources.manifest),
        checks=all_checks(seen),
        flags=flags,
    )


def set_aside(manifest: Mapping[str, Any]) -> dict[str, int]:
    """Rows of the input that were no usable problem, by reason. The newest batch knows those of
    the whole input: rows that are bad are set aside by every run that reads them."""
    found: Counter[str] = Counter()
    for batch in manifest.get("batches") or []:
        found |= Counter(batch.get("set_aside") or {})
    return dict(found)


def _said(words: Words) -> list[Said]:
    return [
        Said(name, int((said == 1).sum()), int((said == 0).sum()), int((said < 0).sum()))
        for name, said in words.items()
    ]
