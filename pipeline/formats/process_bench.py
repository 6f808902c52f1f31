"""ProcessBench: a solution, and the place of its first wrong step.

Guarantees: `label` is 0-based and -1 for none, `final_answer_correct` is known; all steps are
there, those after the first error too. The hard labels say the same: 1 up to the first error and 0
there, or 1 throughout. Rows where they do not, or where the outcome is not known, are left out.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows, flags, sift
from pipeline.formats.shared import IDS, bare_steps
from pipeline.labels.layout import Bools


def project(rows: Rows, options: Options) -> Projection:
    """{"id": "9f0c…", "generator": "sha256:457b…", "problem": "Add 2 and 3.", "steps": ["2 + 3 =
    5.", "So 6."], "final_answer_correct": false, "label": 1, …}"""
    texts, empty = bare_steps(rows)
    lengths, outcome = rows.layout.lengths, rows.column("outcome")
    right = flags(pc.equal(outcome, "correct"))
    kept, left_out = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("no_step", lengths == 0),
        ("first_error_undecided", _undecided(rows)),
        ("outcome_unknown", ~right & ~flags(pc.equal(outcome, "incorrect"))),
        ("empty_step", rows.any_step(empty, lengths)),
    )
    cut = rows.cut(kept, lengths)
    ids = cut.ids()
    columns = {
        "id": ids["solution_id"],
        "generator": cut.column("policy"),
        "problem": cut.column("problem"),
        "steps": cut.lists(cut.take(texts)),
        "final_answer_correct": pa.array(right[kept]),
        "label": cut.column("first_error").cast(pa.int64()),
        **ids,
    }
    return Projection(pa.table(columns, PROCESS_BENCH.schema), left_out)


def _undecided(rows: Rows) -> Bools:
    """Rows whose hard labels do not say where the first error is. View posterior names the most
    probable place always, however probable that is; other views name one that is decided."""
    layout = rows.layout
    wrong, not_right = layout.first_where(rows.label == 0), layout.first_where(rows.label != 1)
    place = np.where(wrong == layout.lengths, -1, wrong)
    undecided: Bools = (wrong != not_right) | (rows.numbers("first_error") != place)
    return undecided


PROCESS_BENCH = Format(
    name="processbench",
    consumer="ProcessBench's evaluation scripts and its metric",
    shape="`id`, `generator`, `problem`, `steps`, `final_answer_correct`, `label`",
    lost="all labels but the first error; solutions whose first error or outcome is not known; "
    "the blanks between steps",
    note="These labels are estimates: measure with them what you would measure with a dataset "
    "labelled by people only if their error matters little to you.",
    columns=(
        Column("id", pa.string(), "the solution's id"),
        Column("generator", pa.string(), "the policy"),
        Column("problem", pa.string(), "the problem"),
        Column("steps", pa.list_(pa.string()), "all steps, without blanks at their ends"),
        Column("final_answer_correct", pa.bool_(), "the outcome"),
        Column("label", pa.int64(), "the first wrong step, 0-based; -1 for none"),
        *IDS,
    ),
    reads=(
        "problem", "steps", "label", "keep", "first_error", "outcome", "policy", "solution_id",
        "problem_id",
    ),
    project=project,
)  # fmt: skip
