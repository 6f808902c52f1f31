"""A run on the stub engine: the real thing without a model, with or without Prefect."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flows.run import LabelRun
from pipeline.engines.toy import toy_problems
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe, parse_recipe

STUB = "error=0.12,repair=0.03,luck=0.02"


@pytest.fixture
def toy_recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """A recipe on toy problems; tables given as keywords are merged in."""
    return recipes_in(tmp_path)


@pytest.fixture(scope="module")
def module_recipe(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Recipe]:
    """The same, for a dataset that the tests of a module only read."""
    return recipes_in(tmp_path_factory.mktemp("toy"))


def recipes_in(tmp_path: Path) -> Callable[..., Recipe]:
    def build(count: int = 12, model: str = STUB, **tables: dict[str, Any]) -> Recipe:
        source = tmp_path / "problems.jsonl"
        rows = toy_problems(count, seed=0)
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        raw: dict[str, Any] = {
            "name": "toy",
            "problems": {"source": str(source)},
            "policy": {"engine": "stub", "model": model, "samples": 8},
            "rollouts": {"search": "scan", "k": 4},
            "annotators": {"arithmetic": {}},
            "labels": {"view": "scan"},
            "run": {"shard_problems": 5},
            "output": {"dir": str(tmp_path / "out")},
        }
        for name, table in tables.items():
            raw[name] = {**raw.get(name, {}), **table}
        return parse_recipe(raw, "toy.toml")

    return build


def run_all(recipe: Recipe, folder: DatasetFolder) -> LabelRun:
    """All stages of a run in threads, as the flow's tasks do it, without Prefect."""
    with LabelRun(recipe, folder) as run:
        run.admit()
        groups = run.groups()
        for stages, then in run.phases():

            def work(group: list[str], stages: tuple[str, ...] = stages) -> None:
                for name in stages:
                    run.stage(name, group)

            with ThreadPoolExecutor(4) as pool:
                list(pool.map(work, groups))
            if then is not None and groups:
                then()
        run.finish()
    return run


@pytest.fixture(scope="session")
def label_once() -> Callable[[Recipe], DatasetFolder]:
    def run(recipe: Recipe, out: Path | DatasetFolder | None = None) -> DatasetFolder:
        out = out or Path(recipe.output.dir)
        folder = out if isinstance(out, DatasetFolder) else DatasetFolder(out)
        run_all(recipe, folder)
        return folder

    return run


@pytest.fixture
def label(label_once) -> Callable[[Recipe], DatasetFolder]:
    return label_once


@pytest.fixture
def bought() -> Callable[[Path], Counter[str]]:
    """How often the stub engine delivered each draw of each prompt, from its log."""

    def read(log: Path) -> Counter[str]:
        return Counter(log.read_text(encoding="utf-8").splitlines())

    return read


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """One ephemeral Prefect server for all tests of this folder that need one."""
    importlib.import_module("flows.label")  # sets Prefect's environment before Prefect reads it
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
