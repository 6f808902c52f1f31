"""Every method on one cell of the bundled policies: runs of the product, read back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from bench.quality_found import MASS, Found, Truth, aggregates, flat, of_labels
from bench.quality_worlds import Cell, true_values, truth_of
from flows.derive import derivation, run_derivation
from flows.evidence import shard_evidence
from pipeline.folder import DatasetFolder
from pipeline.labels.layout import Floats, Layout
from pipeline.posterior.fusion import Fusion, fuse
from pipeline.step_truth import align

SHARES = (0.05, 0.1, 0.3, 1.0)
_NOT_SEARCHED = ("all_right", "all_wrong", "no_outcome")


def methods(cell: Cell) -> tuple[list[Found], Truth]:
    """The first is exhaustive search with k = 8 on all solutions: the baseline."""
    base = cell.run("exhaustive-8", {"search": "exhaustive", "k": 8}, "hard")
    found = [_rule(cell, "exhaustive k=8", base, intervals=True)]
    found.append(_wrong_only(found[0], base))
    for k in (4, 16):
        folder = cell.run(f"exhaustive-{k}", {"search": "exhaustive", "k": k}, "hard")
        rule = _rule(cell, f"exhaustive k={k}", folder)
        found += [rule, _wrong_only(rule, folder)]
    for name, view in (("relative progress", "progress"), ("hybrid", "hybrid")):
        derived = _derived(cell, base, view)
        found.append(_rule(cell, name, derived))
    for search, view in (("bisect", "hard"), ("scan", "scan")):
        folder = cell.run(search, {"search": search, "k": 8}, view)
        found.append(_rule(cell, search, folder))
    tokens = found[0].tokens * len(live(base))
    for share in SHARES:
        settings = {"search": "posterior", "budget_tokens": round(share * tokens)}
        folder = cell.run(f"posterior-{round(100 * share)}", settings, "posterior")
        found.append(_posterior(f"posterior {share:.0%}", folder))
    found.append(_posterior("posterior of exhaustive k=8", _derived(cell, base, "posterior")))
    return found, _truth(cell, base)


def live(folder: DatasetFolder) -> pl.DataFrame:
    """Labels of solutions of questions that are searched."""
    labels = folder.labels()
    return labels.filter(~pl.col("keep_reason").is_in(_NOT_SEARCHED).fill_null(False))


def _truth(cell: Cell, base: DatasetFolder) -> Truth:
    labels = live(base)
    layout = _layout(labels)
    known = align(labels["solution_id"], layout, truth_of(cell, base.labels()))
    if not known.decided.all():
        raise RuntimeError(
            f"{cell.name}: the oracle does not know {(~known.decided).sum()} solutions"
        )
    value = np.full(layout.num_steps, np.nan)
    row_of = {name: row for row, name in enumerate(labels["solution_id"])}
    for name, step, right, all_known in true_values(cell, base).iter_rows():
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


def _layout(labels: pl.DataFrame) -> Layout:
    return Layout.of_lengths(labels["steps"].list.len().cast(pl.Int64).to_numpy())


def _tokens(folder: DatasetFolder) -> float:
    """Rollouts' tokens a searched solution."""
    return float(folder.side_table("rollouts")["tokens"].sum()) / len(live(folder))


def _rule(cell: Cell, method: str, folder: DatasetFolder, intervals: bool = False) -> Found:
    labels = live(folder)
    layout = _layout(labels)
    found = of_labels(method, _tokens(folder), labels, layout, intervals)
    success = flat(labels, "n_success") / np.maximum(flat(labels, "n_rollouts"), 1)
    seen = flat(labels, "n_rollouts") > 0
    return replace(found, score=aggregates(np.where(seen, success, 1.0), layout))


def _wrong_only(rule: Found, folder: DatasetFolder) -> Found:
    """The same where right solutions are taken for clean and get no rollouts."""
    labels = live(folder)
    right = (labels["outcome"] == "correct").to_numpy()
    used = labels.filter(pl.Series(~right))["prefix_hash"].explode().unique()
    rollouts = folder.side_table("rollouts").filter(pl.col("prefix_hash").is_in(used.implode()))
    return Found(
        f"{rule.method}, wrong only",
        float(rollouts["tokens"].sum()) / len(labels),
        np.where(right, -1, rule.predicted),
        np.where(right, 1.0, rule.certainty),
    )


def _derived(cell: Cell, base: DatasetFolder, view: str) -> DatasetFolder:
    target = DatasetFolder(cell.folder / f"derived-{view}")
    if not target.manifest.exists():
        plan = derivation(base, view, [])
        if view == "posterior":
            from flows.evidence import evidence_of

            plan = replace(plan, fusion=evidence_of(base).learn(plan.questions))
        run_derivation(plan, base, target)
    return target


def _posterior(method: str, folder: DatasetFolder) -> Found:
    labels = live(folder)
    layout = _layout(labels)
    first = flat(labels, "p_first_error")
    none = 1 - np.bincount(layout.row, weights=first, minlength=layout.num_solutions)
    most = none.copy()
    np.maximum.at(most, layout.row, first)
    return Found(
        method,
        _tokens(folder),
        labels["first_error"].to_numpy(),
        most,
        _remaining(first, layout),
        flat(labels, "value_low"),
        flat(labels, "value_high"),
        aggregates(_unread(folder, labels), layout),
    )


def _remaining(first: Floats, layout: Layout) -> Floats:
    """1 - P(first error <= t), of each step."""
    total = np.cumsum(first)
    before = np.concatenate([[0.0], total])[layout.offsets[:-1]]
    return np.asarray(1 - (total - before[layout.row]))


def _unread(folder: DatasetFolder, labels: pl.DataFrame) -> Floats:
    """p_correct of each step if the outcomes of the solutions were not known."""
    manifest = folder.read_manifest()
    assert manifest is not None
    fusion = Fusion.from_dict(manifest["posterior"])
    parts: dict[str, list[float]] = {}
    for shard in folder.shards():
        seen = shard_evidence(folder, shard)
        hidden = seen.solutions.with_columns(outcome=pl.lit("unknown"))
        fused = fuse(fusion, seen.problems, hidden, seen.evidence, True, MASS)
        lengths = hidden["steps"].list.len().to_list()
        at = 0
        for name, length in zip(hidden["solution_id"], lengths, strict=True):
            parts[name] = fused.p_correct[at : at + length].tolist()
            at += length
    return np.array([p for name in labels["solution_id"] for p in parts[name]])
