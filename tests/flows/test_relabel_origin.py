"""What a relabelling takes over, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.relabel import relabelling
from pipeline.card_tables import models_used
from pipeline.errors import InputError, OutputError, RecipeError, RunStopped
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.recipe import Recipe

Build = Callable[..., Recipe]
Label = Callable[..., DatasetFolder]

OTHER = "error=0.3,repair=0.03,luck=0.02"


@pytest.mark.parametrize("sizes", [(10, 5), (5, 10)])
def test_shards_are_cut_as_they_were(
    sizes: tuple[int, int], toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    root = tmp_path / "old"
    for problems, size in zip((10, 20), sizes, strict=True):
        label(toy_recipe(problems, output={"dir": str(root)}, run={"shard_problems": size}))
    again = relabelling(Origin.open(root), OTHER, "", tmp_path / "new", 0.5, [])
    folder = label(again)
    assert folder.shards() == DatasetFolder(root).shards()
    assert folder.labels()["solution_id"].equals(DatasetFolder(root).labels()["solution_id"])


def test_the_first_policy_is_remembered_through_two_relabellings(
    toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    recipe = toy_recipe(5, output={"dir": str(tmp_path / "a"), "licenses": {"policy": "mit"}})
    first = label(recipe)
    second = label(relabelling(Origin.open(first.root), OTHER, "", tmp_path / "b", 1.0, []))
    third = label(relabelling(Origin.open(second.root), "error=0.2", "", tmp_path / "c", 1.0, []))
    manifest = third.read_manifest()
    assert manifest is not None
    (writer,) = manifest["writers"]
    assert {writer["revision"]} == set(third.labels()["policy"])
    used = [(one.role, one.licence) for one in models_used(manifest)]
    assert used == [("policy of the solutions", "mit"), ("prover", "not stated")]
    assert third.labels()["segmentation"].equals(first.labels()["segmentation"])


def test_licence_and_decontamination_stay(toy_recipe: Build, label: Label, tmp_path: Path) -> None:
    row = '{"problem": "Alice has 12 apples and buys 8 more. How many has she?"}\n'
    (tmp_path / "eval.jsonl").write_text(row)
    sets = {"sets": [{"source": str(tmp_path / "eval.jsonl")}]}
    output = {"dir": str(tmp_path / "old"), "license": "cc-by-4.0"}
    old = label(toy_recipe(5, output=output, decontaminate=sets))
    new = label(relabelling(Origin.open(old.root), OTHER, "", tmp_path / "new", 1.0, []))
    before, after = old.read_manifest(), new.read_manifest()
    assert before is not None
    assert after is not None
    assert after["decontamination"] == before["decontamination"] is not None
    assert after["recipe"]["output"]["license"] == "cc-by-4.0"
    assert "were checked against evaluation sets" in new.card.read_text()


def test_a_take_over_that_was_killed_goes_on_for_its_own_dataset_alone(
    toy_recipe: Build, label: Label, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (
        relabelling(
            Origin.open(label(toy_recipe(5, output={"dir": str(tmp_path / name)})).root),
            OTHER,
            "",
            tmp_path / "new",
            1.0,
            [],
        )
        for name in ("old-a", "old-b")
    )

    def killed(*_: object) -> None:
        raise RunStopped("killed")

    with monkeypatch.context() as patch:
        patch.setattr("flows.run.take_over", killed)
        with pytest.raises(RunStopped):
            label(one)
    with pytest.raises(OutputError, match=r"relabel\.dataset"):
        label(other)
    assert label(one).shards() == ["00000-00000"]


def test_without_a_policy_it_is_refused(toy_recipe: Build, label: Label) -> None:
    origin = Origin.open(label(toy_recipe(5)).root)
    with pytest.raises(RecipeError, match="--policy"):
        relabelling(origin, "", "", None, 0.5, [])
    recipe = relabelling(origin, "", "", None, 0.5, ["policy.model=error=0.2"])
    assert recipe.policy.model == "error=0.2"


def test_the_same_prover_is_refused_before_anything_is_bought(
    toy_recipe: Build, label: Label, tmp_path: Path
) -> None:
    old = label(toy_recipe(5))
    manifest = old.read_manifest()
    assert manifest is not None
    same = manifest["policy"]["model"]
    with pytest.raises(InputError, match="this very prover"):
        label(relabelling(Origin.open(old.root), same, "", tmp_path / "new", 1.0, []))
    assert not (tmp_path / "new" / "work" / "batches").exists()


def test_the_folder_is_named_after_the_datasets_own_name(
    toy_recipe: Build, label: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = label(toy_recipe(5))
    monkeypatch.chdir(old.root)
    recipe = relabelling(Origin.open(Path()), "error=0.2", "", None, 0.5, [])
    assert Path(recipe.output.dir) == old.root.with_name(f"{old.root.name}-error=0.2")
