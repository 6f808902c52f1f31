"""The truth that is known of a dataset's steps: its own table, what people said, or a file.

Guarantees: rows of schema TRUTH; where origins contradict each other on a step it counts as
unknown (pipeline/step_truth.py). What people said stands in the log of `stepsmith review`, beside
the table. Does not check that the solutions are in the dataset.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pipeline.errors import InputError
from pipeline.folder import TRUTH_TABLE, DatasetFolder
from pipeline.human.evidence import human_truth, human_verdicts
from pipeline.places import glob
from pipeline.schemas import TRUTH
from pipeline.verdict import Verdict


def truth_table(folder: DatasetFolder) -> pl.DataFrame | None:
    """Imported gold, where the dataset holds some."""
    found = glob(folder.evidence_root() / TRUTH_TABLE, "*.parquet")
    return folder.side_table(TRUTH_TABLE).select(TRUTH.names) if found else None


def known_truth(folder: DatasetFolder) -> pl.DataFrame | None:
    """The table and what people said; None where there is neither."""
    table, said = truth_table(folder), human_verdicts(folder)
    if not said:
        return table
    people = human_truth(said)
    return people if table is None else pl.concat([table, people], how="vertical_relaxed")


def truth_file(path: Path) -> pl.DataFrame:
    """Raises InputError where it is none."""
    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: is no Parquet file: {error}", file=str(path)) from error
    missing = [name for name in TRUTH.names if name not in table.columns]
    if missing:
        raise InputError(
            f"{path}: has no column {missing[0]!r}; a truth table has {', '.join(TRUTH.names)}",
            file=str(path),
            field=missing[0],
        )
    schema = pl.DataFrame(TRUTH.empty_table()).schema
    found = table.select(_cast(path, table[name], kind) for name, kind in schema.items())
    words = [one.value for one in Verdict]
    odd = found.filter(~pl.col("verdict").is_in(words))
    if len(odd):
        raise InputError(
            f"{path}: verdict: {odd['verdict'][0]!r} is not {', '.join(words)}",
            file=str(path),
            field="verdict",
        )
    return found


def unmatched(path: Path, truth: pl.DataFrame, solutions: pl.Series) -> list[str]:
    """A sentence where a truth file says nothing of any of the solutions."""
    if truth["solution_id"].is_in(solutions.implode()).any():
        return []
    return [f"{path}: none of its solution_id is in the dataset: it is the truth of another one"]


def _cast(path: Path, column: pl.Series, kind: pl.DataType) -> pl.Series:
    try:
        found = column.cast(kind)
        # Half a step would become a whole one.
        same = not column.dtype.is_float() or found.cast(column.dtype).eq_missing(column).all()
    except pl.exceptions.PolarsError:
        same = False
    if not same:
        raise InputError(
            f"{path}: {column.name}: holds {column.dtype}, which cannot all be read as {kind}; "
            f"write the column as {kind}",
            file=str(path),
            field=column.name,
        )
    return found
