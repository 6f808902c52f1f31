"""Many problems in step: the same choices as one inference of all of them after each wave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.posterior.choose import choose
from pipeline.posterior.curves import curves
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.play import Play
from tests.pipeline.posterior.tiny import known
from tests.pipeline.posterior.world import draw

PRICE = 1e-3


@pytest.fixture(scope="module")
def seen() -> Observed:
    return draw(known(), problems=12, solutions=3, steps=4, rollouts=0, seed=5)[0]


def tokens_of(seen: Observed) -> Floats:
    forest = seen.forest
    tokens = 20.0 * (forest.length - forest.depth)
    tokens[forest.levels[0]] = np.inf
    return np.where(tokens > 0, tokens, np.inf)


def answer(nodes: Ints, drawn: Ints) -> Bools:
    return np.asarray((7 * nodes + 3 * drawn) % 5 < 2)


def test_every_wave_is_what_inference_of_all_would_choose(seen: Observed) -> None:
    tokens, parameters = tokens_of(seen), known()
    play = Play(seen, parameters, tokens, answer)
    play.advance(PRICE)
    now = seen
    while True:
        nodes = choose(now, infer(now, parameters), tokens, PRICE)
        if not len(nodes):
            break
        right = answer(nodes, now.correct[nodes] + now.incorrect[nodes])
        correct, incorrect = now.correct.copy(), now.incorrect.copy()
        correct[nodes] += right
        incorrect[nodes] += ~right
        now = replace(now, correct=correct, incorrect=incorrect)
    assert (now.correct + now.incorrect).sum() > 100
    assert play.correct.tolist() == now.correct.tolist()
    assert play.incorrect.tolist() == now.incorrect.tolist()
    drawn = now.correct + now.incorrect - seen.correct - seen.incorrect
    assert play.spent == pytest.approx((drawn * np.where(drawn, tokens, 0)).sum())


def test_what_is_left_is_worth_less_than_the_price(seen: Observed) -> None:
    play = Play(seen, known(), tokens_of(seen), answer)
    assert 0 < play.advance(PRICE) < PRICE


def test_a_pilot_has_so_many_waves_of_so_many_rollouts(seen: Observed) -> None:
    play = Play(seen, known(), tokens_of(seen), answer)
    play.advance(PRICE, waves=1, at_once=2)
    drawn = play.correct + play.incorrect - seen.correct - seen.incorrect
    assert set(drawn.tolist()) == {0, 2}


def test_a_part_says_of_its_problems_what_the_whole_says(seen: Observed) -> None:
    problems = np.arange(seen.forest.num_problems) % 3 == 1
    part, nodes, solutions = seen.part(problems)
    parameters = known()
    table = curves(seen.rows, parameters)
    whole = infer(seen, parameters)
    alone = infer(part, parameters, table=table)
    np.testing.assert_allclose(alone.clean, whole.clean[nodes], atol=1e-12)
    np.testing.assert_allclose(alone.wrong, whole.wrong[nodes], atol=1e-12)
    np.testing.assert_allclose(alone.difficulty, whole.difficulty[problems], atol=1e-12)
    assert part.outcome.tolist() == seen.outcome[solutions].tolist()
    assert len(part.forest.leaf) == 3 * problems.sum()
