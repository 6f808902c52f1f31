"""What a relabelling changed and what it cost, read from the two datasets."""

from __future__ import annotations

from typing import Any

import polars as pl

from flows.tables import Rows
from pipeline.drift import COLUMNS, drift
from pipeline.folder import DatasetFolder


def drift_of(origin: DatasetFolder, relabelled: DatasetFolder) -> dict[str, Any]:
    """Of the shards that both have. Raises InputError."""
    shards = [name for name in relabelled.shards() if name in set(origin.shards())]
    old, new = (
        pl.concat([folder.published_labels(name, COLUMNS) for name in shards])
        for folder in (origin, relabelled)
    )
    before, after = (
        int(DatasetFolder(folder.evidence_root()).side_table("rollouts")["tokens"].sum())
        for folder in (origin, relabelled)
    )
    return drift(old, new) | {
        "cost": {
            "rollout_tokens": after,
            "of_the_old_run": before,
            "share": after / before if before else None,
        }
    }


def drift_rows(found: dict[str, Any]) -> Rows:
    flips, value, cost = found["flips"], found["value"], found["cost"]
    rows: Rows = [
        ("solutions", f"{found['solutions']:,}"),
        ("steps", f"{found['steps']:,}"),
        ("  labelled in both", f"{found['labelled_in_both']:,}"),
        ("  correct, now incorrect", f"{flips['correct_to_incorrect']:,}"),
        ("  incorrect, now correct", f"{flips['incorrect_to_correct']:,}"),
        ("  decided now", f"{flips['decided']:,}"),
        ("  undecided now", f"{flips['undecided']:,}"),
        ("first errors that moved", f"{found['first_error_moved']:,}"),
        ("kept", f"{found['kept']['new']:,} ({found['kept']['old']:,} before)"),
        ("value: mean change", f"{value['mean_change']:+.3f}"),
        ("value: mean absolute change", f"{value['mean_absolute_change']:.3f}"),
        ("p_correct: mean absolute change", f"{found['p_correct']['mean_absolute_change']:.3f}"),
    ]
    if value["rank_correlation"] is not None:
        rows.append(("value: rank correlation", f"{value['rank_correlation']:.3f}"))
    for part in found["by_position"]:
        rows.append((f"  value, {part['position']} steps", f"{part['mean_change']:+.3f}"))
    for part in found["by_pass_rate"]:
        if part["steps"]:
            name = f"  value, pass rate {part['difficulty']}"
            rows.append((name, f"{part['mean_change']:+.3f}"))
    share = "" if cost["share"] is None else f" ({100 * cost['share']:.0f} % of the old run's)"
    rows.append(("tokens of rollouts", f"{cost['rollout_tokens']:,}{share}"))
    return rows
