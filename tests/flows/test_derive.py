"""`stepsmith derive`: what it refuses before a row is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.derive import derivation
from pipeline.errors import InputError, RecipeError
from pipeline.folder import DatasetFolder


def annotated(root: Path, *annotators: str) -> DatasetFolder:
    """A dataset of `stepsmith annotate`, which has no recipe."""
    manifest: dict[str, Any] = {"name": "x", "schema_version": 4, "recipe": None, "labels": {}}
    manifest["annotators"] = list(annotators)
    folder = DatasetFolder(root)
    folder.manifest.write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize(("view", "more"), [("spark", []), ("tools", ["labels.filter=qwen"])])
def test_labels_of_votes_need_a_judge(tmp_path: Path, view: str, more: list[str]) -> None:
    with pytest.raises(RecipeError, match=r"labels\.\w+ = '\w+' reads a judge's votes"):
        derivation(annotated(tmp_path, "arithmetic"), view, more)


def test_a_judge_gives_them(tmp_path: Path) -> None:
    plan = derivation(annotated(tmp_path, "arithmetic", "judge_small"), "capo", [])
    assert (plan.settings.view, plan.settings.capo) == ("capo", "majority")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (2, "reads 3 to 4: run the recipe that made it once more with this version, and another"),
        (None, "reads 3 to 4: run the recipe that made it once more"),
        (5, "reads 3 to 4: install the version that wrote it, or a later one"),
    ],
)
def test_a_version_that_it_cannot_read_is_refused(
    tmp_path: Path, version: int | None, said: str
) -> None:
    folder = DatasetFolder(tmp_path)
    folder.manifest.write_text(json.dumps({"name": "x", "schema_version": version}))
    with pytest.raises(InputError, match=said) as error:
        derivation(folder, "", [])
    assert f"{tmp_path}: its tables are of schema version {version}" in error.value.message
