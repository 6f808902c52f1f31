"""Solutions to imitate: right answers whose steps agree with them.

PROF's rule of consistency (arXiv 2509.03403), on its side of right answers: among the right
solutions of a problem those with the best process score are taken. A right answer with a known
wrong step, or with a low score, is an inconsistent one and is left out, counted.

Guarantees: every trace has the outcome "correct"; unknown outcomes and scores are left out. Not
guaranteed: that a trace is right in each step. The score is an estimate, and an error that the
labels do not see stays unseen.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Option, Options, Projection
from pipeline.formats.rows import Rows, codes, flags, is_empty, joined, sift
from pipeline.formats.shared import IDS, PROMPT, prompts
from pipeline.labels.layout import Floats, Ints

_SCORES = ("p_mean", "p_min", "p_product", "p_last", "value")


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Add 2 and 3.\\n", "completion": "2 + 3 = 5.\\n\\nSo 5.", "process": 0.97, "rank":
    0, "value_min": 0.9, "p_min": 0.95, "pass_rate": 0.75, …}"""
    layout, outcome = rows.layout, rows.column("outcome")
    right = flags(pc.equal(outcome, "correct"))
    texts = joined(layout, rows.steps, "")
    score = _mean_value(rows) if options["by"] == "value" else rows.numbers(options["by"])
    # Not `first_error`: view posterior names the most probable place of one that there may not be.
    wrong_step = rows.any_step(rows.label == 0, layout.lengths)
    reasons = (
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("no_step", is_empty(texts)),
        ("outcome_unknown", ~right & ~flags(pc.equal(outcome, "incorrect"))),
        ("answer_wrong", ~right),
        ("right_answer_with_a_wrong_step", wrong_step),
        ("process_unknown", np.isnan(score)),
        ("right_answer_with_a_low_score", score < options["least"]),
    )
    found, _ = sift(len(rows), *reasons)
    rank = np.full(len(rows), -1, dtype=np.int64)
    rank[found] = _rank(rows, found, score)
    beyond = (rank >= options["best"]) & (options["best"] > 0)
    kept, left_out = sift(len(rows), *reasons, ("beyond_the_best", beyond))
    cut = rows.cut(kept, layout.lengths)
    lowest = np.full(len(rows), np.inf)
    value = rows.floats("value")
    known = ~np.isnan(value)
    np.minimum.at(lowest, layout.row[known], value[known])
    columns = {
        "prompt": prompts(cut.column("problem"), options["prompt"]),
        "completion": texts.take(pa.array(kept)),
        "process": pa.array(score[kept]),
        "rank": pa.array(rank[kept].astype(np.int32)),
        "value_min": pa.array(lowest[kept], mask=np.isinf(lowest[kept])),
        "p_min": cut.column("p_min"),
        "pass_rate": cut.column("pass_rate"),
        **cut.ids(),
    }
    return Projection(pa.table(columns, SFT.schema), left_out)


def _mean_value(rows: Rows) -> Floats:
    """Of each solution's steps whose value is known; NaN where there is none."""
    value, row = rows.floats("value"), rows.layout.row
    known = ~np.isnan(value)
    total = np.bincount(row[known], value[known], minlength=len(rows))
    count = np.bincount(row[known], minlength=len(rows))
    mean = np.full(len(rows), np.nan)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _rank(rows: Rows, found: Ints, score: Floats) -> Ints:
    """The place of each in its problem, by falling score, then in the order of rows."""
    problem = codes(rows.column("problem_id"))[found]
    order = np.lexsort((found, -score[found], problem))
    ordered = problem[order]
    begins = np.flatnonzero(np.diff(ordered, prepend=-2))
    rank = np.empty(len(found), dtype=np.int64)
    starts = np.repeat(begins, np.diff(begins, append=len(found)))
    rank[order] = np.arange(len(found)) - starts
    return rank


SFT = Format(
    name="sft",
    consumer="supervised fine-tuning (TRL `SFTTrainer` and others)",
    shape="`prompt`, `completion`",
    lost="solutions that are not to be imitated; labels of steps",
    columns=(
        Column("prompt", pa.string(), "the problem, by option `prompt`"),
        Column("completion", pa.string(), "the solution's whole text"),
        Column("process", pa.float64(), "the process score that chose it, by option `by`"),
        Column("rank", pa.int32(), "its place in its problem by that score; 0 is the best"),
        Column("value_min", pa.float64(), "the lowest known value of its steps"),
        Column("p_min", pa.float64(), "the lowest p_correct"),
        Column("pass_rate", pa.float64(), "of the problem; null where unknown"),
        *IDS,
    ),
    reads=(
        "problem", "outcome", "pass_rate", "steps", "value", "label", "p_mean", "p_min",
        "p_product", "p_last", "keep", "solution_id", "problem_id",
    ),
    project=project,
    options={
        **PROMPT,
        "by": Option("p_mean", "the process score: an aggregate of p_correct, or the mean value",
                     choices=_SCORES),
        "least": Option(0.5, "the lowest process score of a trace", minimum=0),
        "best": Option(0, "at most so many traces a problem; 0: all", minimum=0),
    },
    whole_problems=True,
)  # fmt: skip
