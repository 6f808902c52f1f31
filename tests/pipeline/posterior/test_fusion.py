"""From tables to labels: `learn` and `fuse` on solutions written as strings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipeline.labels import pieces
from pipeline.labels.layout import Layout
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fused import Fused
from pipeline.posterior.fusion import ALL, PRIOR, Fusion
from pipeline.posterior.learn import learn
from pipeline.posterior.observed import NONE, Observed
from pipeline.posterior.parameters import MEANS, NORMAL, start
from pipeline.posterior.read import LOGPROB, SAMPLED, expected_tokens, read, support
from tests.pipeline.posterior.frames import Frames, Solution, frames

EVERYTHING = [
    Solution("p0", "abcd", "correct", draws=3, counts={-1: (4, 4), 0: (3, 1), 1: (2, 2)}),
    Solution("p0", "abx", counts={-1: (4, 4), 0: (3, 1), 1: (2, 2)}, valid={2: (0, 2, 1)}),
    Solution("p0", "y", "unknown", counts={-1: (4, 4)}, scores={0: -2.0}),
    Solution("p1", "kl", draws=0, judged={0: (0, 3, 0), 1: (1, 0, 2)}, scores={0: -1.0, 1: -9.0}),
    Solution("p1", "km", "correct", logprobs=[-0.5, -0.1], valid={1: (1, 0, 0)}),
    Solution("p2", "", "incorrect"),
    Solution("p2", "rstuv", None, logprobs=[-0.5, None, -1.5, float("-inf"), -0.2]),
]
NUMBERS = ("p_correct", "p_first", "value", "value_low", "value_high")
WHOLES = ("p_none", "value_root", "entropy")


def fused(fusion: Fusion, given: Frames, filtered: bool = True) -> Fused:
    return fuse(fusion, given.problems, given.solutions, given.evidence, filtered, 0.9)


def learnt(given: Frames, filtered: bool = True) -> Fusion:
    return learn(given.problems, given.solutions, given.evidence, filtered)


def seen(given: Frames, filtered: bool = True) -> tuple[Observed, Layout]:
    layout = pieces.layout(given.solutions)
    return read(layout, given.solutions, given.evidence, {}, filtered), layout


def by_solution(fusion: Fusion, given: Frames) -> dict[str, NDArray[np.float64]]:
    """All numbers of each solution, in one line."""
    got, offsets = fused(fusion, given), pieces.layout(given.solutions).offsets
    return {
        name: np.concatenate(
            [
                *(getattr(got, kind)[offsets[row] : offsets[row + 1]] for kind in NUMBERS),
                [getattr(got, kind)[row] for kind in WHOLES],
            ]
        )
        for row, name in enumerate(given.solutions["solution_id"])
    }


def assert_sound(got: Fused, layout: Layout) -> None:
    for name in (*NUMBERS, *WHOLES[:2]):
        assert ((getattr(got, name) >= 0) & (getattr(got, name) <= 1 + 1e-12)).all(), name
    assert (got.p_correct <= 1).all()
    assert (got.value_low <= got.value_high).all()
    assert (got.entropy >= 0).all()
    assert (got.entropy <= np.log2(layout.lengths + 1) + 1e-9).all()
    first = np.bincount(layout.row, weights=got.p_first, minlength=layout.num_solutions)
    np.testing.assert_allclose(first + got.p_none, 1.0, atol=1e-12)
    inner = layout.position > 0
    assert (got.p_correct[inner] <= got.p_correct[np.flatnonzero(inner) - 1]).all()
    place = got.place(layout)
    assert ((place >= -1) & (place < layout.lengths)).all()


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    """Learnt from everything."""
    return learnt(frames(*EVERYTHING))


def test_labels_of_everything_are_sound(fusion: Fusion) -> None:
    given = frames(*EVERYTHING)
    for one in (PRIOR, fusion):
        assert_sound(fused(one, given), pieces.layout(given.solutions))


@pytest.mark.parametrize(
    "order", [[6, 5, 4, 3, 2, 1, 0], [2, 0, 1, 4, 3, 6, 5], [3, 0, 5, 1, 6, 2, 4]]
)
def test_the_order_of_solutions_and_evidence_changes_nothing(
    order: list[int], fusion: Fusion
) -> None:
    given, other = frames(*EVERYTHING), frames(*(EVERYTHING[number] for number in order))
    other.evidence = other.evidence.reverse()
    expected, got = by_solution(fusion, given), by_solution(fusion, other)
    for name, numbers in expected.items():
        np.testing.assert_allclose(got[name], numbers, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("cut", [["p0"], ["p1"], ["p0", "p2"]])
def test_shards_change_nothing(cut: list[str], fusion: Fusion) -> None:
    given = frames(*EVERYTHING)
    expected = by_solution(fusion, given)
    one = pl.col("problem_id").is_in(cut)
    got = {}
    for mask in (one, ~one):
        part = Frames(given.problems, given.solutions.filter(mask), given.evidence)
        got |= by_solution(fusion, part)
    for name, numbers in expected.items():
        np.testing.assert_allclose(got[name], numbers, atol=1e-12, err_msg=name)


def test_neighbours_change_no_bit_where_nothing_was_learnt() -> None:
    """A signal without a table says nothing, whatever it says of the others in the shard. (Where
    some neighbour has siblings, sums are made in another way, and the last bit may differ.)"""
    lone = [Solution(f"p{n}", "abcd"[: n + 1], draws=n + 1, counts={0: (n, 2)}) for n in range(4)]
    together = by_solution(PRIOR, frames(*lone))
    for one in lone:
        np.testing.assert_array_equal(by_solution(PRIOR, frames(one))[one.id], together[one.id])


def test_what_is_learnt_comes_back_from_json(fusion: Fusion) -> None:
    given = frames(*EVERYTHING)
    again = Fusion.from_dict(json.loads(json.dumps(fusion.as_dict())))
    assert again.as_dict() == fusion.as_dict()
    got = by_solution(again, given)
    for name, numbers in by_solution(fusion, given).items():
        np.testing.assert_array_equal(got[name], numbers)


def test_equal_tables_teach_the_same_bit_for_bit(fusion: Fusion) -> None:
    assert learnt(frames(*EVERYTHING)).as_dict() == fusion.as_dict()


# groups


def many(prefix: str, outcome: str) -> list[Solution]:
    return [Solution(f"{prefix}{number}", "ab", outcome) for number in range(30)]


def test_a_domain_that_was_not_seen_is_served_by_all() -> None:
    solutions = [*many("e", "correct"), *many("h", "incorrect")]
    domains = {one.problem: "easy" if one.problem < "f" else "hard" for one in solutions}
    fusion = learnt(frames(*solutions, domains=domains), filtered=False)
    assert list(fusion.groups) == [ALL, "easy policy", "hard policy"]
    assert fusion.parameters("other policy") is fusion.groups[ALL]
    assert fusion.parameters("easy policy") is fusion.groups["easy policy"]
    fresh = frames(Solution("n", "ab"), domains={"n": "easy"})
    other = frames(Solution("n", "ab"), domains={"n": "other"})
    of_all = Fusion({ALL: fusion.groups[ALL]}, fusion.edges)
    np.testing.assert_array_equal(fused(fusion, other).p_correct, fused(of_all, other).p_correct)
    assert fused(fusion, fresh).p_correct[0] > fused(fusion, other).p_correct[0]


def test_groups_lie_where_their_solutions_do() -> None:
    """Two domains in one call, their solutions mixed: as each alone."""
    solutions = [Solution(f"p{n}", "abc"[: n % 3 + 1], counts={0: (n, 1)}) for n in range(6)]
    domains = {f"p{n}": "even" if n % 2 == 0 else "odd" for n in range(6)}
    fusion = Fusion({ALL: start(), "odd policy": replace(start(), vector=MEANS + 0.3)}, {})
    together = by_solution(fusion, frames(*solutions, domains=domains))
    for one in solutions:
        alone = by_solution(fusion, frames(one, domains=domains))
        np.testing.assert_allclose(together[one.id], alone[one.id], atol=1e-12)


# what is not there


def test_empty_tables() -> None:
    given = frames()
    fusion = learnt(given)
    np.testing.assert_array_equal(fusion.groups[ALL].vector, MEANS)
    np.testing.assert_array_equal(fusion.groups[ALL].weights, NORMAL)
    assert fused(fusion, given).p_correct.tolist() == []
    full = frames(*EVERYTHING)
    assert_sound(fused(fusion, full), pieces.layout(full.solutions))


def test_no_evidence_at_all_leaves_the_priors_means() -> None:
    fusion = learnt(frames(Solution("p", "abc", None, draws=0), Solution("q", "", None, draws=0)))
    np.testing.assert_allclose(fusion.groups[ALL].vector, MEANS, atol=1e-6)
    np.testing.assert_allclose(fusion.groups[ALL].weights, NORMAL, atol=1e-9)


def test_categories_that_were_not_seen_when_learning() -> None:
    """Lone samples support nothing, and their log-probabilities are all alike."""
    fusion = learnt(frames(Solution("p", "ab", logprobs=[-1.0, -1.0])))
    assert fusion.groups[ALL].tables[SAMPLED].shape == (3, 5 * 3)
    other = frames(
        Solution("p", "ab", draws=4, logprobs=[-9.0, -0.1]), Solution("p", "ac", "correct", draws=1)
    )
    assert_sound(fused(fusion, other), pieces.layout(other.solutions))


def test_sources_that_were_not_seen_when_learning() -> None:
    fusion = learnt(frames(Solution("p", "ab")))
    full = frames(*EVERYTHING)
    assert_sound(fused(fusion, full), pieces.layout(full.solutions))


def test_sources_that_are_gone_when_labelling(fusion: Fusion) -> None:
    bare = frames(Solution("p", "ab"))
    assert_sound(fused(fusion, bare), pieces.layout(bare.solutions))


def test_a_veto_is_taken_as_it_stands_and_learnt_reliability_weighed() -> None:
    """A tool refutes the first step, thirty of thirty rollouts from the second come out right."""
    given = frames(
        Solution("p", "ab", "correct", counts={0: (30, 0), 1: (30, 0)}, valid={0: (0, 1, 0)}),
        Solution("p", "cd"),
    )
    plain = (given.problems, given.solutions, given.evidence, True, 0.9)
    weighed, vetoed = fuse(PRIOR, *plain), fuse(PRIOR, *plain, ["checker"])
    assert weighed.p_correct[0] > 0.5
    assert vetoed.p_correct[0] < 1e-6
    assert_sound(vetoed, pieces.layout(given.solutions))


def test_a_veto_of_an_annotator_that_said_nothing_changes_nothing() -> None:
    given = frames(*EVERYTHING)
    plain = (given.problems, given.solutions, given.evidence, True, 0.9)
    expected = fuse(PRIOR, *plain).p_correct
    np.testing.assert_array_equal(fuse(PRIOR, *plain, ["nobody"]).p_correct, expected)


@pytest.mark.parametrize("names", [["checker"], ["checker", "critic"]])
def test_vetoes_against_each_other_and_all_else_stay_sound(names: list[str]) -> None:
    every = dict.fromkeys(range(4), (0, 9, 0))
    given = frames(
        Solution("p", "abcd", "correct", counts={3: (500, 0)}, valid=every),
        Solution("p", "abce", "correct", counts={3: (500, 0)}, valid={2: (9, 0, 0)}),
    )
    got = fuse(PRIOR, given.problems, given.solutions, given.evidence, True, 0.9, names)
    assert_sound(got, pieces.layout(given.solutions))


def test_scores_of_the_problem_alone_or_of_others_are_no_scores_of_steps() -> None:
    given = frames(Solution("p", "ab", scores={-1: -3.0}))
    fusion = learnt(given)
    assert fusion.edges == {}
    assert_sound(fused(fusion, given), pieces.layout(given.solutions))


# nothing counts twice


def test_evidence_on_a_shared_prefix_counts_once() -> None:
    """Two solutions have it in the tables, or one of the two: the same."""
    twice = frames(
        Solution("p", "ab", counts={0: (5, 2)}, valid={0: (0, 1, 0)}, judged={0: (2, 1, 0)}),
        Solution("p", "ac", counts={0: (5, 2)}, valid={0: (0, 1, 0)}, judged={0: (2, 1, 0)}),
    )
    once = frames(
        Solution("p", "ab"),
        Solution("p", "ac", counts={0: (5, 2)}, valid={0: (0, 1, 0)}, judged={0: (2, 1, 0)}),
    )
    read_twice, _ = seen(twice)
    assert (read_twice.correct.tolist(), read_twice.incorrect.tolist()) == (
        [0, 5, 0, 0],
        [0, 2, 0, 0],
    )
    expected = by_solution(PRIOR, once)
    for name, numbers in by_solution(PRIOR, twice).items():
        np.testing.assert_array_equal(numbers, expected[name])


def test_a_sample_is_a_solution_or_a_repeat_of_one() -> None:
    """Three right samples of one text and two wrong ones of another."""
    got, _ = seen(frames(Solution("p", "ab", "correct", draws=3), Solution("p", "c", draws=2)))
    assert got.repeats.tolist() == [[2, 1]]
    assert got.samples.tolist() == [5]
    assert got.correct.tolist() == [0, 0, 0, 0]


def test_samples_go_on_from_each_of_their_prefixes() -> None:
    """Five samples take "a": three of one right text, one of a wrong and one of an unknown one."""
    given = frames(
        Solution("p", "ab", "correct", draws=3),
        Solution("p", "ac"),
        Solution("p", "ad", "unknown"),
        Solution("p", "x", draws=0),
    )
    got, _ = seen(given)
    assert got.continued is not None
    assert got.continued[got.forest.step_node].tolist() == [
        [3, 1], [3, 0], [3, 1], [0, 1], [3, 1], [0, 0], [0, 0],
    ]  # fmt: skip
    assert got.continued[got.forest.levels[0]].tolist() == [[0, 0]]


def test_samples_of_another_policy_are_no_rollouts_of_the_prover() -> None:
    given = frames(Solution("p", "ab", "correct"))
    other = replace(given, solutions=given.solutions.with_columns(prover=pl.lit("another")))
    assert seen(other)[0].continued is None


def test_samples_are_known_to_be_mixed_only_where_questions_are_filtered() -> None:
    right_and_wrong = [Solution("p", "a", "correct"), Solution("p", "b")]
    assert seen(frames(*right_and_wrong))[0].samples.tolist() == [2]
    assert seen(frames(*right_and_wrong), filtered=False)[0].samples.tolist() == [0]
    assert seen(frames(Solution("p", "a", "correct", draws=4)))[0].samples.tolist() == [0]


def test_screening_samples_are_not_rollouts_of_the_problem_too() -> None:
    root = {-1: (3, 1)}
    solutions = [Solution("p", "a", "correct", 3, root), Solution("p", "b", "incorrect", 1, root)]
    got, _ = seen(frames(*solutions))
    assert (got.correct[0], got.incorrect[0]) == (0, 0)


@pytest.mark.parametrize("prover", ["policy", "prover"])
def test_rollouts_of_the_problem_alone_count_where_nobody_screened(prover: str) -> None:
    root = {-1: (3, 1)}
    solutions = [Solution("p", "a", "correct", 0, root), Solution("p", "b", draws=0, counts=root)]
    got, _ = seen(frames(*solutions, prover=prover))
    assert (got.correct[0], got.incorrect[0]) == (3, 1)
    assert got.repeats.tolist() == [[0, 0]]


def test_another_provers_rollouts_of_the_problem_count_beside_the_samples() -> None:
    root = {-1: (1, 1)}
    solutions = [Solution("p", "a", "correct", 1, root), Solution("p", "b", "incorrect", 1, root)]
    got, _ = seen(frames(*solutions, prover="prover"))
    assert (got.correct[0], got.incorrect[0]) == (1, 1)


def test_support_is_the_share_of_samples_that_went_the_same_way() -> None:
    """Of eight samples: six begin with a, of these four go on with b, one with c, one with d."""
    draws = {"ab": 4, "ac": 1, "ad": 1, "x": 2, "ay": 0}
    got, layout = seen(frames(*(Solution("p", text, draws=n) for text, n in draws.items())))
    category = support(layout, got.forest, np.array(list(draws.values())))
    of_step = dict(zip(_steps(*draws), category[got.forest.step_node].tolist(), strict=True))
    assert of_step == {
        "a": 3,  # six of eight
        "ab": 3,  # four of six
        "ac": 1,  # one of six
        "ad": 1,
        "x": 2,  # two of eight
        "ay": NONE,  # no sample
    }


def test_what_the_samples_say_is_one_category_of_support_and_log_probability() -> None:
    """A shared prefix has the best of its log-probabilities: engines rate one text unequally."""
    texts = {"ab": [None, -1.0], "ac": [-0.2, -1.0], "ad": [-0.9, None]}
    given = frames(*(Solution("p", text, logprobs=values) for text, values in texts.items()))
    layout = pieces.layout(given.solutions)
    edges = {LOGPROB: np.array([-0.5])}
    got = read(layout, given.solutions, given.evidence, edges, True).signals[SAMPLED]
    node = seen(given)[0].forest.step_node
    found = dict(zip(_steps(*texts), got.category[node].tolist(), strict=True))
    assert got.size == 5 * 3
    assert found == {"a": 4 * 3 + 2, "ab": 1 * 3 + 1, "ac": 1 * 3 + 1, "ad": 1 * 3 + 0}


def _steps(*texts: str) -> list[str]:
    return [text[:m] for text in texts for m in range(1, len(text) + 1)]


def test_expected_tokens_are_what_a_solution_has_left() -> None:
    given = frames(Solution("p", "abcd", tokens=40), Solution("p", "ax", tokens=60))
    layout = pieces.layout(given.solutions)
    got, _ = seen(given)
    tokens = expected_tokens(given.solutions, layout, got.forest)
    assert tokens[got.forest.step_node].tolist() == [30, 20, 10, np.inf, 30, np.inf]
    assert tokens[0] == np.inf
