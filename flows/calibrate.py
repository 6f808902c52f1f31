"""`stepsmith calibrate`: fit the posterior's parameters anew, and label by them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from flows.admission import noted_rates
from flows.derive import derivation, run_derivation
from flows.evaluate import read_truth
from flows.evidence import evidence_of
from flows.tables import Rows, print_rows
from pipeline.folder import TRUTH_TABLE, DatasetFolder
from pipeline.places import beside, glob
from pipeline.posterior.fusion import Fusion
from pipeline.posterior.parameters import Parameters


def calibrate_command(
    dataset: Path, truth: Path | None, out: Path | None, overrides: list[str]
) -> None:
    """A new dataset from the same evidence, with view `posterior`. With truth (a file, or the
    dataset's own), the parameters are those of the solutions that it knows, whose steps are held at
    what it says. Raises InputError, StorageError."""
    origin = DatasetFolder(dataset).need_dataset()
    plan = derivation(origin, "posterior", overrides)
    own = bool(glob(origin.evidence_root() / TRUTH_TABLE, "*.parquet"))
    trusted = read_truth(origin, truth) if truth is not None or own else None
    evidence = evidence_of(origin, trusted)
    provers = plan.manifest.get("earlier", [])
    fusion = evidence.learn(plan.questions, trusted, noted_rates(plan.manifest), provers)
    rows: Rows = [
        ("problems read", f"{len(evidence.problems):,}"),
        ("solutions read", f"{len(evidence.solutions):,}"),
    ]
    if trusted is not None:
        known = evidence.solutions.join(trusted, on="solution_id", how="semi")
        rows.append(("  of these trusted", f"{len(known):,}"))
    print_rows(f"learnt from {dataset}", [*rows, *_parameters(fusion)], [])
    target = DatasetFolder(out or beside(dataset, "calibrated"))
    run_derivation(replace(plan, fusion=fusion), origin, target)


def _parameters(fusion: Fusion) -> Rows:
    rows: Rows = []
    for name, one in fusion.groups.items():
        rows.append((f"{name}:", ""))
        rows += _of_group(one)
    return rows


def _of_group(one: Parameters) -> Rows:
    hazard = (one.hazard(own=True) @ one.weights).mean()
    rows: Rows = [
        ("  error a step", f"{hazard:.3f}"),
        ("  silent repair a step", f"{one.repair:.3f}"),
        ("  right answer in spite of an error", f"{one.luck:.3f}"),
        ("  rollouts a value is worth, no error open", f"{np.exp(one['agree_good']):.1f}"),
        ("  rollouts a value is worth, an error open", f"{np.exp(one['agree_wrong']):.1f}"),
    ]
    for source, strength in one.strength.items():
        table = one.tables[source]
        wrong, right = (0, 1) if len(table) == 3 else (1, 0)  # of the step, or of the prefix
        rows.append((f"  {source}: flags a wrong one", f"{table[wrong, 1]:.3f}"))
        rows.append((f"  {source}: flags a right one", f"{table[right, 1]:.3f}"))
        rows.append((f"  {source}: votes that its mean is worth", f"{strength:g}"))
    return rows
