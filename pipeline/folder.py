"""Where things are in a dataset's folder.

data/train-<batch>-<shard>.parquet   the labels table: what `datasets.load_dataset` reads
README.md                            the dataset card
manifest.json                        written last
problems/ solutions/ questions/ rollouts/ tree/ evidence/ truth/ judgements/ rationales/ earlier/
                                     the other tables, by shard
human/                               what people said of steps (pipeline/human)
work/                                lock, batches, journal, stages: what a resume needs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.errors import InputError, OutputError
from pipeline.files import write_json
from pipeline.places import exists, glob, is_empty, is_folder, place, read_json
from pipeline.recipe import differences
from pipeline.tables import read_frame, read_frames, scan_frames

TRUTH_TABLE = "truth"  # imported gold, where there is some
JUDGEMENTS_TABLE = "judgements"  # calls of judges, where a recipe has one
RATIONALES_TABLE = "rationales"  # those that say what the labels say
EARLIER_TABLE = "earlier"  # evidence of earlier provers, of a dataset that was relabelled
# All that stand beside the labels, with a file for each shard.
SIDE_TABLES = (
    *("problems", "solutions", "questions", "rollouts", "tree", "evidence"),
    *(TRUTH_TABLE, JUDGEMENTS_TABLE, RATIONALES_TABLE, EARLIER_TABLE),
)


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """Places below one output folder, of this machine or a URL's. A replay writes below its own
    root, but reads the plans and the journal of `origin`, the run that it replays."""

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
        """None where there is none yet. Raises InputError."""
        try:
            found = read_json(self.manifest)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InputError(f"{self.manifest}: is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise InputError(
                f"{self.manifest}: is not a manifest: it holds JSON, but no object with fields; "
                f"run the command that made {self.root} again, which writes it anew"
            )
        return found

    def shards(self) -> list[str]:
        """Names of the published shards, in order."""
        found = glob(self.root / "data", "train-*.parquet")
        return sorted(path.stem.removeprefix("train-") for path in found)

    def need_dataset(self) -> DatasetFolder:
        """Raises InputError that says what is missing when this is no dataset."""
        if not is_folder(self.root):
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
        return place(str(source)) if source else self.root

    def scan_labels(self) -> pl.LazyFrame:
        """Of published shards, of which there is one at least."""
        return scan_frames(self.root / "data", "train-*.parquet")

    def labels(self) -> pl.DataFrame:
        """Raises InputError naming a shard that cannot be read."""
        return read_frames(self.root / "data", "train-*.parquet")

    def published_labels(self, shard: str, columns: Sequence[str] | None = None) -> pl.DataFrame:
        return read_frame(self.published(shard), columns)

    def side_table(self, table: str) -> pl.DataFrame:
        """All rows of one of the other tables. Raises InputError where it is not there, or where
        one of its files cannot be read."""
        folder = self.evidence_root() / table
        if not is_folder(folder):
            raise InputError(f"{folder}: is not there; it holds the {table} of {self.root}")
        return read_frames(folder, "*.parquet")


def check_owner(folder: DatasetFolder, identity: Mapping[str, Any]) -> None:
    """Refuse a folder that is made from something else. Raises OutputError naming the keys."""
    owner = folder.plans / "recipe.json"
    if exists(owner):
        changed = differences(read_json(owner), identity)
        if changed:
            raise OutputError(
                f"{folder.root}: was made by a recipe that differs in {', '.join(changed)}. "
                f"Choose another --out; for other labels from the same evidence use "
                f"`stepsmith derive`; for another policy, `stepsmith relabel`",
                folder=str(folder.root),
                keys=changed,
            )
    elif not is_empty(folder.root, but="work"):
        raise OutputError(
            f"{folder.root}: is not empty, and there is no work/ in it to go on from; "
            f"choose another --out",
            folder=str(folder.root),
        )


def note_owner(folder: DatasetFolder, identity: Mapping[str, Any]) -> None:
    """Write down what a folder is made from: when its first batch is planned, not before."""
    owner = folder.plans / "recipe.json"
    if not exists(owner):
        write_json(owner, dict(identity))
