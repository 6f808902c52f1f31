"""What labels after the first error mean: `mask`, `propagate` or `local`.

Guarantees, with the first error = the first step that the view labels 0: `mask` makes labels and
p_correct null after it; `propagate` makes them 0 (p_correct stays null in a view that states
none); `local` forgets the view after it, and there and wherever the view is undecided lets the
tools speak: refuted 0, confirmed 1, else null. Does not move the view's first error.
HRM and "Lessons" name the choice as one that a dataset must state; the card does.
"""

from __future__ import annotations

import numpy as np

from pipeline.labels.layout import NULL, Bools, Ints, Labels8, Layout
from pipeline.labels.shard import View
from pipeline.labels.tools import Tools
from pipeline.recipe import AfterError


def apply(view: View, layout: Layout, mode: AfterError, tools: Tools, states_p: bool) -> View:
    after = layout.position > layout.first_where(view.label == 0)[layout.row]
    if mode == "propagate":
        p_after = 0.0 if states_p else np.nan
        return View(
            np.where(after, np.int8(0), view.label), np.where(after, p_after, view.p_correct)
        )
    label = np.where(after, NULL, view.label)
    p_correct = np.where(after, np.nan, view.p_correct)
    if mode == "local":
        refuted = (label == NULL) & tools.refuted
        confirmed = (label == NULL) & tools.confirmed
        label = np.where(refuted, np.int8(0), np.where(confirmed, np.int8(1), label))
        p_correct = np.where(refuted, 0.0, np.where(confirmed, 1.0, p_correct))
    return View(label, p_correct)


def first_error(label: Labels8, layout: Layout) -> tuple[Ints, Bools]:
    """For each solution its first error (-1: none) and whether that is decided.

    Decided where every label before the first 0 is 1, or where all labels are 1. A solution
    without a step has nothing to decide.
    """
    first = layout.first_where(label != 1)
    has_steps = layout.lengths > 0
    all_right = has_steps & (first == layout.lengths)
    found = np.zeros(layout.num_solutions, dtype=np.bool_)
    stopped = first < layout.lengths
    found[stopped] = label[(layout.offsets[:-1] + first)[stopped]] == 0
    return np.where(all_right, -1, first), all_right | found
