"""How often the policy solves the problems: a histogram over problems.

Guarantees: problems that are always and never solved have bars of their own, as they teach little
about steps; a problem of which no outcome is known is counted apart, never as unsolved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

BINS = 8  # between never and always


@dataclass(frozen=True, slots=True)
class PassRates:
    """Problems by their pass rate."""

    never: int
    between: tuple[int, ...]  # equal parts of (0, 1)
    always: int
    unknown: int

    @property
    def known(self) -> int:
        return self.never + sum(self.between) + self.always

    @property
    def extreme(self) -> float | None:
        """Share of the known ones that are always or never solved."""
        return (self.never + self.always) / self.known if self.known else None


def pass_rates(rates: pl.Series) -> PassRates:
    """From one rate a problem, null where none is known."""
    known = rates.drop_nulls().cast(pl.Float64).to_numpy()
    inner = known[(known > 0) & (known < 1)]
    counts = np.bincount(np.minimum((inner * BINS).astype(int), BINS - 1), minlength=BINS)
    return PassRates(
        never=int((known <= 0).sum()),
        between=tuple(int(count) for count in counts),
        always=int((known >= 1).sum()),
        unknown=rates.null_count(),
    )


def rates_of(labels: pl.DataFrame, questions: pl.DataFrame | None) -> pl.Series:
    """One a problem: the screening samples', or the prover's where there was no screening."""
    if questions is not None and questions["pass_rate"].count():
        return questions["pass_rate"]
    return labels.unique("problem_id", keep="first", maintain_order=True)["pass_rate"]
