"""What a run may spend at most, in tokens, hours or money, and what it has cost.

Once a limit is reached, or will be by what is under way, it stays reached: nothing more is bought
in this run, what is under way is still taken, and what there is is labelled and published. Counted
for one run, not for a folder: the same command goes on with a limit of its own. Money is what the
recipe says a million generated tokens and an hour of the run cost.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.meter import Meter
from pipeline.recipe import Run


class Limits:
    """Of one run: `meter` counts what it buys."""

    def __init__(self, run: Run, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._meter = meter
        self._clock = clock
        self._begun = clock()
        self.reached: str | None = None  # the key and the value of the first one

    def closed(self) -> bool:
        """Whether nothing is bought any more."""
        if self.reached is None:
            self.reached = self._over()
        return self.reached is not None

    def cost(self) -> float:
        """So far, in the recipe's money."""
        return self._cost(self._meter.tokens)

    def _cost(self, tokens: float) -> float:
        hours = (self._clock() - self._begun) / 3600
        return tokens / 1e6 * self._run.cost_of_million_tokens + hours * self._run.cost_of_hour

    def _expected(self) -> float:
        """Tokens, with what is asked for and not there yet, by the mean of what is."""
        meter = self._meter
        return meter.tokens * (1 + meter.running / meter.bought) if meter.bought else 0.0

    def left(self) -> str:
        """What is left of each limit, for a person; "" where there is none."""
        run, hours = self._run, (self._clock() - self._begun) / 3600
        parts = []
        if run.stop_after_tokens:
            parts.append(f"{max(run.stop_after_tokens - self._meter.tokens, 0):,} tokens")
        if run.stop_after_hours:
            parts.append(f"{max(run.stop_after_hours - hours, 0):.2f} hours")
        if run.stop_after_cost:
            parts.append(f"{max(run.stop_after_cost - self.cost(), 0):,.2f} of money")
        return ", ".join(parts)

    def _over(self) -> str | None:
        run, tokens = self._run, self._expected()
        if run.stop_after_tokens and tokens >= run.stop_after_tokens:
            return f"run.stop_after_tokens = {run.stop_after_tokens}"
        hours = (self._clock() - self._begun) / 3600
        if run.stop_after_hours and hours >= run.stop_after_hours:
            return f"run.stop_after_hours = {run.stop_after_hours:g}"
        if run.stop_after_cost and self._cost(tokens) >= run.stop_after_cost:
            return f"run.stop_after_cost = {run.stop_after_cost:g}"
        return None
