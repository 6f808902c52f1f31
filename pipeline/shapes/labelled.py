"""Rows whose steps people have labelled: ProcessBench and PRM800K."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.rows import BadRow
from pipeline.shapes.solution import Parsed, as_list, build, pieces, until_error
from pipeline.verdict import Verdict


def process_bench(data: Mapping[str, Any]) -> Parsed:
    """{"id": "gsm8k-0", "generator": "Qwen2-7B-Instruct", "problem": "Sue lives in ...",
    "steps": ["To find out ...", "On Saturday ..."], "final_answer_correct": false, "label": 1}"""
    steps, label = pieces(data["steps"]), data["label"]
    if isinstance(label, bool) or not isinstance(label, int) or not -1 <= label < len(steps):
        raise BadRow("bad_label", f"label is {label!r}, not -1..{len(steps) - 1}")
    truth = [Verdict.CORRECT] * len(steps)
    if label >= 0:
        truth[label] = Verdict.INCORRECT
    return [
        build(
            data,
            data.get("problem"),
            "".join(steps),
            steps,
            policy=data.get("generator"),
            truth=until_error(truth),
            meta={"final_answer_correct": data.get("final_answer_correct")},
        )
    ]


def prm800k(
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
    for step in as_list(label.get("steps"), "label.steps"):
        options = as_list(step.get("completions") or [], "completions")
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
        build(
            {},
            question.get("problem"),
            "".join(cut := pieces([text for text, _ in steps])),
            cut,
            answer=question.get("ground_truth_answer"),
            truth=until_error([verdict for _, verdict in steps]),
            meta=meta,
        )
        for steps in [path, *paths]
    ]
