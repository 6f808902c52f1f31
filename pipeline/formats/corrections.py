"""Corrections: what a judge put in place of a first wrong step, where rollouts confirm it.

Guarantees: rejected and chosen continue the same prefix, in which no step is wrong by the dataset's
own labels; a correction that rollouts did not confirm is not there.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.agreement import disagree
from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows, glued, joined, nulls, sift
from pipeline.formats.shared import IDS, PROMPT, prompts


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Add 2 and 3.\\n", "chosen": "2 + 3 = 5.\\n\\n", "rejected": "2 + 3 = 6.\\n\\n",
    "critique": "Paragraph 0 is wrong.", "margin": 1.0, …}"""
    error = np.nan_to_num(rows.numbers("first_error"), nan=-1.0).astype(np.int64)
    kept, left_out = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("labels_disagree", disagree(rows)),
        ("no_error", error < 0),
        ("no_confirmed_correction", nulls(rows.column("correction"))),
    )
    before = rows.cut(kept, np.maximum(error, 0))
    wrong = rows.layout.offsets[:-1][kept] + error[kept]
    prefix = joined(before.layout, before.steps, "")
    share = rows.numbers("correction_success") / np.maximum(rows.numbers("correction_rollouts"), 1)
    corrected = pa.array(share[kept], mask=np.isnan(share[kept]))
    columns = {
        "prompt": glued(prompts(before.column("problem"), options["prompt"]), prefix),
        "chosen": before.column("correction"),
        "rejected": rows.steps.take(pa.array(wrong)),
        "critique": before.column("critique"),
        "margin": pc.subtract(corrected, before.column("error_value")),
        "value_before": before.column("value_before"),
        "chosen_value": corrected,
        "chosen_rollouts": before.column("correction_rollouts"),
        "rejected_value": before.column("error_value"),
        "step": pa.array(error[kept].astype(np.int32)),
        **{name: before.column(name) for name in ("annotator", "source")},
        **before.ids(),
    }
    return Projection(pa.table(columns, CORRECTIONS.schema), left_out)


CORRECTIONS = Format(
    name="corrections",
    consumer="trainers of preferences; of models that correct themselves",
    shape="`prompt` (problem and right steps), `chosen` (correction), `rejected`, `critique`",
    lost="everything but first errors that a judge corrected and rollouts confirmed",
    columns=(
        Column("prompt", pa.string(), "the problem, by option `prompt`, and the steps before"),
        Column("chosen", pa.string(), "the correction"),
        Column("rejected", pa.string(), "the first wrong step"),
        Column("critique", pa.string(), "what the judge wrote"),
        Column("margin", pa.float64(), "chosen_value - rejected_value; null where unknown"),
        Column("value_before", pa.float64(), "of the steps before"),
        Column("chosen_value", pa.float64(), "share of the correction's rollouts that were right"),
        Column("chosen_rollouts", pa.int32(), "how many there were"),
        Column("rejected_value", pa.float64(), "with the wrong step; null where unknown"),
        Column("step", pa.int32(), "the number of the step, 0-based"),
        Column("annotator", pa.string(), "the judge"),
        Column("source", pa.string(), "as in evidence"),
        *IDS,
    ),
    reads=(
        "solution_id", "problem_id", "annotator", "source", "problem", "steps", "critique",
        "verdicts", "first_error", "correction", "correction_success", "correction_rollouts",
        "value_before", "error_value",
    ),
    project=project,
    options=PROMPT,
    table="rationales",
)  # fmt: skip
