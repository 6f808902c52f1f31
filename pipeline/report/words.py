"""What each source says of each step: 1 right, 0 wrong, -1 nothing.

Sources are the published labels, the rollouts, every tool, every judge (by the majority of its
votes), and people. Guarantees: a source that says nothing of any step is left out. Rollouts speak
of the steps up to their first error (view hard) and of nothing after it; a tool that both refutes
and confirms a step refutes it; people who contradict each other say nothing. Tools, judges and
people speak of the step, labels and rollouts of the prefix: up to the first error that is the same.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.human.log import HUMAN
from pipeline.judge_name import is_judge
from pipeline.labels.judges import read_votes, votes_of
from pipeline.labels.layout import Labels8, Layout
from pipeline.labels.tools import Tools, read_tools
from pipeline.report.steps import UNDECIDED, Steps

Words = dict[str, Labels8]
LABELS, ROLLOUTS = "labels", "rollouts"


def words_of(steps: Steps, evidence: pl.DataFrame) -> Words:
    """By name: labels, rollouts, tools, judges, people."""
    ids, layout = steps.rows["solution_id"], steps.layout
    found = {LABELS: steps.label, ROLLOUTS: _of_rollouts(steps)}
    rows = read_tools(evidence, ids, layout)
    for name in rows["annotator"].unique().sort():
        mine = rows.filter(pl.col("annotator") == name)
        if name != HUMAN:
            found[name] = _of_tool(Tools.of(mine, layout))
    for name, votes in votes_of(read_votes(evidence, ids, layout), layout).items():
        found[name] = votes.majority
    found[HUMAN] = _of_people(evidence, ids, layout)
    return {name: words for name, words in found.items() if (words >= 0).any()}


def tools_in(words: Words) -> list[str]:
    """Names of the tools among them."""
    return [name for name in words if name not in (LABELS, ROLLOUTS, HUMAN) and not is_judge(name)]


def judges_in(words: Words) -> list[str]:
    return [name for name in words if is_judge(name)]


def _of_rollouts(steps: Steps) -> Labels8:
    first = steps.first("mc_first_error")[steps.layout.row]
    position = steps.layout.position
    right = (first == -1) | ((first >= 0) & (position < first))
    said = np.where(right, 1, np.where(position == first, 0, -1))
    return np.where(first == UNDECIDED, -1, said).astype(np.int8)


def _of_tool(tools: Tools) -> Labels8:
    return np.where(tools.refuted, 0, np.where(tools.confirmed, 1, -1)).astype(np.int8)


def _of_people(evidence: pl.DataFrame, ids: pl.Series, layout: Layout) -> Labels8:
    said = np.full(layout.num_steps, -1, dtype=np.int8)
    human = evidence.filter(pl.col("annotator") == HUMAN)
    if human.is_empty():
        return said
    rows = read_tools(human, ids, layout)
    # `read_tools` lets "incorrect" win; people who contradict each other are undecided.
    both = human.filter((pl.col("correct") > 0) & (pl.col("incorrect") > 0))
    torn = read_tools(both, ids, layout)["flat"].to_numpy()
    said[rows["flat"].to_numpy()] = (
        rows["verdict"].replace_strict({"correct": 1, "incorrect": 0}, default=-1).to_numpy()
    )
    said[torn] = -1
    return said
