"""The shapes in which people keep solutions, one parser each with a real row on top.

`parse` recognises a row by its content and gives one or more solutions, each with whether its id
is the row's own. Guaranteed: pieces join to the text; a row that has gaps raises `BadRow`; labels
become truth where people gave them, and never where they are estimates of rollouts.
"""

from __future__ import annotations

from typing import Any

from pipeline.rows import BadRow
from pipeline.shapes.chat import chat
from pipeline.shapes.labelled import prm800k, process_bench
from pipeline.shapes.plain import generic, gsm8k, is_math, is_model, math, model_solutions
from pipeline.shapes.signs import is_math_shepherd, is_rlhflow, math_shepherd, rlhflow
from pipeline.shapes.solution import ImportedSolution, Parsed
from pipeline.shapes.tables import is_ours, ours
from pipeline.shapes.turns import is_chat, turns_of
from pipeline.verdict import Verdict

__all__ = ["SHAPES", "ImportedSolution", "Parsed", "parse"]

SHAPES = (
    "problem (or question, prompt) with steps or solution, and answer, id, model where known",
    "chats (messages, or conversations)",
    "RLHFlow (conversations in which the assistant says + or -)",
    "Math-Shepherd (input, label)",
    "ProcessBench (problem, steps, label)",
    "PRM800K (question.problem, label.steps)",
    "GSM8K (question, answer ending in ####)",
    "GSM8K model solutions (question, ground_truth, models)",
    "MATH (problem, level, type, solution)",
    "the labels table of a dataset made here",
)


def parse(data: Any, neutral: Verdict, wrong_branches: bool) -> Parsed:
    """The solutions of one row."""
    try:
        return _parse(data, neutral, wrong_branches)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRow("wrong_type", f"a part is not as in its shape: {error!r}") from None


def _parse(data: Any, neutral: Verdict, wrong_branches: bool) -> Parsed:
    if not isinstance(data, dict):
        raise BadRow("not_an_object", f"the row is {type(data).__name__}")
    question, label = data.get("question"), data.get("label")
    if isinstance(question, dict) and isinstance(label, dict):
        return prm800k(question, label, data, neutral, wrong_branches)
    if is_ours(data):
        return ours(data)
    if "label" in data and isinstance(data.get("steps"), list):
        return process_bench(data)
    if is_math_shepherd(data):
        return math_shepherd(data)
    if is_chat(data):
        turns = turns_of(data)
        return rlhflow(data, turns) if is_rlhflow(turns) else chat(data, turns)
    if "ground_truth" in data and any(is_model(value) for value in data.values()):
        return model_solutions(data)
    if "steps" in data or "solution" in data:
        return math(data) if is_math(data) else generic(data)
    if isinstance(data.get("answer"), str) and "####" in data["answer"]:
        return gsm8k(data)
    raise BadRow("unknown_shape", f"a row with {', '.join(map(str, data)) or 'no columns'}")
