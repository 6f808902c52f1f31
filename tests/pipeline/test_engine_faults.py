"""Fault plans: which request gets which fault."""

import pytest

from pipeline.engines.faults import Fault, FaultPlan, fault_plan
from pipeline.errors import InputError


def contents(count: int) -> list[bytes]:
    return [number.to_bytes(4, "big") for number in range(count)]


def test_faults_come_in_the_shares_asked_for() -> None:
    plan = fault_plan(["429:0.2", "close:0.1"], seed=0)
    found = [plan.of(0, content) for content in contents(10_000)]
    assert found.count(Fault("status", 429, "1")) == pytest.approx(2000, abs=150)
    assert found.count(Fault("close")) == pytest.approx(1000, abs=120)
    assert found.count(None) == pytest.approx(7000, abs=200)


def test_the_order_of_arrival_changes_no_fault() -> None:
    plan, again = (fault_plan(["close:0.5"], seed=3) for _ in range(2))
    forward = [plan.of(at, content) for at, content in enumerate(contents(50))]
    backward = [again.of(at, content) for at, content in enumerate(reversed(contents(50)))]
    assert forward == backward[::-1]


def test_a_request_that_comes_again_gets_another_throw() -> None:
    plan = fault_plan(["close:0.5"], seed=0)
    assert {plan.of(at, b"the same") for at in range(50)} == {None, Fault("close")}


def test_another_seed_plants_other_faults() -> None:
    one, other = (fault_plan(["close:0.5"], seed=seed) for seed in (0, 1))
    assert [one.of(0, c) for c in contents(50)] != [other.of(0, c) for c in contents(50)]


def test_the_first_requests_get_the_faults_in_turn() -> None:
    plan = fault_plan(["500:0", "html:0"], seed=0, first=3)
    found = [plan.of(at, content) for at, content in enumerate(contents(4))]
    assert found == [Fault("status", 500), Fault("html"), Fault("status", 500), None]


def test_a_share_of_one_is_every_request() -> None:
    plan = fault_plan(["503:1"], seed=0)
    assert {plan.of(0, content) for content in contents(1000)} == {Fault("status", 503)}


def test_no_fault_is_no_fault() -> None:
    assert FaultPlan().of(0, b"") is None


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("429:1", Fault("status", 429, "1")),
        ("429:1:0.2", Fault("status", 429, "0.2")),
        ("503:1", Fault("status", 503)),
        ("503:1:7", Fault("status", 503, "7")),
        ("hang:1", Fault("hang", seconds=3600.0)),
        ("hang:1:2", Fault("hang", seconds=2.0)),
        ("few:1", Fault("few", keep=1)),
        ("empty:1", Fault("empty")),
    ],
)
def test_what_a_spec_means(spec: str, fault: Fault) -> None:
    assert fault_plan([spec], seed=0).shares == ((fault, 1.0),)


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (["nap:0.1"], "--fault nap:0.1: 'nap' is no fault; there are hang, close, html"),
        (["302:0.1"], "'302' is no fault"),
        (["429"], "KIND:SHARE"),
        (["429:much"], "KIND:SHARE"),
        (["429:1.5"], "between 0 and 1"),
        (["close:0.1:3"], "seconds, 0 or more, are for hang"),
        (["hang:0.1:-1"], "seconds, 0 or more"),
        (["429:0.6", "500:0.6"], "the shares add up to 1.2"),
    ],
)
def test_a_bad_spec_is_refused_and_named(specs: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fault_plan(specs, seed=0)


def test_first_without_a_fault_is_refused() -> None:
    with pytest.raises(InputError, match="which faults"):
        fault_plan([], seed=0, first=10)
