"""`stepsmith derive`: what it refuses before a row is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.derive import derivation
from pipeline.errors import RecipeError
from pipeline.folder import DatasetFolder


def annotated(root: Path, *annotators: str) -> DatasetFolder:
    """A dataset of `stepsmith annotate`, which has no recipe."""
    manifest = {"name": "x", "recipe": None, "labels": {}, "annotators": list(annotators)}
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
