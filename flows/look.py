"""`stepsmith show` and `stepsmith status`: reading a folder, changing nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
from rich.console import Console

from flows.tables import print_rows, run_rows
from pipeline.batches import read_batches
from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.places import exists, glob
from pipeline.show import render
from pipeline.summary import summarize


def show_command(dataset: Path, solution: str, count: int, wrong: bool) -> None:
    """Print solutions with their labels; the first kept ones where none is named."""
    labels = DatasetFolder(dataset).need_dataset().labels()
    if solution:
        labels = labels.filter(pl.col("solution_id").str.starts_with(solution))
        if not len(labels):
            raise InputError(f"{dataset}: no solution_id begins with {solution!r}")
    else:
        labels = labels.sort(~pl.col("keep"), maintain_order=True)
    if wrong:
        # View `tools` knows of wrong steps, and not whether they are the first.
        known = pl.col("first_error").fill_null(-1) >= 0
        labels = labels.filter(known | pl.col("label").list.eval(pl.element() == 0).list.any())
    console = Console()
    if not len(labels):
        console.print(f"{dataset}: no solution{' with a known error' if wrong else ''}")
    for row in labels.head(count).iter_rows(named=True):
        console.print(render(row))


def status_command(dataset: Path) -> None:
    """How many shards are at which stage, what the journal holds, and the dataset's table."""
    folder = DatasetFolder(dataset)
    batches = read_batches(folder.work)
    if not batches and not folder.shards():
        raise InputError(f"{dataset}: holds no run of Stepsmith's")
    published = set(folder.shards())
    stages: Counter[str] = Counter()
    shards = [shard.name for batch in batches for shard in batch.shards()]
    for marker in glob(folder.work / "stages", "*/*/done.json"):
        stages[marker.parent.name.rpartition("-")[0]] += 1
    rows = [
        ("batches", f"{len(batches)}"),
        ("shards", f"{len(shards) or len(published)}"),
        *((f"  {name} done", f"{count}") for name, count in sorted(stages.items())),
        ("  published", f"{len(published)}"),
        ("manifest", "written" if exists(folder.manifest) else "not yet: the run has not ended"),
    ]
    print_rows(f"{dataset}", rows)
    if published:
        manifest = folder.read_manifest() or {}
        summary = summarize(folder)
        print_rows(
            "published so far",
            run_rows(summary, manifest.get("last_run", {}), {}),
            summary.warnings(),
        )
