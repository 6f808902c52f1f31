"""`stepsmith serve` before anything runs. What it runs: tests/schedules."""

from __future__ import annotations

import socketserver
import threading

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_HOME, get_current_settings, temporary_settings

from flows.interrupted import home_alone
from flows.serve import create_pool, deployments_of, serve_command
from pipeline.errors import InputError, StepsmithError

FILE = "deployments:\n  - name: label\n    work_pool: {name: mine}\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "prefect.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("work_pool: mine", r"prefect.yaml: deployment 1: .* write work_pool: \{name: mine\}"),
        ("work_pool: [mine]", r"prefect.yaml: deployment 1 has no work_pool.name"),
        ("version: 1", r"prefect.yaml: deployment 1 has no work_pool.name"),
    ],
)
def test_a_work_pool_that_has_no_name_is_named(file, written, said):
    file.write_text(FILE.replace("work_pool: {name: mine}", written))
    with pytest.raises(InputError, match=said):
        deployments_of(file)


def test_a_deployment_without_a_name_is_counted(file):
    file.write_text(FILE + "  - work_pool: {name: mine}\n")
    with pytest.raises(InputError, match=r"prefect.yaml: deployment 2 has no name"):
        deployments_of(file)


def test_a_port_where_something_else_answers_is_refused(file, tmp_path, monkeypatch):
    class Rude(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(b"220 no HTTP here\r\n")

    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with (
        temporary_settings({PREFECT_HOME: tmp_path / "prefect"}),
        socketserver.ThreadingTCPServer(("127.0.0.1", 0), Rude) as server,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1]
        try:
            with pytest.raises(InputError, match=rf"--port {port}: .*give another"):
                serve_command(file, port)
        finally:
            server.shutdown()


def test_two_do_not_share_a_home(tmp_path):
    with temporary_settings({PREFECT_HOME: tmp_path / "prefect"}):
        for _ in range(2):  # and it is given back
            with home_alone(), pytest.raises(InputError, match="set PREFECT_HOME to another"):
                home_alone().__enter__()


def test_a_server_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with pytest.raises(StepsmithError, match=r"PREFECT_API_URL=http://127\.0\.0\.1:1/api"):
        create_pool("mine")


@pytest.mark.usefixtures("prefect")
def test_a_pool_that_is_there_keeps_its_template_and_its_pause(monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", str(get_current_settings().api.url))
    template = {"job_configuration": {"command": "nice python"}, "variables": {"properties": {}}}
    theirs = WorkPoolCreate(
        name="theirs", type="process", base_job_template=template, is_paused=True
    )
    with get_client(sync_client=True) as client:
        client.create_work_pool(theirs)
        create_pool("theirs")
        pool = client.read_work_pool("theirs")
    assert pool.is_paused
    assert pool.base_job_template == template
