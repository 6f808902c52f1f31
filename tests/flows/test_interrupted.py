"""What `stepsmith serve` does about the runs of a server that is gone."""

from __future__ import annotations

import uuid

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.states import Cancelling, Pending, Running

from flows.interrupted import start_again


@pytest.fixture
def client(prefect):
    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def name() -> str:
    return f"deployment-{uuid.uuid4().hex}"


def deploy(client, name: str, kind: str = "string") -> uuid.UUID:
    """Or the next version of what is there."""
    return client.create_deployment(
        client.create_flow_from_name(name),
        name,
        concurrency_limit=1,
        parameter_openapi_schema={"type": "object", "properties": {"out": {"type": kind}}},
        enforce_parameter_schema=True,
    )


@pytest.fixture
def at_work(client, name):
    """A run that began and whose process is gone."""

    def begin(state):
        deployment = deploy(client, name)
        run = client.create_flow_run_from_deployment(deployment, parameters={"out": "mine"})
        client.set_flow_run_state(run.id, Pending())
        client.set_flow_run_state(run.id, state)
        return run

    return begin


@pytest.mark.parametrize("state", [Pending(), Running()])
def test_it_is_ended_and_started_anew_with_its_parameters(client, name, at_work, state):
    run = at_work(state)
    assert start_again(client, [name]) == 1
    assert client.read_flow_run(run.id).state.is_crashed()
    runs = client.read_flow_runs(flow_filter=FlowFilter(name=FlowFilterName(any_=[name])))
    new = next(one for one in runs if one.id != run.id)
    assert new.parameters == {"out": "mine"}
    assert client.set_flow_run_state(new.id, Pending()).state.is_pending()  # the place is free


def test_one_that_was_being_cancelled_is_cancelled(client, name, at_work):
    run = at_work(Running())
    client.set_flow_run_state(run.id, Cancelling())
    assert start_again(client, [name]) == 0
    assert client.read_flow_run(run.id).state.is_cancelled()


def test_one_whose_parameters_no_longer_fit_is_ended_only(client, name, at_work):
    run = at_work(Running())
    deploy(client, name, "integer")
    assert start_again(client, [name]) == 0
    assert client.read_flow_run(run.id).state.is_crashed()


def test_runs_of_other_deployments_are_let_be(client, at_work):
    run = at_work(Running())
    assert start_again(client, ["another"]) == 0
    assert client.read_flow_run(run.id).state.is_running()
