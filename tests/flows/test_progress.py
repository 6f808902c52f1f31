"""What the live view says of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.progress import View
from pipeline.engines.base import Load
from pipeline.limits import Limits
from pipeline.meter import Meter
from pipeline.recipe import Run


@dataclass
class Engine:
    at: Load = field(default_factory=Load)
    troubles: Counter[str] = field(default_factory=Counter)

    def load(self) -> Load:
        return self.at


@dataclass
class Context:
    meter: Meter
    engines: list[Engine]
    limits: Any


def said(meter: Meter, *engines: Engine, **limits: float) -> dict[str, str]:
    run = Run.model_validate(limits)
    context: Any = Context(meter, list(engines), Limits(run, meter))
    return dict(View(context).rows())


def test_what_there_is_nothing_of_is_left_out() -> None:
    meter = Meter(bought=1200, tokens=34_000, stages=Counter(screen=3))
    meter.stages_total = Counter(screen=4, search=4)
    rows = said(meter, Engine())
    assert list(rows) == ["stages", "completions", "tokens", "running", "left"]
    assert rows["stages"] == "3/8"
    assert rows["completions"].startswith("1,200 (")


def test_running_and_waiting_sequences_of_all_engines() -> None:
    engines = [Engine(Load(running=200, waiting=50, limit=256)), Engine(Load(3, 1, 16))]
    assert said(Meter(), *engines)["running"] == "203 of 272, 51 wait"


def test_the_servers_prefix_caches() -> None:
    engine = Engine(Load(prompt_tokens=1000, prompt_tokens_cached=780))
    assert said(Meter(), engine)["prefix cache"] == "78% of 1,000 prompt tokens"
    # And those that a cluster's workers asked.
    meter = Meter(prompt_tokens=1000, prompt_tokens_cached=20)
    assert said(meter, engine)["prefix cache"] == "40% of 2,000 prompt tokens"


def test_tokens_saved_by_the_journal_and_by_early_stops() -> None:
    meter = Meter(tokens_cached=5_000, tokens_spared=1_200)
    assert said(meter)["tokens saved"] == "journal 5,000, early stop 1,200"


def test_errors_by_kind_the_most_frequent_first() -> None:
    one = Engine(troubles=Counter({"HTTP 429": 2, "time limit": 1}))
    other = Engine(troubles=Counter({"time limit": 4}))
    assert said(Meter(), one, other)["errors"] == "time limit x5, HTTP 429 x2"


@pytest.mark.parametrize(
    ("tokens", "left", "reached"),
    [(400, "600 tokens", None), (1000, "0 tokens", "run.stop_after_tokens = 1000")],
)
def test_what_is_left_of_a_limit(tokens: int, left: str, reached: str | None) -> None:
    meter = Meter(tokens=tokens, bought=1)
    run = Run(stop_after_tokens=1000)
    limits = Limits(run, meter)
    limits.closed()
    context: Any = Context(meter, [], limits)
    rows = dict(View(context).rows())
    assert rows["left"].endswith(left)
    assert rows.get("limit reached", "").startswith(reached or "")
    assert ("limit reached" in rows) is (reached is not None)
