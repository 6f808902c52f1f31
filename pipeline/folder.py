"""Where things are in a dataset's folder.

data/train-<batch>-<shard>.parquet   the labels table: what `datasets.load_dataset` reads
README.md                            the dataset card
manifest.json                        written last
problems/ solutions/ questions/ rollouts/ tree/ evidence/ truth/ judgements/ rationales/
                                     the other tables, by shard
work/                                lock, batches, journal, stages: what a resume needs
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import InputError, OutputError
from pipeline.files import write_json
from pipeline.recipe import differences

TRUTH_TABLE = "truth"  # imported gold, where there is some
JUDGEMENTS_TABLE = "judgements"  # calls of judges, where a recipe has one
RATIONALES_TABLE = "rationales"  # those that say what the labels say


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """Paths below one output folder. A replay writes below its own root, but reads the plans and
    the journal of `origin`, the run that it replays."""

    root: Path
    origin: Path | None = None

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def plans(self) -> Path:
        """Where batches, identities and the journal are."""
        return (self.origin or self.root) / "work"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    @property
    def card(self) -> Path:
        return self.root / "README.md"

    def journal(self, shard: str) -> Path:
        return self.plans / "journal" / shard

    def published(self, shard: str) -> Path:
        return self.root / "data" / f"train-{shard}.parquet"

    def side(self, table: str, shard: str) -> Path:
        return self.root / table / f"{shard}.parquet"

    def read_manifest(self) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self.manifest.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InputError(f"{self.manifest}: is not JSON: {error}") from error

    def shards(self) -> list[str]:
        """Names of the published shards, in order."""
        return sorted(p.stem.removeprefix("train-") for p in self.root.glob("data/train-*.parquet"))

    def need_dataset(self) -> DatasetFolder:
        """Raises InputError that says what is missing when this is no dataset."""
        if not self.root.is_dir():
            raise InputError(f"{self.root}: there is no such folder", folder=str(self.root))
        if not self.shards():
            raise InputError(
                f"{self.root}: is no dataset: it holds no data/train-*.parquet; make one with "
                f"`stepsmith label RECIPE --out {self.root}`",
                folder=str(self.root),
            )
        return self

    def evidence_root(self) -> Path:
        """The folder of the other tables: a derived dataset points to the one it came from."""
        manifest = self.read_manifest() or {}
        source = manifest.get("derived_from")
        return Path(str(source)) if source else self.root

    def labels(self) -> pl.DataFrame:
        return pl.read_parquet(self.root / "data" / "train-*.parquet")

    def side_table(self, table: str) -> pl.DataFrame:
        """All rows of one of the other tables. Raises InputError where it is not there."""
        folder = self.evidence_root() / table
        if not folder.is_dir():
            raise InputError(f"{folder}: is not there; it holds the {table} of {self.root}")
        return pl.read_parquet(folder / "*.parquet")


def check_owner(folder: DatasetFolder, identity: Mapping[str, Any]) -> None:
    """Refuse a folder that is made from something else. Raises OutputError naming the keys."""
    place = folder.plans / "recipe.json"
    if place.exists():
        changed = differences(json.loads(place.read_text(encoding="utf-8")), identity)
        if changed:
            raise OutputError(
                f"{folder.root}: was made by a recipe that differs in {', '.join(changed)}. "
                f"Choose another --out; for other labels from the same evidence use "
                f"`stepsmith derive`; for another policy, `stepsmith relabel` (not there yet)",
                folder=str(folder.root),
                keys=changed,
            )
    elif folder.root.exists() and any(path.name != "work" for path in folder.root.iterdir()):
        raise OutputError(
            f"{folder.root}: is not empty, and there is no work/ in it to go on from; "
            f"choose another --out",
            folder=str(folder.root),
        )


def note_owner(folder: DatasetFolder, identity: Mapping[str, Any]) -> None:
    """Write down what a folder is made from: when its first batch is planned, not before."""
    place = folder.plans / "recipe.json"
    if not place.exists():
        write_json(place, dict(identity))
