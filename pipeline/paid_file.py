"""Rollouts in a Parquet file or folder, in the shape of our rollouts table, read for import.

{"problem_id": "p1", "prefix_hash": "9f…", "prefix_len": 2, "prefix_end": 31, "draw": 0,
 "text": "So 5.", "finish_reason": "stop", "tokens": 4, "prover": "Qwen/Qwen2.5-Math-7B@main",
 "source": "41c9…"}

`prefix_hash` may be missing or null where `solution_id` says whose prefix it is. `text` is the
continuation alone. Outcomes are not taken over: the text is graded here, as any other. What is
missing stays harmless: tokens 0 (already paid), finish_reason "stop". Rows without a text (failed
calls) are left out, and so is a draw of a prefix that stands there twice. Another prover, or
(`source`) another prompt or other sampling parameters, are refused: draws of two distributions do
not mix. Not guaranteed: that a table without these columns was drawn as the recipe says.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.errors import ProblemFileError

PAID = {
    "problem_id": pl.String,
    "prefix_hash": pl.String,
    "solution_id": pl.String,
    "prefix_len": pl.Int32,
    "prefix_end": pl.Int32,
    "text": pl.String,
    "finish_reason": pl.String,
    "tokens": pl.Int32,
}


def read_paid(source: str, prover: str, drawn_as: str) -> pl.DataFrame:
    """Columns PAID, in the order of the file. Raises ProblemFileError.

    `prover` and `drawn_as` are the revision and the evidence source of the recipe's own rollouts.
    """
    path = Path(source).expanduser()
    files = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise ProblemFileError(
            f"solutions.rollouts = {source}: holds no Parquet file", file=source, row=None
        )
    try:
        found = pl.concat([pl.read_parquet(file) for file in files], how="diagonal_relaxed")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProblemFileError(f"{source}: cannot be read: {error}", file=source) from error
    names = found.columns
    if missing := [name for name in ("problem_id", "prefix_len", "text") if name not in names]:
        raise ProblemFileError(
            f"{source}: no column {missing[0]!r}; columns are: {', '.join(names)}",
            file=source,
            field=missing[0],
        )
    if not {"prefix_hash", "solution_id"} & set(names):
        raise ProblemFileError(
            f"{source}: needs the column prefix_hash (ours) or solution_id, to know whose prefix "
            f"a rollout continues; columns are: {', '.join(names)}",
            file=source,
        )
    if other := _other(found, "prover", prover):
        raise ProblemFileError(
            f"{source}: was drawn from the prover {other!r}, and this recipe's is {prover!r}: "
            f"values of two models do not mix. Set rollouts.revision (or the model) to that "
            f"prover, or leave solutions.rollouts out",
            file=source,
            prover=other,
        )
    if other := _other(found, "source", drawn_as):
        raise ProblemFileError(
            f"{source}: was drawn with another prompt or other sampling parameters (source "
            f"{other!r}, here {drawn_as!r}): make prompt, temperature, top_p, top_k, max_tokens "
            f"and stop of [rollouts] those of that run, or leave solutions.rollouts out",
            file=source,
            drawn_as=other,
        )
    lengths = found["prefix_len"]
    if not lengths.dtype.is_integer() or lengths.null_count():
        raise ProblemFileError(
            f"{source}: prefix_len must be a whole number in every row",
            file=source,
            field="prefix_len",
        )
    if "draw" in names:
        key = [
            n
            for n in ("problem_id", "prefix_hash", "solution_id", "prefix_len", "draw")
            if n in names
        ]
        found = found.unique(key, keep="first", maintain_order=True)
    usable = pl.col("text").str.strip_chars() != ""
    if "finish_reason" in names:
        usable &= pl.col("finish_reason").fill_null("stop").is_in(["stop", "length"])
    try:
        return found.filter(usable).select(
            (pl.col(name) if name in names else pl.lit(None)).cast(kind).alias(name)
            for name, kind in PAID.items()
        )
    except pl.exceptions.PolarsError as error:
        raise ProblemFileError(f"{source}: {error}", file=source) from error


def _other(found: pl.DataFrame, column: str, ours: str) -> str | None:
    """A value of the column that is not ours; None where all are, or there is no such column."""
    if column not in found.columns:
        return None
    others = found[column].drop_nulls().cast(pl.String).unique().sort().to_list()
    return next((other for other in others if other != ours), None)
