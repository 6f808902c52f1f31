"""Offsets of token ends, on byte-level BPE with characters of several bytes."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pipeline.engines.tokens import char_ends, decode


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=262,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["abab abab 12"], trainer)
    return tokenizer


def ids_of(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def test_merged_tokens_end_after_all_their_characters(tokenizer: Tokenizer) -> None:
    ids = ids_of(tokenizer, "abab12")
    assert [tokenizer.id_to_token(one) for one in ids] == ["abab", "12"]
    assert char_ends(tokenizer, ids) == [4, 6]


def test_each_byte_of_a_character_ends_where_the_character_ends(tokenizer: Tokenizer) -> None:
    assert char_ends(tokenizer, ids_of(tokenizer, "é日x😀")) == [1, 1, 2, 2, 2, 3, 4, 4, 4, 4]


def test_a_cut_character_counts_as_one(tokenizer: Tokenizer) -> None:
    ids = ids_of(tokenizer, "a日")[:-1]
    assert decode(tokenizer, ids) == "a\ufffd"
    assert char_ends(tokenizer, ids) == [1, 2, 2]


def test_special_tokens_are_shown_and_counted(tokenizer: Tokenizer) -> None:
    assert char_ends(tokenizer, ids_of(tokenizer, "1<|end|>2")) == [1, 8, 9]


def test_no_tokens(tokenizer: Tokenizer) -> None:
    assert char_ends(tokenizer, []) == []


@pytest.mark.parametrize("seed", range(20))
def test_any_ids_give_rising_ends_up_to_the_length(tokenizer: Tokenizer, seed: int) -> None:
    ids = [(index * index * 31 + seed * 97) % 257 for index in range(60)]
    ends = char_ends(tokenizer, ids)
    assert len(ends) == 60
    assert ends == sorted(ends)
    assert ends[-1] == len(decode(tokenizer, ids))
