"""The flow `label`: one Prefect task for each stage and group of shards.

Tasks take and return strings; the shard store is the cache, so Prefect keeps none. Nothing is
retried here: engines own the retries of a call, and where one gave no answer for as long as the
recipe lets it, or the disk is full, the run ends and the same command goes on.
"""

from __future__ import annotations

import logging
import os

# Before Prefect reads its settings: its first start on a slow disk takes longer than its default.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("PREFECT_CLI_PROMPT", "false")

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from flows import live
from flows.cluster import open_cluster
from flows.progress import progress
from flows.run import GROUPS, LabelRun
from flows.tables import run_rows
from pipeline.errors import StepsmithError
from pipeline.folder import DatasetFolder
from pipeline.places import is_url, place
from pipeline.recipe import Recipe, parse_recipe

Identify = Callable[[], Mapping[str, dict[str, Any]]]
LONGEST = 4  # stages in one phase


def stop_runs() -> None:
    """Stop every run of this process; its tasks end at once, so that Prefect can."""
    for run in list(live.RUNS.values()):
        run.stop()


@task(
    task_run_name="{stage}-{first}",
    cache_policy=NO_CACHE,
    cache_result_in_memory=False,
    persist_result=False,
)
def run_stage(folder: str, stage: str, first: str, shards: list[str]) -> str:
    """One stage of a group of shards, in the run that is open on `folder`."""
    live.RUNS[folder].stage(stage, shards)
    return first


@flow(name="label", flow_run_name="label-{name}", validate_parameters=False)
def label(name: str, recipe: dict[str, Any], out: str, replay_of: str | None = None) -> str:
    """Label the problems of `recipe` into the folder `out`; returns the folder.

    `name` is only what Prefect shows. With `replay_of`, the journal of that folder is all there
    is: no engine is asked, and no cluster. Raises StepsmithError.
    """
    parsed = parse_recipe(recipe, name)
    folder = DatasetFolder(place(out), place(replay_of) if replay_of else None)
    identify: Identify | None = None
    run_stages: Callable[[LabelRun, str], None] = _run_stages
    if uses_ray(parsed, replay_of):
        identify, run_stages = _on_ray(parsed, out)
    with LabelRun(parsed, folder, identify) as run:
        live.RUNS[out] = run
        try:
            with progress(run.context):
                run.admit()
                run_stages(run, out)
            summary = run.finish()
            create_table_artifact(
                key="label-run",
                table=[
                    {"what": what, "count": count}
                    for what, count in run_rows(summary, run.last_run(), run.skipped)
                ],
                description=f"{name}: {out}",
            )
        except BaseException:
            run.stop()  # cancelled, perhaps: its tasks wait for answers, and Prefect for them
            raise
        finally:
            del live.RUNS[out]
    return out


def _run_stages(run: LabelRun, out: str) -> None:
    groups = run.groups()
    # A group's stages wait for one another in threads of the pool. There are threads for all
    # groups: which shards come first, and how many are under way, is the gate's.
    futures: list[PrefectFuture[str]] = []

    def submit(
        stage: str, shards: list[str], after: list[PrefectFuture[str]]
    ) -> PrefectFuture[str]:
        future: PrefectFuture[str] = run_stage.submit(
            out, stage, shards[0], shards, wait_for=after, return_state=False
        )
        futures.append(future)
        return future

    for stages, then in run.phases():
        for shards in groups:
            after: list[PrefectFuture[str]] = []
            for stage in stages:
                after = [submit(stage, shards, after)]
        _settle(futures)
        if then is not None and groups:
            then()


def _on_ray(recipe: Recipe, out: str) -> tuple[Identify, Callable[[LabelRun, str], None]]:
    # Ray is an extra: known only where a recipe names it.
    from flows.cluster import check_cluster, connected

    check_cluster(recipe)
    from flows.ray_stages import RayStages, asker
    from flows.worker import Order

    cluster = connected(recipe)
    shared = out if is_url(out) else os.path.abspath(out)
    order = Order(recipe.model_dump(mode="json"), shared, os.getcwd(), cluster.workers)
    return asker(cluster, order), lambda run, _: RayStages(run, cluster, order).all()


def uses_ray(recipe: Recipe, replay_of: str | None) -> bool:
    return recipe.run.task_runner == "ray" and replay_of is None


def _settle(futures: list[PrefectFuture[str]]) -> None:
    """Wait for all, so that what can be finished is; then raise the first error that is ours."""
    errors: list[BaseException] = []
    for future in futures:
        try:
            future.result()
        except Exception as error:
            errors.append(error)
    ours = [error for error in errors if isinstance(error, StepsmithError)]
    if ours or errors:
        raise (ours or errors)[0]


def run_label(recipe: Recipe, target: DatasetFolder) -> None:
    """Run the flow, in threads or on the recipe's cluster. Raises StepsmithError."""
    replay_of = str(target.origin) if target.origin else None
    ray = uses_ray(recipe, replay_of)
    with open_cluster(recipe, target) if ray else nullcontext():
        flow = label_flow(ray)
        flow(recipe.name, recipe.model_dump(mode="json"), str(target.root), replay_of)


def label_flow(ray: bool = False) -> Any:
    """The flow, in threads; or on the cluster that this process is connected to."""
    runner: Any = ThreadPoolTaskRunner(max_workers=LONGEST * GROUPS)
    if ray:
        from prefect_ray import RayTaskRunner

        runner = RayTaskRunner()
    return label.with_options(task_runner=runner)


def quiet_prefect() -> None:
    """Prefect prints tracebacks of errors that our command line explains in a sentence."""
    names = ("prefect", "prefect.flow_runs", "prefect.task_runs", "prefect.engine", "EventsWorker")
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
