"""The bundled judge's training documents."""

from itertools import islice

import pytest
from tokenizers import Tokenizer

from worlds.corpus import IGNORE
from worlds.judge_batches import TAGS, batches, encode, extend, prompt_of
from worlds.judge_corpus import Judged, Natural, documents
from worlds.make import bundled_hashes, text_hash
from worlds.oracle import judge

PROBLEM = (
    "Joe is a hun. Every hun is a nurk. Each nurk is not bright. True or false: Joe is bright."
)
STEPS = ["Every hun is a nurk. Joe is a hun. So Joe is a nurk.", "The answer is True."]
NATURAL = [Natural(PROBLEM, [*STEPS[:1], "The answer is False."], STEPS)]


@pytest.fixture(scope="module")
def tokenizer():
    return extend(Tokenizer.from_file("data/policies/large/tokenizer.json"))


def test_no_bundled_problem_is_learnt():
    avoid = bundled_hashes()
    assert not any(text_hash(one.problem) in avoid for one in islice(documents([]), 300))


def test_verdicts_are_the_oracles_of_the_text_that_is_shown():
    plain = islice(documents([], other_words=False), 200)
    for one in plain:
        said = [step.verdict == "correct" for step in judge(one.problem, one.steps)]
        assert said == one.verdicts


def test_a_position_in_the_stream_gives_the_same_documents_again():
    assert list(islice(documents(NATURAL), 20, 30)) == list(islice(documents(NATURAL, 20), 10))


def test_a_correction_is_given_only_of_a_wrong_step():
    for one in islice(documents([]), 300):
        assert not one.correction or not all(one.verdicts)


def test_a_step_ends_in_one_token_and_its_words_are_those_of_a_policy(tokenizer):
    """A number as text would be words that the policy never saw there."""
    shown = tokenizer.encode(prompt_of(PROBLEM, STEPS)).tokens
    policy = Tokenizer.from_file("data/policies/large/tokenizer.json")
    plain = policy.encode(f"{PROBLEM}\n" + "\n\n".join(STEPS)).tokens
    cut = shown[: shown.index(TAGS[1])]
    assert ["ĊĊ" if token == TAGS[0] else token for token in cut] == plain


def test_what_is_learnt_after_a_prompt_is_the_answer(tokenizer):
    one = Judged(PROBLEM, STEPS, [True, False], "The answer is False.", [52, 14])
    (row,) = encode(tokenizer, [one])
    prompt = tokenizer.encode(prompt_of(PROBLEM, STEPS)).ids
    answer = [token for token in row.targets[len(prompt) - 1 :] if token != IGNORE]
    text = tokenizer.decode(answer, skip_special_tokens=True)
    assert text == (
        '{"verdicts": {"0": "correct", "1": "incorrect"}, "correction": "The answer is False."}'
    )


def test_each_token_of_a_step_knows_whether_it_went_wrong(tokenizer):
    one = Judged(PROBLEM, STEPS, [True, False], "", [52, 14])
    (row,) = encode(tokenizer, [one])
    tokens = [tokenizer.id_to_token(token) for token in row.inputs]
    said = [
        (token, gone)
        for token, gone, step in zip(tokens, row.gone, row.step, strict=True)
        if step == 1
    ]
    assert said == [
        ("The", 0),
        ("Ġanswer", 0),
        ("Ġis", 0),
        ("ĠTrue", 1),
        (".", 1),
        (TAGS[1], 1),
    ]


def test_after_the_first_wrong_step_only_the_answer_is_learnt(tokenizer):
    one = Judged(PROBLEM, STEPS, [False, True], "", [-1, 19])
    (row,) = encode(tokenizer, [one])
    marks = {gone for gone, step in zip(row.gone, row.step, strict=True) if step == 1}
    assert marks == {IGNORE}


def test_a_solution_of_more_steps_than_there_are_tags_is_left_out(tokenizer):
    many = len(TAGS) + 1
    one = Judged(PROBLEM, STEPS[:1] * many, [True] * many, "", [52] * many)
    assert encode(tokenizer, [one]) == []


def test_batches_have_rows_of_one_length(tokenizer):
    for batch in islice(batches(tokenizer, NATURAL, 0, 2048, other_words=True), 5):
        shapes = {len(row) for part in batch[:4] for row in part}
        assert len(shapes) == 1
