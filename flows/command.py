"""`stepsmith label`: the finished check, what can be refused at once, the flow, the table."""

from __future__ import annotations

import hashlib
import json
import signal
import sys
from pathlib import Path
from types import FrameType

from flows.cluster import check_cluster
from flows.context import models_of
from flows.earlier import new_numbers
from flows.run import check_recipe, finished, replay_folder, view_warning
from flows.tables import print_rows, run_rows
from pipeline.batches import new_problems, read_batches
from pipeline.engines.build import build_engine, check_models
from pipeline.errors import OutputError, StepsmithError
from pipeline.folder import DatasetFolder, check_owner
from pipeline.intake import read_intake
from pipeline.lock import check_free
from pipeline.places import exists, place, read_bytes
from pipeline.prompt import load_prompt
from pipeline.recipe import Recipe
from pipeline.summary import Summary, summarize

# A file up to this size is read once more by the run, in less time than Prefect's start takes; a
# larger one, or one on the Hub, is checked by the run alone.
SMALL_BYTES = 16 * 2**20


def label_command(recipe: Recipe, replay: bool) -> None:
    """Raises StepsmithError; prints the table of the run."""
    folder = DatasetFolder(place(recipe.output.dir))
    target = replay_folder(folder.root) if replay else folder
    if not to_do(recipe, target):
        print(f"{folder.root}: nothing is missing", file=sys.stderr)
        print_table(folder)
        return
    warning = view_warning(recipe)
    if warning:
        print(f"warning: {warning}", file=sys.stderr)
    _run_flow(recipe, target)
    if replay:
        _compare(folder, target)
    else:
        print_table(folder)


def to_do(recipe: Recipe, target: DatasetFolder) -> bool:
    """Whether a run into `target` has anything to do. Raises what `check_input` raises, and
    RecipeError, OutputError."""
    check_recipe(recipe)
    check_owner(target, recipe.identity())
    replay = target.origin is not None
    if not replay and finished(recipe, target):
        return False
    check_input(recipe, target)
    if recipe.run.task_runner == "ray" and not replay:
        check_cluster(recipe)
    return True


def check_input(recipe: Recipe, target: DatasetFolder) -> None:
    """Refuse what can be seen to be wrong before Prefect is started. Raises InputError.

    Nothing is connected or spent, nor written but the lock of a folder that has one. The run itself
    checks all of it again, and more: that the model is the one of the folder, and that reference
    answers can be graded. Raises FolderBusy too.
    """
    check_free(target.plans)
    for model in (recipe.policy, recipe.prover()):
        load_prompt(model.prompt)
        build_engine(model, recipe.run.patience_s)
    if target.origin is None:
        check_models(models_of(recipe))
    if target.origin is not None:
        if not exists(target.plans / "identity.json"):
            raise OutputError(f"{target.origin}: holds no run to replay")
        return
    if recipe.relabel.dataset:
        new_numbers(recipe, read_batches(target.plans))
        return
    sources = [recipe.problems.source, recipe.solutions.source]
    if any(source.startswith("hf:") or _bytes(source) > SMALL_BYTES for source in sources):
        return
    intake, batches = read_intake(recipe), read_batches(target.plans)
    new_problems(batches, intake.problems)
    if not batches:
        intake.need_problems(recipe.problems.source or recipe.solutions.source)


def _bytes(source: str) -> int:
    path = Path(source).expanduser()
    try:
        files = path.glob("*.parquet") if source and path.is_dir() else [path]
        return sum(file.stat().st_size for file in files)
    except OSError:
        return 0  # whoever reads it says what is wrong


def _run_flow(recipe: Recipe, target: DatasetFolder) -> None:
    print("starting Prefect …", file=sys.stderr, flush=True)
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        from flows.label import quiet_prefect, run_label

        quiet_prefect()
        run_label(recipe, target)
    except KeyboardInterrupt:
        # The command line would only say "Aborted!".
        print(
            f"{target.root}: stopped; what was committed is safe, the same command goes on",
            file=sys.stderr,
        )
        sys.exit(130)


def _stop(number: int, frame: FrameType | None) -> None:
    """Prefect waits for its tasks, and they wait for the engine: both are released first."""
    stop_runs = getattr(sys.modules.get("flows.label"), "stop_runs", None)
    if stop_runs is not None:  # None while Prefect is still being imported
        stop_runs()
    raise KeyboardInterrupt


def print_table(folder: DatasetFolder) -> None:
    """Of a run that has ended: its manifest was written after the last of its tables."""
    manifest = folder.read_manifest() or {}
    summary = Summary.of_dict(manifest.get("counts", {})) or summarize(folder)
    aside: dict[str, int] = {}
    for batch in manifest.get("batches", []):
        aside |= batch["set_aside"]
    aside |= (manifest.get("decontamination") or {}).get("left_out", {})
    rows = run_rows(summary, manifest.get("last_run", {}), aside)
    warnings = manifest.get("warnings", summary.warnings())
    print_rows(f"{manifest.get('name', '')}: {folder.root}", rows, warnings)


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
    try:
        return hashlib.sha256(read_bytes(path)).hexdigest()
    except FileNotFoundError:
        return "missing"
