"""Counts of one run, for the progress line, the final table and the manifest."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Meter:
    """Written on the engine's loop, read from anywhere (each field is one number)."""

    bought: int = 0  # completions that the engine made in this run
    cached: int = 0  # completions that the journal held
    failed: int = 0  # completions that never came
    unbought: int = 0  # completions that were not asked for, because a limit was reached
    spared: int = 0  # rollouts that a search did without, because it had seen enough
    tokens_spared: int = 0  # what they would have cost, by the mean of their problem
    truncated: int = 0
    tokens: int = 0  # generated tokens bought in this run
    tokens_cached: int = 0
    imported: int = 0  # rollouts that somebody had paid for, laid into the journal
    imported_lost: int = 0  # of which no solution has the prefix
    running: int = 0  # completions asked for and not yet there
    # What engines in other processes (a cluster's workers) met, by kind, and read.
    errors: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    prompt_tokens_cached: int = 0
    stages: Counter[str] = field(default_factory=Counter)  # shards done, by stage
    stages_cached: Counter[str] = field(default_factory=Counter)
    stages_total: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)
    first_completion: float | None = None

    def seconds(self) -> float:
        """Since the first completion (model loading and start-up left out)."""
        return 0.0 if self.first_completion is None else time.monotonic() - self.first_completion

    def as_dict(self) -> dict[str, object]:
        seconds = self.seconds()
        return {
            "completions_bought": self.bought,
            "completions_cached": self.cached,
            "completions_failed": self.failed,
            "completions_not_bought": self.unbought,
            "completions_truncated": self.truncated,
            "rollouts_imported": self.imported,
            "rollouts_imported_lost": self.imported_lost,
            "tokens_bought": self.tokens,
            "tokens_cached": self.tokens_cached,
            "rollouts_spared": self.spared,
            "tokens_spared": self.tokens_spared,
            "seconds": round(seconds, 3),
            "tokens_per_second": round(self.tokens / seconds, 1) if seconds else None,
        }
