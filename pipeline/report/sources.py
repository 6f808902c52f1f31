"""What a report is made of: the tables of one dataset, read once.

Guarantees: texts of steps are not among them (pipeline/report/solutions.py reads those that are
shown); of the other tables nothing is required, as a dataset that was only annotated has no
questions and no rollouts. `slices` are the truths that labels are measured against, apart from
each other: what the file or the dataset's table says, and what people said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.folder import JUDGEMENTS_TABLE, TRUTH_TABLE, DatasetFolder
from pipeline.human.evidence import human_evidence, human_truth, people_of
from pipeline.human.log import Said
from pipeline.known_truth import truth_file, truth_table, unmatched
from pipeline.places import glob
from pipeline.report.steps import Steps, figure_columns
from pipeline.schemas import EVIDENCE
from pipeline.summary import Summary, summarize
from pipeline.tables import each_named, scan_frames

TRUTH, PEOPLE = "truth", "people"


@dataclass(frozen=True)
class Sources:
    """Of one dataset."""

    folder: DatasetFolder
    name: str
    manifest: Mapping[str, Any]
    summary: Summary
    steps: Steps  # of all solutions
    evidence: pl.DataFrame  # of annotators, `human` not among them
    questions: pl.DataFrame | None
    judgements: pl.DataFrame | None  # but what judges wrote
    said: list[Said]  # by people
    remarks: list[str]  # what of people's verdicts and of a given truth could not be used
    slices: Mapping[str, pl.DataFrame]

    @cached_property
    def kept(self) -> Steps:
        return self.steps.where(self.steps.kept)

    @property
    def truth(self) -> pl.DataFrame | None:
        """The larger slice: what checks measure against."""
        return self.slices.get(TRUTH, self.slices.get(PEOPLE))

    @cached_property
    def with_people(self) -> pl.DataFrame:
        """Evidence of all annotators, `human` among them."""
        if not self.said:
            return self.evidence
        return pl.concat([self.evidence, human_evidence(self.said)], how="diagonal_relaxed")


def read_sources(folder: DatasetFolder, truth: Path | None = None) -> Sources:
    """Raises InputError."""
    folder.need_dataset()
    with shards_named(folder):
        return _read(folder, truth)


def shards_named(folder: DatasetFolder) -> AbstractContextManager[None]:
    """Turn polars' word on a broken shard, which names no file, into an InputError that does."""
    return each_named(lambda: _shards(folder))


def _shards(folder: DatasetFolder) -> Iterator[Path]:
    yield from glob(folder.root / "data", "*.parquet")
    for table in ("evidence", "questions", JUDGEMENTS_TABLE, TRUTH_TABLE):
        yield from glob(folder.evidence_root() / table, "*.parquet")


def _read(folder: DatasetFolder, truth: Path | None) -> Sources:
    manifest = folder.read_manifest() or {}
    scan = folder.scan_labels()
    labels = scan.select(figure_columns(scan.collect_schema().names())).collect()
    people = people_of(folder)
    known = truth_table(folder) if truth is None else truth_file(truth)
    slices = {} if known is None else {TRUTH: known}
    if people.said:
        slices[PEOPLE] = human_truth(people.said)
    remarks = people.warnings(folder)
    if truth is not None:
        remarks += unmatched(truth, slices[TRUTH], labels["solution_id"])
    return Sources(
        folder=folder,
        name=str(manifest.get("name") or folder.root.name),
        manifest=manifest,
        summary=Summary.of_dict(manifest.get("counts", {})) or summarize(folder),
        steps=Steps.of(labels),
        evidence=_side(folder, "evidence", EVIDENCE.names),
        questions=_maybe(folder, "questions"),
        judgements=_maybe(folder, JUDGEMENTS_TABLE, but=("text", "critique", "correction")),
        said=people.said,
        remarks=remarks,
        slices=slices,
    )


def _side(folder: DatasetFolder, table: str, columns: list[str]) -> pl.DataFrame:
    found = _maybe(folder, table)
    if found is not None:
        return found.select(columns)
    empty = pl.from_arrow(EVIDENCE.empty_table())
    assert isinstance(empty, pl.DataFrame)
    return empty


def _maybe(folder: DatasetFolder, table: str, but: tuple[str, ...] = ()) -> pl.DataFrame | None:
    place = folder.evidence_root() / table
    if not glob(place, "*.parquet"):
        return None
    scan = scan_frames(place, "*.parquet")
    return scan.select(pl.exclude(*but) if but else pl.all()).collect()
