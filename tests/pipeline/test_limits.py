"""What a run may spend."""

import pytest

from pipeline.errors import RecipeError
from pipeline.limits import Limits
from pipeline.meter import Meter
from pipeline.recipe import Run, parse_recipe


def limits(tokens: int = 0, hours: float = 0.0, **settings: float) -> Limits:
    """Of a run that bought so many tokens in so many hours."""
    times = iter([0.0])
    meter = Meter(tokens=tokens, bought=1)
    return Limits(Run.model_validate(settings), meter, lambda: next(times, hours * 3600))


def test_without_a_limit_a_run_goes_on() -> None:
    assert not limits(10**12, 10**6).closed()


def test_tokens_end_a_run() -> None:
    assert not limits(99, stop_after_tokens=100).closed()
    assert limits(100, stop_after_tokens=100).closed()


def test_hours_end_a_run() -> None:
    assert not limits(hours=1.9, stop_after_hours=2).closed()
    assert limits(hours=2, stop_after_hours=2).closed()


def test_money_is_the_price_of_tokens_and_of_hours() -> None:
    run = {"cost_of_million_tokens": 0.5, "cost_of_hour": 4.0}
    assert limits(3_000_000, 2.0, **run).cost() == pytest.approx(9.5)
    assert limits(3_000_000, 2.0, stop_after_cost=9.4, **run).closed()
    assert not limits(3_000_000, 2.0, stop_after_cost=9.6, **run).closed()


def test_a_limit_that_was_reached_stays_reached_and_is_named() -> None:
    meter = Meter(tokens=5, bought=1)
    one = Limits(Run(stop_after_tokens=5), meter)
    assert one.closed()
    meter.tokens = 0
    assert one.closed()
    assert one.reached == "run.stop_after_tokens = 5"


def test_what_is_under_way_counts_by_the_mean_of_what_came() -> None:
    run = Run(stop_after_tokens=150)
    assert not Limits(run, Meter(tokens=100, bought=10, running=4)).closed()
    assert Limits(run, Meter(tokens=100, bought=10, running=5)).closed()


def test_what_is_left_is_said() -> None:
    one = limits(1_000, 1.0, stop_after_tokens=5_000, stop_after_hours=1.5)
    assert one.left() == "4,000 tokens, 0.50 hours"


def test_a_limit_of_money_needs_a_price() -> None:
    raw = {
        "name": "r",
        "problems": {"source": "p.jsonl"},
        "policy": {"engine": "stub"},
        "run": {"stop_after_cost": 5},
        "output": {"dir": "x"},
    }
    with pytest.raises(RecipeError, match="stop_after_cost needs a price"):
        parse_recipe(raw, "r.toml")
