"""A labelling run from problems to a published folder, on the stub engine, without Prefect."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import polars as pl
import pytest

from flows.run import LabelRun, finished, replay_folder
from pipeline.engines.toy import toy_problems, toy_truth
from pipeline.errors import FolderBusy, OutputError, ProblemFileError, RecipeError
from pipeline.folder import DatasetFolder
from pipeline.lock import FolderLock
from pipeline.recipe import Recipe
from pipeline.schemas import LABELS


def published(folder: DatasetFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.root.glob("data/*.parquet"))}


def with_limit(recipe: Recipe, limit: int) -> Recipe:
    problems = recipe.problems.model_copy(update={"limit": limit})
    return recipe.model_copy(update={"problems": problems})


def test_the_folder_opens_in_polars_with_the_schema(toy_recipe, label):
    folder = label(toy_recipe())
    table = pl.read_parquet(folder.root / "data" / "*.parquet")
    assert table.columns == LABELS.names
    assert table["problem_id"].n_unique() == 12


def test_the_folder_opens_in_datasets_as_it_is(toy_recipe, label, tmp_path):
    folder = label(toy_recipe())
    loaded = datasets.load_dataset(str(folder.root), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train"}
    assert loaded["train"].num_rows == len(folder.labels())


def test_steps_join_to_the_solution(toy_recipe, label):
    folder = label(toy_recipe())
    joined = folder.labels().select("solution_id", text=pl.col("steps").list.join(""))
    both = joined.join(folder.side_table("solutions"), on="solution_id", suffix="_whole")
    assert (both["text"] == both["text_whole"]).all()


def test_the_first_error_is_located_late_never_early(toy_recipe, label):
    # A slip can be cancelled by a later one, so Monte Carlo comes late; with 8 rollouts from a
    # clean prefix of this policy it does not come early.
    recipe = toy_recipe(20, "error=0.06,repair=0,luck=0,spread=0", rollouts={"k": 8})
    rows = label(recipe).labels().filter(pl.col("keep") & (pl.col("outcome") == "incorrect"))
    late = [
        row["first_error"] - toy_truth(row["problem"], row["steps"]).index("incorrect")
        for row in rows.iter_rows(named=True)
    ]
    assert len(late) > 20
    assert min(late) == 0
    assert late.count(0) > len(late) / 2


def test_the_manifest_is_written_last_and_counts_what_is_there(toy_recipe, label):
    folder = label(toy_recipe())
    manifest = json.loads(folder.manifest.read_text())
    assert manifest["counts"]["problems"] == 12
    assert manifest["counts"]["sample_completions"] == 12 * 8
    assert manifest["counts"]["rollouts"] == len(folder.side_table("rollouts"))
    assert manifest["recipe"]["name"] == "toy"


def test_a_finished_run_is_known_without_a_model(toy_recipe, label):
    recipe = toy_recipe()
    folder = label(recipe)
    assert finished(recipe, folder)
    assert not finished(toy_recipe(14), folder)


def test_the_same_command_buys_nothing_again(toy_recipe, label, bought, tmp_path):
    recipe = toy_recipe(model=f"error=0.1,log={tmp_path / 'log'}")
    label(recipe)
    before = bought(tmp_path / "log")
    label(recipe)
    assert bought(tmp_path / "log") == before
    assert set(before.values()) == {1}


def test_a_run_that_stopped_goes_on_where_it_was(toy_recipe, label, bought, tmp_path):
    recipe = toy_recipe(model=f"error=0.1,log={tmp_path / 'log'}")
    with LabelRun(recipe, DatasetFolder(Path(recipe.output.dir))) as run:
        first, *_ = run.groups()
        run.stage("screen", first)
        run.stage("search", first)
    folder = label(recipe)
    assert set(bought(tmp_path / "log").values()) == {1}
    whole = label(recipe, tmp_path / "whole")
    assert published(folder) == published(whole)


def test_shard_size_and_order_change_no_row(toy_recipe, label, tmp_path):
    small = label(toy_recipe(run={"shard_problems": 3}), tmp_path / "small")
    large = label(toy_recipe(run={"shard_problems": 64}), tmp_path / "large")
    assert small.labels().equals(large.labels())


def test_new_problems_become_a_batch_and_touch_no_file(toy_recipe, label):
    recipe = toy_recipe()
    folder = label(with_limit(recipe, 7))
    before = published(folder)
    label(with_limit(recipe, 0))
    after = published(folder)
    assert list(before) == ["train-00000-00000.parquet", "train-00000-00001.parquet"]
    assert list(after) == [*before, "train-00001-00000.parquet"]
    assert {name: after[name] for name in before} == before
    assert folder.labels()["problem_id"].n_unique() == 12


def test_a_smaller_limit_takes_nothing_away(toy_recipe, label):
    recipe = toy_recipe()
    folder = label(recipe)
    before = published(folder)
    label(with_limit(recipe, 3))
    assert published(folder) == before


def test_a_replay_gives_the_same_bytes_without_an_engine(toy_recipe, label, bought, tmp_path):
    recipe = toy_recipe(model=f"error=0.1,fail=0.05,log={tmp_path / 'log'}")
    folder = label(recipe)
    before = bought(tmp_path / "log")
    again = replay_folder(folder.root)
    label(recipe, again)
    assert published(again) == published(folder)
    assert bought(tmp_path / "log") == before


def test_failed_calls_are_unknown_and_never_a_label(toy_recipe, label):
    # Every solution of this policy is right, so any label 0 would come from a failed call.
    recipe = toy_recipe(
        model="error=0,fail=0.3",
        rollouts={"search": "exhaustive"},
        questions={"keep_all_right": 1.0},
        labels={"view": "hard"},
    )
    folder = label(recipe)
    rollouts = folder.side_table("rollouts")
    failed = rollouts.filter(pl.col("finish_reason") == "failed")
    assert len(failed) > 50
    assert set(failed["outcome"]) == {"unknown"}
    assert folder.labels()["label"].explode().drop_nulls().to_list().count(0) == 0


def test_garbled_answers_are_unknown(toy_recipe, label):
    recipe = toy_recipe(model="error=0.1,garble=0.5")
    labels = label(recipe).labels()
    unknown = labels.filter(pl.col("outcome") == "unknown")
    assert len(unknown) > 20
    assert unknown["label"].explode().drop_nulls().to_list() == []


def test_truncated_completions_are_unknown(toy_recipe, label):
    recipe = toy_recipe(policy={"max_tokens": 30})
    labels = label(recipe).labels()
    cut = labels.filter(pl.col("finish_reason") == "length")
    assert len(cut) > 20
    assert set(cut["outcome"]) == {"unknown"}


def test_a_budget_of_zero_buys_no_rollout(toy_recipe, label):
    folder = label(toy_recipe(rollouts={"budget_tokens": 0}))
    assert len(folder.side_table("rollouts")) == 0
    assert len(folder.labels()) > 12


def test_a_budget_is_kept_and_used(toy_recipe, label):
    folder = label(toy_recipe(rollouts={"budget_tokens": 20_000}))
    spent = folder.side_table("rollouts")["tokens"].sum()
    assert 10_000 < spent <= 20_000


def test_a_resumed_run_does_not_share_its_budget_anew(toy_recipe, label, tmp_path):
    recipe = toy_recipe(rollouts={"budget_tokens": 12_000})
    with LabelRun(recipe, DatasetFolder(Path(recipe.output.dir))) as run:
        groups = run.groups()
        for group in groups:
            run.stage("screen", group)
        _, share_budget = run.phases()[0]
        assert share_budget is not None
        share_budget()
        for stage in ("search", "check", "publish"):
            run.stage(stage, groups[0])
    resumed = label(recipe)
    assert resumed.side_table("rollouts")["tokens"].sum() <= 12_000
    assert published(resumed) == published(label(recipe, tmp_path / "whole"))


def test_a_replay_spends_what_its_run_was_allotted(toy_recipe, label):
    recipe = toy_recipe(rollouts={"budget_tokens": 12_000})
    folder = label(with_limit(recipe, 7))
    label(recipe)  # a second batch, with a budget of its own
    again = replay_folder(folder.root)
    label(recipe, again)
    assert published(again) == published(folder)


def test_an_edited_prompt_file_is_refused(toy_recipe, label, tmp_path):
    template = tmp_path / "prompt.txt"
    template.write_text("{problem}\n")
    recipe = toy_recipe(policy={"prompt": str(template)})
    label(recipe)
    template.write_text("Think first.\n{problem}\n")
    with pytest.raises(OutputError, match="prompt"):
        LabelRun(recipe, DatasetFolder(Path(recipe.output.dir))).__enter__()


def test_another_prover_draws_its_own_root_rollouts(toy_recipe, label):
    recipe = toy_recipe(
        rollouts={"model": "error=0.02,revision=better", "search": "exhaustive"},
        labels={"view": "advantage"},
    )
    folder = label(recipe)
    labels = folder.labels()
    assert labels["prover"].unique().to_list() != labels["policy"].unique().to_list()
    roots = folder.side_table("rollouts").filter(pl.col("prefix_len") == 0)
    searched = folder.side_table("questions")["question_reason"].null_count()
    assert len(roots) == 4 * searched


def test_a_locked_folder_is_refused(toy_recipe):
    recipe = toy_recipe()
    folder = DatasetFolder(Path(recipe.output.dir))
    with FolderLock(folder.work), pytest.raises(FolderBusy, match="another run"):
        LabelRun(recipe, folder).__enter__()


def test_another_recipe_on_the_folder_is_refused_with_its_keys(toy_recipe, label):
    folder = label(toy_recipe())
    other = toy_recipe(policy={"temperature": 0.5}, labels={"view": "hard"})
    with pytest.raises(OutputError, match=r"labels\.view, policy\.temperature"):
        LabelRun(other, folder).__enter__()


def test_a_changed_policy_under_the_same_name_is_refused(toy_recipe, label, tmp_path):
    recipe = toy_recipe()
    folder = label(recipe)
    identity = folder.work / "identity.json"
    identity.write_text(identity.read_text().replace('"model_revision": "', '"model_revision": "x'))
    with pytest.raises(OutputError, match="not the one this folder was begun with"):
        LabelRun(recipe, folder).__enter__()


def test_a_problem_whose_text_changed_is_refused(toy_recipe, label):
    recipe = toy_recipe()
    folder = label(recipe)
    source = Path(recipe.problems.source)
    rows = toy_problems(12, seed=0)
    rows[3]["text"] += " + 1"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(ProblemFileError, match=rows[3]["problem_id"]):
        LabelRun(recipe, folder).__enter__()


def test_a_foreign_folder_is_refused(toy_recipe, tmp_path):
    recipe = toy_recipe()
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(OutputError, match="not empty"):
        LabelRun(recipe, DatasetFolder(folder)).__enter__()
    assert (folder / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("annotators", {"oracle": {}}, "annotators.oracle"),
        ("annotators", {"arithmetic": {"tolerance": 1}}, "tolerance"),
        ("annotators", {"answer_logprob": {"template": "none"}}, "answer_logprob.template"),
    ],
)
def test_parts_that_are_not_there_are_refused(toy_recipe, table, change, said):
    recipe = toy_recipe(**{table: change})
    with pytest.raises(RecipeError, match=said):
        LabelRun(recipe, DatasetFolder(Path(recipe.output.dir)))
