"""Rows of our own tables (docs/schema.md): published labels, and solutions with their problem.

Guaranteed: the pieces stay as they were cut. Our labels are estimates, so they are no truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.rows import MAX_SOLUTION, BadRow, clean_text
from pipeline.shapes.solution import PROBLEM, Parsed, as_list, build, first_of

_KEPT = ("origin", "view")


def is_ours(data: Mapping[str, Any]) -> bool:
    # An export (pipeline/formats) has an id and soft labels too, and no steps.
    labelled = "p_correct" in data and "steps" in data
    return "solution_id" in data and (labelled or _holds_structs(data))


def ours(data: Mapping[str, Any]) -> Parsed:
    r"""{"solution_id": "9f0c...", "problem_id": "p1", "problem": "Add 2 and 3.", "answer": "5",
    "steps": ["2 + 3 = 5.\n\n", "So 5."], "p_correct": [1.0, 1.0], "policy": "m@1", ...}
    {"solution_id": "9f0c...", "problem_id": "p1", "text": "2 + 3 = 5.\n\nSo 5.",
    "steps": [{"text": "2 + 3 = 5.\n\n", "start": 0, "end": 12, ...}, ...], ...}"""
    if (problem := first_of(data, PROBLEM)) is None:
        raise BadRow(
            "unknown_shape",
            "a solutions table does not hold the problems' texts: read the labels in the folder's "
            "data/, or add a column `problem`",
        )
    texts = [
        clean_text(step["text"] if isinstance(step, dict) else step, "step", MAX_SOLUTION)
        for step in as_list(data.get("steps"), "steps")
    ]
    text = "".join(texts)
    if data.get("text") not in (None, text):
        raise BadRow("bad_steps", "the steps do not join to the text")
    meta = {name: data[name] for name in _KEPT if data.get(name) is not None}
    hashes = data.get("prefix_hash")
    whole = isinstance(hashes, list) and all(isinstance(one, str) for one in hashes)
    return [
        build(
            data,
            problem,
            text,
            texts,
            answer=data.get("answer"),
            policy=data.get("policy"),
            meta=meta,
            prefix_hashes=hashes if whole else None,
            answer_agreement=data.get("answer_agreement"),
        )
    ]


def _holds_structs(data: Mapping[str, Any]) -> bool:
    steps = data.get("steps")
    return isinstance(steps, list) and any(isinstance(step, dict) for step in steps)
