"""Judges whose errors are planted: votes on the steps of a world, at known rates.

A judge's `calls` votes on a step are drawn by `sensitivity` where the step is wrong and by `alarm`
where it is right; on a share `shared` of the steps they are one draw, which all of them repeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from bench.judge_worlds import World
from pipeline.labels.layout import Bools, Ints

CALLS = 8


@dataclass(frozen=True, slots=True)
class Planted:
    sensitivity: float = 0.6
    alarm: float = 0.1
    shared: float = 0.5
    calls: int = CALLS

    def chance(self, world: World) -> np.ndarray:
        """P(says incorrect) of each step; a step that the oracle cannot read is taken for wrong."""
        return np.where(world.right == 1, self.alarm, self.sensitivity)

    def draw(self, world: World, random: np.random.Generator) -> Bools:
        """The draw that votes share, of each step."""
        return np.asarray(random.random(len(world.right)) < self.chance(world))

    def votes(self, world: World, random: np.random.Generator, times: int = 1) -> list[Ints]:
        """How many of the calls say incorrect, each time that the judge is asked: what its calls
        share on a step they share every time."""
        common = self.draw(world, random)
        same = random.random(len(world.right)) < self.shared
        chance = self.chance(world)
        return [
            np.where(same, self.calls * common, random.binomial(self.calls, chance))
            for _ in range(times)
        ]


def half_in_common(world: World, random: np.random.Generator, planted: Planted) -> list[Ints]:
    """Two judges, each of one opinion on every step, that share half of their draws."""
    first, second = planted.draw(world, random), planted.draw(world, random)
    both = random.random(len(first)) < 0.5
    return [planted.calls * first, planted.calls * np.where(both, first, second)]


def rows(world: World, wrong: Ints, name: str = "judge", calls: int = CALLS) -> pl.DataFrame:
    """Votes as evidence, a verdict a step."""
    size = world.layout.num_steps
    return pl.DataFrame(
        {
            "solution_id": world.seen.solutions["solution_id"].gather(world.layout.row),
            "step": world.layout.position.astype(np.int32),
            "annotator": [name] * size,
            "source": [f"{name}-planted"] * size,
            "target": ["step_valid"] * size,
            "correct": (calls - wrong).astype(np.int32),
            "incorrect": wrong.astype(np.int32),
            "unknown": np.zeros(size, dtype=np.int32),
            "censored": [False] * size,
        }
    )


def silent(world: World, name: str = "judge") -> pl.DataFrame:
    """A judge that always fails, or answers in prose: unknown votes alone."""
    nothing = rows(world, np.zeros(world.layout.num_steps, dtype=np.int64), name)
    return nothing.with_columns(
        correct=pl.lit(0, dtype=pl.Int32), unknown=pl.lit(CALLS, dtype=pl.Int32)
    )
