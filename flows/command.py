"""`stepsmith label`: the finished check, the flow, the table."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from flows.run import check_recipe, finished, replay_folder, view_warning
from flows.tables import print_rows, run_rows
from pipeline.errors import StepsmithError
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe
from pipeline.summary import summarize


def label_command(recipe: Recipe, replay: bool) -> None:
    """Raises StepsmithError; prints the table of the run."""
    check_recipe(recipe)
    folder = DatasetFolder(Path(recipe.output.dir))
    if not replay and finished(recipe, folder):
        print(f"{folder.root}: nothing is missing", file=sys.stderr)
        print_table(folder)
        return
    warning = view_warning(recipe)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    target = replay_folder(folder.root) if replay else folder
    _run_flow(recipe, folder, target)
    if replay:
        _compare(folder, target)
    else:
        print_table(folder)


def _run_flow(recipe: Recipe, folder: DatasetFolder, target: DatasetFolder) -> None:
    print("starting Prefect …", file=sys.stderr, flush=True)
    from flows.label import label_flow, quiet_prefect, stop_runs

    quiet_prefect()

    # Prefect waits for its tasks, and they wait for the engine: both are released first.
    def stop(number: int, frame: FrameType | None) -> None:
        stop_runs()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    flow = label_flow(recipe.run.shards_at_once)
    try:
        flow(
            recipe.name,
            recipe.model_dump(mode="json"),
            str(target.root),
            str(folder.root) if target.origin else None,
        )
    except KeyboardInterrupt:
        # The command line would only say "Aborted!".
        print(
            f"{target.root}: stopped; what was committed is safe, the same command goes on",
            file=sys.stderr,
        )
        sys.exit(130)


def print_table(folder: DatasetFolder) -> None:
    manifest = folder.read_manifest() or {}
    summary = summarize(folder)
    aside: dict[str, int] = {}
    for batch in manifest.get("batches", []):
        aside |= batch["set_aside"]
    rows = run_rows(summary, manifest.get("last_run", {}), aside)
    print_rows(f"{manifest.get('name', '')}: {folder.root}", rows, summary.warnings())


def _compare(folder: DatasetFolder, target: DatasetFolder) -> None:
    """Say whether the replay gave the published bytes. Raises StepsmithError where not."""
    differing = [
        name
        for name in folder.shards()
        if _digest(folder.published(name)) != _digest(target.published(name))
    ]
    total = len(folder.shards())
    if differing:
        raise StepsmithError(
            f"{target.root}: {len(differing)} of {total} data files differ from the published "
            f"ones: {', '.join(differing[:5])}",
            files=differing,
        )
    print(json.dumps({"replayed": total, "identical": total, "folder": str(target.root)}))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "missing"
