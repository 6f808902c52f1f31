"""Rationales: what judges wrote about solutions on which they say exactly what the labels say.

A call is kept whose every verdict equals the hard label, up to and including the first error: what
was said after it is cut off, as labels are masked there (ThinkPRM, arXiv 2504.16828; GenPRM,
arXiv 2504.00891). Its correction of the first wrong step is kept where rollouts confirm it (GM-PRM,
arXiv 2508.04088; InT, arXiv 2601.14209).

Guarantees: a call with an unknown verdict, or a label that is unknown where it would be compared,
gives nothing; calls keep their order. Not guaranteed: that the words are sound. Verdicts can be
right for wrong reasons, and labels that rest on the judge's own votes agree with it more easily.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from annotators.judge.correction import Tried, corrected_step, is_confirmed
from pipeline.segment import Rule

VERSION = 1
LABEL_COLUMNS = (
    "solution_id", "problem_id", "problem", "steps", "label", "value", "value_root",
    "n_success", "n_rollouts",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rationale:
    """A call that agrees with the labels: rows of tables `judgements` and `labels`."""

    call: Mapping[str, Any]
    label: Mapping[str, Any]
    verdicts: list[int]

    @property
    def first_error(self) -> int:
        """-1 for none."""
        return -1 if self.verdicts[-1] else len(self.verdicts) - 1

    @property
    def value_before(self) -> float | None:
        """Of the steps before the first error; None where there is none, or nothing is known."""
        if self.first_error < 0:
            return None
        found: float | None = (self.label["value_root"], *self.label["value"])[self.first_error]
        return found

    def correction(self, rule: Rule) -> str | None:
        """What can be tried in place of the first wrong step."""
        if self.value_before is None:
            return None
        step = self.label["steps"][self.first_error]
        return corrected_step(step, self.call["correction"], rule)

    def row(self, correction: str | None, tried: Tried | None, threshold: float) -> dict[str, Any]:
        """Of table `rationales`. `tried`: what became of the correction, if it was tried."""
        call, label, at, before = self.call, self.label, self.first_error, self.value_before
        confirmed = (
            tried is not None and before is not None and is_confirmed(tried, before, threshold)
        )
        return {
            "solution_id": label["solution_id"],
            "problem_id": label["problem_id"],
            "annotator": call["annotator"],
            "source": call["source"],
            "mode": call["mode"],
            "draw": call["draw"],
            "problem": label["problem"],
            "steps": label["steps"],
            "critique": call["critique"] or call["text"],
            "verdicts": self.verdicts,
            "first_error": at,
            "correction": correction if confirmed else None,
            "correction_success": None if tried is None else tried.success,
            "correction_rollouts": None if tried is None else tried.known,
            "correction_tokens": None if tried is None else tried.tokens,
            "value_before": before,
            "error_value": None if at < 0 else label["value"][at],
            "error_success": None if at < 0 else label["n_success"][at],
            "error_rollouts": None if at < 0 else label["n_rollouts"][at],
        }


def agreeing(
    calls: Iterable[Mapping[str, Any]], labels: Iterable[Mapping[str, Any]]
) -> list[Rationale]:
    """`labels`: at least of all solutions that the calls are about."""
    of = {label["solution_id"]: label for label in labels}
    found = ((call, of[call["solution_id"]]) for call in calls)
    return [
        Rationale(call, label, verdicts)
        for call, label in found
        if (verdicts := agreed(call, label["label"])) is not None
    ]


def agreed(call: Mapping[str, Any], label: list[int | None]) -> list[int] | None:
    """The call's verdicts up to the first error, where all of them equal the labels."""
    said: list[int | None] | None = call["verdicts"]
    if call["step"] is not None or call["retried"] or said is None or None in said:
        return None
    wanted = label[: label.index(0) + 1] if 0 in label else label
    known = [one for one in wanted if one is not None]
    if not known or len(known) < len(wanted) or said[: len(known)] != known:
        return None
    return known
