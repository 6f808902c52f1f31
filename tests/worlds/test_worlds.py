"""Problems: what the generators guarantee."""

import json
import re
from pathlib import Path

import pytest

from worlds import chains, deduction
from worlds.chain_oracle import ChainProblem
from worlds.deduction_oracle import DeductionProblem
from worlds.make import BUNDLES, bundles, read_problems
from worlds.problem import Made, solution_text, split_steps
from worlds.words import Split, adjectives, items, names, nouns

DATA = Path(__file__).parents[2] / "data" / "problems"
MAKERS = {"chains": chains.make, "deduction": deduction.make}


def made(world: str, count: int, split: Split = "train") -> list[Made]:
    return [MAKERS[world](seed, split) for seed in range(count)]


@pytest.mark.parametrize("world", MAKERS)
def test_the_same_seed_gives_the_same_problem(world: str) -> None:
    assert made(world, 50) == made(world, 50)


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_a_chain_has_one_whole_positive_answer(split: Split) -> None:
    for problem, _ in made("chains", 500, split):
        read = ChainProblem(problem["text"])
        assert str(read.values[read.asked]) == problem["answer"]
        assert all(value > 0 and value.denominator == 1 for value in read.values.values())


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_a_deduction_is_decided_and_never_both_ways(split: Split) -> None:
    for problem, _ in made("deduction", 500, split):
        read = DeductionProblem(problem["text"])
        asked = read.asked
        opposite = asked._replace(literal=asked.literal._replace(holds=not asked.literal.holds))
        assert (asked in read.true) != (opposite in read.true)
        assert problem["answer"] == str(asked in read.true)


def test_deduction_answers_are_balanced() -> None:
    true = sum(problem["answer"] == "True" for problem, _ in made("deduction", 2000))
    assert 900 < true < 1100


def test_chains_have_three_to_twelve_derivation_steps_and_deductions_two_to_eight() -> None:
    assert {len(steps) - 1 for _, steps in made("chains", 2000)} == set(range(3, 13))
    assert {len(steps) - 1 for _, steps in made("deduction", 2000)} == set(range(2, 9))


def test_derivations_do_not_follow_the_order_of_the_text() -> None:
    problem, _ = chains.make(0)
    text = problem["text"]
    # The derivation begins with the last statement and ends with the one before it.
    assert text.index("Compared with Ned, Jon has") < text.index("Ian starts with 16 boxes")
    assert text.startswith("Ian has 4 books in each of Ian's boxes.")


def test_the_train_split_never_uses_a_held_out_word() -> None:
    names_held_out = set(names("heldout"))
    held_out = {*items("heldout"), *nouns("heldout"), *adjectives("heldout")}
    held_out |= {noun + "s" for noun in nouns("heldout")}
    for world in MAKERS:
        for problem, steps in made(world, 500):
            words = set(re.findall(r"[A-Za-z]+", problem["text"] + " " + " ".join(steps)))
            assert not held_out & {word.lower() for word in words}
            assert not names_held_out & words


def test_a_solution_text_is_its_steps_joined_by_a_blank_line() -> None:
    steps = chains.make(0).steps
    assert solution_text(["One.", "Two."]) == "One.\n\nTwo."
    assert split_steps(solution_text(steps)) == steps


def test_the_bundled_files_are_what_make_writes() -> None:
    for name, group in bundles().items():
        stored = read_problems(DATA / f"{name}.jsonl")
        assert stored == json.loads(json.dumps([problem for problem, _ in group]))


def test_no_bundled_text_occurs_twice() -> None:
    texts = [p["text"] for b in BUNDLES for p in read_problems(DATA / f"{b.name}.jsonl")]
    assert len(texts) == len(set(texts)) == 840
