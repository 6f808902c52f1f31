"""Chat transcripts: the last turn is the solution, all before it the problem.

What a model thought before an earlier turn is left out of the problem, as chat templates do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.problems import worked_answer
from pipeline.rows import BadRow
from pipeline.shapes.solution import ANSWER, POLICY, Parsed, build, first_of
from pipeline.shapes.turns import Turn
from pipeline.trace import response_start


def chat(data: Mapping[str, Any], turns: Sequence[Turn]) -> Parsed:
    """{"messages": [{"role": "user", "content": "Add 2 and 3."}, {"role": "assistant",
    "content": "It is 5."}], "answer": "5", "model": "Qwen2-7B-Instruct"}"""
    if not turns or turns[-1].role != "assistant":
        raise BadRow("bad_turns", "the last turn is not the assistant's")
    *before, last = turns
    if not any(turn.role == "user" for turn in before):
        raise BadRow("bad_turns", "no turn of the user stands before the solution")
    text = last.text
    if last.thinking:
        thinking = last.thinking.strip("\n")
        text = f"<think>\n{thinking}\n</think>\n\n{text}"
    answer, policy = _answer(data, last.text), first_of(data, POLICY)
    return [build(data, _problem(before), text, answer=answer, policy=policy)]


def _problem(turns: Sequence[Turn]) -> str:
    if len(turns) == 1:
        return turns[0].text
    said = [(turn.role.capitalize(), turn.text[response_start(turn.text) :]) for turn in turns]
    return "\n\n".join(f"{role}: {text.strip()}" for role, text in said)


def _answer(data: Mapping[str, Any], said: str) -> Any:
    """The reference in the row. A `solution` counts for its marked answer, and only where it is
    another text than the transcript's own: no model is its own reference."""
    answer = first_of(data, (*ANSWER, "final_answer"))
    solution = data.get("solution")
    if answer is not None or not isinstance(solution, str) or solution.strip() == said.strip():
        return answer
    return worked_answer(solution)
