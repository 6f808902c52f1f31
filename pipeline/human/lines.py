"""Verdicts out of one folder and into another, as JSON lines (one line: pipeline/human/log.py).

Guarantees: an import takes all lines or none; a line that the log has already is not added again,
so importing twice changes nothing; verdicts on solutions that the dataset has not are left out and
counted, and so are those on steps that are not there or that say something else now (their
`prefix_hash` is another). Verdicts that were taken back are not exported.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.human.log import Said, VerdictLog, parsed

Prefixes = Mapping[str, Sequence[str]]  # of each solution, by step


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the lines of a file."""

    added: int
    known: int  # in the log already
    no_solution: int
    no_step: int  # the step is not there, or is another one


def prefixes_of(folder: DatasetFolder, only: Collection[str] | None = None) -> dict[str, list[str]]:
    """The prefix of every step, by solution; `only`: of some solutions."""
    scan = folder.scan_labels().select("solution_id", "prefix_hash")
    if only is not None:
        scan = scan.filter(pl.col("solution_id").is_in(list(only)))
    rows = scan.collect()
    return dict(zip(rows["solution_id"].to_list(), rows["prefix_hash"].to_list(), strict=True))


def check(said: Said, prefixes: Prefixes) -> str | None:
    """Why a verdict does not belong to the dataset: `no_solution`, `no_step`; None: it does."""
    steps = prefixes.get(said.solution_id)
    if steps is None:
        return "no_solution"
    if said.step >= len(steps) or said.prefix_hash not in (None, steps[said.step]):
        return "no_step"
    return None


def export_text(said: Sequence[Said]) -> str:
    """Of verdicts that stand."""
    return "".join(json.dumps(one.as_dict(), ensure_ascii=False) + "\n" for one in said)


def read_lines(path: Path) -> list[Said]:
    """Raises InputError that names the file, the line and the field."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}", file=str(path)) from error
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found.append(Said.of_dict(parsed(line)))
        except ValueError as error:
            raise InputError(
                f"{path}, line {number}: {error}; nothing was imported. A line is "
                f'{{"solution_id", "step", "verdict", "reviewer", "time"}} as --export writes it',
                file=str(path),
                line=number,
            ) from error
    return found


def import_lines(said: Sequence[Said], log: VerdictLog, prefixes: Prefixes) -> Imported:
    """Raises StorageError."""
    known = {one.key for one in log.read().said}
    wrong = {"no_solution": 0, "no_step": 0}
    new, old = [], 0
    for one in said:
        reason = check(one, prefixes)
        if reason is not None:
            wrong[reason] += 1
        elif (key := one.key) in known:
            old += 1
        else:
            known.add(key)
            new.append(one)
    log.append(new)
    return Imported(len(new), old, **wrong)
