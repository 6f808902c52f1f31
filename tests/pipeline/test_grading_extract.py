"""Finding the final answer, and whether it stands."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.grading.extract import find_answer, last_box


def extract_answer(text: str, answer_type: str) -> str | None:
    found = find_answer(text, answer_type)
    return found.text if found else None


def answer_is_complete(text: str) -> bool:
    """Whether the final answer stands, though the text was cut."""
    found = find_answer(text, "text")
    return found is not None and found.complete


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So \\boxed{12}.", "12"),
        ("\\boxed{1} then \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("\\boxed{\\boxed{5}}", "5"),
        ("\\boxed {7}", "7"),
        ("The answer is 3. \\boxed{4}", "4"),
        ("6 + 6 = 12\n#### 12", "12"),
        ("#### 1\n#### 2\n", "2"),
        ("#### 3. Result\nThe answer is 12.", "12"),
        ("The answer is below.\n#### 12", "12"),
        ("The answer is 12.", "12"),
        ("THE ANSWER IS 12.", "12"),
        ("The answer is 3. Answers differ. Answer: 4", "4"),
        ("\u0130 is two letters when small. The ANSWER is 12.", "12"),
        ("The answer is 3.5.", "3.5"),
        ("The answer is 12. I hope it is correct.", "12"),
        ("The final answer is: $\\frac{1}{2}$.", "$\\frac{1}{2}$"),
        ("**Final Answer:** 12", "12"),
        ("**Answer**: **12**", "12"),
        ("Answer:\n\n12", "12"),
        ("The answer is\n\\[ x = 12 \\]\nas wanted", "x = 12"),
        ("The answer is 1.\nNo, the answer is 2.\n", "2"),
        ("So \\fbox{12}.", "12"),
        ("So $\\boxed 5$.", "5"),
        ("So $\\boxed \\pi$.", "\\pi"),
        ("\\boxed 5 costs $7", None),
        ("I get 12 apples.", None),
        ("The answer isn't clear.", None),
        ("\\boxed{}", None),
        ("\\boxed{1} then \\boxed{2", None),
        ("", None),
    ],
)
def test_the_final_answer(text: str, expected: str | None) -> None:
    assert extract_answer(text, "number") == expected


@pytest.mark.parametrize(
    ("text", "answer_type", "expected"),
    [
        ("The answer is True since 2 > 1.", "boolean", "True"),
        ("The answer is **no**, it is not.", "boolean", "no"),
        ("The answer is (B) 12.", "choice", "(B)"),
        ("The answer is B because of that.", "choice", "B"),
        ("The answer is Noah.", "text", "Noah"),
        ("The answer is A train.", "choice", "A train"),
        ("The answer is I think B.", "choice", "I think B"),
    ],
)
def test_words_after_a_truth_value_or_letter_are_left_out(
    text: str, answer_type: str, expected: str
) -> None:
    assert extract_answer(text, answer_type) == expected


@pytest.mark.parametrize(
    "text",
    ["\\boxed{12}", "The answer is 12.", "The answer is 12\n", "#### 12\n", "Answer:\n\\[12\\]"],
)
def test_a_cut_after_the_answer_does_no_harm(text: str) -> None:
    assert answer_is_complete(text)


@pytest.mark.parametrize(
    "text",
    [
        "\\boxed{12",
        "\\boxed{1} or \\boxed{12",
        "The answer is 12",
        "The answer is 12.5",
        "#### 12",
        "Answer:\n\\[12",
        "so 6 + 6 = 12.",
        "",
    ],
)
def test_a_cut_inside_the_answer_leaves_it_open(text: str) -> None:
    assert not answer_is_complete(text)


@given(text=st.text(), answer_type=st.sampled_from(["number", "choice", "boolean", "text"]))
def test_what_is_found_stands_in_the_text(text: str, answer_type: str) -> None:
    found = extract_answer(text + " The answer is " + text, answer_type)
    assert found is None or found in text + " The answer is " + text


@pytest.mark.parametrize(
    "unit",
    [
        "\\boxed{",
        "{",
        "#### ",
        "answer is ",
        "answer: \\[",
        "*",
        " ",
        "\\boxed 1",
        "<answer>",
        "</answer>",
    ],
)
def test_a_megabyte_takes_well_under_a_second(unit: str) -> None:
    text = "\\boxed" * (unit == "{") + "answer " * (unit in "* ") + unit * (10**6 // len(unit))
    start = time.process_time()
    extract_answer(text, "number")
    assert time.process_time() - start < 1


def test_a_last_line_that_begins_with_a_colon_is_the_answer() -> None:
    assert extract_answer("He has 13 * 2 = 26 eggs\nA: 26", "number") == "26"
    assert extract_answer("A: 26", "number") == "26"


def test_an_option_named_a_is_no_answer() -> None:
    assert extract_answer("A: 12\nB: 26\nso it is more", "number") is None
    assert extract_answer("The options:\nB: 26\nA: 12", "choice") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\\boxed{4}? No.</think>\n\nSo \\boxed{5}.", "5"),
        ("\\boxed{4}? No.</think>\n\nThe answer is 5.", "5"),
        ("<think>The answer is 4.</think>It is five.", None),
        ("<think>So \\boxed{4}", None),
        ("<think>So \\boxed{4}</think>", None),
        ("<think>a</think>The answer is 5. <think>Is the answer is 6?", "6?"),
        ("Mind the <think> tag. The answer is 5.", "5"),
    ],
)
def test_the_final_answer_is_in_the_response(text: str, expected: str | None) -> None:
    assert extract_answer(text, "number") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>So 4.</think> <answer> 5 </answer>", "5"),
        ("<answer>4</answer> No. <answer>\n5\n</answer>", "5"),
        ("The answer is 4? No. <answer>x < 5</answer>", "x < 5"),
        ("<answer>The answer is 5.</answer>", "5"),
        ("<answer>\\boxed{5}</answer>", "5"),
        ("<answer>4</answer> Wait, the answer is 5.", "5"),
        ("I write <answer> and then stop", None),
        ("<answer>", None),
    ],
)
def test_an_answer_in_tags(text: str, expected: str | None) -> None:
    assert extract_answer(text, "number") == expected


def test_the_tag_after_a_solution_is_no_part_of_the_answer() -> None:
    text = "<|begin_of_thought|>So.<|end_of_thought|><|begin_of_solution|>The answer is 5."
    assert extract_answer(f"{text}<|end_of_solution|>", "number") == "5"


def test_thinking_that_is_cut_is_not_complete() -> None:
    assert not answer_is_complete("<think>So \\boxed{4}. Wait")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("so $\\boxed{\\frac12}$.", "\\frac12"), ("\\boxed{1}, \\boxed{2}", "2"), ("so 5", None)],
)
def test_the_last_box(text: str, expected: str | None) -> None:
    assert last_box(text) == expected
