"""A finished dataset whose solutions another run labels under another prover.

Guarantees: what is taken over is read here and nowhere else, shard by shard; the run that relabels
keeps its own copy, and needs the dataset no more once its batches are planned. Raises InputError
where the dataset is not whole, or of another schema version.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.batches import TAKEN, Batch, plan_batch
from pipeline.card_tables import policy_licence
from pipeline.errors import InputError
from pipeline.files import write_table
from pipeline.folder import (
    EARLIER_TABLE,
    JUDGEMENTS_TABLE,
    TRUTH_TABLE,
    DatasetFolder,
)
from pipeline.labels.judges import of_judge
from pipeline.places import exists
from pipeline.posterior.past import OWN
from pipeline.problems import Problem
from pipeline.schemas import EVIDENCE, SCHEMA_VERSION
from pipeline.tables import read_frame, read_table

_WHERE_THERE = (TRUTH_TABLE, JUDGEMENTS_TABLE)


@dataclass(frozen=True, slots=True)
class Origin:
    """`tables`: where its side tables are (a derived dataset points to the one it came from)."""

    root: Path
    tables: DatasetFolder
    manifest: dict[str, Any]

    @staticmethod
    def open(root: Path) -> Origin:
        folder = DatasetFolder(root).need_dataset()
        manifest = folder.read_manifest()
        if manifest is None:
            raise InputError(
                f"{folder.manifest}: is not there: the run that makes {root} has not finished; "
                f"finish it first, with its own command"
            )
        version = manifest.get("schema_version")
        if version != SCHEMA_VERSION:
            raise InputError(
                f"{folder.manifest}: the dataset has schema version {version}, this is for "
                f"{SCHEMA_VERSION}: run the command that made it once more with this version, and "
                f"another --out (what its journal holds is not bought again where it is given by "
                f"solutions.source)",
                version=version,
            )
        return Origin(root, DatasetFolder(folder.evidence_root()), manifest)

    def whole(self) -> None:
        """Raises InputError where a batch has shards that are not published."""
        published = set(self.tables.shards())
        for batch in self.manifest["batches"]:
            missing = [name for name in batch["shards"] if name not in published]
            if missing:
                raise InputError(
                    f"{self.root}: {len(missing)} of its shards are not published yet, the first "
                    f"is {missing[0]}: finish the run first, with its own command",
                    shards=missing,
                )

    def numbers(self) -> list[int]:
        """Of its batches, in their order."""
        return [int(batch["number"]) for batch in self.manifest["batches"]]

    def plan(self, work: Path, numbers: Sequence[int]) -> Iterator[Batch]:
        """Its batches of these numbers, under the same, with all that is taken over. Raises
        StorageError."""
        for batch in self.manifest["batches"]:
            number = int(batch["number"])
            if number not in numbers:
                continue
            folder = work / "batches" / f"{number:05d}"
            problems: list[Problem] = []
            size = spent = 0
            for shard in batch["shards"]:
                spent += int(
                    read_frame(self.tables.side("rollouts", shard), ["tokens"]).sum().item()
                )
                rows = read_table(self.tables.side("problems", shard)).to_pylist()
                problems += [Problem(**row) for row in rows]
                size = size or len(rows)  # as it was cut: a recipe may have changed since
                for name, table in self._taken(shard).items():
                    write_table(folder / f"{TAKEN}{name}" / f"{shard}.parquet", table)
            aside = dict(batch["set_aside"])
            yield plan_batch(
                work, number, problems, size or 1, aside, {}, spent=spent, first=min(numbers)
            )

    def _taken(self, shard: str) -> dict[str, pa.Table]:
        tables = self.tables
        taken = {name: read_table(tables.side(name, shard)) for name in ("solutions", "questions")}
        labels = tables.published_labels(shard, ["solution_id", "prefix_hash", "segmentation"])
        taken["prefixes"] = labels.rename({"prefix_hash": "prefix_hashes"}).to_arrow()
        evidence = read_frame(tables.side("evidence", shard))
        own = pl.col("target") == OWN
        earlier = [evidence.filter(own).to_arrow().cast(EVIDENCE)]
        before = tables.side(EARLIER_TABLE, shard)
        if exists(before):
            earlier.insert(0, read_table(before))
        taken[EARLIER_TABLE] = pa.concat_tables(earlier)
        taken["judged"] = evidence.filter(of_judge()).to_arrow().cast(EVIDENCE)
        for name in _WHERE_THERE:
            if exists(tables.side(name, shard)):
                taken[name] = read_table(tables.side(name, shard))
        return taken

    def writers(self) -> list[dict[str, Any]]:
        """The policies that wrote its solutions, the first one first: what the manifest says of
        each, and its licence."""
        licence = policy_licence(self.manifest)
        known = self.manifest.get("writers") or [self.manifest["policy"]]
        return [{"licence": licence, **one} for one in known]

    def provers(self) -> list[dict[str, Any]]:
        """Of all its evidence, the first one first: revision, sources, and fitted parameters (null
        where none were fitted)."""
        known: list[dict[str, Any]] = list(self.manifest.get("earlier", []))
        sources = {source for one in known for source in one["sources"]}
        seen: set[str] = set()
        for shard in self.tables.shards():
            rows = read_frame(self.tables.side("evidence", shard), ["target", "source"])
            seen |= set(rows.filter(pl.col("target") == OWN)["source"])
        own = {
            "prover": self.manifest["prover"]["revision"],
            "sources": sorted(seen - sources),
            "fusion": self.manifest.get("posterior"),
        }
        return [*known, own]
