"""Views `spark`, `aurora` and `capo`: labels made of judges' votes alone.

    spark    the majority at each step (SPARK: N independent verifications, majority a step)
    aurora   p_correct is the mean of the votes on the step, the label its side of 1/2 (AURORA)
    capo     the step is wrong if the critiques' wrong-step sets say so (CAPO, arXiv 2508.02298):
             `intersection` all, `majority` more than half, `union` any of those that spoke of it

Guarantees: a vote that could not be read counts for nothing, and a step without a vote that could
is null; a tie is undecided in spark and aurora. In capo it is not: half is not more than half, and
a step that is in no wrong set is right. Votes entered twice change nothing. spark and capo repeat
the label as p_correct. Rollouts, outcomes and tools are not read. Does not guarantee that
p_correct is a probability: judges err together, and a vote on a step says nothing of the steps
before it.
"""

from __future__ import annotations

import numpy as np

from pipeline import recipe
from pipeline.labels.layout import NULL
from pipeline.labels.shard import Shard, View, as_probability


def spark(shard: Shard, settings: recipe.Labels) -> View:
    label = shard.votes.majority
    return View(label, as_probability(label))


def aurora(shard: Shard, settings: recipe.Labels) -> View:
    votes = shard.votes
    mean = np.full(shard.layout.num_steps, np.nan)
    np.divide(votes.correct, votes.decided, out=mean, where=votes.decided > 0)
    return View(votes.majority, mean)  # mean > 1/2 where more votes say correct


def capo(shard: Shard, settings: recipe.Labels) -> View:
    votes = shard.votes
    wrong = {
        "intersection": votes.correct == 0,
        "majority": votes.incorrect > votes.correct,
        "union": votes.incorrect > 0,
    }[settings.capo]
    label = np.where(wrong, np.int8(0), np.int8(1))
    label = np.where(votes.decided > 0, label, NULL)
    return View(label, as_probability(label))
