"""All checks of a dataset, those that warn first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.report.check import Check
from pipeline.report.checks_bias import bias_checks
from pipeline.report.checks_judges import judge_checks
from pipeline.report.checks_process import process_checks
from pipeline.report.checks_supply import supply_checks
from pipeline.report.flags import Flags
from pipeline.report.steps import Steps
from pipeline.report.words import Words
from pipeline.summary import Summary


@dataclass(frozen=True)
class Seen:
    """What checks look at."""

    steps: Steps  # of all solutions
    words: Words
    flags: Flags
    evidence: pl.DataFrame
    summary: Summary
    rates: pl.Series  # pass rates, one a problem
    truth: pl.DataFrame | None
    joint_lift: tuple[int, float | None] | None  # rollouts and judges: joint errors, their lift
    manifest: Mapping[str, Any]


def all_checks(seen: Seen) -> list[Check]:
    found = [
        *process_checks(seen.steps, seen.words, seen.flags, seen.truth),
        *bias_checks(seen.steps, seen.words, seen.truth),
        *judge_checks(seen.steps, seen.evidence, seen.summary, seen.joint_lift, seen.manifest),
        *supply_checks(seen.steps, seen.words, seen.summary, seen.rates, seen.truth),
    ]
    return sorted(found, key=lambda one: {True: 0, False: 1, None: 2}[one.fired])
