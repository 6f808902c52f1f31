"""Checks of judges: admission, scores that are all alike, wording, errors shared with others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from pipeline.labels.judges import of_judge
from pipeline.report.check import Check, rated
from pipeline.report.steps import UNDECIDED, Steps
from pipeline.summary import Summary

SAME_SCORE = 0.95
LIFT, FEW_JOINT = 1.5, 10
DIFFER = 0.2
INVARIANCE, CONTRAST = 0.8, 0.5


def judge_checks(
    steps: Steps,
    evidence: pl.DataFrame,
    summary: Summary,
    joint_lift: tuple[int, float | None] | None,
    manifest: Mapping[str, Any],
) -> list[Check]:
    mc, judge = steps.first("mc_first_error"), steps.first("judge_first_error")
    both = (mc != UNDECIDED) & (judge != UNDECIDED)
    return [
        _admitted(summary),
        _compressed(evidence),
        rated(
            "sides_differ",
            "Rollouts and judges name different first errors",
            int((both & (mc != judge)).sum()),
            int(both.sum()),
            DIFFER,
            "solutions on which both decide",
            "One of them is often wrong here: keep where they agree (`labels.filter = qwen`), or "
            "have people look at a sample (`stepsmith review`).",
            "Lessons (arXiv 2501.07301)",
            "sides_differ",
        ),
        _joint(joint_lift),
        _wording(manifest),
        _itself(manifest),
    ]


def _admitted(summary: Summary) -> Check:
    title, paper = "A judge that was not admitted", "One Token"
    threshold = "any reason of the admission test"
    advice = "Use another model or prompt: docs/judges.md, The gate."
    if not summary.judges:
        said = "nothing to measure: no judge was asked"
        return Check("admitted", title, said, threshold, None, advice, paper)
    refused = {n: one.not_admitted for n, one in summary.judges.items() if one.not_admitted}
    said = "; ".join(f"{name}: {', '.join(why)}" for name, why in refused.items())
    names = ", ".join(summary.judges)
    return Check(
        "admitted", title, said or f"admitted: {names}", threshold, bool(refused), advice, paper
    )


def _compressed(evidence: pl.DataFrame) -> Check:
    """A judge's score of a step is its share of votes for "correct"."""
    title, paper = "Compressed judge scores", "ArenaRL; ARMed"
    threshold = f"above {SAME_SCORE:.0%} of a judge's steps have one and the same score"
    advice = (
        "Scores that are all alike tell nothing: more draws at a higher temperature, a prompt that "
        "asks for each step, or a stronger judge."
    )
    right, wrong = pl.col("correct").sum(), pl.col("incorrect").sum()
    scores = (
        evidence.filter(of_judge() & (pl.col("step") >= 0))
        .group_by("annotator", "solution_id", "step")
        .agg(score=right / (right + wrong), votes=right + wrong)
        .filter(pl.col("votes") > 0)
    )
    if scores.is_empty():
        said = "nothing to measure: no judge voted"
        return Check("compressed", title, said, threshold, None, advice, paper)
    by_score = scores.group_by("annotator", pl.col("score").round(6)).len()
    counted = (
        by_score.sort("len", descending=True)
        .group_by("annotator", maintain_order=True)
        .agg(top=pl.col("len").first(), score=pl.col("score").first(), steps=pl.col("len").sum())
        .sort("annotator")
    )
    rows = list(counted.iter_rows(named=True))
    said = "; ".join(
        f"{row['annotator']}: {row['top'] / row['steps']:.1%} of {row['steps']:,} steps have score "
        f"{row['score']:.2f}"
        for row in rows
    )
    fired = any(row["top"] > SAME_SCORE * row["steps"] for row in rows)
    return Check("compressed", title, said, threshold, fired, advice, paper)


def _joint(found: tuple[int, float | None] | None) -> Check:
    title, paper = "Rollouts and judges err together", "Herding; Self-PRM"
    threshold = f"lift above {LIFT}, over {FEW_JOINT} joint errors or more"
    advice = (
        "Their agreement proves little: take a judge of another family than the policy, and a tool "
        "that is no language model."
    )
    count, lift = found or (0, None)
    if lift is None:
        said = "nothing to measure: truth is not known, or no judge decides"
        return Check("joint", title, said, threshold, None, advice, paper)
    said = f"lift {lift:.2f} (1: independent), {count:,} joint errors"
    return Check("joint", title, said, threshold, count >= FEW_JOINT and lift > LIFT, advice, paper)


def _wording(manifest: Mapping[str, Any]) -> Check:
    """From the admission test's probes in other words, and with an altered problem."""
    title, paper = "A judge that goes by wording", "Under Attack; Overconfidence; Contrast"
    threshold = (
        f"the same verdict in other words below {INVARIANCE:.0%}, or an altered problem noticed "
        f"below {CONTRAST:.0%}"
    )
    advice = "Its verdicts follow style: take another judge, or let tools decide (docs/judges.md)."
    lines, fired = [], False
    for name, judge in (manifest.get("judges") or {}).items():
        test = judge.get("admission", {})
        same, flips = (_rate(test.get(key)) for key in ("invariance", "contrast_flips"))
        if same is None or flips is None:
            continue
        lines.append(f"{name}: same verdict {same:.0%}, altered problem noticed {flips:.0%}")
        fired |= same < INVARIANCE or flips < CONTRAST
    if not lines:
        said = "nothing to measure: no judge was tested"
        return Check("wording", title, said, threshold, None, advice, paper)
    return Check("wording", title, "; ".join(lines), threshold, fired, advice, paper)


def _itself(manifest: Mapping[str, Any]) -> Check:
    title, paper = "A judge that is the policy", "Self-PRM; CREAM"
    threshold = "the weights of a judge are those of the policy or the prover"
    advice = "It shares the policy's blind spots: take a judge of another family."
    judges = {n: one.get("revision") for n, one in (manifest.get("judges") or {}).items()}
    models = {(manifest.get(role) or {}).get("revision") for role in ("policy", "prover")} - {None}
    if not judges or not models:
        said = "nothing to measure: no judge was asked"
        return Check("itself", title, said, threshold, None, advice, paper)
    same = [name for name, revision in judges.items() if revision in models]
    said = f"{', '.join(same or judges)}: {'the same' if same else 'other'} weights"
    return Check("itself", title, said, threshold, bool(same), advice, paper)


def _rate(share: Mapping[str, int] | None) -> float | None:
    return share["count"] / share["of"] if share and share["of"] else None
