"""What `stepsmith plan` says of judges."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.plan_judges import judge_rows
from pipeline.engines.stub import StubEngine
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe


def test_the_cost_is_known_without_an_engine(
    toy_recipe: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delattr(StubEngine, "start")
    base = {"problem_id": "p", "text": "1 + 1", "answer": "2", "steps": ["1 + 1 = 2", "So 2."]}
    (tmp_path / "own.jsonl").write_text(json.dumps(base) + "\n", encoding="utf-8")
    judge = {
        "engine": "stub",
        "samples": 3,
        "max_tokens": 10,
        "probes": str(tmp_path / "own.jsonl"),
    }
    recipe = toy_recipe(annotators={"judge": {**judge, "budget_tokens": 7}})
    rows = dict(judge_rows(recipe, DatasetFolder(tmp_path / "out"), "Add up: 1 + 2", 5, 4, 40))
    assert rows["  judging: solutions, about"] == "5"
    assert rows["    calls, and retries"] == "15"
    assert rows["    tokens it may cost"] == "7"
    assert int(rows["  admission test: calls, and retries"].replace(",", "")) >= 28
