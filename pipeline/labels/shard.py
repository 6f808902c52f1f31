"""What every view reads: the measurements of a shard, and what they say on their face.

Guarantees the meaning of four words. *success*: a rollout from this prefix was right. *zero*:
none was, all k were drawn, and at least half of them have a known outcome; a step whose draws are
mostly unknown, or were cut short by the budget, is no zero. *witnessed*: a right completion of
this prefix is known, from here, from a longer prefix of the same solution, or because the solution
itself ends rightly. *mc*: c / n, where it is a measurement at all. The prefix that is the whole
solution needs no rollout: its value is the solution's own outcome, exactly (`exact`). What tools
said, how judges voted, how often a solution was drawn and what a step's prefix is called stand
beside the measurements, for the views that read them. Does not judge whether a success was luck.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.labels.counts import Counts, ratio
from pipeline.labels.judges import Votes
from pipeline.labels.layout import NULL, Bools, Floats, Ints, Labels8, Layout
from pipeline.labels.tools import Tools
from pipeline.posterior.fused import Fused
from pipeline.zero import least_failures


@dataclass(frozen=True, slots=True)
class Shard:
    """Measurements of a shard's steps (flat) and of its solutions."""

    layout: Layout
    counts: Counts
    value: Floats
    value_root: Floats
    outcome: Labels8  # of each solution: 1 correct, 0 incorrect, NULL unknown
    pass_rate: Floats  # of each solution's problem (labels/screening.py), NaN where unknown
    success: Bools
    zero: Bools
    witnessed: Bools
    exact: Bools  # the value is the outcome of the whole solution, not a count
    mc: Floats  # value, NaN too where a c = 0 rests on too few known outcomes to be a zero
    tools: Tools
    votes: Votes  # of all judges
    draws: Ints  # of each solution: screening samples that gave this text; 0: none did
    prefix_hash: pl.Series  # of each step, null where not known
    fused: Fused | None = None  # where a posterior was fitted

    @staticmethod
    def measured(
        layout: Layout,
        counts: Counts,
        root: Counts,
        outcome: Labels8,
        pass_rate: Floats,
        k: int,
        tools: Tools,
        votes: Votes,
        draws: Ints,
        prefix_hash: pl.Series,
        fused: Fused | None = None,
    ) -> Shard:
        value = ratio(counts)
        success = counts.correct > 0
        zero = ~success & ~counts.censored & (counts.incorrect >= least_failures(k))
        exact = np.zeros(layout.num_steps, dtype=np.bool_)
        ended = np.flatnonzero((outcome != NULL) & (layout.lengths > 0))
        last = layout.offsets[ended + 1] - 1
        ended, last = ended[counts.known[last] == 0], last[counts.known[last] == 0]
        exact[last] = True
        value[last] = outcome[ended]
        success[last], zero[last] = outcome[ended] == 1, outcome[ended] == 0
        last_success = layout.last_where(success)
        last_success[outcome == 1] = layout.lengths[outcome == 1]
        return Shard(
            layout=layout,
            counts=counts,
            value=value,
            value_root=ratio(root),
            outcome=outcome,
            pass_rate=pass_rate,
            success=success,
            zero=zero,
            exact=exact,
            witnessed=layout.position <= last_success[layout.row],
            mc=np.where(success | zero, value, np.nan),
            tools=tools,
            votes=votes,
            draws=draws,
            prefix_hash=prefix_hash,
            fused=fused,
        )


@dataclass(frozen=True, slots=True)
class View:
    """What a view says of each step: a hard label, and p_correct where it states one."""

    label: Labels8
    p_correct: Floats


def as_probability(label: Labels8) -> Floats:
    """A hard label as 0.0 / 1.0, NaN where undecided."""
    return np.where(label == NULL, np.nan, label.astype(np.float64))
