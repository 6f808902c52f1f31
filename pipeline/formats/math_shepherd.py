"""Math-Shepherd: one text with a tag after each step, and the same text with signs for tags.

Guarantees: `input` and `label` differ in nothing but the tags, of which there is one a step, so
that readers that find the signs by the tags' places do; the first "Step 1:" is that of the first
step unless the problem holds one. Not guaranteed: the solution's very text. Blanks around steps
become one line break, and steps are numbered where the first does not begin with "Step 1:".
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows, glued, holds, joined, matches
from pipeline.formats.shared import IDS, IDS_AND_SCORES, SCORES, bare_steps, labelled
from pipeline.labels.layout import Bools, Layout

TAG = "ки"
_NUMBERED = r"^Step 1:"  # nothing else is where readers find the first step


def project(rows: Rows, options: Options) -> Projection:
    """{"input": "Add 2 and 3. Step 1: 2 + 3 = 5. ки\\nStep 2: So 6. ки", "label": "Add 2 and 3.
    Step 1: 2 + 3 = 5. +\\nStep 2: So 6. -", "task": "sums", …}"""
    texts, empty = bare_steps(rows)
    ends = rows.labelled
    cut, left_out = labelled(
        rows,
        ("empty_step", rows.any_step(empty, ends)),
        (
            "holds_the_tag",
            holds(rows.column("problem"), TAG) | rows.any_step(holds(texts, TAG), ends),
        ),
    )
    texts = cut.take(texts)
    steps = glued(_numbers(cut.layout, texts), texts, " ")
    signs = pc.if_else(pa.array(cut.labels == 1), "+", "-")
    problem = cut.column("problem")
    columns = {
        "input": glued(problem, " ", joined(cut.layout, glued(steps, TAG), "\n")),
        "label": glued(problem, " ", joined(cut.layout, glued(steps, signs), "\n")),
        "task": cut.column("domain"),
        "problem": problem,
        **cut.scores(),
        **cut.ids(),
    }
    return Projection(pa.table(columns, MATH_SHEPHERD.schema), left_out)


def _numbers(layout: Layout, texts: pa.Array) -> pa.Array:
    """ "Step 1: ", "Step 2: ", … before each step of a solution whose first is not so numbered."""
    firsts = layout.offsets[:-1]
    numbered: Bools = matches(texts.take(pa.array(firsts)), _NUMBERED)
    longest = int(layout.lengths.max(initial=0))
    names = pa.array(["", *(f"Step {t + 1}: " for t in range(longest))])
    return names.take(pa.array(np.where(numbered[layout.row], 0, layout.position + 1)))


MATH_SHEPHERD = Format(
    name="math-shepherd",
    consumer="Math-Shepherd's readers (TRL's conversion script among them)",
    shape="`input`, `label`, `task`",
    lost="as trl; also the blanks between steps, and which numbers of steps were the policy's own",
    columns=(
        Column("input", pa.string(), f"problem and steps; after each step the tag {TAG}"),
        Column("label", pa.string(), "the same, with + or - for the tag"),
        Column("task", pa.string(), "the problem's domain"),
        Column("problem", pa.string(), "the problem alone: where `input` has its first step"),
        *SCORES,
        *IDS,
    ),
    reads=("problem", "domain", "steps", "label", "keep", *IDS_AND_SCORES),
    project=project,
)
