"""Judges' votes as one signal: what moves it, and what must not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quality_toy import Rates as ToyRates
from bench.quality_toy import Toy
from pipeline.labels.layout import Layout
from pipeline.posterior.forest import plant
from pipeline.posterior.fusion import Fusion, fuse, learn
from pipeline.posterior.observed import ERROR, FINE, NONE
from pipeline.posterior.panel import Panel, Rates, learn_panel, shares_of

NODES = 4000


def forest_of(steps: int):
    """A problem with one solution of so many steps, all but the root nodes of their own."""
    return plant(Layout.of_lengths(np.array([steps])), np.array([0]), 1, None)


FOREST = forest_of(NODES - 1)


def steps(seed: int, wrong: float = 0.2):
    """Contexts (3, nodes) that know the truth, and a generator."""
    random = np.random.default_rng(seed)
    errs = random.random(NODES) < wrong
    contexts = np.zeros((3, NODES))
    contexts[ERROR], contexts[FINE] = errs, ~errs
    contexts[:, 0] = 0  # the root is no step
    return errs, contexts, random


def votes(errs, random, sensitivity: float = 0.7, alarm: float = 0.1, calls: int = 4):
    shares = random.binomial(calls, np.where(errs, sensitivity, alarm)) / calls
    shares[0] = np.nan
    return shares


def learnt(shares, contexts, rates=None) -> Panel:
    panel = learn_panel(shares, FOREST, contexts, rates or {})
    assert panel is not None
    return panel


def test_nobody_spoke():
    _, contexts, _ = steps(0)
    assert learn_panel({}, FOREST, contexts, {}) is None
    assert learn_panel({"judge a": np.full(NODES, np.nan)}, FOREST, contexts, {}) is None


def test_a_judge_entered_twice_is_one_judge():
    errs, contexts, random = steps(0)
    own = votes(errs, random)
    once, twice = {"judge a": own}, {"judge a": own, "judge_b a": own.copy()}
    alone, both = learnt(once, contexts), learnt(twice, contexts)
    first, second = alone.signal(once, FOREST), both.signal(twice, FOREST)
    np.testing.assert_array_equal(first.category, second.category)
    assert both.weights == pytest.approx([0.5, 0.5])
    assert both.worth == pytest.approx(alone.worth)


def test_a_better_judge_weighs_more():
    errs, contexts, random = steps(1)
    shares = {
        "judge_good x": votes(errs, random, 0.8, 0.05),
        "judge_poor x": votes(errs, random, 0.3, 0.2),
    }
    good, poor = learnt(shares, contexts).weights
    assert good > 2 * abs(poor)


def test_a_judge_that_is_mostly_wrong_is_read_the_other_way():
    errs, contexts, random = steps(2)
    shares = {"judge a": votes(errs, random, 0.1, 0.6)}
    panel = learnt(shares, contexts)
    assert panel.weights == pytest.approx([-1.0])
    category = panel.signal(shares, FOREST).category
    assert category[1:][errs[1:]].mean() > category[1:][~errs[1:]].mean() + 0.5


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_votes_that_have_nothing_to_do_with_errors_are_worth_nothing(rate):
    errs, contexts, random = steps(3)
    shares = {"judge a": votes(errs, random, rate, rate)}
    panel = learnt(shares, contexts)
    table = panel.signal(shares, FOREST)
    assert len(panel.edges) == 0 or table.worth < 0.3


def test_a_judge_that_tells_errors_counts_in_full():
    errs, contexts, random = steps(4)
    assert learnt({"judge a": votes(errs, random)}, contexts).worth > 0.95


def test_where_nobody_has_a_vote_there_is_no_category():
    errs, contexts, random = steps(5)
    own = votes(errs, random)
    own[10:20] = np.nan
    shares = {"judge a": own}
    category = learnt(shares, contexts).signal(shares, FOREST).category
    assert (category[10:20] == NONE).all()
    assert (category[20:] != NONE).all()


def test_a_judge_that_said_nothing_of_a_step_neither_speaks_for_it_nor_against():
    errs, contexts, random = steps(6)
    shares = {"judge a": votes(errs, random), "judge_b b": votes(errs, random)}
    panel = learnt(shares, contexts)
    missing = dict(shares)
    missing["judge_b b"] = np.full(NODES, np.nan)
    at_centre = dict(shares)
    at_centre["judge_b b"] = np.full(NODES, panel.centres[1])
    np.testing.assert_array_equal(
        panel.signal(missing, FOREST).category[1:], panel.signal(at_centre, FOREST).category[1:]
    )


def test_an_unknown_source_is_not_read():
    errs, contexts, random = steps(7)
    shares = {"judge a": votes(errs, random)}
    panel = learnt(shares, contexts)
    more = {**shares, "judge_new n": votes(errs, random)}
    np.testing.assert_array_equal(
        panel.signal(shares, FOREST).category, panel.signal(more, FOREST).category
    )


def test_an_admission_test_stands_in_for_data():
    contexts = np.zeros((3, NODES))
    contexts[FINE, 1:] = 1e-6  # next to nothing was seen
    shares = {"judge a": np.tile([0.0, 1.0], NODES // 2)}
    panel = learnt(shares, contexts, {"judge": Rates(wrong=0.8, right=0.05)})
    assert panel.weights == pytest.approx([1.0])
    low, high = panel.prior[:, 0], panel.prior[:, len(panel.edges)]
    assert high[ERROR] / high[FINE] > 5
    assert low[ERROR] / low[FINE] < 0.5


@given(st.permutations(["judge a", "judge b", "judge_c c"]))
def test_the_order_of_sources_does_not_matter(names):
    errs, contexts, random = steps(8)
    own = {name: votes(errs, random) for name in ("judge a", "judge b", "judge_c c")}
    shuffled = {name: own[name] for name in names}
    first, second = learnt(own, contexts), learnt(shuffled, contexts)
    np.testing.assert_array_equal(
        first.signal(own, FOREST).category, second.signal(shuffled, FOREST).category
    )


def test_a_panel_goes_through_json():
    errs, contexts, random = steps(9)
    shares = {"judge a": votes(errs, random), "judge_b b": votes(errs, random)}
    panel = learnt(shares, contexts, {"judge": Rates(0.7, 0.1)})
    again = Panel.from_dict(json.loads(json.dumps(panel.as_dict())))
    np.testing.assert_array_equal(
        again.signal(shares, FOREST).category, panel.signal(shares, FOREST).category
    )
    assert again.sources == panel.sources
    np.testing.assert_array_equal(again.prior, panel.prior)


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy(ToyRates(0.1, 0.05, 0.05), 120, 3)


@pytest.fixture(scope="module")
def own(toy: Toy) -> pl.DataFrame:
    return judged(toy, "judge", 0.8, 0.05, 0)


@pytest.fixture(scope="module")
def fusion(toy: Toy, own: pl.DataFrame) -> Fusion:
    """Learnt with the judge."""
    return learn(toy.problems, toy.solutions, evidence(toy, own), True)


@pytest.fixture(scope="module")
def without(toy: Toy) -> Fusion:
    """Learnt without it."""
    return learn(toy.problems, toy.solutions, evidence(toy), True)


def judged(toy: Toy, name: str, sensitivity: float, alarm: float, seed: int) -> pl.DataFrame:
    """Rows of evidence of a judge whose four votes on a step are one, on every second step."""
    random = np.random.default_rng(seed)
    size = toy.layout.num_steps
    first = toy.layout.position == toy.first[toy.layout.row]
    chance = np.where(first, sensitivity, alarm)
    wrong = np.where(
        random.random(size) < 0.5,
        4 * (random.random(size) < chance),
        random.binomial(4, chance),
    )
    return pl.DataFrame(
        {
            "solution_id": [f"s{row}" for row in toy.layout.row],
            "step": toy.layout.position.astype(np.int32),
            "annotator": name,
            "source": "x",
            "target": "step_valid",
            "correct": (4 - wrong).astype(np.int32),
            "incorrect": wrong.astype(np.int32),
            "unknown": np.zeros(size, dtype=np.int32),
        }
    )


def evidence(toy: Toy, *judges: pl.DataFrame) -> pl.DataFrame:
    draws = np.where(toy.layout.position % 2 == 0, 2, 0) * (toy.left > 0)
    return pl.concat([toy.evidence(draws), *judges], how="diagonal_relaxed")


def p_correct(toy: Toy, seen: pl.DataFrame, fusion: Fusion):
    return fuse(fusion, toy.problems, toy.solutions, seen, True, 0.9).p_correct


def test_a_judge_helps_and_its_copy_changes_nothing(toy, own, fusion, without):
    copy = own.with_columns(annotator=pl.lit("judge_again"), source=pl.lit("y"))
    both = evidence(toy, own, copy)
    alone = p_correct(toy, evidence(toy), without)
    once = p_correct(toy, evidence(toy, own), fusion)
    twice = p_correct(toy, both, learn(toy.problems, toy.solutions, both, True))

    def brier(p) -> float:
        return float(((p - toy.clean) ** 2).mean())

    assert brier(once) < 0.8 * brier(alone)
    np.testing.assert_allclose(twice, once, atol=0.01)


def test_unknown_votes_are_no_votes(toy, own, fusion):
    failed = own.with_columns(unknown=pl.col("unknown") + 3)
    np.testing.assert_array_equal(
        p_correct(toy, evidence(toy, own), fusion), p_correct(toy, evidence(toy, failed), fusion)
    )


def test_a_fusion_that_knows_no_judge_does_not_read_its_votes(toy, own, without):
    np.testing.assert_array_equal(
        p_correct(toy, evidence(toy), without), p_correct(toy, evidence(toy, own), without)
    )


def test_a_first_error_critique_is_read_like_verdicts_on_steps(toy, own):
    as_prefix = own.with_columns(target=pl.lit("prefix_correct"))
    ids = toy.solutions["solution_id"]
    forest = plant(toy.layout, toy.problem, int(toy.problem.max()) + 1, None)
    first, second = (shares_of(one, ids, toy.layout, forest) for one in (own, as_prefix))
    np.testing.assert_array_equal(first["judge x"], second["judge x"])


def test_a_signal_says_nothing_where_it_is_worth_nothing(toy, own, fusion):
    assert fusion.panel is not None
    mute = replace(fusion, panel=replace(fusion.panel, worth=0.0))
    np.testing.assert_allclose(
        p_correct(toy, evidence(toy, own), mute), p_correct(toy, evidence(toy), mute), atol=1e-9
    )
