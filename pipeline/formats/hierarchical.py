"""HRM's merged nodes: beside each fine solution the same one with neighbours joined.

HRM's rule (arXiv 2503.13551) adds, for every step but the first, a step made of the one before and
itself, with its own label. Two more rows a solution hold all of these: `even` joins steps 0 and 1,
2 and 3, …, `odd` joins 1 and 2, 3 and 4, …; a step that is left over stands alone.

Guarantees: each pair of neighbours is joined in one row, and `merged` flags it; rows without a
joined step are not written; joined, the completions of every row are the beginning of the
solution's text. What the merging adds is noise on purpose: a wrong step that is joined with one
labelled right is in a step labelled right.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Cut, Rows, joined
from pipeline.formats.shared import IDS, IDS_AND_SCORES, PROMPT, SCORES, labelled, prompts
from pipeline.labels.layout import Ints, Layout

_LEVELS = ("fine", "even", "odd")


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Add 2 and 3.\\n", "completions": ["2 + 3 = 5.\\n\\nSo 5."], "labels": [true],
    "merged": [true], "level": "even", …}"""
    cut, left_out = labelled(rows, ("empty_step", rows.any_step(rows.empty_step, rows.labelled)))
    prompt = prompts(cut.column("problem"), options["prompt"])
    levels = [_level(cut, prompt, level) for level in range(len(_LEVELS))]
    table = pa.concat_tables(table for table, _ in levels)
    # A solution's rows stand together.
    order = np.argsort(np.concatenate([rows for _, rows in levels]), kind="stable")
    return Projection(table.take(pa.array(order)), left_out)


def _level(cut: Cut, prompt: pa.Array, level: int) -> tuple[pa.Table, Ints]:
    """The rows of one level, and which of the cut's they are of."""
    layout = cut.layout
    # The step of the level that each step is part of: 0 0 1 1 … or 0 1 1 2 2 …
    part = layout.position if level == 0 else (layout.position + (level == 2)) // 2
    ends = np.ones(layout.num_steps, dtype=np.bool_)
    ends[:-1] = (part[1:] != part[:-1]) | (layout.row[1:] != layout.row[:-1])
    last = np.flatnonzero(ends)
    of_part = Layout.of_lengths(np.diff(last, prepend=-1))
    parts = Layout.of_lengths(np.bincount(layout.row[last], minlength=layout.num_solutions))
    texts = joined(of_part, cut.steps, "")
    chosen = np.flatnonzero(layout.lengths > level)
    some = pa.array(chosen)

    def lists(flat: pa.Array) -> pa.Array:
        return parts.lists(flat).take(some)

    ids = cut.ids()
    columns = {
        "prompt": prompt.take(some),
        "completions": lists(texts),
        "labels": lists(pa.array(cut.labels[last] == 1)),
        "merged": lists(pa.array(of_part.lengths > 1)),
        "level": pa.repeat(_LEVELS[level], len(chosen)),
        **{name: lists(cut.flat(name).take(pa.array(last))) for name in ("p_correct", "value")},
        **{name: column.take(some) for name, column in ids.items()},
    }
    return pa.table(columns, HIERARCHICAL.schema), chosen


HIERARCHICAL = Format(
    name="hierarchical",
    consumer="trainers of format trl, for HRM's coarse and fine steps",
    shape="as trl, three rows a solution, with `merged` and `level`",
    lost="as trl",
    note="Coarse and fine rows of a solution have the same text; they differ for a trainer that "
    "marks where steps end, so give it a step separator.",
    columns=(
        Column("prompt", pa.string(), "the problem, by option `prompt`"),
        Column("completions", pa.list_(pa.string()), "steps, or two joined"),
        Column("labels", pa.list_(pa.bool_()), "whether each is right: of two the second's"),
        Column("merged", pa.list_(pa.bool_()), "whether it is two steps joined"),
        Column("level", pa.string(), "fine; even (0 and 1 joined, …); odd (1 and 2 joined, …)"),
        *SCORES,
        *IDS,
    ),
    reads=("problem", "steps", "label", "keep", *IDS_AND_SCORES),
    project=project,
    options=PROMPT,
)
