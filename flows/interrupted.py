"""Runs that ended with the server that knew them.

A run that dies together with its server, or that Ctrl-C ends, has nobody left to report its end:
it stays `Running` in the database and keeps the place that `concurrency_limit` gave it, and every
later run of its deployment waits for that place. Who owns the database says that it has ended.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Crashed

from pipeline.errors import InputError
from pipeline.files import storage_errors

_AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_WHY = "what ran it was stopped or killed; what was committed is safe"


@contextmanager
def home_alone() -> Iterator[None]:
    """Owns PREFECT_HOME: whatever is at work in its database has died. Raises InputError."""
    home = get_current_settings().home
    with storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        handle = os.open(home / "stepsmith-serve.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{home}: another `stepsmith serve` keeps its runs there: stop it, set "
                f"PREFECT_API_URL to its server to use that, or set PREFECT_HOME to another folder"
            ) from None
        yield
    finally:
        os.close(handle)


def start_again(client: SyncPrefectClient, deployments: list[str]) -> int:
    """End what is at work, and start each of the runs anew, but those that were cancelled.

    Returns how many start. Killed halfway, it starts none twice.
    """
    named = DeploymentFilter(name=DeploymentFilterName(any_=deployments))
    dead = client.read_flow_runs(flow_run_filter=_at_work(), deployment_filter=named)
    started = 0
    for run in dead:
        if run.deployment_id and run.state_type != StateType.CANCELLING:
            key = f"again-{run.id}"
            # Where the deployment takes other parameters by now, the next run of it goes on.
            with suppress(PrefectHTTPStatusError):
                client.create_flow_run_from_deployment(
                    run.deployment_id, parameters=run.parameters, idempotency_key=key
                )
                started += 1
        for child in client.read_flow_runs(flow_run_filter=_at_work(run)):
            _end(client, child)
        _end(client, run)
    return started


def _at_work(parent: FlowRun | None = None) -> FlowRunFilter:
    state = FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK))
    of = FlowRunFilterParentFlowRunId(any_=[parent.id]) if parent else None
    return FlowRunFilter(state=state, parent_flow_run_id=of)


def _end(client: SyncPrefectClient, run: FlowRun) -> None:
    ended = Cancelled if run.state_type == StateType.CANCELLING else Crashed
    client.set_flow_run_state(run.id, ended(message=_WHY), force=True)  # frees its place
