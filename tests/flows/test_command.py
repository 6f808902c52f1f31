"""`stepsmith label` refuses what it can see to be wrong before it starts Prefect or a model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows import command
from flows.command import check_input, label_command
from flows.run import replay_folder
from pipeline.errors import FolderBusy, InputError, OutputError, PolicyError, StepsmithError
from pipeline.folder import DatasetFolder
from pipeline.lock import FolderLock
from pipeline.recipe import Recipe


@pytest.fixture
def refused(capsys) -> Callable[..., None]:
    def check(recipe: Recipe, error: type[StepsmithError], said: str, replay: bool = False) -> None:
        with pytest.raises(error, match=said):
            label_command(recipe, replay)
        assert "Prefect" not in capsys.readouterr().err

    return check


@pytest.mark.parametrize(
    ("tables", "error", "said"),
    [
        ({"problems": {"source": "none.jsonl"}}, InputError, "none.jsonl: is not there"),
        ({"policy": {"prompt": "Solve it."}}, InputError, "holds no {problem} and is no file"),
        ({"rollouts": {"prompt": "Solve it."}}, InputError, "holds no {problem} and is no file"),
        ({"policy": {"engine": "embedded", "model": "docs"}}, PolicyError, "is not a policy"),
        ({"rollouts": {"engine": "embedded", "model": "docs"}}, PolicyError, "is not a policy"),
        ({"policy": {"model": "eror=1"}}, PolicyError, "unknown key 'eror'"),
        ({"run": {"task_runner": "ray"}}, InputError, "run.task_runner = 'ray' needs"),
    ],
    ids=["problems", "prompt", "prover's prompt", "model", "prover's model", "stub", "runner"],
)
def test_bad_input_leaves_nothing_behind(tables, error, said, toy_recipe, refused):
    recipe: Recipe = toy_recipe(**tables)
    refused(recipe, error, said)
    assert not Path(recipe.output.dir).exists()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "there is no row in it"),
        ('{"problem_id": "a", "text": "1 + 1?", "answer": ""}\n', "no usable problem is left"),
        ('{"problem_id": "a", "words": "1 + 1?", "answer": "2"}\n', "words"),
    ],
    ids=["empty", "no answer", "no column"],
)
def test_a_bad_problem_file_leaves_nothing_behind(rows, said, toy_recipe, refused):
    recipe: Recipe = toy_recipe()
    Path(recipe.problems.source).write_text(rows)
    refused(recipe, InputError, said)
    assert not Path(recipe.output.dir).exists()


def test_another_recipe_in_the_folder(toy_recipe, label, refused):
    label(toy_recipe())
    refused(toy_recipe(policy={"temperature": 0.5}), OutputError, r"differs in policy\.temperature")


def test_a_problem_that_changed(toy_recipe, label, refused):
    recipe: Recipe = toy_recipe()
    label(recipe)
    source = Path(recipe.problems.source)
    source.write_text(source.read_text().replace("Add up: ", "Add up: 1 + ", 1))
    refused(recipe, InputError, "toy-0-00000: its text has changed since this folder was begun")


def test_a_folder_in_which_another_run_is_at_work(toy_recipe, refused):
    recipe: Recipe = toy_recipe()
    with FolderLock(DatasetFolder(Path(recipe.output.dir)).work):
        refused(recipe, FolderBusy, "another run")


def test_a_replay_of_nothing(toy_recipe, refused):
    recipe: Recipe = toy_recipe()
    refused(recipe, OutputError, "holds no run to replay", replay=True)
    assert not Path(recipe.output.dir).exists()


def test_what_is_right_is_let_through_and_nothing_is_made(toy_recipe):
    recipe: Recipe = toy_recipe()
    check_input(recipe, DatasetFolder(Path(recipe.output.dir)))
    assert not Path(recipe.output.dir).exists()


def test_a_replay_needs_no_problem_file(toy_recipe, label):
    recipe: Recipe = toy_recipe()
    label(recipe)
    Path(recipe.problems.source).unlink()
    check_input(recipe, replay_folder(Path(recipe.output.dir)))


@pytest.mark.parametrize("name", ["a large file", "hf:owner/name"])
def test_what_takes_long_to_read_is_left_to_the_run(name, toy_recipe, monkeypatch):
    def read(recipe: Recipe) -> Any:
        raise AssertionError("read twice")

    monkeypatch.setattr(command, "read_intake", read)
    monkeypatch.setattr(command, "SMALL_BYTES", 10)
    recipe: Recipe = toy_recipe()
    if name.startswith("hf:"):
        recipe = toy_recipe(problems={"source": name})
    check_input(recipe, DatasetFolder(Path(recipe.output.dir)))
