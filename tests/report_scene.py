"""Small datasets for the tests of the report and of reviews, and hostile ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.files import write_json, write_table
from pipeline.folder import DatasetFolder
from pipeline.report.steps import Steps
from pipeline.schemas import EVIDENCE, JUDGEMENTS, LABELS, QUESTIONS, TRUTH

LETTERS = {"1": 1, "0": 0, "-": None}
TRUTHS = {"c": "correct", "i": "incorrect", "u": "unknown"}


def row(name: str, label: str, **columns: Any) -> dict[str, Any]:
    """A solution; `label` is a letter a step: 1, 0, or - for none."""
    steps = len(label)
    return {
        "solution_id": name,
        "problem_id": f"problem of {name}",
        "domain": "sums",
        "problem": "Add up: 1 + 2",
        "answer": "3",
        "final_answer": "3",
        "outcome": "correct",
        "keep": True,
        "view": "posterior",
        "after_error": "mask",
        "policy": "w",
        "prover": "w",
        "origin": "sampled",
        "pass_rate": 0.5,
        "steps": [f"step {t} of {name}\n\n" for t in range(steps)],
        "label": [LETTERS[one] for one in label],
        "p_correct": [None] * steps,
        "value": [None] * steps,
        "value_low": [None] * steps,
        "value_high": [None] * steps,
        "n_rollouts": [0] * steps,
        "n_success": [0] * steps,
        "n_unknown": [0] * steps,
        "censored": [False] * steps,
        "repeated": [False] * steps,
        "step_start": [10 * t for t in range(steps)],
        "step_end": [10 * t + 10 for t in range(steps)],
        "prefix_hash": [f"{name}/{t}" for t in range(steps)],
        "verdicts": [[] for _ in range(steps)],
        **columns,
    }


def table(*rows: dict[str, Any]) -> pl.DataFrame:
    found = pl.from_arrow(pa.Table.from_pylist(list(rows), schema=LABELS))
    assert isinstance(found, pl.DataFrame)
    return found


def steps_of(*rows: dict[str, Any]) -> Steps:
    return Steps.of(table(*rows))


def truth_of(**words: str) -> pl.DataFrame:
    """Of solutions: c correct, i incorrect, u unknown, a letter a step."""
    rows = [
        {"solution_id": name, "step": t, "verdict": TRUTHS[letter], "origin": "oracle"}
        for name, word in words.items()
        for t, letter in enumerate(word)
    ]
    found = pl.from_arrow(pa.Table.from_pylist(rows, schema=TRUTH))
    assert isinstance(found, pl.DataFrame)
    return found


def said(solution: str, step: int, annotator: str, verdict: str, **more: Any) -> dict[str, Any]:
    """A row of evidence on one step."""
    named = {"solution_id": solution, "step": step, "annotator": annotator, "source": annotator}
    counts = {"correct": 0, "incorrect": 0, "unknown": 0, verdict: 1}
    return named | {"target": "step_valid"} | counts | more


def evidence_of(*rows: dict[str, Any]) -> pl.DataFrame:
    found = pl.from_arrow(pa.Table.from_pylist(list(rows), schema=EVIDENCE))
    assert isinstance(found, pl.DataFrame)
    return found


def dataset(
    root: Path,
    *rows: dict[str, Any],
    evidence: list[dict[str, Any]] | None = None,
    truth: pl.DataFrame | None = None,
    judgements: list[dict[str, Any]] | None = None,
    name: str = "scene",
) -> DatasetFolder:
    """A folder as a run leaves it, as far as the report reads it."""
    folder = DatasetFolder(root)
    shard = "00000-00000"
    write_table(folder.published(shard), pa.Table.from_pylist(list(rows), schema=LABELS))
    questions = [
        {"problem_id": one, "samples": 4, "correct": 2, "incorrect": 2, "unknown": 0, "tokens": 40}
        | {"pass_rate": 0.5, "distinct": 4}
        for one in dict.fromkeys(one["problem_id"] for one in rows)
    ]
    sides: list[tuple[str, list[dict[str, Any]], Any]] = [
        ("evidence", evidence or [], EVIDENCE),
        ("questions", questions, QUESTIONS),
    ]
    if judgements is not None:
        sides.append(("judgements", judgements, JUDGEMENTS))
    if truth is not None:
        sides.append(("truth", truth.to_dicts(), TRUTH))
    for side, content, schema in sides:
        write_table(folder.side(side, shard), pa.Table.from_pylist(content, schema=schema))
    write_json(folder.manifest, {"name": name, "finished": "2026-11-22T12:00:00Z"})
    return folder
