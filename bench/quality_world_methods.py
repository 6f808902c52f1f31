"""Every method on one cell of the bundled policies: runs of the product, read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from annotators import answer_logprob
from annotators.checkers import CHECKERS
from bench.quality_bound import Bound, bound
from bench.quality_found import MASS, CellFound, Found, Truth, aggregates, flat, of_labels
from bench.quality_worlds import Cell, true_values, truth_of
from flows.derive import derivation, run_derivation
from flows.evidence import evidence_of, shard_evidence
from pipeline.folder import DatasetFolder
from pipeline.labels import pieces
from pipeline.labels.layout import Floats, Layout
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fusion import ALL, Fusion
from pipeline.posterior.read import expected_tokens, read
from pipeline.step_truth import align

SHARES = (0.05, 0.1, 0.3, 1.0)
MORE_SHARES = (0.1, 0.3)  # with what other annotators say
TOOLS = tuple(CHECKERS)
ALONE = ("arithmetic",)
_NOT_SEARCHED = ("all_right", "all_wrong", "no_outcome")


@dataclass(frozen=True)
class _Run:
    """A dataset, and the labels of its solutions that are searched and have a truth."""

    folder: DatasetFolder
    labels: pl.DataFrame

    @staticmethod
    def of(folder: DatasetFolder, undecided: pl.Series) -> _Run:
        out = pl.col("keep_reason").is_in(_NOT_SEARCHED).fill_null(False)
        out |= pl.col("solution_id").is_in(undecided.implode())
        return _Run(folder, folder.labels().filter(~out).sort("solution_id"))

    @property
    def layout(self) -> Layout:
        return Layout.of_lengths(self.labels["steps"].list.len().cast(pl.Int64).to_numpy())

    def tokens(self) -> float:
        """Of rollouts, a solution."""
        return float(self.folder.side_table("rollouts")["tokens"].sum()) / len(self.labels)


def measure(cell: Cell) -> CellFound:
    """The first method is exhaustive search with k = 8 on all solutions: the baseline."""
    folder = cell.run("exhaustive-8", {"search": "exhaustive", "k": 8}, "hard")
    undecided = _undecided(cell, folder)
    base = _Run.of(folder, undecided)
    found = [_rule("exhaustive k=8", base, intervals=True)]
    wrong_only = [_wrong_only(found[0], base)]
    for k in (4, 16):
        run = _Run.of(
            cell.run(f"exhaustive-{k}", {"search": "exhaustive", "k": k}, "hard"), undecided
        )
        found.append(_rule(f"exhaustive k={k}", run))
        wrong_only.append(_wrong_only(found[-1], run))
    best = _derived(cell, run.folder, "posterior")  # the parameters of the most rollouts
    found += wrong_only
    for name, view in (("relative progress", "progress"), ("hybrid", "hybrid")):
        found.append(_rule(name, _Run.of(_derived(cell, folder, view), undecided)))
    for search, view in (("bisect", "hard"), ("scan", "scan")):
        made = cell.run(search, {"search": search, "k": 8}, view)
        found.append(_rule(search, _Run.of(made, undecided)))
    # The budget is of the run, which knows nothing of undecided solutions.
    tokens = found[0].tokens * len(base.labels)
    for share in SHARES:
        found.append(_searched(cell, share * tokens, f"posterior {share:.0%}", ALONE, undecided))
    for more, annotators in (
        (answer_logprob.NAME, (*ALONE, answer_logprob.NAME)),
        ("tools", TOOLS),
    ):
        for share in MORE_SHARES:
            alone = f"posterior {share:.0%}"
            one = _searched(cell, share * tokens, f"{alone} + {more}", annotators, undecided)
            found.append(replace(one, alone=alone))
    derived = _Run.of(_derived(cell, folder, "posterior"), undecided)
    found.append(_posterior("posterior of exhaustive k=8", derived))
    answers = base.labels["final_answer"].fill_null("").to_list()
    return CellFound(cell.name, found, _truth(cell, base), _bound(best), answers, len(undecided))


def _searched(
    cell: Cell, budget: float, method: str, annotators: Sequence[str], undecided: pl.Series
) -> Found:
    """A run of search `posterior` with a budget in tokens."""
    settings = {"search": "posterior", "budget_tokens": round(budget)}
    name = method.replace("%", "").replace(" + ", "-").replace(" ", "-")
    return _posterior(method, _Run.of(cell.run(name, settings, "posterior", annotators), undecided))


def _undecided(cell: Cell, folder: DatasetFolder) -> pl.Series:
    """Searched solutions that the oracle does not know."""
    labels = _Run.of(folder, pl.Series([], dtype=pl.String)).labels
    layout = Layout.of_lengths(labels["steps"].list.len().cast(pl.Int64).to_numpy())
    known = align(labels["solution_id"], layout, truth_of(cell, folder.labels()))
    return labels["solution_id"].filter(pl.Series(~known.decided))


def _truth(cell: Cell, base: _Run) -> Truth:
    labels, layout = base.labels, base.layout
    known = align(labels["solution_id"], layout, truth_of(cell, base.folder.labels()))
    value = np.full(layout.num_steps, np.nan)
    row_of = {name: row for row, name in enumerate(labels["solution_id"])}
    for name, step, right, all_known in true_values(cell, base.folder).iter_rows():
        if name in row_of:
            value[layout.offsets[row_of[name]] + step] = right / all_known
    return Truth(
        layout,
        known.first_error,
        known.prefix == 1,
        value,
        layout.position < layout.lengths[layout.row] - 1,
        labels["problem_id"].rank("dense").cast(pl.Int64).to_numpy(),
        (labels["outcome"] == "correct").to_numpy(),
    )


def _rule(method: str, run: _Run, intervals: bool = False) -> Found:
    labels, layout = run.labels, run.layout
    found = of_labels(method, run.tokens(), labels, layout, intervals)
    success = flat(labels, "n_success") / np.maximum(flat(labels, "n_rollouts"), 1)
    seen = flat(labels, "n_rollouts") > 0
    return replace(found, score=aggregates(np.where(seen, success, 1.0), layout))


def _wrong_only(rule: Found, run: _Run) -> Found:
    """The same where right solutions are taken for clean and get no rollouts."""
    right = (run.labels["outcome"] == "correct").to_numpy()
    used = run.labels.filter(pl.Series(~right))["prefix_hash"].explode().unique()
    rollouts = run.folder.side_table("rollouts")
    rollouts = rollouts.filter(pl.col("prefix_hash").is_in(used.implode()))
    return Found(
        f"{rule.method}, wrong only",
        float(rollouts["tokens"].sum()) / len(run.labels),
        np.where(right, -1, rule.predicted),
        np.where(right, 1.0, rule.certainty),
    )


def _derived(cell: Cell, origin: DatasetFolder, view: str) -> DatasetFolder:
    target = DatasetFolder(cell.folder / f"{origin.root.name}-{view}")
    if not target.manifest.exists():
        plan = derivation(origin, view, [])
        if view == "posterior":
            plan = replace(plan, fusion=evidence_of(origin).learn(plan.questions))
        run_derivation(plan, origin, target)
    return target


def _posterior(method: str, run: _Run) -> Found:
    labels, layout = run.labels, run.layout
    first = flat(labels, "p_first_error")
    most = 1 - np.bincount(layout.row, weights=first, minlength=layout.num_solutions)
    np.maximum.at(most, layout.row, first)
    return Found(
        method,
        run.tokens(),
        labels["first_error"].to_numpy(),
        most,
        _remaining(first, layout),
        flat(labels, "value_low"),
        flat(labels, "value_high"),
        aggregates(_unread(run), layout),
    )


def _remaining(first: Floats, layout: Layout) -> Floats:
    """1 - P(first error <= t), of each step."""
    total = np.cumsum(first)
    before = np.concatenate([[0.0], total])[layout.offsets[:-1]]
    return np.asarray(1 - (total - before[layout.row]))


def _unread(run: _Run) -> Floats:
    """p_correct of each step if the outcomes of the solutions were not known."""
    fusion = _fusion(run.folder)
    parts: dict[str, list[float]] = {}
    for shard in run.folder.shards():
        seen = shard_evidence(run.folder, shard)
        hidden = seen.solutions.with_columns(outcome=pl.lit("unknown"))
        fused = fuse(fusion, seen.problems, hidden, seen.evidence, True, MASS)
        lengths = hidden["steps"].list.len().to_list()
        at = 0
        for name, length in zip(hidden["solution_id"], lengths, strict=True):
            parts[name] = fused.p_correct[at : at + length].tolist()
            at += length
    return np.array([p for name in run.labels["solution_id"] for p in parts[name]])


def _fusion(folder: DatasetFolder) -> Fusion:
    manifest = folder.read_manifest()
    assert manifest is not None
    return Fusion.from_dict(manifest["posterior"])


def _bound(folder: DatasetFolder) -> Bound:
    """What was to be learnt when screening was done, by the best parameters that there are."""
    fusion, known = _fusion(folder), evidence_of(folder)
    screened = known.evidence.filter((pl.col("step") < 0) & (pl.col("target") == "prefix_value"))
    layout = pieces.layout(known.solutions)
    seen = read(layout, known.solutions, screened, fusion.edges, True)
    tokens = expected_tokens(known.solutions, layout, seen.forest)
    return bound(seen, fusion.parameters(ALL), tokens)
