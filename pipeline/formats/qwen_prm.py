"""Qwen's PRM: a chat whose answer has a special token after each step.

Guarantees: the assistant's turn holds the token once a step and nowhere else, and `labels` has one
boolean for each of them. The system turn is the one of the models' cards.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.formats.format import Column, Format, Option, Options, Projection
from pipeline.formats.rlhflow import TURN
from pipeline.formats.rows import Rows, glued, holds, joined
from pipeline.formats.shared import IDS, IDS_AND_SCORES, SCORES, bare_steps, labelled
from pipeline.labels.layout import Layout

TOKEN = "<extra_0>"
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


def project(rows: Rows, options: Options) -> Projection:
    """{"messages": [{"role": "system", "content": "Please …"}, {"role": "user", "content": "Add 2
    and 3."}, {"role": "assistant", "content": "2 + 3 = 5.<extra_0>So 6.<extra_0>"}], "labels":
    [true, false], …}"""
    texts, empty = bare_steps(rows)
    ends = rows.labelled
    cut, left_out = labelled(
        rows,
        ("empty_step", rows.any_step(empty, ends)),
        (
            "holds_the_token",
            holds(rows.column("problem"), TOKEN) | rows.any_step(holds(texts, TOKEN), ends),
        ),
    )
    said = joined(cut.layout, glued(cut.take(texts), TOKEN), "")
    number = len(cut.rows)
    parts = [pa.repeat(options["system"], number), cut.column("problem"), said]
    order = np.arange(3 * number).reshape(3, number).T.ravel()
    content = pa.concat_arrays(parts).take(pa.array(order))
    roles = pa.array(["system", "user", "assistant"]).take(pa.array(np.tile(range(3), number)))
    turns = pa.StructArray.from_arrays([roles, content], fields=list(TURN))
    columns = {
        "messages": Layout(np.arange(number + 1) * 3).lists(turns),
        "labels": cut.lists(pa.array(cut.labels == 1)),
        **cut.scores(),
        **cut.ids(),
    }
    return Projection(pa.table(columns, QWEN_PRM.schema), left_out)


QWEN_PRM = Format(
    name="qwen-prm",
    consumer="Qwen2.5-Math-PRM and trainers of its kind",
    shape=f"`messages` (chat; {TOKEN} after each step), `labels` (booleans)",
    lost="as trl; also the blanks between steps",
    columns=(
        Column("messages", pa.list_(TURN), "system, user (the problem), assistant (the steps)"),
        Column("labels", pa.list_(pa.bool_()), f"whether each step is right: one a {TOKEN}"),
        *SCORES,
        *IDS,
    ),
    reads=("problem", "steps", "label", "keep", *IDS_AND_SCORES),
    project=project,
    options={"system": Option(SYSTEM, "the system turn; the default is the model cards'")},
)
