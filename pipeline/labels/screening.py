"""What the screening samples say of a problem, on each row of `solutions`.

Guarantees: every screening draw counts once, however many gave the same text; `pass_rate` is
over known outcomes and null where none is known; `path_diversity` is distinct texts over draws.
`question_reason` is why the problem was not searched: taken from the `problems` frame where it
has that column (null: searched), decided here otherwise, by OmegaPRM's question filter (section
3.4: none all right, none all wrong) and SCAN's least pass rate. A problem without screening
samples (imported solutions) is never filtered. Does not sample the share that `keep_all_right`
and `keep_all_wrong` spare: the stage that searched did, and wrote `question_reason`.
"""

from __future__ import annotations

import polars as pl

from pipeline.recipe import Questions
from pipeline.verdict import Verdict


def screen(problems: pl.DataFrame, solutions: pl.DataFrame, questions: Questions) -> pl.DataFrame:
    """Columns n_merged, pass_rate, path_diversity, question_reason; rows as in `solutions`."""
    merged = solutions.select(
        "problem_id",
        "text",
        "outcome",
        n_merged=pl.col("draws").list.len().fill_null(0).cast(pl.Int64),
    )
    right = pl.col("n_merged").filter(pl.col("outcome") == Verdict.CORRECT.value).sum()
    wrong = pl.col("n_merged").filter(pl.col("outcome") == Verdict.INCORRECT.value).sum()
    texts = pl.col("text").filter(pl.col("n_merged") > 0).n_unique()
    draws = pl.col("n_merged").sum()
    known = pl.col("right") + pl.col("wrong")
    of_problem = (
        merged.group_by("problem_id")
        .agg(right=right, wrong=wrong, texts=texts, draws=draws)
        .with_columns(
            pass_rate=pl.when(known > 0).then(pl.col("right") / known),
            path_diversity=pl.when(pl.col("draws") > 0).then(pl.col("texts") / pl.col("draws")),
        )
    )
    if "question_reason" in problems.columns:
        reasons = problems.select("problem_id", "question_reason").unique("problem_id")
        of_problem = of_problem.join(reasons, on="problem_id", how="left")
    else:
        of_problem = of_problem.with_columns(question_reason=_reason(questions))
    return merged.select("problem_id", "n_merged").join(
        of_problem.select("problem_id", "pass_rate", "path_diversity", "question_reason"),
        on="problem_id",
        how="left",
        maintain_order="left",
    )


def _reason(questions: Questions) -> pl.Expr:
    draws, nothing = pl.col("draws"), pl.lit(None, dtype=pl.String)
    all_right = (draws > 0) & (pl.col("right") == draws) & (questions.keep_all_right < 1)
    all_wrong = (draws > 0) & (pl.col("wrong") == draws) & (questions.keep_all_wrong < 1)
    return (
        pl.when(all_right)
        .then(pl.lit("all_right"))
        .when(all_wrong)
        .then(pl.lit("all_wrong"))
        .when(pl.col("pass_rate") < questions.min_pass_rate)
        .then(pl.lit("low_pass_rate"))
        .otherwise(nothing)
    )
