"""Steps that say what an earlier step said."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.labels.layout import Layout
from pipeline.labels.repeats import ENDS, normalised, repeated


def flags(*solutions: list[str]) -> list[list[bool]]:
    layout = Layout.of_lengths(np.array([len(steps) for steps in solutions], dtype=np.int64))
    texts = pa.array([text for steps in solutions for text in steps], pa.large_string())
    return [part.tolist() for part in np.split(repeated(texts, layout), layout.offsets[1:-1])]


def test_the_first_of_equal_steps_is_not_repeated(case, rows):
    (got,) = rows(case(["", "", ""], texts=["So 5.\n\n", "Hm.\n\n", "So 5.\n\n"]), view="hard")
    assert got["repeated"] == [False, False, True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("So x = 5.", "so X = 5."),
        ("So x = 5.\n\n", "So x = 5"),
        ("So  x\n= 5", " So x = 5"),
        ("Step 2:", "Step 2"),
        ("É vero, 5…", "é vero,\xa05"),
        ("所以是五。", "所以是五"),
    ],
)
def test_case_blanks_and_last_punctuation_do_not_count(one, other):
    assert flags([one, other]) == [[False, True]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 5", "x = 6"),
        ("x = 5", "x = 5!"),
        ("x = 50", "x = 50%"),
        ("x = 5", "x = -5"),
        ("ab", "a b"),
        ("f(x)", "f(x"),
    ],
)
def test_other_texts_are_no_repeats(one, other):
    assert flags([one, other]) == [[False, False]]


def test_filler_is_never_repeated():
    assert flags(["---", "---", "\n\n", "\n\n", r"\]", r"\]", "", ""]) == [[False] * 8]


def test_step_of_another_solution_is_no_repeat():
    assert flags(["So 5."], [], ["So 5."]) == [[False], [], [False]]


def test_step_without_text_is_no_repeat():
    layout = Layout.of_lengths(np.array([2]))
    assert repeated(pa.array([None, None], pa.large_string()), layout).tolist() == [False, False]


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text.rstrip(ENDS).lstrip().lower())


words = st.lists(
    st.sampled_from(["a", "A", "1", "É", "é", "Σ", " ", "  ", "\t", "\n", "\xa0", ".", ":"])
)


@settings(deadline=None)
@given(st.lists(st.lists(words.map("".join), max_size=6), min_size=1, max_size=4))
def test_flags_follow_their_definition(solutions):
    expected = [
        [
            re.search(r"\w", plain(text)) is not None and plain(text) in map(plain, steps[:t])
            for t, text in enumerate(steps)
        ]
        for steps in solutions
    ]
    assert flags(*solutions) == expected


def test_a_capital_outside_ascii_may_have_its_small_letter_inside():
    assert normalised(pa.array(["5 \u212a"], pa.large_string())).to_list() == ["5 k"]
