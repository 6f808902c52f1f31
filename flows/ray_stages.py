"""A run on a Ray cluster: one Prefect task for each stage and group of shards, on any node.

The driver (this process) owns the folder, plans, fits, and writes the card; groups of shards go
through the stages of a phase one after the other, as many at once as the cluster has room for. A
group whose worker died is given out again, `run.ray.takeovers` times, and goes on from what was
committed. Our own errors end the run, as with threads: a bad recipe is not tried twice.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ray
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.states import Crashed
from prefect_ray.context import remote_options

from annotators import answer_logprob
from flows.cluster import Cluster
from flows.counts import add
from flows.run import LabelRun
from flows.worker import Order, pack_learnt
from pipeline.errors import EngineDown, FolderBusy, RunStopped, StepsmithError

LOOK_S = 0.25  # between two looks at what the driver must notice itself


@task(name="identify", cache_policy=NO_CACHE, cache_result_in_memory=False, persist_result=False)
def identify(order: str) -> str:
    """What the models are, asked where they are: on a worker."""
    from flows.worker import identify as ask  # the worker's own module, with what it has open

    return ask(order)


@task(
    task_run_name="{stage}-{first}",
    cache_policy=NO_CACHE,
    cache_result_in_memory=False,
    persist_result=False,
)
def run_shards(
    order: str, stage: str, first: str, shards: list[str], learnt: str, term: int
) -> str:
    """One stage of a group of shards, on a worker; its counts, as JSON."""
    from flows.worker import work

    return work(order, stage, shards, learnt, term)


@dataclass(slots=True)
class Job:
    """A group of shards on its way through the stages of a phase."""

    shards: list[str]
    stages: tuple[str, ...]
    lost: int = 0  # times that its worker died
    future: Any = None


class RayStages:
    """The stages of an open run, in a flow whose task runner is Ray's."""

    def __init__(self, run: LabelRun, cluster: Cluster, order: Order) -> None:
        self._run = run
        self._cluster = cluster
        self._order = order.dumps()

    def all(self) -> None:
        """Raises StepsmithError."""
        groups = self._run.groups(self._cluster.workers)
        for stages, then in self._run.phases():
            going = [[one for one in shards if not self._run.left(one)] for shards in groups]
            self._phase([Job(shards, stages) for shards in going if shards])
            if then is not None and groups:
                then()

    def _phase(self, jobs: Sequence[Job]) -> None:
        waiting, active = deque(jobs), dict[Any, Job]()
        errors: list[Exception] = []
        try:
            while active or (waiting and not errors):
                self._check()
                while waiting and not errors and len(active) < self._cluster.room:
                    job = waiting.popleft()
                    active[self._submit(job)] = job
                ready, _ = ray.wait(list(active), num_returns=1, timeout=LOOK_S)
                for done in ready:
                    job = active.pop(done)
                    try:
                        if self._settled(job):
                            waiting.appendleft(job)
                    except Exception as error:
                        errors.append(error)
        finally:
            for left in active:
                with contextlib.suppress(Exception):
                    ray.cancel(left, force=True)
        ours = [error for error in errors if isinstance(error, StepsmithError)]
        if errors:
            raise (ours or errors)[0]

    def _check(self) -> None:
        if self._run.stopping:
            raise RunStopped(f"{self._run.folder.root}: stopped")
        self._run.check_lock()

    def _submit(self, job: Job) -> Any:
        stage = job.stages[0]
        with remote_options(**self._cluster.options(self._asks(stage))):
            job.future = run_shards.submit(
                self._order,
                stage,
                job.shards[0],
                job.shards,
                pack_learnt(
                    [self._run.plan_of(shard) for shard in job.shards], self._run.limit_reached()
                ),
                time.time_ns() // 1_000_000,
            )
        return job.future.wrapped_future

    def _settled(self, job: Job) -> bool:
        """Take over what a task counted; whether the job has more to do."""
        try:
            report = json.loads(job.future.result())
        except (ray.exceptions.RayError, FolderBusy) as error:
            _mark_lost(job.future, error)
            job.lost += 1
            if job.lost > self._cluster.settings.takeovers:
                raise _gone(job, error) from error
            return True
        meter = self._run.context.meter
        add(meter, report["counts"])
        if meter.first_completion is None and report["counts"].get("bought"):
            meter.first_completion = time.monotonic() - report["seconds"]
        for shard in report["left"]:
            self._run.leave(shard)
        job.shards = [shard for shard in job.shards if shard not in report["left"]]
        job.stages = job.stages[1:]
        return bool(job.stages and job.shards)

    def _asks(self, stage: str) -> bool:
        """Whether a stage asks the engine, and so belongs where that is."""
        if stage == "check":
            return answer_logprob.NAME in self._run.recipe.annotators
        return stage != "publish"


def asker(cluster: Cluster, order: Order) -> Callable[[], dict[str, dict[str, Any]]]:
    """What says the identity of the models, on the first worker that is free."""

    def ask() -> dict[str, dict[str, Any]]:
        with remote_options(**cluster.options(asks=True)):
            future = identify.submit(order.dumps())
        try:
            return dict(json.loads(future.result()))
        except ray.exceptions.RayError as error:
            raise _unable(error) from error

    return ask


def _gone(job: Job, error: Exception) -> StepsmithError:
    if isinstance(error, FolderBusy | ray.exceptions.RayTaskError):
        return error if isinstance(error, FolderBusy) else _unable(error)
    return EngineDown(
        f"stage {job.stages[0]} of shard {job.shards[0]} (a group of {len(job.shards)}): its "
        f"worker died {job.lost} times ({type(error).__name__}); what was committed is safe. See "
        f"the logs of its node (memory is the usual cause), then run the same command again",
        shards=job.shards,
    )


def _unable(error: Exception) -> StepsmithError:
    said = str(error).strip().splitlines() or [type(error).__name__]
    return EngineDown(
        f"a worker cannot do its part: {said[-1]}. Is the same Stepsmith, with its extras ray and "
        f"s3, installed on every node?"
    )


def _mark_lost(future: Any, error: Exception) -> None:
    """Prefect does not hear of a worker that died; its page should not show it running."""
    with contextlib.suppress(Exception), get_client(sync_client=True) as client:
        state: Any = Crashed(message=f"the worker was lost: {type(error).__name__}")
        client.set_task_run_state(future.task_run_id, state, force=True)
