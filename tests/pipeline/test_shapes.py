"""One row of each shape, and what becomes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.rows import BadRow
from pipeline.shapes import ImportedSolution, parse
from pipeline.verdict import Verdict

GOOD, BAD, NONE = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN

MATH = {
    "problem": "How many vertical asymptotes does the graph of $y=\\frac{2}{x^2+x-6}$ have?",
    "level": "Level 3",
    "type": "Algebra",
    "solution": "The denominator is $(x-2)(x+3)$, so there are $\\boxed{2}$ vertical asymptotes.",
}
MESSAGES = [
    {"role": "system", "content": "You are a tutor."},
    {"role": "user", "content": "Add 2 and 3."},
    {"role": "assistant", "content": "It is \\boxed{5}."},
]
SHAREGPT = [
    {"from": "system", "value": "You are a tutor."},
    {"from": "human", "value": "Add 2 and 3."},
    {"from": "gpt", "value": "It is \\boxed{5}."},
]
QUESTION = "Janet pays $40/hour for 3 hours per week of clarinet lessons. How much in a year?"
RLHFLOW = [
    {"role": "user", "content": f"{QUESTION} Step 1: She pays 40*3 = <<40*3=120>>120 a week."},
    {"role": "assistant", "content": "+"},
    {"role": "user", "content": "Step 2: That is 120*50 = <<120*50=6000>>6000 a year."},
    {"role": "assistant", "content": "-"},
    {"role": "user", "content": "Step 3: The answer is: 6000"},
    {"role": "assistant", "content": "-"},
]
SHEPHERD = {
    "input": f"{QUESTION} Step 1: She pays 40*3 = <<40*3=120>>120 a week. ки\n"
    "Step 2: That is 120*50 = <<120*50=6000>>6000 a year. The answer is: 6000 ки",
    "label": f"{QUESTION} Step 1: She pays 40*3 = <<40*3=120>>120 a week. +\n"
    "Step 2: That is 120*50 = <<120*50=6000>>6000 a year. The answer is: 6000 -",
    "task": "GSM8K",
}
LABELS = {
    "solution_id": "9f0c",
    "problem_id": "p1",
    "source": "gsm8k",
    "domain": "sums",
    "language": "en",
    "level": "Level 1",
    "problem": "Add 2 and 3.",
    "answer": "5",
    "steps": ["2 + 3 = 5. ", "So 5."],
    "p_correct": [1.0, 0.5],
    "label": [1, 0],
    "origin": "sampled",
    "policy": "m@1",
    "view": "hard",
    "finish_reason": "length",
    "final_answer": "5",
}
SOLUTIONS = {
    "solution_id": "9f0c",
    "problem_id": "p1",
    "policy": "m@1",
    "text": "2 + 3 = 5. So 5.",
    "steps": [
        {"text": "2 + 3 = 5. ", "start": 0, "end": 11, "token_end": 9, "logprob": -0.1},
        {"text": "So 5.", "start": 11, "end": 16, "token_end": 12, "logprob": -0.2},
    ],
    "token_ids": [1, 2, 3],
    "final_answer": "5",
    "outcome": "correct",
}


def one(row: dict[str, Any]) -> ImportedSolution:
    ((solution, _),) = parse(row, GOOD, False)
    return solution


def reason(row: dict[str, Any]) -> str:
    with pytest.raises(BadRow) as caught:
        parse(row, GOOD, False)
    return caught.value.reason


def test_a_math_row_is_a_gold_solution() -> None:
    solution = one(MATH)
    assert (solution.text, solution.answer, solution.policy) == (MATH["solution"], "2", "gold")
    assert (solution.level, solution.domain, solution.steps) == ("Level 3", "Algebra", None)


def test_a_math_row_without_a_box_has_no_answer() -> None:
    assert reason({**MATH, "solution": "There are two."}) == "empty_answer"


@pytest.mark.parametrize("column", ["policy", "model", "generator"])
def test_the_box_of_a_sampled_solution_is_no_reference(column: str) -> None:
    solution = one({**MATH, column: "Qwen2-7B-Instruct"})
    assert (solution.answer, solution.policy) == (None, "Qwen2-7B-Instruct")


def test_a_math_row_with_an_answer_of_its_own_claims_no_policy() -> None:
    solution = one({**MATH, "answer": "3"})
    assert (solution.answer, solution.policy) == ("3", None)


@pytest.mark.parametrize("row", [{"messages": MESSAGES}, {"conversations": SHAREGPT}])
def test_a_chat_is_a_problem_and_its_solution(row: dict[str, Any]) -> None:
    solution = one({**row, "answer": "5", "model": "m1"})
    assert (solution.problem, solution.text) == ("Add 2 and 3.", "It is \\boxed{5}.")
    assert (solution.answer, solution.policy, solution.steps) == ("5", "m1", None)


def test_openthoughts_keeps_the_system_turn_outside() -> None:
    turns = [
        {"from": "user", "value": "Add."},
        {"from": "assistant", "value": "<|begin_of_thought|>So.<|end_of_thought|>5"},
    ]
    assert one({"system": "Think.", "conversations": turns}).problem == "Add."


def test_content_may_be_a_list_of_parts() -> None:
    parts = [{"type": "text", "text": "It is "}, {"type": "text", "text": "5."}]
    assert one({"messages": [*MESSAGES[:2], {"role": "assistant", "content": parts}]}).text == (
        "It is 5."
    )


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_thinking_beside_the_content_comes_first(name: str) -> None:
    last = {"role": "assistant", "content": "It is 5.", name: "\n2 + 3 = 5\n"}
    solution = one({"messages": [*MESSAGES[:2], last]})
    assert solution.text == "<think>\n2 + 3 = 5\n</think>\n\nIt is 5."


def test_a_chat_may_end_in_mere_thinking() -> None:
    last = {"role": "assistant", "content": None, "reasoning_content": "Hm."}
    assert one({"messages": [*MESSAGES[:2], last]}).text == "<think>\nHm.\n</think>\n\n"


def test_of_several_turns_all_but_the_last_are_the_problem() -> None:
    first = {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nIt is 6."}
    turns = [MESSAGES[1], first, {"role": "user", "content": "Sure?"}, MESSAGES[2]]
    assert one({"messages": turns}).problem == (
        "User: Add 2 and 3.\n\nAssistant: It is 6.\n\nUser: Sure?"
    )


@pytest.mark.parametrize(
    ("columns", "answer"),
    [
        ({}, None),
        ({"answer": "5"}, "5"),
        ({"ground_truth": 5}, "5"),
        ({"reference_answer": "$\\boxed{5}$"}, "5"),
        ({"final_answer": "5"}, "5"),
        ({"answer": None, "final_answer": "5"}, "5"),
        ({"solution": "2 + 3 = 5, so $\\boxed{5}$."}, "5"),
        ({"solution": "2 + 3 = 5.\n#### 5"}, "5"),
        ({"solution": "It is five."}, None),
        ({"solution": "It is \\boxed{5}."}, None),  # the transcript's own text
    ],
)
def test_where_the_answer_of_a_chat_stands(columns: dict[str, Any], answer: str | None) -> None:
    assert one({"messages": MESSAGES, **columns}).answer == answer


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([], "bad_turns"),
        (MESSAGES[:2], "bad_turns"),
        (MESSAGES[2:], "bad_turns"),
        ([*MESSAGES, {"role": "user", "content": "Thanks."}], "bad_turns"),
        ([{"role": "tool", "content": "5"}, *MESSAGES], "bad_turns"),
        ([{"content": "5"}, *MESSAGES], "bad_turns"),
        ([*MESSAGES[:2], {**MESSAGES[2], "tool_calls": [{"id": "1"}]}], "bad_turns"),
        ([*MESSAGES[:2], {"role": "assistant", "content": ""}], "empty_solution"),
        ([{"role": "user", "content": ""}, MESSAGES[2]], "empty_problem"),
        ([{"role": "user", "content": [{"type": "image_url"}]}, MESSAGES[2]], "not_text"),
        ([{"role": "user", "content": 5}, MESSAGES[2]], "wrong_type"),
        (["Add.", "5"], "wrong_type"),
    ],
)
def test_a_chat_that_holds_no_solution_is_bad(turns: list[Any], expected: str) -> None:
    assert reason({"messages": turns}) == expected


def test_empty_tool_calls_do_no_harm() -> None:
    assert one({"messages": [*MESSAGES[:2], {**MESSAGES[2], "tool_calls": []}]}).answer is None


def test_rlhflow_signs_are_kept_but_are_no_truth() -> None:
    solution = one({"conversations": RLHFLOW})
    assert solution.problem == QUESTION
    assert solution.steps == [
        "Step 1: She pays 40*3 = <<40*3=120>>120 a week.\n\n",
        "Step 2: That is 120*50 = <<120*50=6000>>6000 a year.\n\n",
        "Step 3: The answer is: 6000",
    ]
    assert solution.truth is None
    assert json.loads(solution.meta) == {"labels": ["+", "-", "-"]}


def test_rlhflow_is_split_at_a_line_break_too() -> None:
    first = {"role": "user", "content": "Add 2 and 3.\nStep 1: It is 5."}
    solution = one({"conversations": [first, RLHFLOW[1]]})
    assert (solution.problem, solution.text) == ("Add 2 and 3.", "Step 1: It is 5.")


def test_rlhflow_is_split_after_the_problem_of_the_row() -> None:
    first = {"role": "user", "content": "Convert the point $(0,3)$. To convert it, we use $r$."}
    row = {"problem": "Convert the point $(0,3)$.", "conversations": [first, RLHFLOW[1]]}
    assert one(row).text == "To convert it, we use $r$."


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([{"role": "user", "content": "Add 2 and 3. It is 5."}, RLHFLOW[1]], "question_not_split"),
        (
            [{"role": "user", "content": "Q. Step 1: a Step 1: b"}, RLHFLOW[1]],
            "question_not_split",
        ),
        ([{"role": "user", "content": "Step 1: It is 5."}, RLHFLOW[1]], "empty_problem"),
        ([*RLHFLOW[:2], *RLHFLOW[3:4]], "bad_turns"),
        ([*RLHFLOW, RLHFLOW[2]], "bad_turns"),
        ([{"role": "user", "content": "Q Step 1: a\nStep 2: b"}, RLHFLOW[1]], "bad_label"),
    ],
)
def test_signs_without_their_steps_are_bad(turns: list[Any], expected: str) -> None:
    assert reason({"conversations": turns}) == expected


def test_math_shepherd_signs_are_kept_and_are_no_truth() -> None:
    solution = one(SHEPHERD)
    assert solution.problem == QUESTION
    assert solution.steps == [
        "Step 1: She pays 40*3 = <<40*3=120>>120 a week.\n",
        "Step 2: That is 120*50 = <<120*50=6000>>6000 a year. The answer is: 6000",
    ]
    assert (solution.truth, solution.answer) == (None, None)
    assert json.loads(solution.meta) == {"labels": ["+", "-"], "task": "GSM8K"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label": None}, "bad_label"),
        ({"label": "another text +"}, "bad_label"),
        ({"label": SHEPHERD["label"][:-1]}, "bad_label"),
        ({"label": SHEPHERD["label"][:-1] + "?"}, "bad_label"),
        ({"input": SHEPHERD["input"] + "\nStep 3: more"}, "bad_label"),
        ({"input": "Add. So 5. ки"}, "question_not_split"),
    ],
)
def test_a_math_shepherd_row_whose_texts_differ_is_bad(
    change: dict[str, Any], expected: str
) -> None:
    assert reason({**SHEPHERD, **change}) == expected


def test_a_word_that_ends_in_the_tag_is_no_tag() -> None:
    assert reason({"input": "Книги и руки", "label": "+"}) == "unknown_shape"


def test_a_row_of_our_labels_keeps_its_pieces_and_its_id() -> None:
    ((solution, own_id),) = parse(LABELS, GOOD, False)
    assert own_id
    assert (solution.solution_id, solution.problem_id) == ("9f0c", "p1")
    assert (solution.steps, solution.text) == (["2 + 3 = 5. ", "So 5."], "2 + 3 = 5. So 5.")
    assert (solution.answer, solution.policy, solution.truth) == ("5", "m@1", None)
    assert (solution.source, solution.domain) == ("gsm8k", "sums")
    assert (solution.language, solution.level) == ("en", "Level 1")
    assert solution.finish_reason == "length"
    assert json.loads(solution.meta) == {"origin": "sampled", "view": "hard"}


def test_a_majority_answer_is_marked() -> None:
    assert one({**LABELS, "answer_agreement": 0.75}).answer_agreement == 0.75


def test_a_row_of_our_solutions_needs_its_problem() -> None:
    assert reason(SOLUTIONS) == "unknown_shape"
    solution = one({**SOLUTIONS, "problem": "Add 2 and 3."})
    assert solution.steps == ["2 + 3 = 5. ", "So 5."]
    assert solution.answer is None  # final_answer is the model's


def test_our_steps_must_join_to_the_text() -> None:
    row = {**SOLUTIONS, "problem": "Add 2 and 3.", "text": "2 + 3 = 5.\n\nSo 5."}
    assert reason(row) == "bad_steps"


@pytest.mark.parametrize("column", ["answer", "ground_truth", "reference_answer"])
def test_the_answer_of_a_plain_row(column: str) -> None:
    assert one({"problem": "Add.", "solution": "It is 5.", column: 5}).answer == "5"


def test_the_final_answer_of_a_plain_row_may_be_the_models_own() -> None:
    row = {"problem": "Add.", "solution": "It is 5.", "final_answer": "5"}
    assert one(row).answer is None


@pytest.mark.parametrize("column", ["policy", "model", "generator"])
def test_each_row_has_its_policy(column: str) -> None:
    row = {"problem": "Add.", "solution": "5"}
    assert [one({**row, column: name}).policy for name in ("a", "b")] == ["a", "b"]


def test_descriptions_are_none_where_the_row_has_none() -> None:
    solution = one({"problem": "Add.", "solution": "5", "language": None, "subject": {"a": 1}})
    assert (solution.level, solution.domain) == (None, None)
    assert (solution.language, solution.source) == (None, None)


@pytest.mark.parametrize(("level", "expected"), [(3, "3"), (3.0, "3"), ("Level 3", "Level 3")])
def test_a_level_is_a_word_or_a_number(level: object, expected: str) -> None:
    assert one({"problem": "Add.", "solution": "5", "level": level}).level == expected
