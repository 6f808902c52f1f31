"""Outcome-only rows: a solution and whether its answer is right, for outcome reward models.

Guarantees: solutions of unknown outcome are left out, never counted as wrong.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows, flags, is_empty, joined, sift
from pipeline.formats.shared import IDS, PROMPT, prompts


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Add 2 and 3.\\n", "completion": "2 + 3 = 5.\\n\\nSo 6.", "label": false,
    "answer": "5", "final_answer": "6", "pass_rate": 0.75, …}"""
    outcome = rows.column("outcome")
    right = flags(pc.equal(outcome, "correct"))
    texts = joined(rows.layout, rows.steps, "")
    kept, left_out = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("no_step", is_empty(texts)),
        ("outcome_unknown", ~right & ~flags(pc.equal(outcome, "incorrect"))),
    )
    cut = rows.cut(kept, rows.layout.lengths)
    columns = {
        "prompt": prompts(cut.column("problem"), options["prompt"]),
        "completion": texts.take(pa.array(kept)),
        "label": pa.array(right[kept]),
        **{name: cut.column(name) for name in ("answer", "final_answer", "pass_rate")},
        **cut.ids(),
    }
    return Projection(pa.table(columns, OUTCOME.schema), left_out)


OUTCOME = Format(
    name="outcome",
    consumer="outcome reward models; TRL's unpaired preferences (`KTOTrainer`)",
    shape="`prompt`, `completion`, `label` (boolean)",
    lost="everything about steps; solutions of unknown outcome",
    columns=(
        Column("prompt", pa.string(), "the problem, by option `prompt`"),
        Column("completion", pa.string(), "the solution's whole text"),
        Column("label", pa.bool_(), "whether its answer is right"),
        Column("answer", pa.string(), "the reference answer"),
        Column("final_answer", pa.string(), "what the solution answers"),
        Column("pass_rate", pa.float64(), "of the problem; null where unknown"),
        *IDS,
    ),
    reads=(
        "problem", "answer", "final_answer", "outcome", "pass_rate", "steps", "keep",
        "solution_id", "problem_id",
    ),
    project=project,
    options=PROMPT,
)  # fmt: skip
