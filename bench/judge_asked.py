"""What a judge that lives in a folder says of worlds' solutions; its calls are paid once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from annotators.judge.admit import AdmissionTest
from annotators.judge.annotator import JudgeTask, judge_solutions
from bench.judge_calls import NAME, SAMPLES, TEMPERATURE, asking
from bench.judge_worlds import World
from flows.admission import known_rates
from pipeline.posterior.panel_learning import Rates


@dataclass(frozen=True)
class Asked:
    """Of a world. `rates`: what the judge's admission test measured."""

    evidence: pl.DataFrame
    tokens: pl.DataFrame  # solution_id, tokens (read and written)
    rates: dict[str, Rates]


@dataclass(frozen=True)
class Calls:
    """`samples` about every solution. Another `seed`: other calls."""

    judge: Path
    out: Path
    samples: int = SAMPLES
    temperature: float = TEMPERATURE
    seed: int = 0


async def ask(worlds: Sequence[World], calls: Calls) -> list[Asked]:
    found = []
    place = calls.out / "judge-calls"
    async with asking(calls.judge, calls.samples, calls.temperature, place) as (one, buyer):
        tested = (await AdmissionTest.of(one).run(buyer)).admission
        rates = known_rates({NAME: tested})
        for world in worlds:
            judged = await judge_solutions(
                _tasks(world), one, replace(buyer, seed=calls.seed), None
            )
            evidence = pl.from_arrow(judged.evidence)
            made = pl.from_arrow(judged.judgements)
            assert isinstance(evidence, pl.DataFrame)
            assert isinstance(made, pl.DataFrame)
            tokens = made.group_by("solution_id").agg(
                tokens=(pl.col("tokens") + pl.col("prompt_tokens")).sum()
            )
            found.append(Asked(evidence, tokens, rates))
            print(f"{world.name}: {len(made)} calls", file=sys.stderr, flush=True)
    return found


def _tasks(world: World) -> list[JudgeTask]:
    problem = {row["problem_id"]: row for row in world.seen.problems.iter_rows(named=True)}
    return [
        JudgeTask(
            row["solution_id"],
            row["problem_id"],
            problem[row["problem_id"]]["text"],
            tuple(step["text"] for step in row["steps"]),
            problem[row["problem_id"]]["answer"],
        )
        for row in world.seen.solutions.iter_rows(named=True)
    ]
