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
from pipeline.errors import InputError
from pipeline.labels.layout import Layout
from pipeline.posterior.forest import plant
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fusion import ALL, Fusion
from pipeline.posterior.learn import learn
from pipeline.posterior.observed import ERROR, FINE, JUDGES, NONE, Signal
from pipeline.posterior.panel import Panel, shares_of
from pipeline.posterior.panel_learning import PSEUDO, Learnt, Rates, learn_panel, table_near

NODES = 4000


def forest_of(steps: int):
    """A problem with one solution of so many steps, all but the root nodes of their own."""
    return plant(Layout.of_lengths(np.array([steps])), np.array([0]), 1, None)


FOREST = forest_of(NODES - 1)
UNSAMPLED = Signal(np.full(NODES, NONE), True, 1)  # the policy's samples say nothing


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


def learn_from(shares, contexts, rates=None, sampled=UNSAMPLED, rare=None) -> Learnt:
    rare = np.ones((3, sampled.size)) if rare is None else rare
    found = learn_panel(shares, sampled, rare, FOREST, contexts, rates or {})
    assert found is not None
    return found


def learnt(shares, contexts, rates=None) -> Panel:
    return learn_from(shares, contexts, rates).panel


def category_of(panel: Panel, shares):
    return panel.signal(shares, UNSAMPLED, FOREST).category


def test_nobody_spoke():
    _, contexts, _ = steps(0)
    rest = (UNSAMPLED, np.ones((3, 1)), FOREST, contexts, {})
    assert learn_panel({}, *rest) is None
    assert learn_panel({"judge a": np.full(NODES, np.nan)}, *rest) is None


def test_a_judge_entered_twice_is_one_judge():
    errs, contexts, random = steps(0)
    own = votes(errs, random)
    once, twice = {"judge a": own}, {"judge a": own, "judge_b a": own.copy()}
    alone, both = learnt(once, contexts), learnt(twice, contexts)
    np.testing.assert_array_equal(category_of(alone, once), category_of(both, twice))
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
    category = category_of(panel, shares)
    assert category[1:][errs[1:]].mean() > category[1:][~errs[1:]].mean() + 0.5


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0])
def test_votes_that_have_nothing_to_do_with_errors_are_worth_nothing(rate):
    errs, contexts, random = steps(3)
    shares = {"judge a": votes(errs, random, rate, rate)}
    panel = learnt(shares, contexts)
    assert len(panel.edges) == 0 or panel.worth < 0.3


def test_a_judge_that_tells_errors_counts_in_full():
    errs, contexts, random = steps(4)
    assert learnt({"judge a": votes(errs, random)}, contexts).worth > 0.95


def test_where_nobody_has_a_vote_there_is_no_category():
    errs, contexts, random = steps(5)
    own = votes(errs, random)
    own[10:20] = np.nan
    shares = {"judge a": own}
    category = category_of(learnt(shares, contexts), shares)
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
        category_of(panel, missing)[1:], category_of(panel, at_centre)[1:]
    )


def test_an_unknown_source_is_not_read():
    errs, contexts, random = steps(7)
    shares = {"judge a": votes(errs, random)}
    panel = learnt(shares, contexts)
    more = {**shares, "judge_new n": votes(errs, random)}
    np.testing.assert_array_equal(category_of(panel, shares), category_of(panel, more))


def test_an_admission_test_stands_in_for_data():
    contexts = np.zeros((3, NODES))
    contexts[FINE, 1:] = 1e-6  # next to nothing was seen
    shares = {"judge a": np.tile([0.0, 1.0], NODES // 2)}
    found = learn_from(shares, contexts, {"judge": Rates(wrong=0.8, right=0.05)})
    assert found.panel.weights == pytest.approx([1.0])
    low, high = found.table[:, 0], found.table[:, found.panel.kinds - 1]
    assert high[ERROR] / high[FINE] > 5
    assert low[ERROR] / low[FINE] < 0.5


@given(st.permutations(["judge a", "judge b", "judge_c c"]))
def test_the_order_of_sources_does_not_matter(names):
    errs, contexts, random = steps(8)
    own = {name: votes(errs, random) for name in ("judge a", "judge b", "judge_c c")}
    shuffled = {name: own[name] for name in names}
    first, second = learnt(own, contexts), learnt(shuffled, contexts)
    np.testing.assert_array_equal(category_of(first, own), category_of(second, shuffled))


def test_a_panel_goes_through_json():
    errs, contexts, random = steps(9)
    shares = {"judge a": votes(errs, random), "judge_b b": votes(errs, random)}
    panel = learnt(shares, contexts, {"judge": Rates(0.7, 0.1)})
    again = Panel.from_dict(json.loads(json.dumps(panel.as_dict())))
    np.testing.assert_array_equal(category_of(again, shares), category_of(panel, shares))
    assert again.sources == panel.sources
    assert again.worth == panel.worth


def test_a_posterior_of_another_version_is_refused(fusion):
    raw = json.loads(json.dumps(fusion.as_dict()))
    del raw["panel"]["rarity"]
    with pytest.raises(InputError, match=r"another version of Stepsmith: it lacks 'rarity'.*--out"):
        Fusion.from_dict(raw)


def rare_and_common(errs, random):
    """Half of the steps are rare among the policy's samples: most errors are."""
    rare = random.random(NODES) < np.where(errs, 0.9, 0.5)
    table = np.array([[0.1, 0.9], [0.5, 0.5], [0.5, 0.5]])  # common, rare
    return rare, Signal(rare.astype(np.int64), True, 2), table


def test_alarms_that_only_say_that_a_step_is_rare_say_nothing_of_rare_steps():
    errs, contexts, random = steps(10)
    rare, sampled, table = rare_and_common(errs, random)
    shares = {"judge a": np.where(rare, 1.0, 0.0)}
    found = learn_from(shares, contexts, {"judge": Rates(0.9, 0.05)}, sampled, table)
    signal = found.panel.signal(shares, sampled, FOREST)
    said = found.table[:, signal.category[1:]]
    # An alarm is nearly twice as frequent on errors as on right steps, silence a fifth as frequent;
    # all of it is rarity.
    np.testing.assert_allclose(said[ERROR] / said[FINE], 1.0, atol=0.2)


def test_an_alarm_is_read_within_its_class_of_rarity():
    errs, contexts, random = steps(11)
    rare, sampled, table = rare_and_common(errs, random)
    alarm = np.where(errs, 0.8, np.where(rare, 0.5, 0.02))
    shares = {"judge a": (random.random(NODES) < alarm).astype(np.float64)}
    found = learn_from(shares, contexts, sampled=sampled, rare=table)
    signal = found.panel.signal(shares, sampled, FOREST)
    odds = found.table[ERROR] / found.table[FINE]
    on_rare = odds[signal.category[rare & (shares["judge a"] == 1)]]
    on_common = odds[signal.category[~rare & (shares["judge a"] == 1)][1:]]
    np.testing.assert_allclose(on_rare, 0.8 / 0.5, rtol=0.2)
    assert on_common.min() > 8


def test_without_samples_there_is_one_class():
    errs, contexts, random = steps(12)
    panel = learnt({"judge a": votes(errs, random)}, contexts)
    assert panel.rarity.tolist() == [0, 0]
    assert panel.groups == 2


def test_a_part_that_says_nothing_has_the_table_of_all():
    errs, contexts, random = steps(13)
    shares = {"judge a": votes(errs, random)}
    found = learn_from(shares, contexts)
    signal = found.panel.signal(shares, UNSAMPLED, FOREST)
    near = table_near(found.table, signal, np.zeros_like(contexts))
    np.testing.assert_allclose(near, found.table)


def test_a_part_draws_the_table_to_what_it_saw():
    errs, contexts, random = steps(14)
    shares = {"judge a": votes(errs, random, 0.9, 0.05, calls=1)}
    found = learn_from(shares, contexts)
    signal = found.panel.signal(shares, UNSAMPLED, FOREST)
    seen = np.zeros_like(contexts)
    quiet = np.flatnonzero(shares["judge a"] == 0)[:20]
    seen[ERROR, quiet] = 1  # as many errors that it did not see as the table of all is worth
    assert len(quiet) == PSEUDO
    near = table_near(found.table, signal, seen)
    missed = found.table[ERROR, signal.category[quiet[0]]]
    assert near[ERROR, signal.category[quiet[0]]] == pytest.approx((missed + 1) / 2)


@pytest.fixture(scope="module")
def toy() -> Toy:
    return Toy(ToyRates(0.1, 0.05, 0.05), 400, 3)


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

    assert brier(once) < 0.9 * brier(alone)
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


def test_judges_change_nothing_else_that_is_learnt(toy, fusion, without):
    with_judge, alone = fusion.groups[ALL], without.groups[ALL]
    np.testing.assert_array_equal(with_judge.vector, alone.vector)
    assert set(with_judge.tables) == {*alone.tables, JUDGES}
    for name, table in alone.tables.items():
        np.testing.assert_array_equal(with_judge.tables[name], table)


def test_problems_that_no_judge_saw_keep_their_labels(toy, own, without):
    some = own.filter(pl.col("solution_id").is_in([f"s{row}" for row in range(200)]))
    seen = evidence(toy, some)
    p = p_correct(toy, seen, learn(toy.problems, toy.solutions, seen, True))
    before = p_correct(toy, evidence(toy), without)
    asked = np.isin(toy.problem[toy.layout.row], toy.problem[:200])
    np.testing.assert_array_equal(p[~asked], before[~asked])
    assert np.abs(p - before)[asked].max() > 0.1


def test_a_signal_says_nothing_where_it_is_worth_nothing(toy, own, fusion):
    assert fusion.panel is not None
    mute = replace(fusion, panel=replace(fusion.panel, worth=0.0))
    np.testing.assert_allclose(
        p_correct(toy, evidence(toy, own), mute), p_correct(toy, evidence(toy), mute), atol=1e-9
    )
