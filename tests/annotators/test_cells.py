from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.program.cells import Cell, Claim, find_cells

CODE = "```python\nprint(12)\n```\n"


def claims(*steps: str) -> list[str | None]:
    return [cell.claim and cell.claim.text for cell in find_cells(steps)]


@pytest.mark.parametrize(
    "after",
    [
        "```output\n13\n```",
        "\n\n```output\n13\n```\n",
        "~~~output\n13\n~~~",
        "```stdout\n13\n```",
        "Output:\n```\n13\n```",
        "**Output:**\n```text\n13\n```",
        "The output is:\n```\n13\n```",
        "The output of the code is:\n\n```\n13\n```",
        "Output: 13",
        "**Output:** 13",
        "Output: `13`",
        "# Output: 13\nSo she has 13.",
    ],
)
def test_an_output_behind_its_program(after: str) -> None:
    assert claims(CODE + after) == ["13"]
    assert claims(CODE, after) == ["13"]


@pytest.mark.parametrize(
    "after",
    [
        "",
        "This gives 13.",
        "```\n13\n```",
        "```output\n13\n",
        "```output\n\n```",
        "```json\n13\n```",
        "Expected output: 13",
        "If x were 5, we would see\n```output\n13\n```",
        "The input is:\n```\n13\n```",
        "Some words.\nOutput: 13",
    ],
)
def test_what_is_no_claim(after: str) -> None:
    assert claims(CODE + after) == [None]


@pytest.mark.parametrize("info", ["python", "Python", "py", "python3", "python title='a.py'"])
def test_a_program_is_known_by_its_fence(info: str) -> None:
    assert find_cells([f"```{info}\nx = 1\n```"]) == [Cell("x = 1\n", None)]


@pytest.mark.parametrize(
    "step", ["```\nx = 1\n```", "```cpp\nx\n```", "`x = 1`", "```python\nx = 1"]
)
def test_what_is_no_program(step: str) -> None:
    assert find_cells([step]) == []


def test_an_indented_program_is_moved_to_the_margin() -> None:
    step = "1. Compute:\n   ```python\n   if 1:\n       print(2)\n   ```\n"
    assert find_cells([step])[0].code == "if 1:\n    print(2)\n"


def test_a_longer_fence_may_hold_a_shorter_one() -> None:
    assert find_cells(["````python\n'''\n```\n'''\n````"])[0].code == "'''\n```\n'''\n"


def test_the_span_is_of_the_step_that_holds_the_claim() -> None:
    steps = ["Let us compute.\n" + CODE, "Good.", CODE, "```output\n 13 \n```\nSo 13."]
    assert [cell.claim for cell in find_cells(steps)] == [None, Claim(3, 11, 13, "13")]
    assert steps[3][11:13] == "13"


def test_an_output_two_steps_away_is_nobodys() -> None:
    assert claims(CODE, "\n", "Output: 13") == [None]


def test_each_output_belongs_to_the_program_before_it() -> None:
    assert claims(CODE + CODE + "Output: 13\n" + CODE + "```output\n14\n```") == [None, "13", "14"]


def test_a_program_over_two_steps_is_one() -> None:
    assert find_cells(["```python\nx = 1", "y = 2\n```"]) == [Cell("x = 1\ny = 2\n", None)]


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                ["```python\n", "```\n", "```output\n", "~~~\n", "Output: 1", "\n", "x"]
            )
        ).map("".join)
    )
)
def test_every_claim_is_in_its_step(steps: list[str]) -> None:
    for cell in find_cells(steps):
        if cell.claim is not None:
            shown = steps[cell.claim.step][cell.claim.start : cell.claim.end]
            assert shown
            assert cell.claim.text.startswith(shown)


@pytest.mark.parametrize(
    "text",
    [
        "`" * 100_000,
        "```python\n" * 10_000,
        ("```python\n```\n" + "Output" * 20) * 700,
        "\n" * 100_000,
        " " * 100_000,
        "*" * 100_000,
        "```python\n```" + "\n*#_> " * 16_000,
        "```python\n```\n" + "the " * 25_000,
    ],
)
def test_time_is_linear(text: str) -> None:
    start = time.process_time()
    find_cells([text])
    assert time.process_time() - start < 2
