"""Columns, options and reasons that several formats share."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from pipeline.formats.format import Column, Option
from pipeline.formats.rows import Cut, Rows, glued, is_empty, sift, trimmed
from pipeline.labels.layout import Bools

PLACE = "{problem}"

IDS = (
    Column("solution_id", pa.string(), "of the dataset's row"),
    Column("problem_id", pa.string(), "of the dataset's row"),
)
SCORES = (
    Column("p_correct", pa.list_(pa.float64()), "soft labels of the steps; null where unknown"),
    Column("value", pa.list_(pa.float64()), "the prover's chance from each step; null: unknown"),
)
IDS_AND_SCORES = ("solution_id", "problem_id", "p_correct", "value")
PROMPT = {
    "prompt": Option(
        f"{PLACE}\n",
        f"text with {PLACE} in it, for column `prompt`: nothing else stands between the problem "
        "and the first step",
        holds=PLACE,
    )
}


def prompts(problems: Any, template: str) -> Any:
    before, _, after = template.partition(PLACE)
    return glued(before, problems, after)


def labelled(rows: Rows, *more: tuple[str, Bools]) -> tuple[Cut, dict[str, int]]:
    """Solutions up to the first step without a hard label. `more`: reasons of one format."""
    ends = rows.labelled
    kept, left_out = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("no_label", ends == 0),
        *more,
    )
    return rows.cut(kept, ends), left_out


def bare_steps(rows: Rows) -> tuple[Any, Bools]:
    """The flat steps without blanks at their ends, for formats that put something of their own
    between them; and which are then empty."""
    texts = trimmed(rows.steps)
    return texts, is_empty(texts)
