"""What is pushed: the files of a dataset, as they will stand in the repository.

The published shards and the other tables are the very bytes of the folder, so that what lies on the
Hub can be compared with what lies here. The manifest and the card are written anew, without hosts,
folders and clocks (pipeline/public.py). `work/` and `replay/` are never pushed.

Guaranteed: `build` refuses a folder whose run has not ended, that lacks a shard, or that is of
another schema version; `check` has `datasets` load exactly what would be pushed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq

from pipeline.card_edits import merge_cards
from pipeline.card_of import dataset_card
from pipeline.errors import InputError
from pipeline.files import write_json, write_text
from pipeline.folder import RATIONALES_TABLE, SIDE_TABLES, DatasetFolder
from pipeline.hub.name import slug
from pipeline.places import exists, glob, is_remote, read_bytes
from pipeline.public import public_manifest
from pipeline.schemas import SCHEMA_VERSION
from pipeline.summary import Summary, summarize
from pipeline.versions import check_derivable

CARD = "README.md"
MANIFEST = "manifest.json"
# Files of ours in a repository: a table's folder and a shard's name.
SHARD = re.compile(rf"(data/train-|({'|'.join(SIDE_TABLES)})/)\d{{5}}-\d{{5}}\.parquet")
MOST_FILES = 25_000  # of one commit, says the client


@dataclass(frozen=True)
class Content:
    """A staging folder: `files` are its paths, as in the repository."""

    root: Path
    name: str
    files: tuple[str, ...]
    card: str  # ours, with what a person wrote into the folder's own
    tag: str  # of the policy and this version
    solutions: int

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def size(self, path: str) -> int:
        return (self.root / path).stat().st_size

    @cached_property
    def sha256(self) -> dict[str, str]:
        """Of the tables, read once, a megabyte at a time."""
        return {path: _sha256(self.root / path) for path in self.files if path != CARD}

    @cached_property
    def version(self) -> str:
        """Of the labels and all that stands beside them; the card's words are no part of it."""
        text = json.dumps(sorted(self.sha256.items()))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def title(self) -> str:
        return f"{self.name}: version {self.version}"

    def default_tag(self) -> str:
        return f"{self.tag}-{self.version[:8]}"

    def write_card(self, theirs: str | None) -> bool:
        """The card as it is to be pushed, over the one that is there; whether it changed."""
        text = merge_cards(self.card, theirs, "the card on the Hub")
        place = self.root / CARD
        if place.exists() and place.read_text(encoding="utf-8") == text:
            return False
        write_text(place, text)
        return True


def build(folder: DatasetFolder, staging: Path, repository: str) -> Content:
    """Lay out in `staging` what would be pushed to `repository`. Raises InputError that says what
    is missing."""
    manifest = checked_manifest(folder)
    shards = folder.shards()
    tables = side_tables(folder)
    if len(shards) + len(tables) > MOST_FILES:
        raise InputError(
            f"{folder.root}: has {len(shards) + len(tables):,} files, and one commit takes "
            f"{MOST_FILES:,}: label with a larger run.shard_problems",
            folder=str(folder.root),
        )
    files = []
    for shard in shards:
        files.append(_lay(folder.published(shard), staging, f"data/train-{shard}.parquet"))
    for name, path in tables.items():
        files.append(_lay(path, staging, name))
    write_json(staging / MANIFEST, public_manifest(manifest))
    try:
        summary = Summary.of_dict(manifest["counts"]) or summarize(folder)
        text = dataset_card(folder, manifest, summary, repository)
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{folder.root}: one of its files cannot be read ({error}); nothing was pushed",
            folder=str(folder.root),
        ) from error
    if exists(folder.card):
        text = merge_cards(text, _read_card(folder.card), str(folder.card))
    return Content(
        root=staging,
        name=str(manifest["name"]),
        files=tuple(sorted([*files, MANIFEST, CARD])),
        card=text,
        tag=_policy(manifest),
        solutions=summary.solutions,
    )


def side_tables(folder: DatasetFolder) -> dict[str, Path]:
    """The other tables' files, by their names in the repository: the folder's own, and those of the
    dataset that it was derived from. Only of published shards: a run publishes a shard's labels
    last, so other files may belong to one that is being written."""
    found = {}
    published = set(folder.shards())
    for root in dict.fromkeys((folder.evidence_root(), folder.root)):
        for path in glob(root, "*/*.parquet"):
            table = path.parent.name
            name = f"{table}/{path.name}"
            if path.stem not in published or not SHARD.fullmatch(name):
                continue
            # These agree with the labels of their folder, and a derived one has others.
            if table != RATIONALES_TABLE or root == folder.root:
                found[name] = path
    return found


def checked_manifest(folder: DatasetFolder) -> dict[str, Any]:
    """The manifest of a dataset that is whole. Raises InputError that says what it lacks."""
    folder.need_dataset()
    manifest = folder.read_manifest()
    if manifest is None:
        raise InputError(
            f"{folder.manifest}: is not there: the run that makes {folder.root} has not ended; "
            f"run its command again",
            folder=str(folder.root),
        )
    found = manifest.get("schema_version")
    if found != SCHEMA_VERSION:
        check_derivable(found, folder.root)
        raise InputError(
            f"{folder.root}: its tables are of schema version {found}, this Stepsmith writes "
            f"version {SCHEMA_VERSION}: `stepsmith derive {folder.root} --out NEW` writes its "
            f"labels anew from the same evidence, and NEW can be pushed",
            folder=str(folder.root),
        )
    for name, kind in (("name", str), ("counts", dict)):
        if not isinstance(manifest.get(name), kind):
            raise InputError(
                f"{folder.manifest}: its field {name} is missing, or not what Stepsmith writes: "
                f"run the command that made {folder.root} again, which writes it anew",
                field=name,
            )
    wanted = {shard for batch in manifest.get("batches", []) for shard in batch["shards"]}
    stopped = (manifest.get("last_run") or {}).get("shards_left", 0)
    there = set(folder.shards())
    newer = sorted(there - wanted) if wanted else []  # `annotate` has no batches
    if newer:
        raise InputError(
            f"{folder.root}: {len(newer)} of its shards are not in its manifest yet "
            f"({', '.join(newer[:3])}): a run is at work there, or was stopped; let it end, or run "
            f"its command again, and then push",
            folder=str(folder.root),
        )
    missing = sorted(wanted - there)
    if missing and not stopped:  # a run that met its limit says in its manifest what it left
        raise InputError(
            f"{folder.root}: {len(missing)} of its {len(wanted)} shards are not there "
            f"({', '.join(missing[:3])}): run `stepsmith label` again",
            folder=str(folder.root),
        )
    return manifest


def _read_card(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: is not UTF-8 (byte {error.start}): save it as UTF-8, or remove it, and the "
            f"card is written anew",
            file=str(path),
        ) from None


def check(content: Content) -> None:
    """Have `datasets` load it, with the card that is to be pushed. Raises InputError."""
    import datasets  # heavy, and needed here alone

    datasets.disable_progress_bars()
    rows = sum(
        pq.ParquetFile(content.root / path).metadata.num_rows
        for path in content.files
        if path.startswith("data/")
    )
    try:
        with tempfile.TemporaryDirectory(prefix="stepsmith-check-") as cache:
            found = datasets.load_dataset(str(content.root), split="train", cache_dir=cache)
            loaded = len(found)
            del found  # its files are mapped
    except Exception as error:  # the library raises its own types and pyarrow's
        raise InputError(
            f"{content.name}: `datasets.load_dataset` cannot load what would be pushed "
            f"({type(error).__name__}: {error}); nothing was pushed"
        ) from error
    if not loaded == rows == content.solutions:
        raise InputError(
            f"{content.name}: `datasets.load_dataset` loads {loaded:,} rows, the shards hold "
            f"{rows:,} and the manifest says {content.solutions:,}; nothing was pushed. Where a "
            f"run is at work in the folder, or was stopped, let it end first"
        )


def _lay(source: Path, staging: Path, path: str) -> str:
    """Without a copy where the file is on this machine."""
    place = staging / path
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_remote(source):
        place.write_bytes(read_bytes(source))
    else:
        os.symlink(source.resolve(), place)
    return path


def _policy(manifest: Mapping[str, Any]) -> str:
    """The policy's name and the beginning of its revision, as a part of a tag."""
    policy = manifest.get("policy")
    if not policy:
        return "labels"
    name = slug(str(policy["model"]).rstrip("/").rpartition("/")[2]) or str(policy["engine"])
    digest = str(policy["revision"]).rpartition(":")[2].rpartition("@")[2]
    return f"{name[:60]}-{slug(digest)[:8]}".strip("-")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
