"""Runs of search and view `posterior`, end to end on the stub engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.calibrate import calibrate_command
from flows.derive import derive_command
from flows.evidence import Evidence
from flows.run import LabelRun, replay_folder
from pipeline.engines.stub import toy_truth
from pipeline.errors import InputError
from pipeline.evaluation import evaluate
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe
from tests.flows.reading import tables

Build = Callable[..., Recipe]
Label = Callable[..., DatasetFolder]


def guided(build: Build, budget: int = 30_000, **tables_: Any) -> Recipe:
    return build(
        count=30,
        rollouts={"search": "posterior", "budget_tokens": budget},
        labels={"view": "posterior"},
        **tables_,
    )


def truth_of(labels: pl.DataFrame) -> pl.DataFrame:
    rows = [
        (solution_id, step, verdict, "oracle")
        for solution_id, problem, steps in labels.select(
            "solution_id", "problem", "steps"
        ).iter_rows()
        for step, verdict in enumerate(toy_truth(problem, steps))
    ]
    return pl.DataFrame(rows, schema=["solution_id", "step", "verdict", "origin"], orient="row")


@pytest.fixture(scope="module")
def done(module_recipe: Build, label_once: Label) -> DatasetFolder:
    """One finished run, for tests that only read it."""
    return label_once(guided(module_recipe))


def posterior_of(folder: DatasetFolder) -> dict[str, Any]:
    manifest = json.loads(folder.manifest.read_text(encoding="utf-8"))
    return dict(manifest["posterior"])


def test_first_errors_are_found_and_the_chances_add_up(done: DatasetFolder) -> None:
    labels = done.labels()
    assert evaluate(labels, truth_of(labels), all_rows=True).first_error_f1 > 0.85
    total = labels["p_first_error"].list.sum()
    assert total.min() >= 0
    assert total.max() < 1 + 1e-9
    assert labels["entropy"].null_count() == 0


def test_a_right_answer_with_an_error_is_not_taken_for_clean(done: DatasetFolder) -> None:
    labels = done.labels()
    first = (
        truth_of(labels)
        .filter(verdict="incorrect")
        .group_by("solution_id")
        .agg(pl.col("step").min())
    )
    flawed = labels.filter(outcome="correct").join(first, on="solution_id")
    assert len(flawed) > 3
    assert (flawed["first_error"] == flawed["step"]).mean() > 0.5


def test_every_count_is_censored_as_drawing_stopped_by_what_was_seen(done: DatasetFolder) -> None:
    evidence = done.side_table("evidence").filter(
        (pl.col("annotator") == "rollouts") & (pl.col("step") >= 0)
    )
    assert evidence["censored"].all()


def test_the_budget_is_about_what_is_spent(done: DatasetFolder) -> None:
    spent = done.side_table("rollouts")["tokens"].sum()
    assert 20_000 < spent < 40_000


def test_a_replay_gives_the_same_bytes(
    done: DatasetFolder, module_recipe: Build, label_once: Label
) -> None:
    again = replay_folder(done.root)
    label_once(guided(module_recipe), again)
    for shard in done.shards():
        assert again.published(shard).read_bytes() == done.published(shard).read_bytes()


@pytest.mark.parametrize("last", ["pilot", "approach", "search"])
def test_a_run_that_stops_between_phases_ends_as_the_others(
    last: str, done: DatasetFolder, module_recipe: Build, label_once: Label, tmp_path: Path
) -> None:
    folder = DatasetFolder(tmp_path / "out")
    with LabelRun(guided(module_recipe), folder) as run:
        for stages, then in run.phases():
            for stage in stages:
                run.stage(stage, [name for group in run.groups() for name in group])
                if stage == last:
                    break
            else:
                if then is not None:
                    then()
                continue
            break
    label_once(guided(module_recipe), folder)
    assert tables(folder) == tables(done)


def test_a_later_batch_goes_by_the_parameters_of_the_first(toy_recipe: Build, label: Label) -> None:
    recipe = guided(toy_recipe)
    first = recipe.model_copy(update={"problems": recipe.problems.model_copy(update={"limit": 20})})
    folder = label(first)
    before = tables(folder), posterior_of(folder)
    label(recipe)
    assert len(folder.labels()["problem_id"].unique()) == 30
    assert posterior_of(folder) == before[1]
    kept = {name: content for name, content in tables(folder).items() if name in before[0]}
    assert kept == before[0]
    assert not list((folder.work / "stages").glob("00001-*/pilot-*"))


def test_a_budget_of_nothing_gives_labels_from_what_is_there(
    toy_recipe: Build, label: Label
) -> None:
    folder = label(guided(toy_recipe, budget=0))
    assert len(folder.side_table("rollouts")) == 0
    p = folder.labels()["p_correct"].explode().drop_nulls()
    assert len(p) > 50
    assert p.is_between(0, 1).all()


def test_view_posterior_needs_no_search_posterior(toy_recipe: Build, label: Label) -> None:
    folder = label(toy_recipe(count=20, labels={"view": "posterior"}))
    assert folder.labels()["p_first_error"].explode().null_count() == 0
    assert "all" in posterior_of(folder)["groups"]


def test_derive_fits_what_no_run_has_fitted(
    module_recipe: Build, label_once: Label, tmp_path: Path
) -> None:
    origin = label_once(module_recipe(count=20), tmp_path / "origin")
    derive_command(origin.root, tmp_path / "derived", "posterior", [])
    derived = DatasetFolder(tmp_path / "derived")
    assert derived.labels()["entropy"].null_count() == 0
    assert "all" in posterior_of(derived)["groups"]


def test_calibrate_fits_on_a_trusted_slice(done: DatasetFolder, tmp_path: Path) -> None:
    labels = done.labels()
    truth = tmp_path / "truth.parquet"
    truth_of(labels.filter(pl.col("problem_id") < "toy-0-00020")).write_parquet(truth)
    calibrate_command(done.root, truth, tmp_path / "new", [])
    new = DatasetFolder(tmp_path / "new")
    assert posterior_of(new) != posterior_of(done)
    assert evaluate(new.labels(), truth_of(labels), all_rows=True).first_error_f1 > 0.85


def test_calibrate_names_a_truth_that_knows_no_solution(
    done: DatasetFolder, tmp_path: Path
) -> None:
    truth = tmp_path / "truth.parquet"
    truth_of(done.labels()).with_columns(solution_id=pl.lit("other")).write_parquet(truth)
    with pytest.raises(InputError, match="holds no solution that the truth table knows"):
        calibrate_command(done.root, truth, tmp_path / "new", [])


def test_the_card_states_the_noise_that_is_to_be_expected(done: DatasetFolder) -> None:
    assert "By the model's own estimate the first error is placed too late" in (
        done.card.read_text(encoding="utf-8")
    )


def test_the_answers_log_probability_is_evidence(toy_recipe: Build, label: Label) -> None:
    folder = label(guided(toy_recipe, annotators={"answer_logprob": {}}))
    scored = folder.side_table("evidence").filter(annotator="answer_logprob")
    assert scored["score"].null_count() < len(scored) / 10
    assert "answer_logprob" in posterior_of(folder)["edges"]


def test_only_rollouts_make_a_problem_measured() -> None:
    """A score of each prefix is evidence on its value too, and nobody piloted for it."""
    solutions = pl.DataFrame({"solution_id": ["s", "t", "u"], "problem_id": ["p", "q", "r"]})
    evidence = pl.DataFrame(
        {
            "solution_id": ["s", "t", "u"],
            "step": [0, 0, -1],
            "target": "prefix_value",
            "correct": [1, 0, 4],
            "incorrect": [0, 0, 4],
            "unknown": [0, 0, 0],
        }
    )
    seen = Evidence(pl.DataFrame({"problem_id": ["p", "q", "r"]}), solutions, evidence)
    assert seen.measured().problems["problem_id"].to_list() == ["p"]
