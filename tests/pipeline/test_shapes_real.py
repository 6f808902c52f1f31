"""Whole real files, and texts as long and as odd as real ones, from the row to the answer."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, get_args

import pytest

from pipeline.grading.extract import find_answer
from pipeline.imported import read_solutions
from pipeline.segment import Rule, segment, step_parts
from pipeline.shapes import parse
from pipeline.verdict import Verdict

DATA = Path(__file__).parents[3] / "shared" / "data"
RULES = get_args(Rule)

# Written after MATH's geometry: display maths over blank lines, aligned, a figure, \frac in a box.
MATH = {
    "problem": "In the figure, what is the area of triangle $ABC$?\n\n[asy]\npair A,B,C;\n\n"
    "A = (0,0); B = (3,0); C = (0,1);\ndraw(A--B--C--cycle);\n[/asy]",
    "level": "Level 5",
    "type": "Geometry",
    "solution": "We draw the altitude first.\n\n[asy]\nsize(100);\npair A,B,C;\n\n"
    'A = (0,0); B = (3,0); C = (0,1);\nlabel("$A$", A, SW);\n[/asy]\n\n'
    "The two legs are perpendicular, so \\[\n[ABC] = \\frac{1}{2} \\cdot AB \\cdot AC.\n\n\\]\n\n"
    "Hence \\begin{align*}\n[ABC] &= \\frac{1}{2} \\cdot 3 \\cdot 1 \\\\[2pt]\n\n"
    "&= \\frac{3}{2}.\n\\end{align*}\n\n"
    "Therefore, the area is $\\boxed{\\frac{3}{2}}$ square units.",
}

# One turn of a reasoning model's monologue: what traces of 20,000 tokens are made of.
TURN = """Okay, so I need to find the sum of the first {n} odd numbers. Let me think step by step…

Wait, let me reconsider. If I write them as \\(1, 3, 5, \\ldots, {odd}\\), then
\\[
\\sum_{{k=1}}^{{{n}}} (2k - 1) = {n}^2

\\]
Hmm, that gives \\boxed{{{square}}}? Let me double-check with code:

```python
total = sum(2 * k - 1 for k in range(1, {n} + 1))

print(total)  # {square}
```

1. First, the formula is known as n² — “the sum of odd numbers”.
2. Second, 对于 n = {n}, it is {square}. 🙂
   - So the case e.g. n = 1 gives 1. Good.

Step {n}: The answer is {square}, I think. But wait, does "first {n}" mean what I think? Yes.

"""


def trace(turns: int) -> str:
    said = "".join(TURN.format(n=n, odd=2 * n - 1, square=n * n) for n in range(1, turns + 1))
    return f"<think>\n{said}</think>\n\nThe sum is\n\n\\[ 150^2 = \\boxed{{22500}}. \\]"


@pytest.mark.parametrize(
    ("name", "solutions", "set_aside"),
    [
        ("gsm8k/train.jsonl", 7473, {}),
        ("gsm8k/test.jsonl", 1319, {}),
        ("gsm8k/example_model_solutions.jsonl", 5276, {}),
        ("prm800k/phase1_test.jsonl", 98, {"duplicate_solution": 5, "empty_steps": 3}),
    ],
)
def test_a_real_file_from_rows_to_answers(
    name: str, solutions: int, set_aside: dict[str, int]
) -> None:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    found = read_solutions(str(path))
    assert len(found.solutions) == solutions
    assert Counter(row.reason for row in found.set_aside) == set_aside
    for solution in found.solutions:
        text = solution.text
        spans = segment(text, "line")
        assert "".join(text[start:end] for start, end in spans) == text
        assert set(step_parts(text, spans)) == {"response"}
        if solution.policy == "gold":
            answer = find_answer(text, "number")
            assert answer is not None
            assert answer.text == solution.answer


def test_process_bench_rows_as_published() -> None:
    row = {
        "id": "math-12",
        "generator": "Qwen2.5-Math-7B-Instruct",
        "problem": "Let $f(x) = 3x + 2$. Find $f(4)$.",
        "steps": [
            "To find $f(4)$, put $x = 4$.",
            "\\[ f(4) = 3 \\cdot 4 + 2 = 15 \\]",
            "\\boxed{15}",
        ],
        "final_answer_correct": False,
        "label": 1,
    }
    ((solution, own_id),) = parse(row, Verdict.CORRECT, False)
    assert own_id
    assert solution.truth == [Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN]
    assert find_answer(solution.text, "number").text == "15"  # type: ignore[union-attr]


def test_a_math_solution_with_a_figure_and_aligned_lines() -> None:
    ((solution, _),) = parse(MATH, Verdict.CORRECT, False)
    assert (solution.answer, solution.level) == ("\\frac{3}{2}", "Level 5")
    starts = [
        solution.text[start:end].split(maxsplit=1)[0] for start, end in segment(solution.text)
    ]
    assert starts == ["We", "[asy]", "The", "Hence", "Therefore,"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("tagged", [True, False])
def test_a_long_trace_from_row_to_answer(rule: Rule, tagged: bool) -> None:
    text = trace(150)
    if not tagged:  # the opening tag stands in the prompt
        text = text.removeprefix("<think>\n")
    assert len(text) > 80_000
    row = {
        "messages": [{"role": "user", "content": "Sum?"}, {"role": "assistant", "content": text}]
    }
    ((solution, _),) = parse(json.loads(json.dumps(row)), Verdict.CORRECT, False)
    spans = segment(solution.text, rule)
    pieces = [solution.text[start:end] for start, end in spans]
    parts = step_parts(solution.text, spans)
    assert "".join(pieces) == text
    assert [piece for piece, part in zip(pieces, parts, strict=True) if "</think>" in piece] == [
        pieces[parts.index("response") - 1]
    ]
    assert parts.count("thinking") >= 150
    assert not [piece for piece in pieces if piece.count("```") % 2]
    assert find_answer(solution.text, "number").text == "22500"  # type: ignore[union-attr]


def test_a_long_trace_that_was_cut_has_no_answer() -> None:
    text = trace(150).partition("</think>")[0]
    assert find_answer(text, "number") is None
    assert set(step_parts(text, segment(text))) == {"thinking"}


def calls(turns: int, rule: Rule) -> int:
    """Calls, of C functions too, on the way of a trace: no clock, so the same on every machine."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    text = trace(turns)
    sys.setprofile(note)
    try:
        step_parts(text, segment(text, rule))
        find_answer(text, "number")
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("rule", RULES)
def test_four_times_the_trace_is_four_times_the_work(rule: Rule) -> None:
    once, four = calls(100, rule), calls(400, rule)
    assert 3.5 < four / once < 4.5
