"""Checks of what went in: problems, completions, answers, and who had a say."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.noise import estimated_of
from pipeline.report.check import Check, rated
from pipeline.report.first_errors import true_first
from pipeline.report.funnel import has_label
from pipeline.report.pass_rates import pass_rates
from pipeline.report.steps import Steps
from pipeline.report.words import Words, judges_in, tools_in
from pipeline.summary import TRUNCATED_WARNING, Summary

EXTREME, UNGRADED, MC_ONLY, NOISE = 0.5, 0.05, 0.9, 0.2
WEAK_MAJORITY = 0.8
STRATA_APART, FEW = 0.15, 50
KINDS = ("domain", "source", "language", "policy")


def supply_checks(
    steps: Steps, words: Words, summary: Summary, rates: pl.Series, truth: pl.DataFrame | None
) -> list[Check]:
    problems = pass_rates(rates)
    drawn = summary.rollouts + summary.sample_completions
    unknown = summary.sample_unknown + summary.rollouts_unknown
    truncated = summary.rollouts_truncated + summary.sampled_truncated
    return [
        rated(
            "extreme",
            "Problems that are always or never solved",
            problems.never + problems.always,
            problems.known,
            EXTREME,
            "problems with a known pass rate",
            "They tell little about steps: take problems nearer to the policy's reach "
            "(`questions.min_pass_rate`, another level).",
            "ARRoL",
        ),
        rated(
            "ungraded",
            "Answers that could not be graded",
            unknown,
            drawn,
            UNGRADED,
            "completions have an unknown outcome",
            "Look at `outcome_reason` in rollouts/ and solutions/: unparsable answers want another "
            "prompt, truncated ones a larger `policy.max_tokens`.",
            "Cooper",
        ),
        rated(
            "truncated",
            "Completions cut by max_tokens",
            truncated,
            drawn,
            TRUNCATED_WARNING,
            "completions",
            "Raise `policy.max_tokens`.",
            "Stepsmith",
        ),
        _mc_only(steps, words),
        _noise(steps),
        _majority(steps),
        _strata(steps, truth),
    ]


def _mc_only(steps: Steps, words: Words) -> Check:
    decided = np.zeros(len(steps.label), dtype=np.bool_)
    for name in (*tools_in(words), *judges_in(words)):
        decided |= words[name] >= 0
    labelled = steps.kept & has_label(steps)
    alone = labelled & (steps.layout.last_where(decided) < 0)
    return rated(
        "mc_only",
        "Labels that rest on rollouts alone",
        int(alone.sum()),
        int(labelled.sum()),
        MC_ONLY,
        "kept solutions have no step on which a tool or a judge decided",
        "Monte-Carlo labels alone train worse: add tools that read your kind of text, or a judge "
        "on what stays open (`sees = undecided`).",
        "Lessons (arXiv 2501.07301)",
    )


def _noise(steps: Steps) -> Check:
    title, paper = "Noisy first errors, by the model's own estimate", "SCAN (arXiv 2509.16548)"
    threshold = f"above {NOISE:.0%} together"
    advice = "A larger `rollouts.budget_tokens`, a judge or a tool; or train on `weight`."
    found = estimated_of(steps.rows)
    if found is None:
        said = "nothing to measure: only view posterior states chances"
        return Check("noise", title, said, threshold, None, advice, paper)
    said = f"{found.over:.1%} too late or missed, {found.under:.1%} too early or without cause"
    return Check("noise", title, said, threshold, found.over + found.under > NOISE, advice, paper)


def _majority(steps: Steps) -> Check:
    title, paper = "Answers by a weak majority", "PRISM; Co-Reward"
    threshold = f"mean agreement below {WEAK_MAJORITY:.0%}"
    advice = "Raise `questions.pseudo_answer`, or give reference answers for these problems."
    found = steps.rows.unique("problem_id")["answer_agreement"].drop_nulls().cast(pl.Float64)
    if not len(found):
        said = "nothing to measure: every answer was given"
        return Check("majority", title, said, threshold, None, advice, paper)
    mean = float(found.to_numpy().mean())
    said = f"mean agreement {mean:.1%} over {len(found):,} problems without an answer of their own"
    return Check("majority", title, said, threshold, mean < WEAK_MAJORITY, advice, paper)


def _strata(steps: Steps, truth: pl.DataFrame | None) -> Check:
    """By domain, source, language and policy, where there is more than one of it."""
    title, paper = (
        "Labels are worse for some kind of problem",
        "M-RewardBench; TaTToo; DreamPRM; AURORA",
    )
    threshold = f"more than {STRATA_APART:.0%} apart, {FEW} solutions each"
    advice = "Evaluate and weigh the kinds apart, and buy more rollouts where labels are worse."
    lines, fired = [], False
    if truth is not None:
        first = true_first(steps, truth)
        known = steps.kept & (first >= -1)
        rows = steps.rows.select(KINDS).with_columns(right=pl.Series(steps.first() == first))
        for column in KINDS:
            groups = (
                rows.filter(pl.Series(known))
                .group_by(column)
                .agg(pl.len(), pl.col("right").mean())
                .filter((pl.col("len") >= FEW) & pl.col(column).is_not_null())
                .sort(column)
            )
            if len(groups) < 2:
                continue
            each = ", ".join(f"{name} {right:.1%}" for name, _, right in groups.iter_rows())
            lines.append(f"{column}: {each}")
            share = groups["right"].to_numpy()
            fired |= bool(share.max() - share.min() > STRATA_APART)
    if not lines:
        said = "nothing to measure: truth is not known, or there is one kind only"
        return Check("strata", title, said, threshold, None, advice, paper)
    said = "first error right by " + "; ".join(lines)
    return Check("strata", title, said, threshold, fired, advice, paper)
