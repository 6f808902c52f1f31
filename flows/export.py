"""`stepsmith export`: a dataset in the shape that a trainer or a script loads."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.tables import print_rows
from pipeline.batches import read_batches
from pipeline.errors import InputError, OutputError
from pipeline.files import remove_files, remove_leftovers, remove_tree, write_json, write_text
from pipeline.folder import DatasetFolder
from pipeline.formats.catalogue import format_of
from pipeline.formats.format import Format, Value
from pipeline.formats.readme import readme
from pipeline.formats.source import OF_ROWS, check_shard
from pipeline.formats.spread import NOWHERE, find_spread
from pipeline.formats.write import NOTHING, Export, Written, export_shard
from pipeline.lock import folder_lock
from pipeline.places import absolute, beside, exists, glob, is_empty, read_json
from pipeline.recipe import content_hash, differences

WRITERS = 2


def export_command(
    dataset: Path, name: str, out: Path | None, every: bool, jsonl: bool, options: Sequence[str]
) -> None:
    """Raises InputError (also where no row is left), FolderBusy, StorageError. Run again it writes
    the same bytes, and what was published since."""
    wanted = format_of(name)
    folder = DatasetFolder(dataset).need_dataset()
    manifest = folder.read_manifest()
    settled = _options(wanted, options)
    target = out or beside(dataset, wanted.name)
    started = time.monotonic()
    shards = folder.shards()
    for shard in shards:
        check_shard(folder, shard, wanted)
    spread = find_spread(folder, shards) if wanted.whole_problems else NOWHERE
    policy = _policy(folder, manifest)
    export = Export(folder, wanted, settled, every, jsonl, policy, spread)
    identity = {"dataset": str(absolute(dataset)), **export.settings()}
    _check_target(target, identity)
    with folder_lock(target / "work"):
        remove_leftovers(target)
        write_json(target / "work" / "export.json", identity)
        written = _write(export, target, shards)
        if written.rows:
            facts = _facts(folder, manifest, shards, written)
            write_text(target / "README.md", readme(export, facts, written))
            write_json(
                target / "export.json",
                {
                    "stepsmith": version("stepsmith"),
                    **identity,
                    **facts,
                    "shards": written.digests,
                    "counts": {
                        "read": written.read,
                        "left_out": written.left_out,
                        "written": written.rows,
                    },
                },
            )
    if not written.rows:
        _take_back(target)
        raise _nothing_left(dataset, wanted, written)
    seconds = time.monotonic() - started
    rows = [
        (f"{wanted.table} read", f"{written.read:,}"),
        *((f"  left out: {why}", f"{count:,}") for why, count in written.left_out.items()),
        ("rows written", f"{written.rows:,}"),
        ("files", f"{len(shards):,}"),
        ("dataset version", facts["version"]),
        ("seconds", f"{seconds:.1f}"),
    ]
    print_rows(f"{wanted.name} of {dataset}: {target}", rows, _warnings(folder, written, manifest))


def _options(wanted: Format, given: Sequence[str]) -> dict[str, Value]:
    """Raises InputError."""
    pairs = [text.partition("=") for text in given]
    for name, sign, _ in pairs:
        if not sign:
            raise InputError(f"--set {name}: write it as --set NAME=VALUE")
    return wanted.settle({name.strip(): value for name, _, value in pairs})


def _policy(folder: DatasetFolder, manifest: Mapping[str, Any] | None) -> str:
    """The revision of the dataset's policy; "" where it says none. Rows say whose each solution is,
    which need not be the policy that they were relabelled for."""
    if manifest is not None:
        return str((manifest.get("policy") or {}).get("revision") or "")
    noted = folder.work / "identity.json"  # of a run that has not ended
    found = read_json(noted) if exists(noted) else {}
    return str((found.get("policy") or {}).get("model_revision") or "")


def _check_target(target: Path, identity: Mapping[str, Any]) -> None:
    """Raises OutputError where the folder holds anything but this very export."""
    owner = target / "work" / "export.json"
    if exists(owner):
        changed = differences(read_json(owner), identity)
        if changed:
            raise OutputError(
                f"{target}: holds an export that differs in {', '.join(changed)}; choose another "
                f"--out",
                folder=str(target),
                keys=changed,
            )
    elif not is_empty(target, but=""):
        raise OutputError(
            f"{target}: is not empty, and holds no export; choose another --out",
            folder=str(target),
        )


def _write(export: Export, target: Path, shards: Sequence[str]) -> Written:
    """All shards, and nothing beside them."""
    pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="export")
    try:
        total = NOTHING
        for written in pool.map(lambda shard: export_shard(export, target, shard), shards):
            total += written
    finally:
        pool.shutdown(cancel_futures=True)
    due = {export.file(target, shard).name for shard in shards}
    remove_files([path for path in glob(target / "data", "train-*") if path.name not in due])
    return total


def _take_back(target: Path) -> None:
    """What an export wrote; the folder can take another then."""
    remove_tree(target / "data")
    remove_tree(target / "work")
    remove_files([path for name in ("README.md", "export.json") if exists(path := target / name)])


def _nothing_left(dataset: Path, wanted: Format, written: Written) -> InputError:
    """`datasets` does not load a dataset without rows, so there is nothing to hand out."""
    why = ", ".join(f"{reason} {count:,}" for reason, count in written.left_out.items())
    return InputError(
        f"{dataset}: no row is left for format {wanted.name}, so nothing was written: "
        f"{written.read:,} rows of table {wanted.table} read, left out: {why or 'none'}. "
        f"docs/formats.md says what the format takes; --all takes rows that are not kept too"
    )


def _facts(
    folder: DatasetFolder, manifest: Mapping[str, Any] | None, shards: Sequence[str], of: Written
) -> dict[str, Any]:
    """What was exported: of the rows themselves, so that a folder in the making has them too."""
    first = folder.published_labels(shards[0], OF_ROWS)
    row = first.row(0, named=True) if len(first) else dict.fromkeys(OF_ROWS)
    return {
        "name": (manifest or {}).get("name") or folder.root.name,
        "version": content_hash(of.digests),
        **row,
    }


def _warnings(
    folder: DatasetFolder, written: Written, manifest: Mapping[str, Any] | None
) -> list[str]:
    found = []
    planned = {shard.name for batch in read_batches(folder.work) for shard in batch.shards()}
    if missing := planned - written.digests.keys():
        found.append(
            f"{len(missing)} of {len(planned)} shards are not published yet: this is an export of "
            f"the others; run the same command again when the run has ended"
        )
    elif manifest is None:
        found.append(
            "the dataset has no manifest yet: the run that makes it has not ended, and may publish "
            "more; run the same command again then"
        )
    return found
