"""Rows that hold a problem and its solution, without labels on the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.problems import worked_answer
from pipeline.rows import MAX_SOLUTION, BadRow, clean_text
from pipeline.shapes.solution import ANSWER, POLICY, PROBLEM, Parsed, build, first_of, pieces


def generic(data: Mapping[str, Any]) -> Parsed:
    """{"id": "s1", "problem": "Add 2 and 3.", "steps": ["2 + 3 = 5.", "So 5."], "answer": "5",
    "model": "Qwen2-7B-Instruct"}"""
    steps = pieces(data["steps"]) if data.get("steps") is not None else None
    text = "".join(steps) if steps is not None else data.get("solution")
    answer, policy = first_of(data, ANSWER), first_of(data, POLICY)
    return [build(data, first_of(data, PROBLEM), text, steps, answer=answer, policy=policy)]


def is_math(data: Mapping[str, Any]) -> bool:
    """Without an answer or a model of its own, and with MATH's columns: else the box of a sampled
    solution would be taken for the reference."""
    described = data.get("level") is not None and first_of(data, ("type", "subject")) is not None
    return described and first_of(data, (*ANSWER, *POLICY, "steps")) is None


def math(data: Mapping[str, Any]) -> Parsed:
    r"""{"problem": "How many vertical asymptotes does the graph of $y=\\frac{2}{x^2+x-6}$ have?",
    "level": "Level 3", "type": "Algebra", "solution": "The denominator ... $\\boxed{2}$ ..."}"""
    text = clean_text(data.get("solution"), "solution", MAX_SOLUTION)
    answer = worked_answer(text)
    if not answer:
        raise BadRow("empty_answer", "there is no \\boxed{} in the solution")
    return [build(data, first_of(data, PROBLEM), text, answer=answer, policy="gold")]


def gsm8k(data: Mapping[str, Any]) -> Parsed:
    """{"question": "Natalia sold clips to 48 of her friends ...",
    "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\\n...\\n#### 72"}"""
    text = clean_text(data["answer"], "answer", MAX_SOLUTION)
    last = text.rstrip().rpartition("\n")[2].strip()
    if not last.startswith("####") or not (answer := last.removeprefix("####").strip()):
        raise BadRow("empty_answer", "the answer does not end in '#### ' and a value")
    policy = first_of(data, POLICY) or "gold"
    return [build(data, data.get("question"), text, answer=answer, policy=policy)]


def is_model(value: object) -> bool:
    return isinstance(value, dict) and "solution" in value and "is_correct" in value


def model_solutions(data: Mapping[str, Any]) -> Parsed:
    """{"question": "Janet's ducks lay 16 eggs ...", "ground_truth": "Janet sells ...\\nA: 18",
    "6b_finetuning": {"is_correct": false, "solution": "Janet eats 3 ...\\nA: 26"}, ...}"""
    truth = clean_text(data["ground_truth"], "ground_truth")
    _, marker, answer = truth.rpartition("A:")
    if not marker or not answer.strip():
        raise BadRow("empty_answer", "ground_truth does not end in 'A: ' and a value")
    return [
        build(
            {},
            data.get("question"),
            value["solution"],
            answer=answer.strip(),
            policy=name,
            meta={"is_correct": value["is_correct"]},
        )
        for name, value in data.items()
        if is_model(value)
    ]
