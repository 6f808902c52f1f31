"""The statistics of the quality benchmark, each a pure function of flat arrays.

A first error is an int: its step, -1 for none, -2 for undecided (in predictions only: a truth
that is not decided belongs in no figure and raises ValueError).

Guarantees: ties are counted in expectation, so no figure depends on the order of rows; resampling
is by problem and follows from its seed alone. Undefined is None in a number and NaN in an array.
Does not weigh rows: a solution that was drawn five times and merged into one row counts once
unless the caller repeats it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, expit, gammaln
from scipy.stats import rankdata

from pipeline.metrics import Bools, Floats, harmonic, share
from pipeline.metrics import calibration_error as calibration_error  # ten bins of equal mass

Ints = NDArray[np.int64]
Ids = NDArray[Any]  # numbers or texts; equal means the same problem

NONE, UNDECIDED = -1, -2
SHARES = np.linspace(0.05, 1.0, 20)
BLOCK = 1 << 22  # resampled problems held at once


@dataclass(frozen=True, slots=True)
class FirstError:
    """How well first errors were found (ProcessBench, arXiv 2412.06559, section 3)."""

    erroneous: float | None  # accuracy where there is an error: the exact step
    clean: float | None  # accuracy where there is none
    f1: float | None  # their harmonic mean
    accuracy: float | None  # over all solutions


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of a less the same of b, with an interval."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """F1 when only the most certain share of each predicted class is answered."""

    coverage: Floats
    f1: Floats
    risk: Floats  # 1 - f1
    area: float | None  # under the risk, over the width of `coverage`: a constant risk is its own


def processbench(predicted: Ints, true: Ints) -> FirstError:
    """Undecided predictions are wrong."""
    bad, right = _bad(true), predicted == true
    erroneous = share(int((right & bad).sum()), int(bad.sum()))
    clean = share(int((right & ~bad).sum()), int((~bad).sum()))
    accuracy = share(int(right.sum()), len(true))
    return FirstError(erroneous, clean, harmonic(erroneous, clean), accuracy)


def paired_bootstrap(
    predicted_a: Ints,
    predicted_b: Ints,
    true: Ints,
    problem_ids: Ids,
    resamples: int = 10_000,
    seed: int = 0,
    mass: float = 0.9,
    within: tuple[Bools, Bools] | None = None,
) -> Difference:
    """Percentile interval of F1(a) - F1(b), problems drawn with replacement.

    Solutions of one problem are not independent, so whole problems are drawn (the cluster
    bootstrap: Davison and Hinkley 1997, section 3.8), the same ones for a and b. Resamples that
    lack erroneous or clean solutions have no F1 and are passed over. `within`: the solutions that
    each of the two is measured on, where these are not all.
    """
    mine, theirs = within or (np.ones(len(true), dtype=np.bool_),) * 2
    a = processbench(predicted_a[mine], true[mine]).f1
    b = processbench(predicted_b[theirs], true[theirs]).f1
    if a is None or b is None:
        return Difference(None, None, None)
    bad = true >= 0
    masks = [
        side & of & mask
        for of, right in ((mine, predicted_a == true), (theirs, predicted_b == true))
        for side in (bad, ~bad)
        for mask in (right, of)
    ]
    found = _resampled(masks, problem_ids, resamples, seed)
    return _difference(a - b, _f1(*found[:4]) - _f1(*found[4:]), mass)


def paired_shares(
    a: tuple[Bools, Bools],
    b: tuple[Bools, Bools],
    problem_ids: Ids,
    resamples: int = 10_000,
    seed: int = 0,
    mass: float = 0.9,
) -> Difference:
    """The same of two shares, each of (right, members): right members among members."""
    pair = [(int((right & of).sum()), int(of.sum())) for right, of in (a, b)]
    if not all(whole for _, whole in pair):
        return Difference(None, None, None)
    (right_a, of_a), (right_b, of_b) = pair
    masks = [mask for right, of in (a, b) for mask in (right & of, of)]
    found = _resampled(masks, problem_ids, resamples, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        differences = found[0] / found[1] - found[2] / found[3]
    return _difference(right_a / of_a - right_b / of_b, differences, mass)


def _resampled(masks: Sequence[Bools], problem_ids: Ids, resamples: int, seed: int) -> Floats:
    """Masks x resamples: how many each mask has, whole problems drawn with replacement."""
    problem, size = _numbered(problem_ids)
    tally = np.stack([np.bincount(problem, mask, size) for mask in masks], axis=1)
    random = np.random.default_rng(seed)
    block = max(1, BLOCK // size)
    found = []
    for start in range(0, resamples, block):
        count = min(block, resamples - start)
        found.append(random.multinomial(size, np.full(size, 1 / size), size=count) @ tally)
    return np.concatenate(found).T


def _difference(value: float, resampled: Floats, mass: float) -> Difference:
    resampled = resampled[~np.isnan(resampled)]
    if not len(resampled):
        return Difference(value, None, None)
    low, high = np.quantile(resampled, [(1 - mass) / 2, (1 + mass) / 2])
    return Difference(value, float(low), float(high))


def coverage(low: Floats, high: Floats, truth: Floats) -> float | None:
    """Share of truths in their closed interval; intervals with a NaN end are left out."""
    given = ~np.isnan(low + high + truth)
    inside = (low <= truth) & (truth <= high)
    return share(int((inside & given).sum()), int(given.sum()))


def interval_score(low: Floats, high: Floats, truth: Floats, alpha: float) -> float | None:
    """Mean interval score of central (1 - alpha) intervals (Gneiting and Raftery 2007, eq. 43).

    Its width, and 2 / alpha times what the truth lies outside; smaller is better. Intervals with
    a NaN end are left out.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha}")
    outside = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    score = high - low + 2 / alpha * outside
    score = score[~np.isnan(score)]
    return float(score.mean()) if len(score) else None


def risk_coverage(
    certainty: Floats, predicted: Ints, true: Ints, shares: Floats = SHARES
) -> RiskCoverage:
    """F1 over the most certain share of each predicted class, for each of `shares`.

    The classes are predicted error, predicted clean and undecided. Each gives the same share, so
    that a method cannot gain by leaving one class out or its undecided solutions to the end; at 1
    the F1 is the one of `processbench`. Where a share ends among equal certainties each of those
    counts by the part that is still to be filled: what a random order gives on average. NaN is
    the least certain.
    """
    bad, right = _bad(true), predicted == true
    weight = np.empty((len(shares), len(true)))
    least = np.where(np.isnan(certainty), np.inf, -certainty)
    kind = np.maximum(np.minimum(predicted, 0), UNDECIDED)
    for one in (0, NONE, UNDECIDED):
        members = np.flatnonzero(kind == one)
        above = rankdata(least[members], "min") - 1
        tied = rankdata(least[members], "max") - above
        wanted = shares[:, None] * len(members)
        weight[:, members] = np.clip((wanted - above) / tied, 0.0, 1.0)
    f1 = _f1(weight @ (right & bad), weight @ bad, weight @ (right & ~bad), weight @ ~bad)
    risk = 1 - f1
    width = float(shares[-1] - shares[0])
    area = float(np.trapezoid(risk, shares)) / width if width else float(risk.mean())
    return RiskCoverage(shares, f1, risk, None if np.isnan(area) else area)


def best_of_n(scores: Floats, right: Bools, problem_ids: Ids, ns: Sequence[int]) -> Floats:
    """For each n the accuracy of the highest score among n candidates, problems weighed alike.

    Exact: the mean over all subsets of n of a problem's candidates (all, where it has fewer) and
    over all ways to break ties. NaN scores lie below all others.
    """
    if min(ns, default=1) < 1:
        raise ValueError("n must be 1 or more")
    problem, size = _numbered(problem_ids)
    if not size:
        return np.full(len(ns), np.nan)
    scores = np.where(np.isnan(scores), -np.inf, scores)
    order = np.lexsort((-scores, problem))
    problem, scores, right = problem[order], scores[order], right[order]
    # Equal scores of a problem stand side by side: one group, of which each is chosen alike.
    new = np.ones(len(problem), dtype=np.bool_)
    new[1:] = (problem[1:] != problem[:-1]) | (scores[1:] != scores[:-1])
    start = np.flatnonzero(new)
    tied = np.diff(start, append=len(problem))
    share_right = np.add.reduceat(right.astype(np.float64), start) / tied
    candidates = np.bincount(problem, minlength=size)
    begin = np.cumsum(candidates) - candidates
    total = candidates[problem[start]]
    rest = total - (start - begin[problem[start]])  # this group and those below it
    found = np.empty(len(ns))
    for place, n in enumerate(ns):
        drawn = np.minimum(n, total)
        highest = _chance_within(rest, drawn, total) - _chance_within(rest - tied, drawn, total)
        found[place] = (highest * share_right).sum() / size
    return found


def majority_vote(answers: Sequence[str], right: Bools, problem_ids: Ids) -> float | None:
    """Accuracy of each problem's most frequent answer; a tie counts by the share that is right.

    Answers are compared as they are written; "" is none and has no vote. A problem without a
    vote is wrong.
    """
    problem, size = _numbered(problem_ids)
    if not size:
        return None
    names, answer = np.unique(np.array(answers, dtype=np.str_), return_inverse=True)
    voting = np.flatnonzero(names[answer] != "")
    key, group = np.unique(problem[voting] * len(names) + answer[voting], return_inverse=True)
    votes = np.bincount(group, minlength=len(key))
    share_right = np.bincount(group, right[voting], len(key)) / votes
    of = key // len(names)
    most = np.zeros(size, dtype=np.int64)
    np.maximum.at(most, of, votes)
    top = votes == most[of]
    winners = np.bincount(of[top], minlength=size)
    expected = np.bincount(of[top], share_right[top], size)
    return float((expected / np.maximum(winners, 1)).mean())


def entropy(p: Floats, offsets: Ints) -> Floats:
    """Bits of each distribution p[offsets[s] : offsets[s + 1]], such as a first error's place.

    Each must add up to 1, or ValueError.
    """
    lengths = np.diff(offsets)
    row = np.repeat(np.arange(len(lengths)), lengths)
    if not np.allclose(np.bincount(row, p, len(lengths)), 1.0, atol=1e-6) or (p < 0).any():
        raise ValueError("a distribution must have no negative part and add up to 1")
    bits: Floats = np.bincount(row, entr(p), len(lengths)) / np.log(2)
    return bits


def capacity(v_good: Floats, v_wrong: Floats) -> Floats:
    """Bits that one rollout can say at most of whether its prefix is good or wrong.

    The capacity of the channel whose inputs succeed with chance `v_good` and `v_wrong`. The best
    mixture makes both inputs equally far from the output's distribution y (Gallager 1968, theorem
    4.5.1), which has the closed form
    log(y / (1 - y)) = (H(v_wrong) - H(v_good)) / (v_good - v_wrong).
    Right to 1e-15 bits: the information is taken as H(y) less what is left, which stays finite
    where rounding puts y on an end that one of the inputs does not quite reach.
    """
    a, b = np.broadcast_arrays(np.asarray(v_good, np.float64), np.asarray(v_wrong, np.float64))
    odds, share = np.zeros(a.shape), np.zeros(a.shape)
    np.divide(_binary_entropy(b) - _binary_entropy(a), a - b, out=odds, where=a != b)
    # y lies between the two; rounding can push it out where they nearly agree.
    y = np.clip(expit(odds), np.minimum(a, b), np.maximum(a, b))
    np.divide(y - b, a - b, out=share, where=a != b)
    nats = _binary_entropy(y) - share * _binary_entropy(a) - (1 - share) * _binary_entropy(b)
    return np.where(a == b, 0.0, np.maximum(nats / np.log(2), 0.0))


def _bad(true: Ints) -> Bools:
    if (true < NONE).any():
        raise ValueError("a truth that is not decided has no place in these figures")
    return true >= 0


def _f1(right_bad: Floats, bad: Floats, right_clean: Floats, clean: Floats) -> Floats:
    """Harmonic mean of two accuracies; 0 where both are 0, NaN where either is undefined."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = right_bad / bad, right_clean / clean
        return np.where(a + b == 0, 0.0, 2 * a * b / (a + b))


def _numbered(ids: Ids) -> tuple[Ints, int]:
    names, number = np.unique(ids, return_inverse=True)
    return number, len(names)


def _chance_within(part: Ints, drawn: Ints, total: Ints) -> Floats:
    """That all of `drawn` out of `total` come from `part` of them: C(part, n) / C(total, n)."""
    fits = part >= drawn
    part = np.where(fits, part, drawn)
    log = gammaln(part + 1) - gammaln(part - drawn + 1)
    log -= gammaln(total + 1) - gammaln(total - drawn + 1)
    return np.where(fits, np.exp(log), 0.0)


def _binary_entropy(p: Floats) -> Floats:
    """In nats."""
    nats: Floats = entr(p) + entr(1 - p)
    return nats
