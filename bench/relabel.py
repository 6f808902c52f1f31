"""What relabelling for another policy costs, and how good its values are, against starting anew.

    python -m bench.relabel [POLICIES] [--out runs/bench-relabel] [--only TEXT]

POLICIES (runs/relabel) holds `longer` (the bundled large one, trained on for a while) and
`unrelated` (trained from scratch with other problems): `make relabel-policies` makes both. Three
pairs, old to new: large to longer, small to large, large to unrelated. Of each, solutions of the
old policy in both worlds, labelled by search and view posterior; then for the new one, with 5 to
100 % of the tokens that the same recipe spends when it starts anew on these solutions: `stepsmith
relabel`, and the same recipe anew. Truth is 512 rollouts of the new policy from 300 prefixes, and
the worlds' oracle.

Every run is one of the product, on a copy of one journal with 16 rollouts from every prefix, so
all see the same draws. What is made is kept under the output folder: a benchmark that was stopped
goes on. The intervals are paired, over problems (10,000 bootstrap draws).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from bench.quality_worlds import VALUE_ROLLOUTS, Prefix, prefixes_of, values_of
from bench.searches import oracle_truth, run_stages
from bench.throughput_table import Row, print_table
from pipeline.engines.policy_folder import PolicyFolder
from pipeline.evaluation import evaluate
from pipeline.folder import DatasetFolder
from pipeline.recipe import parse_recipe
from worlds import chains, deduction

BUNDLED = Path("data/policies")
FIRST_SEED = 70_000  # of problems; bench.quality_worlds begins at 50,000, training at 1,000,000
PROBLEMS = 60  # of each world
BUDGETS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0)
PREFIXES = 300
OLD_ROLLOUTS = 128  # of the old policy, for how much the two are alike
PART = 50  # prefixes: what a benchmark that is stopped loses at most
DRAWS = 10_000


@dataclass(frozen=True, slots=True)
class Pair:
    """`enough`: the share of the full cost at which values are as good as those of all of it."""

    name: str
    old: Path
    new: Path
    enough: float | None


def pairs(policies: Path) -> list[Pair]:
    return [
        Pair("large to longer", BUNDLED / "large", policies / "longer", 0.35),
        Pair("small to large", BUNDLED / "small", BUNDLED / "large", 0.75),
        Pair("large to unrelated", BUNDLED / "large", policies / "unrelated", None),
    ]


@dataclass(frozen=True, slots=True)
class Bench:
    """`size`: problems of each world."""

    pair: Pair
    out: Path
    size: int = PROBLEMS

    @property
    def folder(self) -> Path:
        return self.out / self.pair.name.replace(" ", "-")

    def recipe(self, name: str, model: Path, rollouts: dict[str, Any], **more: Any) -> Any:
        return parse_recipe(
            {
                "name": name,
                "problems": {"source": str(self.problems())},
                "policy": {
                    "engine": "embedded",
                    "model": str(model),
                    "samples": 8,
                    "max_tokens": 400,
                },
                "rollouts": rollouts,
                "annotators": {"arithmetic": {}},
                "labels": {"view": "posterior"},
                "run": {"shard_problems": 40},
                "output": {"dir": str(self.folder / name)},
                **more,
            },
            "bench",
        )

    def problems(self) -> Path:
        path = self.out / "problems.jsonl"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = []
            for world in (chains, deduction):
                made = (world.make(seed, "train").problem for seed in count(FIRST_SEED))
                rows += list(islice(made, self.size))
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def run(self, name: str, model: Path, rollouts: dict[str, Any], **more: Any) -> DatasetFolder:
        """A finished run; one of the new policy begins with the journal of all."""
        folder = DatasetFolder(self.folder / name)
        if folder.manifest.exists():
            return folder
        pool = self.folder / "pool" / "work" / "journal"
        if pool.is_dir() and name not in ("old", "pool") and not folder.work.exists():
            shutil.copytree(pool, folder.work / "journal")
        run_stages(self.recipe(name, model, rollouts, **more))
        return folder

    def old(self) -> DatasetFolder:
        return self.run("old", self.pair.old, {"search": "posterior"})

    def relabelled(self, name: str, rollouts: dict[str, Any], forget: bool) -> DatasetFolder:
        relabel = {"dataset": str(self.old().root.resolve()), "forget": forget}
        return self.run(name, self.pair.new, rollouts, relabel=relabel)

    def pool(self) -> DatasetFolder:
        return self.relabelled("pool", {"search": "exhaustive", "k": 16}, forget=True)

    def at(self, tokens: float, share: float, forget: bool) -> DatasetFolder:
        kind = "anew" if forget else "relabelled"
        rollouts = {"search": "posterior", "budget_tokens": round(share * tokens)}
        return self.relabelled(f"{kind}-{100 * share:g}", rollouts, forget)

    def truth(self) -> pl.DataFrame:
        """Of the new policy: solution_id, step, right, known; without prefixes of which most
        rollouts are unknown."""
        found = self._values(self.pair.new, "values", VALUE_ROLLOUTS)
        return found.filter(pl.col("known") >= VALUE_ROLLOUTS // 2)

    def before(self) -> pl.DataFrame:
        """The like of the old policy, from the same prefixes."""
        return self._values(self.pair.old, "before", OLD_ROLLOUTS)

    def _values(self, model: Path, kind: str, rollouts: int) -> pl.DataFrame:
        chosen: list[Prefix] = prefixes_of(self.old(), PREFIXES)
        old, new = (PolicyFolder.open(one) for one in (self.pair.old, model))
        if old.tokenizer_hash != new.tokenizer_hash:  # the old one's ids are other words
            chosen = [replace(prefix, ids=None) for prefix in chosen]
        parts = []
        for begin in range(0, len(chosen), PART):
            path = self.folder / f"{kind}-{begin}.parquet"
            if not path.exists():
                name = f"{self.pair.name}, {kind}, from {begin} of {len(chosen)}"
                part = chosen[begin : begin + PART]
                asyncio.run(values_of(model, part, name, rollouts)).write_parquet(path)
            parts.append(pl.read_parquet(path))
        return pl.concat(parts)


def rollout_tokens(folder: DatasetFolder) -> int:
    return int(folder.side_table("rollouts")["tokens"].sum())


def errors(folder: DatasetFolder, truth: pl.DataFrame) -> pl.DataFrame:
    """problem_id and the squared error of each value that the truth knows."""
    labels = folder.labels().select("solution_id", "problem_id", "value")
    known = truth.join(labels, on="solution_id", how="inner", maintain_order="left")
    value = pl.col("value").list.get(pl.col("step"))
    return known.select("problem_id", error=(value - pl.col("right") / pl.col("known")) ** 2)


def interval(one: pl.DataFrame, other: pl.DataFrame) -> tuple[float, float]:
    """95 % of the difference of two roots of mean squared errors, problems drawn anew."""
    sums = pl.DataFrame({"problem": one["problem_id"], "a": one["error"], "b": other["error"]})
    by = sums.group_by("problem", maintain_order=True).agg(pl.col("a", "b").sum(), n=pl.len())
    a, b, n = (by[name].to_numpy() for name in ("a", "b", "n"))
    random = np.random.default_rng(0)
    weight = random.multinomial(len(n), np.full(len(n), 1 / len(n)), size=DRAWS)
    total = weight @ n
    difference = np.sqrt(weight @ a / total) - np.sqrt(weight @ b / total)
    low, high = np.quantile(difference, [0.025, 0.975])
    return float(low), float(high)


def rmse(found: pl.DataFrame) -> float:
    return float(np.sqrt(found["error"].to_numpy().mean()))


def f1(folder: DatasetFolder, truth: pl.DataFrame) -> float:
    return float(evaluate(folder.labels(), truth, all_rows=True).first_error_f1 or 0.0)


@dataclass(frozen=True, slots=True)
class Found:
    """At one budget. `spent`: of the full cost."""

    share: float
    errors: pl.DataFrame
    spent: float
    f1: float

    @property
    def rmse(self) -> float:
        return rmse(self.errors)


def measure(bench: Bench) -> tuple[list[Row], dict[str, Any]]:
    pair, old = bench.pair, bench.old()
    bench.pool()
    full = rollout_tokens(bench.relabelled("full", {"search": "posterior"}, forget=True))
    values, steps = bench.truth(), oracle_truth(old.labels())

    def found(share: float, forget: bool) -> Found:
        folder = bench.at(full, share, forget)
        spent = rollout_tokens(folder) / full
        return Found(share, errors(folder, values), spent, f1(folder, steps))

    ours = [found(share, forget=False) for share in BUDGETS]
    anew = [found(share, forget=True) for share in BUDGETS]
    rows = [Row(f"{pair.name}: correlation of values, old and new", _alike(bench.before(), values))]
    figures = []
    for one, other in zip(ours, anew, strict=True):
        low, high = interval(one.errors, other.errors)
        note = f"anew {other.rmse:.4f}, {low:+.4f} to {high:+.4f}; F1 {one.f1:.3f} for "
        note += f"{other.f1:.3f}; spent {100 * one.spent:.0f} and {100 * other.spent:.0f} %"
        name, bar = f"{pair.name}, {100 * one.share:.0f} %: RMSE of value", other.rmse
        if pair.enough is None:
            name, bar = f"{name}, and anew for 5 % fewer tokens", _at(anew, one.spent / 1.05)
        rows.append(Row(name, one.rmse, at_most=bar, note=note))
        if one.share == pair.enough:
            name = f"{pair.name}, {100 * one.share:.0f} %: RMSE ÷ that of 100 % anew"
            rows.append(Row(name, one.rmse / anew[-1].rmse, at_most=1.05, unit="times"))
        figures.append(
            {"share": one.share, "rmse": [one.rmse, other.rmse], "interval": [low, high],
             "f1": [one.f1, other.f1], "spent": [one.spent, other.spent]}
        )  # fmt: skip
    before, name = f1(old, steps), f"{pair.name}: lowest first-error F1"
    lowest = min(one.f1 for one in ours)
    rows.append(Row(name, lowest, at_least=before, note=f"before {before:.3f}"))
    return rows, {"full_tokens": full, "f1_before": before, "budgets": figures}


def _at(anew: list[Found], spent: float) -> float:
    """The RMSE of starting anew for so many tokens, between those that were measured."""
    return float(np.interp(spent, [one.spent for one in anew], [one.rmse for one in anew]))


def _alike(before: pl.DataFrame, truth: pl.DataFrame) -> float:
    """Correlation of the two policies' values."""
    both = truth.join(before.filter(pl.col("known") > 0), on=["solution_id", "step"], suffix="_old")
    new, old = both["right"] / both["known"], both["right_old"] / both["known_old"]
    return float(np.corrcoef(old, new)[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("policies", type=Path, nargs="?", default=Path("runs/relabel"))
    parser.add_argument("--out", type=Path, default=Path("runs/bench-relabel"))
    parser.add_argument("--only", default="", metavar="TEXT", help="pairs with this in their name")
    arguments = parser.parse_args()
    figures = {}
    for pair in pairs(arguments.policies):
        if arguments.only in pair.name:
            rows, figures[pair.name] = measure(Bench(pair, arguments.out))
            print_table(pair.name, rows)
    (arguments.out / "relabel.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
