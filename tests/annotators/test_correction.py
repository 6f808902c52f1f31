"""Corrections of a first wrong step: which can be tried, and which are confirmed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotators.judge.correction import Tried, corrected_step, is_confirmed
from pipeline.segment import Rule, segment


@pytest.mark.parametrize(
    ("step", "correction", "rule", "expected"),
    [
        ("8 + 8 = 17\n\n", "8 + 8 = 16", "blank_line", "8 + 8 = 16\n\n"),
        ("8 + 8 = 17", " 8 + 8 = 16\n", "blank_line", "8 + 8 = 16"),  # the last step
        ("So 8 + 8 = 17. ", "So 8 + 8 = 16.", "sentence", "So 8 + 8 = 16. "),
        ("8 + 8 = 17\n", "8 + 8\n= 16", "blank_line", "8 + 8\n= 16\n"),
        ("8 + 8 = 17\n", "8 + 8\n= 16", "line", None),
        ("8 + 8 = 17\n\n", "8 + 8 = 16\n\nThe answer is 16.", "blank_line", None),
        ("8 + 8 = 17\n\n", "8 + 8 = 17", "blank_line", None),
        ("8 + 8 = 17\n\n", "", "blank_line", None),
        ("8 + 8 = 17\n\n", " \n ", "blank_line", None),
        ("8 + 8 = 17\n\n", None, "blank_line", None),
        ("8 + 8 = 17\n\n", "8" * 20_001, "blank_line", None),
        ("8 + 8 = 17\n\n", "8 + 8 = \ud83d", "blank_line", None),
        ("8 + 8 = 17\n\n", "8 + 8 = 16\ufffd", "blank_line", None),  # half a character, as stored
        ("8 + 8 = 17\n\n", "8 + 8 = \0", "blank_line", None),
    ],
)
def test_a_correction_is_one_readable_step_that_differs(
    step: str, correction: str | None, rule: Rule, expected: str | None
) -> None:
    assert corrected_step(step, correction, rule) == expected


@given(st.text(max_size=60), st.sampled_from(["", "\n", "\n\n", " "]))
def test_a_corrected_step_is_text_that_is_one_step_again(correction: str, delimiter: str) -> None:
    found = corrected_step(f"8 + 8 = 17{delimiter}", correction, "blank_line")
    if found is not None:
        assert found.encode()
        assert segment(found, "blank_line") == [(0, len(found))]


@pytest.mark.parametrize(
    ("success", "known", "before", "expected"),
    [
        (6, 8, 0.9, True),
        (5, 8, 0.9, False),
        (3, 5, 0.75, True),  # exactly 0.8 times as good
        (1, 8, 0.1, True),
        (0, 8, 0.0, False),
        (0, 0, 0.5, False),  # nothing is known
    ],
)
def test_a_correction_must_do_nearly_as_well_as_what_stood_before_the_error(
    success: int, known: int, before: float, expected: bool
) -> None:
    assert is_confirmed(Tried(success, known, 0), before, threshold=0.8) is expected
