"""Who agrees with whom on steps, and who is right where truth is known.

Guarantees: two sources are compared on the steps on which both decide; `kappa` is Cohen's (1960),
agreement beyond what their own rates would give by chance, None where either says one thing only.
Against truth a source is judged on the steps that it decides, up to the true first error, where the
step's truth and the prefix's are one. None where undefined. Does not say how sure a share is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import polars as pl

from pipeline.metrics import harmonic, share
from pipeline.report.steps import Steps
from pipeline.report.words import Words
from pipeline.step_truth import align


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sources on the same steps."""

    a: str
    b: str
    steps: int  # both decide
    agree: float | None
    kappa: float | None
    only_a: int  # wrong by a, right by b
    only_b: int


def pairs(words: Words) -> list[Pair]:
    """Every two sources that ever decide the same step."""
    found = []
    for a, b in combinations(words, 2):
        left, right = words[a], words[b]
        both = (left >= 0) & (right >= 0)
        count = int(both.sum())
        if not count:
            continue
        x, y = left[both] == 1, right[both] == 1
        same = float((x == y).mean())
        chance = float(x.mean() * y.mean() + (1 - x.mean()) * (1 - y.mean()))
        varied = 0 < x.mean() < 1 and 0 < y.mean() < 1
        kappa = (same - chance) / (1 - chance) if varied else None
        found.append(Pair(a, b, count, same, kappa, int((~x & y).sum()), int((x & ~y).sum())))
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """One source against truth."""

    source: str
    steps: int  # that it decides and whose truth is known
    right: float | None  # share on which it says the truth
    errors: int  # truly wrong among them
    found: float | None  # share of these that it calls wrong
    flags: int  # steps that it calls wrong
    precision: float | None  # share of these that are

    def as_dict(self) -> dict[str, str | int | float | None]:
        """For JSON."""
        return asdict(self) | {"f1": self.f1}

    @property
    def f1(self) -> float | None:
        return harmonic(self.found, self.precision)


def measured(words: Words, steps: Steps, truth: pl.DataFrame) -> list[Measured]:
    """In the order of `words`; sources that decide no step of known truth are left out."""
    known = align(steps.rows["solution_id"], steps.layout, truth)
    scope = known.reached & (known.prefix >= 0)
    found = []
    for name, said in words.items():
        used = scope & (said >= 0)
        if not used.any():
            continue
        wrong, flag = known.prefix[used] == 0, said[used] == 0
        hits = int((wrong & flag).sum())
        found.append(
            Measured(
                name,
                steps=int(used.sum()),
                right=float(np.mean(wrong == flag)),
                errors=int(wrong.sum()),
                found=share(hits, int(wrong.sum())),
                flags=int(flag.sum()),
                precision=share(hits, int(flag.sum())),
            )
        )
    return found
