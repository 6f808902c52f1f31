"""Real vLLM on this machine's CPU: recipes for it, and what of it runs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.recipe import Recipe, parse_recipe

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
POLICY = ROOT / "data" / "policies" / "large"
JUDGE = ROOT / "data" / "judges" / "small"
DEMO = ROOT / "data" / "problems" / "demo.jsonl"
REAL = pytest.mark.skipif(
    "STEPSMITH_VLLM" not in os.environ, reason="an environment of its own: `make test-vllm`"
)
ARGS = [
    "--max-model-len",
    "1024",
    "--enforce-eager",
    "--enable-prefix-caching",
    "--block-size",
    "32",
]


def server(*args: str, replicas: int = 1) -> dict[str, Any]:
    return {
        "python": str(PYTHON),
        "args": [*ARGS, *args],
        "env": {"VLLM_CPU_KVCACHE_SPACE": "2"},
        "replicas": replicas,
        "start_s": 300.0,
    }


def problems(path: Path, each: int) -> Path:
    """The first of both worlds."""
    rows = [json.loads(line) for line in DEMO.read_text(encoding="utf-8").splitlines()]
    kept = [
        row
        for domain in ("chains", "deduction")
        for row in [row for row in rows if row["domain"] == domain][:each]
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
    return path


def tables(folder: Path, source: Path, **more: dict[str, Any]) -> dict[str, Any]:
    """A recipe as TOML has it; tables given as keywords are merged in."""
    raw: dict[str, Any] = {
        "name": "vllm",
        "problems": {"source": str(source)},
        "policy": {
            "engine": "vllm",
            "model": str(POLICY),
            "samples": 8,
            "max_tokens": 400,
            "server": server(),
        },
        "rollouts": {"search": "scan", "k": 8},
        "annotators": {"arithmetic": {}},
        "labels": {"view": "posterior"},
        "output": {"dir": str(folder / "out")},
    }
    for name, table in more.items():
        raw[name] = {**raw.get(name, {}), **table}
    return raw


def recipe(folder: Path, source: Path, **more: dict[str, Any]) -> Recipe:
    return parse_recipe(tables(folder, source, **more), "vllm.toml")


def processes(logs: Path) -> list[int]:
    """Processes of servers that write to logs in this folder: vLLM's rename themselves, which takes
    their command lines and environments away."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            writes_to = [os.readlink(place / "fd" / number) for number in ("1", "2")]
        except OSError:  # a zombie, or gone by now
            continue
        if any(Path(one).parent == logs for one in writes_to):
            found.append(int(place.name))
    return found


def until(there_yet: Callable[[], bool], what: str, seconds: float = 600.0) -> None:
    deadline = time.monotonic() + seconds
    while not there_yet():
        assert time.monotonic() < deadline, f"it never came: {what}"
        time.sleep(0.1)
