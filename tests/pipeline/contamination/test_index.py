"""The three tests, at their edges."""

from __future__ import annotations

import random

import pytest

from pipeline.contamination.index import Index, Match
from pipeline.contamination.words import masked, words

JAMES = (
    "James decides to run 3 sprints 3 times a week. He runs 60 meters each sprint. How many total "
    "meters does he run a week?"
)
TUPLE = "Find the number of ordered pairs of integers"
BOILERPLATE = "where m and n are relatively prime positive integers find m plus n and write it down"


def find(text: str, *rows: str, **settings: float) -> Match | None:
    return Index([words(row) for row in rows], **settings).find(words(text))  # type: ignore[arg-type]


def find_masked(text: str, *rows: str) -> Match | None:
    whole = [words(row) for row in rows]
    index = Index(whole, [masked(row) for row in whole])
    return index.find(words(text), masked(words(text)))


def test_the_same_words_are_found_at_any_length() -> None:
    assert find("what is 2+3", "Add 1 and 1.", "What is $2 + 3$?") == Match("exact", 1, 1.0)


def test_another_number_is_another_problem() -> None:
    assert find("Tom has 3 apples.", "Tom has 4 apples.") is None


def test_a_long_text_with_another_sentence_before_it_is_found() -> None:
    found = find(f"Read with care and answer in full. {JAMES}", "Other words.", JAMES)
    assert found == Match("n-gram", 1, 1.0)


def test_half_of_the_n_grams_are_enough_and_less_is_not() -> None:
    row = [f"w{i}" for i in range(36)]  # 24 n-grams
    half = [*row[:24], *(f"x{i}" for i in range(30))]  # 12 of them
    less = [*row[:23], *(f"x{i}" for i in range(30))]
    index = Index([row])
    assert index.find(half) == Match("n-gram", 0, 0.5)
    assert index.find(less) is None


def test_n_grams_must_be_found_in_one_row() -> None:
    text = [f"w{i}" for i in range(36)]
    index = Index([[*text[:23], *"abcdefghijklmnop"], [*"qrstuvwxyz", *text[13:], *"ABCDEFGHIJ"]])
    assert index.find(text) is None  # 11 of 24 in each


def test_a_sentence_that_many_problems_share_is_no_hit() -> None:
    one = f"The area of a hexagon with sides of five and seven is m over n {BOILERPLATE}"
    other = (
        "A bug walks along the edges of a cube until it comes back to where it began and the "
        f"chance of a ninth move is m over n {BOILERPLATE}"
    )
    assert find(one, other) is None


def test_a_template_with_other_numbers_is_another_problem_unless_numbers_are_masked() -> None:
    other = JAMES.replace("3", "5").replace("60", "80")
    assert find(other, JAMES) is None
    assert find_masked(other, JAMES) == Match("n-gram", 0, 1.0)


def test_one_replaced_number_in_a_long_text_is_found() -> None:
    row = [f"w{i}" for i in range(20)] + ["7"] + [f"v{i}" for i in range(20)]
    text = ["8" if word == "7" else word for word in row]
    assert Index([row]).find(text) == Match("n-gram", 0, pytest.approx(16 / 29))


@pytest.mark.parametrize("count", [8, 12])
def test_a_short_problem_is_found_whole_inside_a_row(count: int) -> None:
    short = words(f"{TUPLE} below one hundred and ten")[:count]
    row = [*words("Part two of three:"), *short, *words("and prove that your answer is right")]
    assert Index([["a"], row]).find(short) == Match("inside", 1, 1.0)


def test_a_short_row_is_found_whole_inside_a_problem() -> None:
    row = words(f"{TUPLE} below ten")
    text = words(
        f"Think hard about this one and take your time. {TUPLE} below ten. Show your work."
    )
    assert Index([row]).find(text) == Match("inside", 0, 1.0)


def test_a_short_problem_that_stands_there_in_pieces_is_not_found() -> None:
    short = words(f"{TUPLE} below ten")
    row = [*short[:6], "even", *short[6:]]
    assert Index([row]).find(short) is None


def test_seven_words_are_found_only_as_the_whole() -> None:
    assert (
        find("Find the sum of 2 and 3", "Find the sum of 2 and 3 and then its square root") is None
    )
    assert find("Find the sum of 2 and 3", "Find the sum of 2 and 3.") == Match("exact", 0, 1.0)


def test_no_n_gram_runs_from_one_row_into_the_next() -> None:
    text = [f"w{i}" for i in range(14)]
    index = Index([text[:7], text[7:]])
    assert index.find(["x", *text]) is None
    assert len(index) == 0


def test_an_empty_text_is_never_found() -> None:
    assert Index([[], ["a"]]).find([]) is None


def test_against_a_plain_search() -> None:
    """Random texts over few words, so that n-grams do meet."""
    dice = random.Random(0)
    rows = [[dice.choice("abc") for _ in range(dice.randrange(0, 30))] for _ in range(60)]
    index = Index(rows, n=5, share=0.6)

    def grams(text: list[str]) -> set[tuple[str, ...]]:
        return {tuple(text[i : i + 5]) for i in range(len(text) - 4)}

    for _ in range(300):
        text = [dice.choice("abc") for _ in range(dice.randrange(5, 30))]
        found = index.find(text)
        if text in rows:
            assert found == Match("exact", rows.index(text), 1.0)
            continue
        shares = [
            len(grams(text) & grams(row)) / min(len(grams(text)), len(grams(row)))
            if grams(row)
            else 0.0
            for row in rows
        ]
        if max(shares) >= 0.6:
            assert found == Match("n-gram", shares.index(max(shares)), pytest.approx(max(shares)))
        else:
            assert found is None
