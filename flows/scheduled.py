"""The flows that are deployed (prefect.yaml): label what is new, relabel for a new policy, publish.

Any number of them, late or at once, labels each problem once: a run takes in what its folder does
not have, and one run at a time has the folder. A run that finds it locked ends as completed, says
so, and leaves what is new to the next. Parameters are strings and numbers, as a page or an event
gives them; errors are those of the command line.
"""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.artifacts import create_link_artifact, create_table_artifact
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.command import to_do
from flows.label import run_label
from flows.push import push
from flows.relabel import relabelling, write_drift
from flows.tables import Rows
from pipeline.errors import FolderBusy
from pipeline.folder import DatasetFolder
from pipeline.hub.push import Target
from pipeline.lock import check_free
from pipeline.origin import Origin
from pipeline.places import place
from pipeline.recipe import Recipe, load_recipe


@flow(name="label-new-problems", flow_run_name="label-new-problems: {recipe}")
def label_new_problems(
    recipe: str, out: str = "", overrides: list[str] | None = None
) -> State[Any]:
    """Label the problems of a recipe that its dataset does not have yet.

    `recipe`: a path; `out`: in place of the recipe's output.dir; `overrides`: as `--set` takes
    them. Raises StepsmithError.
    """
    extra = [*(overrides or []), *([f"output.dir={out}"] if out else [])]
    return _label(load_recipe(place(recipe), extra))


@flow(name="relabel", flow_run_name="relabel: {dataset} for {policy}{prover}")
def relabel(
    dataset: str,
    policy: str = "",
    prover: str = "",
    out: str = "",
    share: float = 0.35,
    new_solutions: bool = False,
    overrides: list[str] | None = None,
) -> State[Any]:
    """Label a dataset's solutions anew, for another policy (or prover), into a folder of its own.

    Run again, it takes in what was published in `dataset` since. Raises StepsmithError.
    """
    origin = Origin.open(place(dataset))
    target = place(out) if out else None
    extra = overrides or []
    recipe = relabelling(origin, policy, prover, target, share, extra, new_solutions)
    state = _label(recipe)
    if DatasetFolder(place(recipe.output.dir)).read_manifest() is not None:
        _table("relabel-drift", write_drift(origin, recipe), f"{dataset} → {recipe.output.dir}")
    return state


@flow(name="publish", flow_run_name="publish: {dataset}")
def publish(
    dataset: str,
    repository: str,
    branch: str = "main",
    tag: str = "",
    pull_request: bool = True,
    private: bool = False,
) -> State[Any]:
    """Push a dataset to the Hub, by default as a pull request that somebody looks at.

    Pushing what is there already changes nothing. Raises StepsmithError.
    """
    root = place(dataset)
    try:
        check_free(DatasetFolder(root).plans)
    except FolderBusy as error:
        return _locked(error)
    title, rows, url = push(root, repository, Target(branch, tag, pull_request, private))
    _table("publish", rows, title)
    if url:
        create_link_artifact(url, link_text=title, key="publish-review")
    return Completed(message=f"{title} {url or ''}".strip())


def _label(recipe: Recipe) -> State[Any]:
    folder = DatasetFolder(place(recipe.output.dir))
    try:
        if not to_do(recipe, folder):
            return Completed(message=f"{folder.root}: nothing is missing", name="NothingNew")
        run_label(recipe, folder)
    except FolderBusy as error:
        return _locked(error)
    return Completed(message=f"{folder.root}: complete")


def _locked(error: FolderBusy) -> State[Any]:
    message = f"{error.message}. What is new there is left to the next run"
    return Completed(message=message, name="Locked")


def _table(key: str, rows: Rows, description: str) -> None:
    table = [{"what": what, "count": count} for what, count in rows]
    create_table_artifact(key=key, table=table, description=description)
