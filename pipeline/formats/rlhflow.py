"""RLHFlow's chats: the user says a step, the assistant + or -.

Guarantees: one turn of each for every step; the first user turn is the problem, a blank, and the
first step, as RLHFlow's own evaluation builds it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows, glued
from pipeline.formats.shared import IDS, IDS_AND_SCORES, SCORES, bare_steps, labelled
from pipeline.labels.layout import Layout

TURN = pa.struct([("role", pa.string()), ("content", pa.string())])


def project(rows: Rows, options: Options) -> Projection:
    """{"conversations": [{"role": "user", "content": "Add 2 and 3. 2 + 3 = 5."}, {"role":
    "assistant", "content": "+"}, {"role": "user", "content": "So 6."}, …], …}"""
    texts, empty = bare_steps(rows)
    cut, left_out = labelled(rows, ("empty_step", rows.any_step(empty, rows.labelled)))
    layout, problem = cut.layout, cut.column("problem")
    first = layout.position == 0
    before = glued(problem, " ").take(pa.array(layout.row, mask=~first)).fill_null("")
    steps = glued(before, cut.take(texts))
    signs = pc.if_else(pa.array(cut.labels == 1), "+", "-")
    # step 0, sign 0, step 1, sign 1, …
    turn = np.arange(layout.num_steps)
    order = np.stack([turn, turn + layout.num_steps], axis=1).ravel()
    said = pa.concat_arrays([steps, signs]).take(pa.array(order))
    roles = pa.array(["user", "assistant"]).take(pa.array(np.tile([0, 1], layout.num_steps)))
    turns = pa.StructArray.from_arrays([roles, said], fields=list(TURN))
    columns = {
        "conversations": Layout(layout.offsets * 2).lists(turns),
        "problem": problem,
        **cut.scores(),
        **cut.ids(),
    }
    return Projection(pa.table(columns, RLHFLOW.schema), left_out)


RLHFLOW = Format(
    name="rlhflow",
    consumer="RLHFlow's PRM recipes (supervised fine-tuning on chats)",
    shape="`conversations`: user step, assistant + or -, …",
    lost="as trl; also the blanks between steps",
    columns=(
        Column("conversations", pa.list_(TURN), "turns; the first is the problem and a step"),
        Column("problem", pa.string(), "the problem alone: where the first turn has its step"),
        *SCORES,
        *IDS,
    ),
    reads=("problem", "steps", "label", "keep", *IDS_AND_SCORES),
    project=project,
)
