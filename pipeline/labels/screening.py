"""What the screening samples say of a problem, on each row of `solutions`.

Guarantees: every screening draw counts once, however many gave the same text; solutions without
draws (imported, or grown by a tree search) are no samples. `pass_rate` is over known outcomes
and null where none is known; `difficulty` is 1 - (right + 1/2) / (known + 1), one less the
posterior mean under Jeffreys' prior, so that a problem never solved in 2 samples is not as hard
as one never solved in 100; `path_diversity` is distinct texts over draws. Where a problem has no
screening samples at all, pass_rate and difficulty come from the rollouts of the problem alone
(evidence on step -1 of the row's own solution), unless drawing stopped because of what was seen.
`question_reason` is why the problem was not searched: taken from the `problems` frame where it
has that column (null: searched), decided here otherwise, by OmegaPRM's question filter (section
3.4: none all right, none all wrong) and SCAN's least pass rate. A problem without screening
samples is never filtered. Does not sample the share that `keep_all_right` and `keep_all_wrong`
spare: the stage that searched did, and wrote `question_reason`.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.labels.counts import Counts
from pipeline.recipe import Questions
from pipeline.verdict import Verdict


def screen(
    problems: pl.DataFrame, solutions: pl.DataFrame, questions: Questions, root: Counts
) -> pl.DataFrame:
    """Columns n_merged, pass_rate, difficulty, path_diversity, question_reason; rows as in
    `solutions`. `root`: the counts of the problem alone, one a row of `solutions`; they stand in
    where the problem has no screening samples."""
    merged = solutions.select(
        "problem_id",
        "text",
        "outcome",
        n_merged=pl.col("draws").list.len().fill_null(0).cast(pl.Int64),
    )
    right = pl.col("n_merged").filter(pl.col("outcome") == Verdict.CORRECT.value).sum()
    wrong = pl.col("n_merged").filter(pl.col("outcome") == Verdict.INCORRECT.value).sum()
    texts = pl.col("text").filter(pl.col("n_merged") > 0).n_unique()
    of_problem = (
        merged.group_by("problem_id")
        .agg(right=right, wrong=wrong, texts=texts, draws=pl.col("n_merged").sum())
        .with_columns(
            path_diversity=pl.when(pl.col("draws") > 0).then(pl.col("texts") / pl.col("draws"))
        )
    )
    if "question_reason" in problems.columns:
        reasons = problems.select("problem_id", "question_reason").unique("problem_id")
        of_problem = of_problem.join(reasons, on="problem_id", how="left")
    else:
        of_problem = of_problem.with_columns(question_reason=_reason(questions))
    rows = merged.select("problem_id", "n_merged").join(
        of_problem, on="problem_id", how="left", maintain_order="left"
    )
    sampled = pl.col("draws") > 0
    whole = ~root.censored
    rows = rows.with_columns(
        right=pl.when(sampled).then("right").otherwise(pl.Series(np.where(whole, root.correct, 0))),
        wrong=pl.when(sampled)
        .then("wrong")
        .otherwise(pl.Series(np.where(whole, root.incorrect, 0))),
    )
    known = pl.col("right") + pl.col("wrong")
    return rows.select(
        "n_merged",
        "path_diversity",
        "question_reason",
        pass_rate=pl.when(known > 0).then(pl.col("right") / known),
        difficulty=pl.when(known > 0).then(1 - (pl.col("right") + 0.5) / (known + 1)),
    )


def _reason(questions: Questions) -> pl.Expr:
    draws, right, wrong = pl.col("draws"), pl.col("right"), pl.col("wrong")
    all_right = (draws > 0) & (right == draws) & (questions.keep_all_right < 1)
    all_wrong = (draws > 0) & (wrong == draws) & (questions.keep_all_wrong < 1)
    low = (right + wrong > 0) & (right / (right + wrong) < questions.min_pass_rate)
    return (
        pl.when(all_right)
        .then(pl.lit("all_right"))
        .when(all_wrong)
        .then(pl.lit("all_wrong"))
        .when(low)
        .then(pl.lit("low_pass_rate"))
        .otherwise(pl.lit(None, dtype=pl.String))
    )
