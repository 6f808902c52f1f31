"""Consensus filters: which solutions rollouts and judges agree on (`labels.filter`).

    qwen     both name the same first error, or both none ("Lessons", arXiv 2501.07301): rollouts by
             view hard (any rollout right), judges by the majority of their votes at each step
    genprm   no step has a relative-progress label (view progress) and a judges' majority that
             disagree (GenPRM, arXiv 2504.00891), up to and including the first step that either
             calls wrong

The judges' first error is the first step whose majority is incorrect, if every step before it has a
majority; -1 only if every step has one, and it is correct. A tie or a step without a vote before
that leaves it undecided: an error may lie there.

Guarantees: of a solution that is dropped the first of these reasons that holds:
`rollouts_undecided`, `judge_unknown` (undecided, or never asked), `judge_disagrees`. In genprm a
step on which either side says nothing cannot disagree, but a side that says nothing of any of the
compared steps has not agreed either, and is what the reason names. Changes no label. Does not
know who is right: joint errors pass.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline import recipe
from pipeline.labels.after_error import first_error
from pipeline.labels.hard import hard_label
from pipeline.labels.layout import NULL, Bools, Ints
from pipeline.labels.progress import progress
from pipeline.labels.shard import Shard

REASONS = ("rollouts_undecided", "judge_unknown", "judge_disagrees")  # in order of precedence


def rollouts_first(shard: Shard) -> tuple[Ints, Bools]:
    """Of each solution the first error by view hard, and whether that is decided."""
    return first_error(hard_label(shard), shard.layout)


def judges_first(shard: Shard) -> tuple[Ints, Bools]:
    """Of each solution the judges' first error, and whether that is decided."""
    return first_error(shard.votes.majority, shard.layout)


def dissent(shard: Shard, settings: recipe.Labels) -> Sequence[Bools]:
    """Of each solution whether a reason holds, for each of `REASONS`; none without a filter."""
    if settings.filter == "qwen":
        by_rollouts, decided = rollouts_first(shard)
        by_judges, judged = judges_first(shard)
        return ~decided, ~judged, by_rollouts != by_judges
    if settings.filter == "genprm":
        return _step_by_step(shard, settings)
    return ()


def _step_by_step(shard: Shard, settings: recipe.Labels) -> Sequence[Bools]:
    layout = shard.layout
    ours, theirs = progress(shard, settings).label, shard.votes.majority
    end = layout.first_where((ours == 0) | (theirs == 0))[layout.row]
    compared = layout.position <= end
    apart = (ours != NULL) & (theirs != NULL) & (ours != theirs)
    return (
        layout.last_where(compared & (ours != NULL)) < 0,
        layout.last_where(compared & (theirs != NULL)) < 0,
        layout.last_where(compared & apart) >= 0,
    )
