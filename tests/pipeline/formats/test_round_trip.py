"""What our own readers make of what we write: the same solution again."""

from __future__ import annotations

import pytest

from pipeline.shapes import ImportedSolution, parse
from pipeline.verdict import Verdict
from tests.pipeline.formats.solutions import one, solution

RIGHT, WRONG, UNKNOWN = Verdict.CORRECT, Verdict.INCORRECT, Verdict.UNKNOWN
STEPS = ["Add them: 2 + 3 = 6.\n\n", "Check it\nwith care.\n\n", "So 6."]
NUMBERED = ["Step 1: 2 + 3 = 6.\n", "Step 2: Check it.\n", "Step 3: So 6."]


def read_back(name: str, steps: list[str], **options: str) -> ImportedSolution:
    row = solution([1, 0, 0], steps=steps, first_error=1, outcome="incorrect", problem="What? Add.")
    ((found, _),) = parse(one(name, row, **options), Verdict.UNKNOWN, False)
    return found


@pytest.mark.parametrize(
    ("name", "steps"), [("rlhflow", STEPS), ("math-shepherd", NUMBERED), ("processbench", STEPS)]
)
def test_the_text_comes_back(name: str, steps: list[str]) -> None:
    found = read_back(name, steps)
    assert (found.problem, found.text) == ("What? Add.", "".join(steps))
    assert (found.solution_id, found.problem_id) == ("s0", "p0")


@pytest.mark.parametrize(("name", "steps"), [("rlhflow", STEPS), ("math-shepherd", NUMBERED)])
def test_signs_come_back(name: str, steps: list[str]) -> None:
    assert '"labels": ["+", "-", "-"]' in read_back(name, steps).meta


def test_the_first_error_comes_back() -> None:
    assert read_back("processbench", STEPS).truth == [RIGHT, WRONG, UNKNOWN]
    found = read_back("prm800k", STEPS)
    assert (found.text, found.truth) == ("".join(STEPS[:2])[:-2], [RIGHT, WRONG])
    assert (found.problem, found.answer) == ("What? Add.", "5")
