"""Rows that hold a sign, + or -, after each step: RLHFlow's chats and Math-Shepherd's pairs.

In both the question and the first step are one text; `split_question` parts them or sets the row
aside. The signs are outcomes of rollouts, which is what a dataset of ours estimates, not what it is
measured against: they are kept in `meta` and are no truth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.rows import BadRow
from pipeline.shapes.solution import (
    POLICY,
    Parsed,
    build,
    first_of,
    pieces,
    split_question,
)
from pipeline.shapes.turns import Turn

_SIGNS = ("+", "-")
_STEP_TAG = re.compile(r"[ \t]ки(?=\s|\Z)")
_SIGN = re.compile(r"[ \t]([+-])(?=\s|\Z)")


def is_rlhflow(turns: Sequence[Turn]) -> bool:
    said = [turn.text.strip() for turn in turns if turn.role == "assistant"]
    return bool(said) and all(text in _SIGNS for text in said)


def rlhflow(data: Mapping[str, Any], turns: Sequence[Turn]) -> Parsed:
    """{"conversations": [{"role": "user", "content": "Janet pays $40/hour ... Step 1: Janet ..."},
    {"role": "assistant", "content": "+"}, {"role": "user", "content": "Step 2: She ..."},
    {"role": "assistant", "content": "-"}]}"""
    if [turn.role for turn in turns] != ["user", "assistant"] * (len(turns) // 2):
        raise BadRow("bad_turns", "a step (user) is not followed by its sign (assistant)")
    problem, first = split_question(turns[0].text, data)
    if len(turns) == 2 and "Step 2:" in first:
        raise BadRow(
            "bad_label", "one sign for a whole solution is an outcome (RLHFlow's ORM data)"
        )
    steps = pieces([first, *(turn.text for turn in turns[2::2])])
    meta = {"labels": [turn.text.strip() for turn in turns[1::2]]}
    policy = first_of(data, POLICY)
    return [build(data, problem, "".join(steps), steps, policy=policy, meta=meta)]


def is_math_shepherd(data: Mapping[str, Any]) -> bool:
    text = data.get("input")
    return isinstance(text, str) and _STEP_TAG.search(text) is not None


def math_shepherd(data: Mapping[str, Any]) -> Parsed:
    """{"input": "Janet pays $40/hour ... in a year? Step 1: Janet spends ... lessons. ки\\nStep 2:
    ... The answer is: 7488 ки", "label": "Janet pays $40/hour ... in a year? Step 1: Janet spends
    ... lessons. +\\nStep 2: ... The answer is: 7488 -", "task": "GSM8K"}"""
    *texts, rest = _STEP_TAG.split(data["input"])
    if rest.strip():
        raise BadRow("bad_label", f"the last step has no 'ки': {rest.strip()[:40]!r}")
    problem, first = split_question(texts[0], data)
    steps = [first, *(text.strip() for text in texts[1:])]
    steps = pieces([f"{step}\n" for step in steps[:-1]] + steps[-1:])
    meta = {"labels": _signs(data.get("label"), texts), "task": data.get("task")}
    policy = first_of(data, POLICY)
    return [build(data, problem, "".join(steps), steps, policy=policy, meta=meta)]


def _signs(label: object, texts: Sequence[str]) -> list[str]:
    """The sign that stands in `label` behind each of the texts."""
    signs: list[str] = []
    at = 0
    for text in texts:
        sign = None
        if isinstance(label, str) and label.startswith(text, at):
            sign = _SIGN.match(label, at + len(text))
        if sign is None:
            raise BadRow("bad_label", f"step {len(signs) + 1} is not in label with a + or -")
        signs.append(sign[1])
        at = sign.end()
    return signs
