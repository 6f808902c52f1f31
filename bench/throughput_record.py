"""What a run asked of its engine: a record of `Engine.complete`, taken in the run's own process.

One line a request::

    {"arrived": 81.2, "ended": 82.0, "n": 8, "ids": [5, 81, …], "tokens": 412, "max_tokens": 400,
     "temperature": 0.8, "top_p": 1.0, "top_k": 0, "stop": [], "logprobs": false}

Guarantees: requests as they were handed to the engine, in order, whatever it then sent, and the
tokens that it said it generated. Lines are kept in memory and written when the run has ended. Costs
a few microseconds a request. The times are of the machine's monotonic clock.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    arrived: float
    ended: float
    n: int
    ids: list[int]
    tokens: int
    max_tokens: int
    temperature: float
    top_p: float
    top_k: int
    stop: list[str]
    logprobs: bool


@dataclass(frozen=True, slots=True)
class Speed:
    """Generated tokens a second, over all of it and while demand was there."""

    tokens: int
    seconds: float
    demand_tokens: int
    demand_seconds: float

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds

    @property
    def demand_rate(self) -> float:
        return self.demand_tokens / self.demand_seconds if self.demand_seconds else 0.0

    def as_dict(self) -> dict[str, float]:
        return asdict(self) | {"rate": self.rate, "demand_rate": self.demand_rate}


def record_engines() -> list[Asked]:
    """From now on each engine that a run builds notes what it is asked, in the list returned."""
    import flows.context as context

    kept: list[Asked] = []
    build = context.build_engine

    def built(*arguments: Any, **more: Any) -> Any:
        engine = build(*arguments, **more)
        complete = engine.complete

        async def noted(request: Any) -> Any:
            arrived = time.monotonic()
            completions = await complete(request)
            prompt, sampling = request.prompt, request.sampling
            ids = prompt.token_ids if prompt.token_ids is not None else engine.encode(prompt.text)
            kept.append(
                Asked(
                    arrived,
                    time.monotonic(),
                    request.n,
                    list(ids),
                    sum(one.tokens for one in completions),
                    sampling.max_tokens,
                    sampling.temperature,
                    sampling.top_p,
                    sampling.top_k,
                    list(sampling.stop),
                    request.logprobs,
                )
            )
            return completions

        engine.complete = noted
        return engine

    context.build_engine = built
    return kept


def write(path: Path, kept: Sequence[Asked]) -> None:
    rows = sorted(kept, key=lambda one: one.arrived)
    path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in rows))


def read(path: Path) -> list[Asked]:
    return [Asked(**json.loads(line)) for line in path.read_text().splitlines()]


def speed(asked: Sequence[Asked], slots: int) -> Speed:
    """Tokens count when their request is answered. Demand is there from the first moment with as
    many sequences asked for as `slots` to the last one."""
    events = [(one.arrived, one.n) for one in asked] + [(one.ended, -one.n) for one in asked]
    wanted, begin, end = 0, None, 0.0
    for time_, change in sorted(events):
        before, wanted = wanted, wanted + change
        if wanted >= slots and begin is None:
            begin = time_
        if before >= slots > wanted:
            end = time_
    first, last = min(one.arrived for one in asked), max(one.ended for one in asked)
    begin = last if begin is None else begin
    inside = [one.tokens for one in asked if begin <= one.ended <= end]
    return Speed(sum(one.tokens for one in asked), last - first, sum(inside), max(end - begin, 0.0))
