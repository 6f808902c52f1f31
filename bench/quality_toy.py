"""The closed-form toy of `bench.label_quality`: running totals, without text or model.

A solution has 4 to 14 steps. A step that stands on a true total errs with chance `error`; one that
stands on a wrong one returns to the truth with chance `repair`; a solution that ends wrong states
the right answer all the same with chance `luck`. So the value of every prefix is known exactly. No
two solutions share a prefix, which is the harder case. A rollout writes eight tokens a step.

Draws are fixed in advance for every prefix, so all methods see the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.labels.layout import Bools, Floats, Ints, Layout
from pipeline.schemas import EVIDENCE, SOLUTIONS

SHORTEST, LONGEST, SAMPLES, TOKENS = 4, 14, 8, 8
DRAWS = 64  # at each prefix, at most
CLEAN, WRONG, REPAIRED = range(3)


@dataclass(frozen=True, slots=True)
class Rates:
    error: float
    repair: float
    luck: float

    def values(self) -> tuple[Floats, Floats]:
        """Of a prefix without an open error and with one, by the number of steps that are left."""
        good, wrong = np.ones(LONGEST + 1), np.full(LONGEST + 1, self.luck)
        for left in range(1, LONGEST + 1):
            good[left] = (1 - self.error) * good[left - 1] + self.error * wrong[left - 1]
            wrong[left] = self.repair * good[left - 1] + (1 - self.repair) * wrong[left - 1]
        return good, wrong


class Toy:
    """At least `least` solutions of problems with right and wrong samples among eight."""

    def __init__(self, rates: Rates, least: int, seed: int) -> None:
        self.rates = rates
        random = np.random.default_rng(seed)
        problem: list[int] = []
        paths: list[list[int]] = []
        outcome: list[bool] = []
        problems = 0
        while len(paths) < least:
            length = int(random.integers(SHORTEST, LONGEST + 1))
            drawn = [_path(rates, length, random) for _ in range(SAMPLES)]
            right = [path[-1] != WRONG or random.random() < rates.luck for path in drawn]
            if 0 < sum(right) < SAMPLES:
                problem += [problems] * SAMPLES
                paths += drawn
                outcome += right
                problems += 1
        self.problem = np.array(problem)
        self.outcome: Bools = np.array(outcome)
        self.layout = Layout.of_lengths(np.array([len(path) for path in paths]))
        self.state = np.concatenate(paths)
        first = self.layout.first_where(self.state == WRONG)
        self.first: Ints = np.where(first == self.layout.lengths, -1, first)
        self.left = self.layout.lengths[self.layout.row] - 1 - self.layout.position
        good, wrong = rates.values()
        self.value: Floats = np.where(self.state == WRONG, wrong[self.left], good[self.left])
        self.tokens: Ints = TOKENS * self.left
        bank = random.random((self.layout.num_steps, DRAWS)) < self.value[:, None]
        self._right = np.concatenate(
            [np.zeros((self.layout.num_steps, 1), dtype=np.int64), np.cumsum(bank, axis=1)], axis=1
        )

    @property
    def clean(self) -> Bools:
        """Of each step: no step up to it is wrong."""
        end = np.where(self.first < 0, self.layout.lengths, self.first)
        return np.asarray(self.layout.position < end[self.layout.row])

    def right(self, draws: Ints) -> Ints:
        """Successes among the first `draws` rollouts from each prefix."""
        return np.asarray(self._right[np.arange(len(draws)), draws])

    def succeeds(self, steps: Ints, draw: Ints) -> Bools:
        """Whether the draw of that number (from 0) from each of these prefixes does."""
        return np.asarray(self._right[steps, draw + 1] > self._right[steps, draw])

    def cost(self, draws: Ints) -> float:
        """Generated tokens a solution."""
        return float((draws * self.tokens).sum() / self.layout.num_solutions)

    @cached_property
    def problems(self) -> pl.DataFrame:
        ids = [f"p{number}" for number in range(int(self.problem.max()) + 1)]
        texts = ("source", "domain", "language", "text", "answer")
        return pl.DataFrame({"problem_id": ids, **{name: ["toy"] * len(ids) for name in texts}})

    @cached_property
    def solutions(self) -> pl.DataFrame:
        """As `derive` takes them; one draw each, as no two texts are equal."""
        rows = [
            {
                "solution_id": f"s{number}",
                "problem_id": f"p{problem}",
                "policy": "toy",
                "text": f"{number}",
                "steps": [
                    {"text": "x", "start": TOKENS * t, "end": TOKENS * (t + 1)}
                    for t in range(length)
                ],
                "tokens": TOKENS * length,
                "outcome": "correct" if right else "incorrect",
                "origin": "sampled",
                "draws": [number % SAMPLES],
                "final_answer": "right" if right else f"wrong {number}",
            }
            for number, (problem, length, right) in enumerate(
                zip(self.problem.tolist(), self.layout.lengths.tolist(), self.outcome, strict=True)
            )
        ]
        return pl.DataFrame(pa.Table.from_pylist(rows, schema=SOLUTIONS)).with_columns(
            prover=pl.lit("toy")
        )

    def evidence(self, draws: Ints, censored: Bools | None = None) -> pl.DataFrame:
        """The rollouts table's counts, and those of the problems alone: the screening samples."""
        right = self.right(draws)
        at = np.flatnonzero(draws > 0)
        known = np.zeros(len(draws), dtype=np.bool_) if censored is None else censored
        of_problem = np.bincount(self.problem, weights=self.outcome).astype(np.int64)[self.problem]
        size = self.layout.num_solutions
        parts = {
            "solution_id": np.concatenate([self.layout.row[at], np.arange(size)]),
            "step": np.concatenate([self.layout.position[at], np.full(size, -1)]),
            "correct": np.concatenate([right[at], of_problem]),
            "incorrect": np.concatenate([(draws - right)[at], SAMPLES - of_problem]),
            "censored": np.concatenate([known[at], np.zeros(size, dtype=np.bool_)]),
        }
        frame = pl.DataFrame(parts).with_columns(
            solution_id=pl.format("s{}", "solution_id"),
            annotator=pl.lit("rollouts"),
            source=pl.lit("toy"),
            target=pl.lit("prefix_value"),
            unknown=pl.lit(0),
        )
        empty = pl.DataFrame(EVIDENCE.empty_table())
        return pl.concat([empty, frame.cast({"step": pl.Int32})], how="diagonal_relaxed")


def _path(rates: Rates, length: int, random: np.random.Generator) -> list[int]:
    state, path = CLEAN, []
    for number in random.random(length):
        if state == WRONG:
            state = REPAIRED if number < rates.repair else WRONG
        elif number < rates.error:
            state = WRONG
        path.append(state)
    return path
