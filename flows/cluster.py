"""A Ray cluster: what must be there before a run spends anything, and how much room it has.

    with open_cluster(recipe, folder): …      connected; `connected(recipe)` says with how much room

Refused, with a sentence that says what to do: no prefect-ray, no Prefect server of its own (each
Ray worker would start one), no cluster, no room for one worker, and a folder that a node does not
see. A folder that is a path of this machine is looked for from every node that is up when the run
begins; nodes that join later are believed.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import OutputError, RecipeError
from pipeline.files import remove_files, write_text
from pipeline.folder import DatasetFolder
from pipeline.places import is_remote
from pipeline.recipe import Ray, Recipe

# Read by Ray when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

_INSTALL = "pip install 'stepsmith[ray]', on every node"


@dataclass(frozen=True, slots=True)
class Cluster:
    """`workers`: processes that ask the engine at once; `room`: groups of shards under way."""

    settings: Ray
    workers: int
    room: int

    def options(self, asks: bool) -> dict[str, Any]:
        """Where a task is placed: one that asks the engine needs the GPUs of a worker. Ray retries
        nothing by itself, and a process stays for the next task: it holds the connections."""
        settings = self.settings
        gpus = settings.gpus if asks else 0
        return {"num_cpus": settings.cpus, "num_gpus": gpus, "max_retries": 0, "max_calls": 0}


def check_cluster(recipe: Recipe) -> None:
    """What can be refused without connecting. Raises RecipeError."""
    try:
        import prefect_ray  # noqa: F401
    except ImportError:
        raise RecipeError(
            f"run.task_runner = 'ray' needs prefect-ray: {_INSTALL}", key="run.task_runner"
        ) from None
    from prefect.settings import get_current_settings

    if get_current_settings().api.url is None:
        raise RecipeError(
            "run.task_runner = 'ray' needs a Prefect server that all nodes reach, or each worker "
            "would start its own: run `prefect server start --host 0.0.0.0` somewhere, and set "
            "PREFECT_API_URL=http://HOST:4200/api where you call stepsmith",
            key="run.task_runner",
        )


@contextmanager
def open_cluster(recipe: Recipe, folder: DatasetFolder) -> Iterator[Cluster]:
    """Connect, and disconnect. Raises RecipeError, OutputError, StorageError."""
    import ray

    settings = recipe.run.ray
    try:
        _knock(settings.address)
        ray.init(
            address=settings.address,
            namespace="stepsmith",
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"run.ray.address: there is no Ray cluster at {settings.address!r} ({error}): start it "
            f"with `ray start --head`, on other nodes with `ray start --address=HOST:6379`, and "
            f"call stepsmith on one of them",
            key="run.ray.address",
        ) from None
    try:
        cluster = connected(recipe)
        _check_seen(folder.root)
        yield cluster
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Ray itself waits for minutes where nobody answers. Raises OSError."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()


def connected(recipe: Recipe) -> Cluster:
    """The cluster that this process is connected to. Raises RecipeError."""
    import ray

    settings, resources = recipe.run.ray, ray.cluster_resources()
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    by_cpu = int(cpus // settings.cpus)
    able = min(by_cpu, int(gpus // settings.gpus)) if settings.gpus else by_cpu
    if able < 1:
        raise RecipeError(
            f"run.ray: a worker wants {settings.cpus:g} CPUs and {settings.gpus:g} GPUs, and the "
            f"cluster has {cpus:g} and {gpus:g}",
            key="run.ray",
        )
    workers = min(settings.workers or able, able)
    # Where engines have GPUs, groups that are checked beside them keep no engine waiting.
    room = min(2 * workers, by_cpu) if settings.gpus else workers
    return Cluster(settings, workers, room)


def _check_seen(root: Path) -> None:
    """A local path is a run folder of a cluster where all its nodes see it. Raises OutputError."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [node for node in ray.nodes() if node["Alive"]]
    if is_remote(root) or len(nodes) < 2:
        return
    probe = root.resolve() / "work" / f"seen-{uuid.uuid4().hex[:8]}"
    write_text(probe, "")
    try:
        look = ray.remote(os.path.exists).options
        asked = {
            node["NodeManagerAddress"]: look(
                num_cpus=0,
                max_retries=0,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            ).remote(str(probe))
            for node in nodes
        }
        blind = [address for address, answer in asked.items() if not ray.get(answer, timeout=60)]
    finally:
        remove_files([probe])
    if blind:
        raise OutputError(
            f"{root}: is not seen by the node {blind[0]}: the run folder of a cluster must be on "
            f"storage that all nodes share, as s3://bucket/run, or a path that all of them mount",
            folder=str(root),
        )
