"""PRM800K, as its phase 2 was labelled: a solution is rated up to its first wrong step.

Guarantees: a rating is 1 for right and -1 for wrong; what 0 stands for is option `zero`, and by
default it is never written, because readers disagree whether it counts as right. Labels after the
first error are not written. One completion a step: siblings are format pairs.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Option, Options, Projection
from pipeline.formats.rows import Cut, Rows, flags, sift
from pipeline.formats.shared import IDS, IDS_AND_SCORES, SCORES, bare_steps
from pipeline.labels.layout import NULL, Bools, Layout

COMPLETION = pa.struct([("text", pa.string()), ("rating", pa.int8()), ("flagged", pa.bool_())])
STEP = pa.struct(
    [
        ("completions", pa.list_(COMPLETION)),
        ("human_completion", pa.string()),
        ("chosen_completion", pa.int32()),
    ]
)
LABEL = pa.struct(
    [("steps", pa.list_(STEP)), ("total_time", pa.int64()), ("finish_reason", pa.string())]
)
QUESTION = pa.struct(
    [
        ("problem", pa.string()),
        ("ground_truth_solution", pa.string()),
        ("ground_truth_answer", pa.string()),
        ("pre_generated_steps", pa.list_(pa.string())),
        ("pre_generated_answer", pa.string()),
        ("pre_generated_verifier_score", pa.float64()),
    ]
)


def project(rows: Rows, options: Options) -> Projection:
    """{"labeler": "stepsmith:hard", …, "question": {"problem": "Add 2 and 3.",
    "ground_truth_answer": "5", "pre_generated_steps": ["2 + 3 = 5.", "So 6."], …},
    "label": {"steps": [{"completions": [{"text": "2 + 3 = 5.", "rating": 1, "flagged": null}],
    "human_completion": null, "chosen_completion": 0}, …], "total_time": 0, "finish_reason":
    "found_error"}, …}"""
    zero = options["zero"]
    texts, empty = bare_steps(rows)
    layout, lengths = rows.layout, rows.layout.lengths
    until_error = np.minimum(layout.first_where(rows.label == 0) + 1, lengths)
    ends = until_error if zero == "undecided" else np.minimum(until_error, rows.labelled)
    kept, left_out = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("no_label", layout.first_where(rows.label != NULL) >= ends),
        ("empty_step", rows.any_step(empty, lengths)),
    )
    cut, whole = rows.cut(kept, ends), rows.cut(kept, lengths)
    rating = np.where(cut.labels == NULL, 0, np.where(cut.labels == 1, 1, -1)).astype(np.int8)
    if zero == "no_gain":
        rating[(cut.labels == 1) & flags(cut.flat("no_gain"))] = 0
    number = len(kept)
    question = [
        cut.column("problem"),
        pa.nulls(number, pa.string()),
        cut.column("answer"),
        whole.lists(whole.take(texts)),
        cut.column("final_answer"),
        pa.nulls(number, pa.float64()),
    ]
    label = [cut.lists(_steps(cut.take(texts), rating)), pa.repeat(0, number), _finish(cut)]
    columns = {
        "labeler": pc.binary_join_element_wise("stepsmith", cut.column("view"), ":"),
        "timestamp": pa.nulls(number, pa.string()),
        "generation": pa.nulls(number, pa.int32()),
        "is_quality_control_question": pa.repeat(False, number),
        "is_initial_screening_question": pa.repeat(False, number),
        "question": pa.StructArray.from_arrays(question, fields=list(QUESTION)),
        "label": pa.StructArray.from_arrays(label, fields=list(LABEL)),
        **cut.scores(),
        **cut.ids(),
    }
    return Projection(pa.table(columns, PRM800K.schema), left_out)


def _steps(texts: pa.Array, rating: pa.Array) -> pa.Array:
    """One completion each; of a wrong one it is open what should stand there instead."""
    number = len(texts)
    options = pa.StructArray.from_arrays(
        [texts, pa.array(rating), pa.nulls(number, pa.bool_())], fields=list(COMPLETION)
    )
    one_each = Layout(np.arange(number + 1)).lists(options)
    chosen = pa.array(np.zeros(number, dtype=np.int32), mask=rating == -1)
    return pa.StructArray.from_arrays(
        [one_each, pa.nulls(number, pa.string()), chosen], fields=list(STEP)
    )


def _finish(cut: Cut) -> pa.Array:
    """found_error; solution, where the last step is rated and the answer is right; or give_up."""
    last = cut.layout.offsets[1:] - 1
    labels = cut.labels[last]
    at_end: Bools = cut.layout.lengths == cut.source.layout.lengths[cut.rows]
    right = flags(pc.equal(cut.column("outcome"), "correct"))
    name = np.where(labels == 0, 0, np.where(at_end & right & (labels == 1), 1, 2))
    return pa.array(["found_error", "solution", "give_up"]).take(pa.array(name))


PRM800K = Format(
    name="prm800k",
    consumer="readers of PRM800K's phase 2",
    shape="`question`, `label.steps[].completions[]{text, rating}`",
    lost="labels after the first error; alternatives to a step; the blanks between steps",
    columns=(
        Column("labeler", pa.string(), "stepsmith, and the view of the labels"),
        Column("timestamp", pa.string(), "null"),
        Column("generation", pa.int32(), "null"),
        Column("is_quality_control_question", pa.bool_(), "false"),
        Column("is_initial_screening_question", pa.bool_(), "false"),
        Column("question", QUESTION, "the problem, the reference answer and the whole solution"),
        Column(
            "label",
            LABEL,
            "rated steps; `finish_reason`: found_error; solution (all are rated, the answer is "
            "right); give_up (neither)",
        ),
        *SCORES,
        *IDS,
    ),
    reads=(
        "problem", "answer", "final_answer", "outcome", "view", "steps", "label", "no_gain", "keep",
        *IDS_AND_SCORES,
    ),
    project=project,
    options={
        "zero": Option(
            "never",
            "what is rated 0. never: nothing, and a solution ends before its first step without a "
            "hard label; undecided: steps without one; no_gain: right steps that did not raise the "
            "value, which is nearest to what PRM800K's labelers were told",
            choices=("never", "undecided", "no_gain"),
        )
    },
)  # fmt: skip
