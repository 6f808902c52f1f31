"""Real servers that die, a run that dies, and a server that cannot start.

One folder: a run is killed in the middle, and no server of it is left; the same command goes on,
and one of its two replicas is killed; it is started again, and the run ends whole.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from tests.vllm import serving

pytestmark = serving.REAL

TEXT = """
name = "kills"
[problems]
source = "{source}"
[policy]
engine = "vllm"
model = "{model}"
samples = {samples}
max_tokens = 400
[policy.server]
python = "{python}"
replicas = {replicas}
args = {args}
env = {{ VLLM_CPU_KVCACHE_SPACE = "1" }}
[rollouts]
search = "bisect"
k = 8
[annotators.arithmetic]
[run]
shard_problems = 16
[output]
dir = "{out}"
"""


def write(folder: Path, args: list[str], **values: Any) -> Path:
    path = folder / "recipe.toml"
    whole = {"python": serving.PYTHON, "model": serving.POLICY, "replicas": 1, "samples": 8}
    path.write_text(TEXT.format(**whole | values, args=json.dumps(args)), encoding="utf-8")
    return path


def start(recipe: Path) -> subprocess.Popen[bytes]:
    home = recipe.parent / f"prefect-{time.monotonic_ns()}"
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "label", str(recipe)],
        start_new_session=True,
        env={**os.environ, "PREFECT_HOME": str(home)},
        cwd=serving.ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def keys(out: Path) -> Counter[bytes]:
    found: Counter[bytes] = Counter()
    for path in (out / "work" / "journal").glob("*/*.arrow"):
        with pa.OSFile(str(path)) as file:
            found.update(pa.ipc.open_file(file).read_all().column("key").to_pylist())
    return found


def server_of(log: Path) -> int:
    """The server's own process, by its log."""
    for pid in serving.processes(log.parent):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        its_own = b"api_server" in command and b"tied.py" not in command
        if its_own and os.readlink(f"/proc/{pid}/fd/1") == str(log):
            return pid
    raise AssertionError("there is no such server")


def running(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        assert process.stderr is not None
        raise AssertionError(f"the run ended: {process.stderr.read().decode()}")


def test_a_killed_run_leaves_no_server_and_a_killed_replica_is_started_again(tmp_path):
    out = tmp_path / "out"
    logs = out / "work" / "servers"
    source = serving.problems(tmp_path / "problems.jsonl", 120)
    recipe = write(tmp_path, serving.ARGS, source=source, out=out, replicas=2, samples=16)
    first, second = (logs / f"policy-{at}.log" for at in range(2))

    process = start(recipe)
    try:
        serving.until(lambda: running(process) or len(keys(out)) > 400, "the first commits")
        assert len(serving.processes(logs)) >= 2 * 4
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    serving.until(lambda: not serving.processes(logs), "the end of its servers", 30)
    kept = keys(out)
    assert not (out / "manifest.json").exists()

    process = start(recipe)
    try:
        serving.until(lambda: running(process) or len(keys(out)) > len(kept) + 400, "more commits")
        os.kill(server_of(first), signal.SIGKILL)
        serving.until(
            lambda: (
                running(process) or first.read_text().count("Application startup complete") == 3
            ),
            "its second start in this run",
        )
        _, errors = process.communicate(timeout=900)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 0, errors.decode()
    assert second.read_text().count("Application startup complete") == 2
    assert "server policy-0: the server ended (exit status 137, SIGKILL)" in errors.decode()
    assert serving.processes(logs) == []

    final = keys(out)
    assert kept.keys() <= final.keys()
    assert set(final.values()) == {1}
    counts = json.loads((out / "manifest.json").read_text())["last_run"]
    assert counts["completions_bought"] == len(final) - len(kept)
    assert counts["completions_failed"] == 0
    labels = pl.read_parquet(out / "data" / "*.parquet")
    assert labels["problem_id"].n_unique() == 240


def test_a_server_that_cannot_start_is_quoted(tmp_path):
    out = tmp_path / "out"
    logs = out / "work" / "servers"
    source = serving.problems(tmp_path / "problems.jsonl", 1)
    recipe = write(tmp_path, ["--no-such-thing"], source=source, out=out)
    process = start(recipe)
    _, errors = process.communicate(timeout=240)
    said = errors.decode()
    assert process.returncode == 1, said
    assert "server policy-0: the server ended (exit status 2) before it was ready" in said
    assert f"The last lines of {out}/work/servers/policy-0.log:" in said
    assert "unrecognized arguments: --no-such-thing" in said
    assert "Traceback" not in said
    assert serving.processes(logs) == []
    shutil.rmtree(out)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"python": sys.executable}, f"{sys.executable} has no vLLM"),
        ({"python": "/no/such/python"}, "cannot be run: No such file or directory"),
        (
            {"model": "no/such"},
            "no/such: there is no such folder, and the local Hub cache does not",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_started(change, said, tmp_path):
    source = serving.problems(tmp_path / "problems.jsonl", 1)
    values = {"source": source, "out": tmp_path / "out"} | change
    recipe = write(tmp_path, serving.ARGS, **values)
    for command in ("plan", "label"):
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", command, str(recipe)],
            cwd=serving.ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
    assert not (tmp_path / "out").exists()
