"""Laws that hold on the chains world, in either split's wordings."""

import random
import re
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.quantities.annotator import Quantities
from pipeline.verdict import Verdict
from worlds.chain_oracle import judge_chains
from worlds.chains import make
from worlds.plant import carry, kinds_at, plant

Split = Literal["train", "heldout"]
seeds = st.integers(0, 10**6)
splits = st.sampled_from(["train", "heldout"])


def verdicts(problem: str, steps: list[str]) -> list[Verdict]:
    return [one.verdict for one in Quantities().check(problem, steps)]


@settings(max_examples=25, deadline=None)
@given(seeds, splits)
def test_a_gold_solution_is_correct_from_end_to_end(seed: int, split: Split) -> None:
    made = make(seed, split, max_steps=6)
    assert set(verdicts(made.problem["text"], made.steps)) == {Verdict.CORRECT}


@settings(max_examples=25, deadline=None)
@given(seeds, splits, st.integers(1, 60))
def test_a_faithful_chain_from_a_false_equation_is_not_flagged(
    seed: int, split: Split, value: int
) -> None:
    made = make(seed, split, max_steps=5)
    steps = carry(made, seed % (len(made.steps) - 1), value)
    if steps is not None:
        assert Verdict.INCORRECT not in verdicts(made.problem["text"], steps)


@settings(max_examples=40, deadline=None)
@given(seeds, splits, st.randoms(use_true_random=False))
def test_what_is_flagged_is_wrong_and_what_is_praised_is_right(
    seed: int, split: Split, rng: random.Random
) -> None:
    made = make(seed, split, max_steps=5)
    step = rng.randrange(len(made.steps))
    steps = plant(made, rng.choice(kinds_at(made, step)), step, rng)
    truths = judge_chains(made.problem["text"], steps)
    for verdict, truth in zip(verdicts(made.problem["text"], steps), truths, strict=True):
        assert verdict in (Verdict.UNKNOWN, truth.verdict)


@pytest.mark.parametrize("split", ["train", "heldout"])
@pytest.mark.parametrize("kind", ["operator", "operand", "recalled", "reversed", "answer"])
def test_planted_set_up_errors_are_found(kind: str, split: Split) -> None:
    for seed in range(8):
        made, rng = make(seed, split, max_steps=5), random.Random(seed)
        step = next(at for at in reversed(range(len(made.steps))) if kind in kinds_at(made, at))
        steps = plant(made, kind, step, rng)  # type: ignore[arg-type]
        assert verdicts(made.problem["text"], steps)[step] is Verdict.INCORRECT, made.problem


@settings(max_examples=15, deadline=None)
@given(seeds, splits)
def test_names_do_not_matter(seed: int, split: Split) -> None:
    made, rng = make(seed, split, max_steps=4), random.Random(seed)
    step = rng.randrange(len(made.steps))
    steps = plant(made, rng.choice(kinds_at(made, step)), step, rng)
    text = made.problem["text"]
    owners = sorted(set(re.findall(r"(?<=[a-z,] )[A-Z][a-z]+|^[A-Z][a-z]+(?= has)", text)))
    new = {name: f"Q{chr(97 + i // 26)}{chr(97 + i % 26)}x" for i, name in enumerate(owners)}

    def renamed(words: str) -> str:
        return re.sub(r"[A-Z][a-z]+", lambda word: new.get(word[0], word[0]), words)

    assert verdicts(renamed(text), [renamed(one) for one in steps]) == verdicts(text, steps)


@settings(max_examples=15, deadline=None)
@given(seeds, splits, st.randoms(use_true_random=False))
def test_the_order_of_a_problems_statements_does_not_matter(
    seed: int, split: Split, rng: random.Random
) -> None:
    made = make(seed, split, max_steps=4)
    step = rng.randrange(len(made.steps))
    steps = plant(made, rng.choice(kinds_at(made, step)), step, rng)
    *facts, question = re.findall(r"[^.?]+[.?] ?", made.problem["text"])
    shuffled = [fact.strip() for fact in facts]
    rng.shuffle(shuffled)
    other = " ".join([*shuffled, question])
    assert verdicts(other, steps) == verdicts(made.problem["text"], steps)
