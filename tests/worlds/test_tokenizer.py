"""The bundled tokenizer: lossless, digits apart, blank lines apart."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from worlds import chains, deduction
from worlds.problem import solution_text
from worlds.tokenizer import END

POLICIES = Path(__file__).parents[2] / "data" / "policies"
TOKENIZER = Tokenizer.from_file(str(POLICIES / "large" / "tokenizer.json"))


@given(st.text().filter(lambda text: END not in text))
def test_decoding_gives_every_text_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text).ids) == text


@pytest.mark.parametrize("text", ["12 * 345 = 4140", " 12\n\n\n 3", "é\r\n\t €", "a  b   c"])
def test_decoding_gives_awkward_texts_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text).ids) == text


def test_no_token_holds_two_digits() -> None:
    tokens = TOKENIZER.get_vocab()
    assert not [token for token in tokens if sum(c.isdigit() for c in token) > 1]


def test_the_blank_line_is_one_token_and_joins_nothing() -> None:
    assert TOKENIZER.encode("36 pens.\n\nSince").tokens[-3:] == [".", "ĊĊ", "Since"]
    assert not [t for t in TOKENIZER.get_vocab() if "ĊĊ" in t and t != "ĊĊ"]


def test_prompt_and_solution_are_encoded_alike_apart_and_together() -> None:
    for make in (chains.make, deduction.make):
        for seed in range(200):
            problem, steps = make(seed)
            prompt, solution = problem["text"] + "\n", solution_text(steps)
            apart = TOKENIZER.encode(prompt).ids + TOKENIZER.encode(solution).ids
            assert TOKENIZER.encode(prompt + solution).ids == apart


def test_both_policies_have_one_tokenizer_and_its_end_token_is_first() -> None:
    large, small = (POLICIES / name / "tokenizer.json" for name in ("large", "small"))
    assert large.read_bytes() == small.read_bytes()
    assert TOKENIZER.token_to_id(END) == 0
