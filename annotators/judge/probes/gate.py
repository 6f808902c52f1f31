"""Whether a judge may vote: three limits, and why it missed them.

Guarantees: a figure that is undefined, because nothing was answered, misses its limit. So a judge
that always fails or answers in prose is refused, and so is one that always says the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from annotators.judge.probes.admission import Admission
from annotators.judge.probes.said import Share


@dataclass(frozen=True, slots=True)
class Gate:
    """What a judge must reach."""

    fooled_bound: float = 0.01  # at most; with 600 keys one may be accepted
    sensitivity: float = 0.3  # at least: judges under-call errors, and half of that tells little
    specificity: float = 0.8  # at least: most steps are right, and a false alarm costs a solution


def gate(admission: Admission, limits: Gate) -> list[str]:
    """Why the judge is not admitted; empty: it is."""
    reasons = []
    bound, fooled = admission.fooled_bound, admission.fooled
    if bound is None:
        reasons.append("the fooled rate is undefined: no master key was answered")
    elif bound > limits.fooled_bound:
        reasons.append(
            f"the fooled rate may be as high as {bound:.4f}, above {limits.fooled_bound:g}: "
            f"{fooled.count} of {fooled.of} answered master keys were called correct"
        )
    errors, clean = admission.sensitivity, admission.specificity
    reasons += _too_low("sensitivity", errors, limits.sensitivity, "planted errors were found")
    reasons += _too_low("specificity", clean, limits.specificity, "faultless solutions passed")
    return reasons


def _too_low(name: str, share: Share, limit: float, what: str) -> list[str]:
    if share.value is None:
        return [f"the {name} is undefined: no such probe was answered"]
    if share.value >= limit:
        return []
    return [f"the {name} is {share.value:.3f}, below {limit:g}: {share.count} of {share.of} {what}"]
