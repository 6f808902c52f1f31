"""Rationales of a run, end to end: the stub engine is the policy, the prover and the judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.relabel import relabelling
from flows.run import LabelRun, replay_folder
from flows.tables import run_rows
from pipeline.card_of import dataset_card
from pipeline.engines.toy import addends_of, toy_problems
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.recipe import Recipe
from pipeline.summary import summarize
from tests.flows.conftest import recipes_in, run_all
from tests.flows.reading import tables

Build = Callable[..., Recipe]
Done = tuple[Recipe, DatasetFolder]


def trusted(place: Path) -> Path:
    """Faultless toy solutions, for the admission test."""
    rows = []
    for problem in toy_problems(4, seed=9):
        parsed = addends_of(problem["text"])
        assert parsed is not None
        totals = list(accumulate(parsed[0]))
        sums = zip(totals, parsed[0][1:], totals[1:], strict=False)
        steps = [f"{a} + {b} = {c}" for a, b, c in sums]
        steps.append(f"The answer is {totals[-1]}.")
        row = {name: problem[name] for name in ("problem_id", "domain", "text", "answer")}
        rows.append(json.dumps(row | {"steps": steps}) + "\n")
    place.write_text("".join(rows), encoding="utf-8")
    return place


def judged(root: Path, confirm: int = 4, **more: Any) -> Recipe:
    judge = {
        "engine": "stub",
        "model": "sensitivity=0.9,alarm=0.05,shared=0",
        "modes": ["each_step", "first_error", "one_step"],
        "samples": 2,
        "probes": str(trusted(root / "probes.jsonl")),
        "gate": "warn",
        "confirm": confirm,
    }
    return recipes_in(root)(annotators={"judge": judge}, **more)


@pytest.fixture(scope="module", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of this file alone: its runs have one judge, which is tested once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One finished run, for tests that only read it."""
    recipe = judged(tmp_path_factory.mktemp("rationales"))
    folder = DatasetFolder(Path(recipe.output.dir))
    run_all(recipe, folder)
    return recipe, folder


def test_every_rationale_says_what_the_published_labels_say(done: Done) -> None:
    _, folder = done
    rows = folder.side_table("rationales")
    assert set(rows["mode"]) == {"each_step", "first_error"}
    assert rows["first_error"].n_unique() > 3
    assert_as_labelled(rows, folder)


def test_a_relabelling_has_those_that_agree_with_its_own_labels(done: Done, tmp_path: Path) -> None:
    _, old = done
    new, policy = DatasetFolder(tmp_path / "new"), "error=0.3,repair=0.03,luck=0.02"
    run_all(relabelling(Origin.open(old.root), policy, "", new.root, 1.0, []), new)
    assert not new.labels()["label"].equals(old.labels()["label"])
    rows = new.side_table("rationales")
    assert len(rows) > 5
    assert_as_labelled(rows, new)
    assert rows["correction_rollouts"].count() == 0  # they would cost


def assert_as_labelled(rows: pl.DataFrame, folder: DatasetFolder) -> None:
    both = rows.join(folder.labels().select("solution_id", "label"), on="solution_id")
    assert len(both) == len(rows)
    for said, label in both.select("verdicts", "label").iter_rows():
        assert label[: len(said)] == said
        assert said[-1] == 0 or len(said) == len(label)


def test_confirmed_corrections_are_the_sums_done_rightly(done: Done) -> None:
    _, folder = done
    rows = folder.side_table("rationales").filter(pl.col("correction").is_not_null())
    assert len(rows) > 5
    for correction, steps, error in rows.select("correction", "steps", "first_error").iter_rows():
        left, total = correction.rstrip("\n").split(" = ")
        assert sum(map(int, left.split(" + "))) == int(total)
        assert steps[error].startswith(f"{left} = ")
        assert correction.endswith("\n\n")


def test_rollouts_stand_behind_what_is_confirmed_and_against_what_is_not(done: Done) -> None:
    _, folder = done
    tried = folder.side_table("rationales").filter(pl.col("correction_rollouts") > 0)
    share = pl.col("correction_success") / pl.col("correction_rollouts")
    enough = (pl.col("correction_success") > 0) & (share >= 0.8 * pl.col("value_before") - 1e-9)
    assert tried.select((enough == pl.col("correction").is_not_null()).all()).item()
    better = tried.filter(pl.col("correction").is_not_null())
    assert better.select(share.mean()).item() > better["error_value"].mean() + 0.3  # type: ignore[operator]


def test_the_table_of_the_run_and_the_card_count_them(done: Done) -> None:
    _, folder = done
    rows = folder.side_table("rationales")
    summary = summarize(folder)
    assert summary.rationales == {
        "rationales": len(rows),
        "tried": rows["correction_rollouts"].count(),
        "confirmed": rows["correction"].count(),
        "tokens": rows["correction_tokens"].sum(),
    }
    printed = dict(run_rows(summary, {}, {}))
    assert printed["rationales"] == f"{len(rows):,}"
    text = dataset_card(folder, folder.read_manifest() or {}, summary)
    assert text == folder.card.read_text(encoding="utf-8")
    assert f"| rationales | {len(rows):,} |" in text


def test_a_replay_finds_every_draw_in_the_journal(done: Done) -> None:
    recipe, folder = done
    replay = replay_folder(folder.root)
    run_all(recipe, replay)
    assert tables(replay) == tables(folder)


def test_a_run_killed_while_it_confirms_goes_on_where_it_was(
    done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = done
    log = tmp_path / "bought"
    model = f"error=0.12,repair=0.03,luck=0.02,log={log}"
    recipe = judged(tmp_path, policy={"model": model})
    folder = DatasetFolder(Path(recipe.output.dir))

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:  # all is bought, and the stage has no marker
        patch.setattr("flows.rationales.Rationale.row", die)
        with pytest.raises(RuntimeError, match="killed"):
            run_all(recipe, folder)
    assert not folder.shards()
    before = log.read_text(encoding="utf-8")
    run_all(recipe, folder)
    assert log.read_text(encoding="utf-8") == before
    assert folder.side_table("rationales").equals(whole.side_table("rationales"))


def test_without_rollouts_corrections_are_not_kept(tmp_path: Path) -> None:
    recipe = judged(tmp_path, confirm=0)
    folder = DatasetFolder(Path(recipe.output.dir))
    run_all(recipe, folder)
    rows = folder.side_table("rationales")
    assert len(rows) > 5
    assert rows["correction"].count() == rows["correction_rollouts"].count() == 0


def test_a_recipe_without_a_judge_has_no_such_stage(toy_recipe: Build) -> None:
    recipe = toy_recipe()
    with LabelRun(recipe, DatasetFolder(Path(recipe.output.dir))) as run:
        assert "confirm" not in run.stages
