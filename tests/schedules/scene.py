"""A folder with a recipe on toy problems and the project's own prefect.yaml, made to fit; a Prefect
server, a worker, and what they did."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pipeline.engines.toy import toy_problems

ROOT = Path(__file__).parents[2]
EVERY_S = 10
PROBLEMS = toy_problems(40, seed=0)


class Scene:
    """`home`: the working folder; `url`: of the server's API. `bought`: one line for each
    completion that the stub was asked for."""

    def __init__(self, home: Path, port: int, **variables: str) -> None:
        self.home = home
        self.port = port
        self.url = f"http://127.0.0.1:{port}/api"
        self.dataset = home / "data"
        self.bought = home / "bought.log"
        self.environment = os.environ | {
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PYTHONPATH": str(ROOT),
            **variables,
        }
        self.environment.pop("PREFECT_API_URL", None)
        self.add(6)
        self._write_recipe()

    def add(self, count: int) -> None:
        """New problems arrive."""
        file = self.home / "problems.jsonl"
        there = len(file.read_text().splitlines()) if file.exists() else 0
        with file.open("a") as out:
            for row in PROBLEMS[there : there + count]:
                out.write(json.dumps(row) + "\n")

    def _write_recipe(self) -> None:
        text = f"""
            name = "toy"
            [problems]
            source = "problems.jsonl"
            [policy]
            engine = "stub"
            model = "error=0.12,repair=0.03,luck=0.02,log={self.bought}"
            samples = 8
            [rollouts]
            search = "posterior"
            k = 4
            [labels]
            view = "posterior"
            [run]
            shard_problems = 5
            [output]
            dir = "data"
        """
        (self.home / "recipe.toml").write_text("\n".join(map(str.strip, text.splitlines())))

    def write_deployments(self, every_s: int | None) -> Path:
        """The project's file with other parameters, and the nightly schedule every few seconds."""
        told = yaml.safe_load((ROOT / "prefect.yaml").read_text())
        label, relabel, publish = told["deployments"]
        label["parameters"] = {"recipe": "recipe.toml"}
        schedule = {"interval": every_s} if every_s else {"cron": "0 1 * * *", "active": False}
        label["schedules"] = [{"slug": "nightly"} | schedule]
        relabel["parameters"] |= {"dataset": "data"}
        publish["parameters"] = {"dataset": "data", "repository": "ada/steps"}
        file = self.home / "prefect.yaml"
        file.write_text(yaml.safe_dump(told))
        return file

    def prefect(self, *words: str) -> str:
        return self._run([sys.executable, "-m", "prefect", *words])

    def start_run(self, deployment: str, **parameters: Any) -> None:
        given = [f"--param={name}={json.dumps(value)}" for name, value in parameters.items()]
        self.prefect("deployment", "run", f"{deployment}/{deployment}", *given)

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, *words: str, log: str) -> subprocess.Popen[bytes]:
        with (self.home / log).open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", *words],
                cwd=self.home,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def runs(self, flow: str) -> list[dict[str, Any]]:
        """Flow runs, the first one first."""
        body = {"flows": {"name": {"any_": [flow]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return list(self.post("flow_runs/filter", body))

    def ended(self, flow: str) -> list[tuple[str, str, str]]:
        """Type, name and message of the states of those that have ended."""
        states = [run["state"] for run in self.runs(flow)]
        final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
        return [(s["type"], s["name"], s["message"] or "") for s in states if s["type"] in final]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.url}/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                return True
        except OSError:
            return False

    def labelled(self) -> list[str]:
        """Ids of the problems that the dataset holds, in order."""
        files = sorted(self.dataset.glob("problems/*.parquet"))
        if not files:
            return []
        return pl.concat(map(pl.read_parquet, files))["problem_id"].to_list()

    def log(self, name: str) -> str:
        return (self.home / name).read_text(errors="replace")


@contextmanager
def killed_at_the_end(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def deployed(scene: Scene, every_s: int | None) -> Iterator[None]:
    """A server with the deployments, and no worker yet."""
    words = ["server", "start", "--host", "127.0.0.1", "--port", str(scene.port)]
    with killed_at_the_end(scene.start("prefect", *words, log="server.log")):
        wait_until(scene.answers, say="the server")
        scene.environment["PREFECT_API_URL"] = scene.url
        scene.write_deployments(every_s)
        scene.prefect("work-pool", "create", "stepsmith", "--type", "process")
        scene.prefect("--no-prompt", "deploy", "--all")
        yield


@contextmanager
def working(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    words = ["worker", "start", "--pool", "stepsmith"]
    with killed_at_the_end(scene.start("prefect", *words, log="worker.log")) as process:
        yield process


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until(there_yet: Callable[[], object], seconds: float = 150, say: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not there_yet():
        assert time.monotonic() < deadline, f"it does not come: {say}"
        time.sleep(0.2)
