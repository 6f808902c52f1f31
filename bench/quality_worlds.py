"""The bundled policies' part of `bench.label_quality`: real completions, bought once.

A cell is a world and a policy. Its screened solutions and its journal are made once, by exhaustive
search with 16 rollouts; every other method is a run of the product on a copy of them, so all see
the same draws. Everything is kept under the output folder: a benchmark that was stopped goes on.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.searches import oracle_truth, run_stages
from pipeline.engines.base import Prompt, Request, Sampling
from pipeline.engines.embedded import EmbeddedEngine
from pipeline.folder import DatasetFolder
from pipeline.grading.grader import Grader
from pipeline.prompt import load_prompt
from pipeline.recipe import Recipe, parse_recipe
from pipeline.verdict import Verdict
from pipeline.workers import CheckerPool
from worlds import chains, deduction

FIRST_SEED = 50_000  # of problems that no bundled file has; training began at 1,000,000
# Problems of each cell, so that a thousand distinct solutions pass the question filter.
SIZES = {
    ("chains", "large"): 430,
    ("chains", "small"): 380,
    ("deduction", "large"): 690,
    ("deduction", "small"): 380,
}
VALUE_PREFIXES, VALUE_ROLLOUTS = 75, 512  # of each cell


@dataclass(frozen=True, slots=True)
class Cell:
    world: str
    policy: str
    out: Path

    @property
    def name(self) -> str:
        return f"{self.world}, {self.policy}"

    @property
    def folder(self) -> Path:
        return self.out / f"{self.world}-{self.policy}"

    def recipe(
        self, method: str, rollouts: dict[str, Any], view: str, annotators: Sequence[str]
    ) -> Recipe:
        return parse_recipe(
            {
                "name": f"{self.world}-{self.policy}-{method}",
                "problems": {"source": str(self.problems())},
                "policy": {
                    "engine": "embedded",
                    "model": f"data/policies/{self.policy}",
                    "samples": 8,
                    "max_tokens": 400,
                },
                "rollouts": rollouts,
                "annotators": {name: {} for name in annotators},
                "labels": {"view": view},
                "run": {"shard_problems": 50},
                "output": {"dir": str(self.folder / method)},
            },
            "bench",
        )

    def problems(self) -> Path:
        path = self.out / f"{self.world}.jsonl"
        if not path.exists():
            make = chains.make if self.world == "chains" else deduction.make
            made = (make(seed, "train") for seed in itertools.count(FIRST_SEED))
            rows = {one.problem["text"]: one.problem for one in itertools.islice(made, 800)}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(row) + "\n" for row in rows.values()))
        lines = path.read_text(encoding="utf-8").splitlines()
        own = self.out / f"{self.world}-{self.policy}.jsonl"
        own.write_text("\n".join(lines[: SIZES[self.world, self.policy]]) + "\n")
        return own

    def run(
        self,
        method: str,
        rollouts: dict[str, Any],
        view: str,
        annotators: Sequence[str] = ("arithmetic",),
    ) -> DatasetFolder:
        """A finished run of a method, on the solutions and draws of all."""
        folder = DatasetFolder(self.folder / method)
        if folder.manifest.exists():
            return folder
        recipe = self.recipe(method, rollouts, view, annotators)
        source = self.folder / "exhaustive-16" / "work"
        if not folder.work.exists() and method != "exhaustive-16":
            shutil.copytree(source, folder.work, ignore=_of_the_source)
            (folder.work / "recipe.json").unlink()
        run_stages(recipe)
        return folder


def _of_the_source(folder: str, names: list[str]) -> set[str]:
    """What another method must not take over: stages after screening, and what was published."""
    mine = ("search-", "check-", "pilot-", "approach-")
    return {name for name in names if name.startswith(mine) or name in ("published", "posterior")}


def cells(out: Path) -> list[Cell]:
    return [Cell(world, policy, out) for world, policy in SIZES]


def buy(cell: Cell) -> DatasetFolder:
    """The draws that all methods share: slow, and paid once."""
    return cell.run("exhaustive-16", {"search": "exhaustive", "k": 16}, "hard")


def truth_of(cell: Cell, labels: pl.DataFrame) -> pl.DataFrame:
    """The oracle's verdicts on these solutions, kept."""
    path = cell.folder / "truth.parquet"
    if not path.exists():
        oracle_truth(labels).write_parquet(path)
    return pl.read_parquet(path)


def true_values(cell: Cell, folder: DatasetFolder) -> pl.DataFrame:
    """solution_id, step, right, known: many rollouts from a few seeded prefixes; kept."""
    path = cell.folder / "values.parquet"
    if not path.exists():
        chosen = prefixes_of(folder, VALUE_PREFIXES)
        model = Path(f"data/policies/{cell.policy}")
        asyncio.run(values_of(model, chosen, cell.name)).write_parquet(path)
    return pl.read_parquet(path)


@dataclass(frozen=True, slots=True)
class Prefix:
    solution_id: str
    step: int
    problem: str
    answer: str
    answer_type: str
    ids: tuple[int, ...] | None  # of the solution, as far as the step; None: by its text
    text: str


def prefixes_of(folder: DatasetFolder, most: int) -> list[Prefix]:
    """A few seeded ones, of problems that are searched."""
    live = folder.side_table("questions").filter(pl.col("question_reason").is_null())
    problems = folder.side_table("problems").join(live.select("problem_id"), on="problem_id")
    columns = ("problem_id", "answer", "answer_type", pl.col("text").alias("problem"))
    rows = folder.side_table("solutions").join(problems.select(*columns), on="problem_id")
    found = [
        Prefix(
            row["solution_id"],
            step,
            row["problem"],
            row["answer"],
            row["answer_type"],
            tuple(row["token_ids"][: row["steps"][step]["token_end"]]),
            "".join(piece["text"] for piece in row["steps"][: step + 1]),
        )
        for row in rows.sort("solution_id").iter_rows(named=True)
        for step in range(len(row["steps"]) - 1)
    ]
    chosen = np.random.default_rng(0).permutation(len(found))[:most]
    return [found[index] for index in sorted(chosen)]


async def values_of(
    model: Path, prefixes: list[Prefix], name: str, rollouts: int = VALUE_ROLLOUTS
) -> pl.DataFrame:
    """solution_id, step, right, known: so many rollouts of a bundled policy from each."""
    engine = EmbeddedEngine(model)
    template = load_prompt("{problem}\n")
    pool = CheckerPool(1)
    grader = Grader(pool)
    await engine.start()

    async def one(prefix: Prefix) -> tuple[str, int, int, int]:
        before = template.render(prefix.problem)
        ids = None if prefix.ids is None else engine.encode(before) + prefix.ids
        prompt = Prompt(before + prefix.text, ids)
        request = Request(prefix.solution_id, prompt, rollouts, 0, Sampling(max_tokens=400), seed=1)
        verdicts = [
            (
                await grader.grade(
                    prefix.text + one.text, prefix.answer, prefix.answer_type, one.finish_reason
                )
            ).verdict
            for one in await engine.complete(request)
        ]
        right = verdicts.count(Verdict.CORRECT)
        return prefix.solution_id, prefix.step, right, right + verdicts.count(Verdict.INCORRECT)

    rows = []
    try:
        for begin in range(0, len(prefixes), 8):
            rows += await asyncio.gather(*(one(prefix) for prefix in prefixes[begin : begin + 8]))
            print(f"{name}: values of {len(rows)} of {len(prefixes)} prefixes", flush=True)
    finally:
        await engine.close()
        pool.close()
    return pl.DataFrame(rows, schema=["solution_id", "step", "right", "known"], orient="row")
