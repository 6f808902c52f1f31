"""The shapes in which people keep solutions, one parser each with a real row on top.

`parse` recognises a row by its content and gives one or more solutions, each with whether its id
is the row's own. Guaranteed: pieces join to the text; a row that has gaps raises `BadRow`.

Pieces: where all steps but the last end in a line break they carry their own delimiter and are
taken as they are; otherwise "\\n\\n" is added to each step but the last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.problems import reference_answer
from pipeline.rows import BadRow, clean_text, content_id
from pipeline.verdict import Verdict

SHAPES = (
    "problem (or question, prompt) with steps or solution, and answer, id where known",
    "ProcessBench (problem, steps, label)",
    "GSM8K (question, answer ending in ####)",
    "GSM8K model solutions (question, ground_truth, models)",
    "PRM800K (question.problem, label.steps)",
)


@dataclass(frozen=True, slots=True)
class ImportedSolution:
    """One solution; `steps` are pieces that join to `text`, None where the row is not cut."""

    solution_id: str
    problem_id: str
    problem: str
    answer: str | None
    text: str
    steps: list[str] | None
    policy: str | None
    truth: list[Verdict] | None
    meta: str  # JSON


Parsed = list[tuple[ImportedSolution, bool]]  # True: the id is the row's own


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
        return _prm800k(question, label, data, neutral, wrong_branches)
    if "steps" in data and "label" in data and isinstance(data["steps"], list):
        return _process_bench(data)
    if "ground_truth" in data and any(_is_model(value) for value in data.values()):
        return _model_solutions(data)
    if "steps" in data or "solution" in data:
        return _generic(data)
    if isinstance(data.get("answer"), str) and "####" in data["answer"]:
        return _gsm8k(data)
    raise BadRow("unknown_shape", f"a row with {', '.join(map(str, data)) or 'no columns'}")


def _generic(data: Mapping[str, Any]) -> Parsed:
    """{"id": "s1", "problem": "Add 2 and 3.", "steps": ["2 + 3 = 5.", "So 5."], "answer": "5"}"""
    problem = next((data[k] for k in ("problem", "question", "prompt") if data.get(k)), None)
    steps = _pieces(data["steps"]) if data.get("steps") is not None else None
    text = "".join(steps) if steps is not None else data.get("solution")
    policy = data.get("policy") or data.get("model") or data.get("generator")
    return [_build(data, problem, text, steps, answer=data.get("answer"), policy=policy)]


def _process_bench(data: Mapping[str, Any]) -> Parsed:
    """{"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "Sue lives in ...",
    "steps": ["To find out ...", "On Saturday ..."], "final_answer_correct": false, "label": 1}"""
    steps, label = _pieces(data["steps"]), data["label"]
    if isinstance(label, bool) or not isinstance(label, int) or not -1 <= label < len(steps):
        raise BadRow("bad_label", f"label is {label!r}, not -1..{len(steps) - 1}")
    truth = [Verdict.CORRECT] * len(steps)
    if label >= 0:
        after = len(steps) - label - 1
        truth = [Verdict.CORRECT] * label + [Verdict.INCORRECT] + [Verdict.UNKNOWN] * after
    meta = {"final_answer_correct": data.get("final_answer_correct")}
    policy = data.get("generator")
    problem, text = data.get("problem"), "".join(steps)
    return [_build(data, problem, text, steps, policy=policy, truth=truth, meta=meta)]


def _gsm8k(data: Mapping[str, Any]) -> Parsed:
    """{"question": "Natalia sold clips to 48 of her friends ...",
    "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\\n...\\n#### 72"}"""
    text = clean_text(data["answer"], "answer")
    answer = reference_answer(text)
    if not answer or answer == text.strip():
        raise BadRow("empty_answer", "the answer does not end in '#### ' and a value")
    return [_build(data, data.get("question"), text, None, answer=answer, policy="gold")]


def _is_model(value: object) -> bool:
    return isinstance(value, dict) and "solution" in value and "is_correct" in value


def _model_solutions(data: Mapping[str, Any]) -> Parsed:
    """{"question": "Janet's ducks lay 16 eggs ...", "ground_truth": "Janet sells ...\\nA: 18",
    "6b_finetuning": {"is_correct": false, "solution": "Janet eats 3 ...\\nA: 26"}, ...}"""
    truth = clean_text(data["ground_truth"], "ground_truth")
    _, marker, answer = truth.rpartition("A:")
    if not marker or not answer.strip():
        raise BadRow("empty_answer", "ground_truth does not end in 'A: ' and a value")
    return [
        _build(
            {},
            data.get("question"),
            value["solution"],
            None,
            answer=answer.strip(),
            policy=name,
            meta={"is_correct": value["is_correct"]},
        )
        for name, value in data.items()
        if _is_model(value)
    ]


def _prm800k(
    question: Mapping[str, Any],
    label: Mapping[str, Any],
    data: Mapping[str, Any],
    neutral: Verdict,
    wrong_branches: bool,
) -> Parsed:
    """{"question": {"problem": "Three pencils ...", "ground_truth_answer": "29"},
    "label": {"steps": [{"completions": [{"text": "Let's call ...", "rating": 1}],
    "human_completion": null, "chosen_completion": 0}], "finish_reason": "solution"}}"""
    verdicts = {1: Verdict.CORRECT, 0: neutral, -1: Verdict.INCORRECT}
    path: list[tuple[str, Verdict]] = []
    paths: list[list[tuple[str, Verdict]]] = []
    for step in _list(label.get("steps"), "label.steps"):
        options = _list(step.get("completions") or [], "completions")
        rated = [option for option in options if option.get("rating") in verdicts]
        human, chosen = step.get("human_completion"), step.get("chosen_completion")
        if isinstance(chosen, int) and 0 <= chosen < len(options):
            piece = options[chosen]["text"], verdicts.get(options[chosen].get("rating"))
        elif human:  # written by the labeler as the right way on
            piece = (human["text"] if isinstance(human, dict) else human), Verdict.CORRECT
        elif rated:  # phase 2 ends here: the step that was generated first is the wrong one
            piece = rated[0]["text"], verdicts[rated[0]["rating"]]
        else:
            break  # given up before anything was rated
        if wrong_branches:
            wrong = [(o["text"], Verdict.INCORRECT) for o in rated if o["rating"] == -1]
            paths += [[*path, branch] for branch in wrong if branch[0] != piece[0]]
        path.append((piece[0], piece[1] or Verdict.UNKNOWN))
    if not path:
        raise BadRow("empty_steps", "no step was rated")
    meta = {"labeler": data.get("labeler"), "finish_reason": label.get("finish_reason")}
    return [
        _build(
            {},
            question.get("problem"),
            "".join(pieces := _pieces([text for text, _ in steps])),
            pieces,
            answer=question.get("ground_truth_answer"),
            truth=_until_error([verdict for _, verdict in steps]),
            meta=meta,
        )
        for steps in [path, *paths]
    ]


def _until_error(truth: list[Verdict]) -> list[Verdict]:
    """Labels after the first error speak of another question: unknown."""
    if Verdict.INCORRECT not in truth:
        return truth
    end = truth.index(Verdict.INCORRECT) + 1
    return truth[:end] + [Verdict.UNKNOWN] * (len(truth) - end)


def _list(value: object, field: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadRow("wrong_type", f"{field} is {type(value).__name__}, not a list")
    return value


def _pieces(steps: object) -> list[str]:
    """Steps as pieces that join to the solution's text."""
    texts = [clean_text(step, "step") for step in _list(steps, "steps")]
    if not texts:
        raise BadRow("empty_steps", "there is no step")
    if all(text.endswith("\n") for text in texts[:-1]):
        return texts
    return [text + "\n\n" for text in texts[:-1]] + texts[-1:]


def _build(
    data: Mapping[str, Any],
    problem: object,
    text: object,
    steps: Sequence[str] | None,
    *,
    answer: object = None,
    policy: object = None,
    truth: list[Verdict] | None = None,
    meta: Mapping[str, Any] | None = None,
) -> tuple[ImportedSolution, bool]:
    problem, text = clean_text(problem, "problem"), clean_text(text, "solution")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = str(answer)
    given = data.get("solution_id", data.get("id"))
    own_id = isinstance(given, str | int) and given != ""
    solution_id = content_id("s", problem, text, str(policy), *(truth or []))
    problem_id = data.get("problem_id")
    solution = ImportedSolution(
        solution_id=clean_text(str(given), "id") if own_id else solution_id,
        problem_id=clean_text(str(problem_id), "problem_id")
        if problem_id is not None
        else content_id("p", problem),
        problem=problem,
        answer=None if answer in (None, "") else reference_answer(clean_text(answer, "answer")),
        text=text,
        steps=list(steps) if steps is not None else None,
        policy=None if policy is None else clean_text(policy, "policy"),
        truth=truth,
        meta=json.dumps(meta or {}, default=str, sort_keys=True),
    )
    return solution, own_id
