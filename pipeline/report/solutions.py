"""The solutions that a report shows, as compact rows for the page's script.

`index` has one entry a solution for the list and its filters; `rows` have the texts, steps and
reasons, a list a step in the order of `STEP`. Both are lists and numbers, not objects with names,
as ten thousand solutions have a hundred thousand steps.

Guarantees: of a dataset with more than `limit` solutions those with the smallest hashes of their
ids are taken (a fair sample, the same at every call), and all that people have looked at; they
stand in the dataset's order. Texts are whole and as they are: the page shows them as text. Numbers
are rounded to three digits. What a judge wrote is cut at `CRITIQUE` characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from pipeline.folder import JUDGEMENTS_TABLE, DatasetFolder
from pipeline.human.log import Said
from pipeline.labels.layout import Bools
from pipeline.labels.stable_hash import stable_hash
from pipeline.places import glob
from pipeline.report.first_errors import true_first
from pipeline.report.flags import FLAGS, Flags
from pipeline.report.steps import UNDECIDED, Steps
from pipeline.step_truth import step_verdicts
from pipeline.tables import scan_frames

LIMIT = 10_000
CRITIQUE = 8_000
STEP = (
    "text", "p", "value", "low", "high", "success", "known", "unknown", "censored", "advantage",
    "part", "repeated", "p_first_error", "verdicts",
)  # fmt: skip
_OUTCOMES = {"correct": 1, "incorrect": 0}
_LETTERS = {1: "c", 0: "i", -1: "u"}


@dataclass(frozen=True)
class Shown:
    """For the page."""

    index: dict[str, Any]
    rows: list[dict[str, Any]]
    problems: list[tuple[str, str | None]]  # text and answer; `rows` name them by number


def chosen(ids: pl.Series, said: Sequence[Said], limit: int) -> Bools:
    """Which solutions are shown."""
    if len(ids) <= limit:
        return np.ones(len(ids), dtype=np.bool_)
    order = np.argsort(stable_hash(ids), kind="stable")
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[order[:limit]] = True
    looked = {one.solution_id for one in said}
    mask |= np.array([one in looked for one in ids], dtype=np.bool_)
    return mask


def shown(
    folder: DatasetFolder,
    steps: Steps,
    flags: Flags,
    truth: pl.DataFrame | None,
    said: Sequence[Said],
    limit: int = LIMIT,
) -> Shown:
    """`steps` and `flags`: of all solutions."""
    mask = chosen(steps.rows["solution_id"], said, limit)
    rows = steps.rows.filter(pl.Series(mask))
    truths = _truth_words(truth)
    written = _critiques(folder, rows["solution_id"])
    people: dict[str, list[list[Any]]] = {}
    for one in said:
        people.setdefault(one.solution_id, []).append([one.step, str(one.verdict), one.reviewer])
    problems: dict[tuple[str, str | None], int] = {}
    texts = _texts(folder, rows["solution_id"])
    found = []
    for row in rows.iter_rows(named=True):
        text = texts[row["solution_id"]]
        number = problems.setdefault((text["problem"] or "", row["answer"]), len(problems))
        found.append(
            {
                "q": number,
                "given": row["final_answer"],
                "root": _short(row["value_root"]),
                "pass": _short(row["pass_rate"]),
                "from": row["parent_solution_id"],
                "steps": [_step(row, text, t) for t in range(len(row["label"]))],
                "wrote": written.get(row["solution_id"], []),
                "truth": truths.get(row["solution_id"], {}),
                "people": people.get(row["solution_id"], []),
            }
        )
    return Shown(_index(steps, rows, mask, flags, truth, said), found, list(problems))


def _index(
    steps: Steps,
    rows: pl.DataFrame,
    mask: Bools,
    flags: Flags,
    truth: pl.DataFrame | None,
    said: Sequence[Said],
) -> dict[str, Any]:
    bits = np.zeros(len(mask), dtype=np.int64)
    for number, name in enumerate(FLAGS):
        bits |= flags.of[name].astype(np.int64) << number
    index: dict[str, Any] = {
        "id": rows["solution_id"].to_list(),
        "problem": rows["problem_id"].to_list(),
        "outcome": [_OUTCOMES.get(one, 2) for one in rows["outcome"]],
        "keep": rows["keep"].fill_null(False).cast(pl.Int8).to_list(),
        "reason": rows["keep_reason"].to_list(),
        "first": rows["first_error"].to_list(),
        "rollouts": rows["mc_first_error"].to_list(),
        "judges": rows["judge_first_error"].to_list(),
        "labels": [_strip(labels) for labels in rows["label"]],
        "domain": rows["domain"].to_list(),
        "policy": rows["policy"].to_list(),
        "origin": rows["origin"].to_list(),
        "doubt": [_short(one) for one in rows["entropy"]],
        "flags": bits[mask].tolist(),
    }
    looked = {one.solution_id for one in said}
    index["people"] = [i for i, one in enumerate(index["id"]) if one in looked]
    if truth is not None:
        true = true_first(steps, truth)[mask]
        index["true"] = [None if one == UNDECIDED else int(one) for one in true]
    return index


def _strip(labels: Sequence[int | None]) -> str:
    """One letter a step: the list shows labels as a strip of marks."""
    return "".join("-" if one is None else str(one) for one in labels)


def _step(row: Mapping[str, Any], text: Mapping[str, Any], t: int) -> list[Any]:
    def at(column: str) -> Any:
        values = row[column]
        return None if values is None else values[t]

    verdicts = text["verdicts"][t] if text["verdicts"] else None
    return [
        text["steps"][t] or "",
        _short(at("p_correct")),
        _short(at("value")),
        _short(at("value_low")),
        _short(at("value_high")),
        at("n_success") or 0,
        at("n_rollouts") or 0,
        at("n_unknown") or 0,
        int(bool(at("censored"))),
        _short(at("advantage")),
        at("step_part"),
        int(bool(at("repeated"))),
        _short(at("p_first_error")),
        [[one["annotator"], one["verdict"], one["reason"]] for one in verdicts or ()],
    ]


def _texts(folder: DatasetFolder, ids: pl.Series) -> dict[str, dict[str, Any]]:
    scan = folder.scan_labels()
    present = scan.collect_schema().names()
    columns = [name for name in ("problem", "steps", "verdicts") if name in present]
    wanted = scan.select("solution_id", *columns).filter(pl.col("solution_id").is_in(ids.implode()))
    return {
        row["solution_id"]: {"verdicts": None} | row
        for row in wanted.collect().iter_rows(named=True)
    }


def _critiques(folder: DatasetFolder, ids: pl.Series) -> dict[str, list[list[Any]]]:
    """What judges wrote of each solution: annotator, mode, step, first error, words or why none."""
    place = folder.evidence_root() / JUDGEMENTS_TABLE
    if not glob(place, "*.parquet"):
        return {}
    words = pl.when(pl.col("critique").fill_null("") != "").then("critique").otherwise("text")
    rows = (
        scan_frames(place, "*.parquet")
        .filter(pl.col("solution_id").is_in(ids.implode()) & ~pl.col("retried").fill_null(False))
        .select(
            "solution_id",
            "annotator",
            "mode",
            "step",
            "first_error",
            words.str.slice(0, CRITIQUE),
            "reason",
            "draw",
        )
        .collect()
        .sort("solution_id", "annotator", "mode", "step", "draw")
    )
    found: dict[str, list[list[Any]]] = {}
    for solution, *rest in rows.iter_rows():
        found.setdefault(solution, []).append(rest)
    return found


def _truth_words(truth: pl.DataFrame | None) -> dict[str, dict[int, str]]:
    if truth is None:
        return {}
    found: dict[str, dict[int, str]] = {}
    for solution, step, verdict in step_verdicts(truth).iter_rows():
        if step is not None:
            found.setdefault(solution, {})[step] = _LETTERS[verdict]
    return found


def _short(value: float | None) -> float | None:
    return None if value is None or value != value else round(value, 3)
