"""Rows of the labels table, written as short as a test can use them, and what a format makes of
them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from pipeline.formats.catalogue import FORMATS
from pipeline.formats.rows import Rows
from pipeline.schemas import LABELS, RATIONALES

Row = dict[str, Any]


def solution(label: Sequence[int | None], **own: Any) -> Row:
    """Steps "Step 0.\\n\\n", "Step 1.\\n\\n", …, the last without its blank line."""
    number = len(label)
    name = own.get("solution_id", "s0")
    hashes = [f"{name}:{t}" for t in range(number)]
    return {
        "solution_id": name,
        "problem_id": "p0",
        "problem": "Add 2 and 3.",
        "domain": "sums",
        "answer": "5",
        "final_answer": "5",
        "outcome": "correct",
        "steps": [f"Line {t}.\n\n" for t in range(number - 1)] + [f"Line {number - 1}."][:number],
        "label": list(label),
        "p_correct": [None if one is None else 0.875 if one else 0.125 for one in label],
        "value": [None] * number,
        "weight": [0.5] * number,
        "no_gain": [None] * number,
        "prefix_hash": hashes,
        "fork_group": ["p0", *hashes][:number],
        "first_error": -1,
        "p_mean": 0.9,
        "keep": True,
        "policy": "m@1",
        "view": "hard",
        "schema_version": 4,
        **own,
    }


def rationale(label: Sequence[int | None], **own: Any) -> Row:
    """A call that agrees with these labels, and the labels themselves."""
    verdicts = list(label[: label.index(0) + 1] if 0 in label else label)
    return {
        "solution_id": "s0",
        "problem_id": "p0",
        "annotator": "judge",
        "source": "ab60",
        "mode": "each_step",
        "draw": 0,
        "problem": "Add 2 and 3.",
        "steps": [f"Line {t}.\n\n" for t in range(len(label) - 1)] + [f"Line {len(label) - 1}."],
        "critique": " It is so. \n",
        "verdicts": verdicts,
        "first_error": len(verdicts) - 1 if 0 in verdicts else -1,
        "label": list(label),
        "keep": True,
        **own,
    }


def project(
    name: str, *rows: Row, every: bool = False, **options: str
) -> tuple[list[Row], dict[str, int]]:
    wanted = FORMATS[name]
    schema = LABELS
    if wanted.table == "rationales":
        schema = pa.schema([*RATIONALES, LABELS.field("label"), LABELS.field("keep")])
    table = pa.Table.from_pylist(list(rows), schema=schema)
    extra = ["label", "keep"] if wanted.table == "rationales" else []
    found = wanted.project(
        Rows(table.select([*wanted.reads, *extra]), every), wanted.settle(options)
    )
    assert found.table.schema == wanted.schema
    return found.table.to_pylist(), found.left_out


def one(name: str, row: Row, **options: str) -> Row:
    ((found,), _) = project(name, row, **options)
    return found
