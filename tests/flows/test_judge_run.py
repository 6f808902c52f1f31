"""Runs with judges, end to end on the stub engine, which also judges toy solutions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import shards
from flows.admission import cache_place, record_place
from flows.relabel import relabelling
from flows.run import LabelRun, finished, replay_folder
from flows.shards import ShardWork
from pipeline.engines.toy import toy_problems
from pipeline.errors import JudgeRefused, OutputError, StorageError
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.recipe import Recipe
from tests.flows.reading import tables

Build = Callable[..., Recipe]
Label = Callable[..., DatasetFolder]
GOOD = "sensitivity=0.95,alarm=0.0,shared=0.0"


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never the user's; these tests test each judge once."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(shared_cache))


@pytest.fixture
def fresh_cache(own_cache: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No judge was tested before."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def toy_steps(text: str) -> list[str]:
    addends = [int(number) for number in text.removeprefix("Add up: ").split(" + ")]
    steps, total = [], addends[0]
    for addend in addends[1:]:
        steps.append(f"{total} + {addend} = {total + addend}")
        total += addend
    return [*steps, f"The answer is {total}."]


@pytest.fixture(scope="session")
def probes(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Faultless toy solutions."""
    place = tmp_path_factory.mktemp("probes") / "base.jsonl"
    rows = [
        {
            "problem_id": row["problem_id"],
            "domain": "toy",
            "text": row["text"],
            "answer": row["answer"],
            "steps": toy_steps(row["text"]),
        }
        for row in toy_problems(3, seed=7)
    ]
    place.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(place)


@pytest.fixture
def judged(toy_recipe: Build, probes: str) -> Build:
    """A recipe with a judge, whose keys are given; `more`: a second judge's. `tools`: a tool too,
    which leaves little of a toy solution open."""

    def build(
        model: str = GOOD,
        more: dict[str, Any] | None = None,
        view: str = "spark",
        tools: bool = True,
        **judge: Any,
    ) -> Recipe:
        tables_ = {name: judge.pop(name) for name in ("labels", "problems") if name in judge}
        common = {"engine": "stub", "probes": probes, "samples": 2}
        annotators: dict[str, Any] = {"judge": {**common, "model": model, **judge}}
        if more is not None:
            annotators["judge_strong"] = {**common, "model": model, **more}
        tables_["labels"] = {"view": view, **tables_.get("labels", {})}
        recipe = toy_recipe(annotators=annotators, **tables_)  # which has the tool
        if tools:
            return recipe
        return recipe.model_copy(update={"annotators": annotators})

    return build


def judgements(folder: DatasetFolder) -> pl.DataFrame:
    return folder.side_table("judgements")


def votes(folder: DatasetFolder, name: str = "judge") -> pl.DataFrame:
    return folder.side_table("evidence").filter(annotator=name)


def asked(folder: DatasetFolder, name: str = "judge") -> set[str]:
    return set(judgements(folder).filter(annotator=name)["solution_id"])


def test_evidence_counts_what_the_calls_said(judged: Build, label: Label) -> None:
    folder = label(judged(modes=["each_step", "first_error"]))
    calls = judgements(folder).filter(~pl.col("retried"))
    said: Counter[tuple[str, str, int, int | None]] = Counter()
    for row in calls.iter_rows(named=True):
        for step, verdict in enumerate(row["verdicts"]):
            said[row["solution_id"], row["source"], step, verdict] += 1
    counted: Counter[tuple[str, str, int, int | None]] = Counter()
    for row in votes(folder).iter_rows(named=True):
        for column, verdict in (("correct", 1), ("incorrect", 0), ("unknown", None)):
            if row[column]:
                counted[row["solution_id"], row["source"], row["step"], verdict] = row[column]
    assert counted == said
    assert votes(folder)["tokens"].sum() == judgements(folder)["tokens"].sum()


def test_a_judge_is_asked_about_every_searched_solution(judged: Build, label: Label) -> None:
    folder = label(judged())
    questions = folder.side_table("questions").filter(pl.col("question_reason").is_null())
    solutions = folder.side_table("solutions")
    searched = solutions.filter(pl.col("problem_id").is_in(questions["problem_id"].implode()))
    assert asked(folder) == set(searched["solution_id"])


@pytest.mark.usefixtures("fresh_cache")
def test_gate_stop_ends_the_run_before_anything_else_is_spent(
    judged: Build, tmp_path: Path, bought: Callable[[Path], Counter[str]], label: Label
) -> None:
    policy, judge = tmp_path / "policy.log", tmp_path / "judge.log"
    recipe = judged(model=f"sensitivity=0.0,log={judge}")
    recipe = recipe.model_copy(
        update={"policy": recipe.policy.model_copy(update={"model": f"log={policy}"})}
    )
    with pytest.raises(JudgeRefused, match=r"the sensitivity is 0\.000, below 0\.3") as refused:
        label(recipe)
    assert "called no step incorrect" in str(refused.value)
    assert not bought(policy)
    assert bought(judge)


@pytest.mark.usefixtures("fresh_cache")
def test_after_a_refusal_the_folder_goes_on_with_gate_warn(judged: Build, label: Label) -> None:
    with pytest.raises(JudgeRefused):
        label(judged(model="sensitivity=0.0"))
    folder = label(judged(model="sensitivity=0.0", gate="warn"))
    assert len(asked(folder)) > 10


def test_gate_warn_goes_on_and_says_so(judged: Build, label: Label) -> None:
    folder = label(judged(model="sensitivity=0.0", gate="warn"))
    manifest = folder.read_manifest()
    assert manifest is not None
    assert any("annotators.judge" in warning for warning in manifest["warnings"])
    assert "the sensitivity is 0.000" in folder.card.read_text(encoding="utf-8")


def test_a_finished_run_buys_nothing(
    judged: Build, label: Label, tmp_path: Path, bought: Callable[[Path], Counter[str]]
) -> None:
    log = tmp_path / "judge.log"
    recipe = judged(model=f"{GOOD},log={log}")
    folder = label(recipe)
    before = bought(log)
    assert finished(recipe, folder)
    label(recipe)
    assert bought(log) == before


@pytest.mark.usefixtures("fresh_cache")
def test_another_folder_reuses_the_admission(
    judged: Build, label: Label, tmp_path: Path, bought: Callable[[Path], Counter[str]]
) -> None:
    log = tmp_path / "judge.log"
    recipe = judged(model=f"{GOOD},log={log}")
    first = label(recipe)
    once = bought(log).total()
    second = label(recipe, tmp_path / "second")
    admitted = len(list((first.work / "judges" / "journal").glob("*/*.arrow")))
    assert admitted
    assert not (second.work / "judges" / "journal").exists()
    assert once < bought(log).total() < 2 * once
    label(recipe, second.root)  # what its own record says by now
    manifests = [folder.read_manifest() or {} for folder in (first, second)]
    spent = [manifest["judges"]["judge"]["admission_spent"] for manifest in manifests]
    assert spent == [manifests[0]["judges"]["judge"]["admission"]["tokens"], 0]


def test_a_relabelling_remembers_how_a_judge_did(
    judged: Build, label: Label, tmp_path: Path
) -> None:
    old = label(judged(model="sensitivity=0.0", gate="warn"))
    origin = Origin.open(old.root)
    new = label(relabelling(origin, "error=0.3", "", tmp_path / "new", 0.5, []))
    before, after = old.read_manifest(), new.read_manifest()
    assert before is not None
    assert after is not None
    assert after["judges"] == before["judges"]
    assert after["counts"]["judges"] == before["counts"]["judges"]
    assert any("annotators.judge was not admitted" in warning for warning in after["warnings"])


def test_a_replay_gives_the_same_bytes(judged: Build, label: Label) -> None:
    recipe = judged(sees="undecided", more={"sees": "undecided", "modes": ["first_error"]})
    folder = label(recipe)
    again = replay_folder(folder.root)
    label(recipe, again)
    assert tables(again) == tables(folder)


@pytest.mark.parametrize("shard", [1, 2, 3])
def test_a_run_that_dies_in_a_judges_stage_buys_no_draw_twice(
    shard: int,
    judged: Build,
    label: Label,
    tmp_path: Path,
    bought: Callable[[Path], Counter[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = tmp_path / "judge.log"
    recipe = judged(model=f"{GOOD},log={log}", sees="undecided", share=0.5)
    judge_solutions, seen = shards.judge_solutions, 0

    async def dies(*args: Any) -> Any:
        nonlocal seen
        seen += 1
        judged_ = await judge_solutions(*args)
        if seen >= shard:
            raise StorageError("killed")
        return judged_

    monkeypatch.setattr(shards, "judge_solutions", dies)
    with pytest.raises(StorageError):
        label(recipe)
    monkeypatch.setattr(shards, "judge_solutions", judge_solutions)
    folder = label(recipe)
    assert set(bought(log).values()) == {1}
    assert tables(label(recipe, tmp_path / "whole")) == tables(folder)


def test_routing_asks_about_fewer_and_always_about_the_random_share(
    judged: Build, label: Label, tmp_path: Path
) -> None:
    every = asked(label(judged(), tmp_path / "all"))
    some = label(judged(sees="undecided", undecided=0.5, share=0.3), tmp_path / "some")
    share = label(judged(sees="undecided", undecided=99.0, share=0.3), tmp_path / "share")
    assert asked(share)
    assert asked(share) <= asked(some) < every


def test_the_budget_is_kept(judged: Build, label: Label, tmp_path: Path) -> None:
    whole = label(judged(), tmp_path / "whole")
    record = json.loads(record_place(whole, "judge").read_text(encoding="utf-8"))
    budget = record["admission"]["tokens"] + 100_000
    folder = label(judged(budget_tokens=budget), tmp_path / "kept")
    calls = judgements(folder)
    spent = calls["tokens"].sum() + calls["prompt_tokens"].sum()
    assert 10_000 < spent <= 100_000
    assert asked(folder) < asked(whole)


def test_a_second_judges_route_knows_the_first(judged: Build, label: Label, tmp_path: Path) -> None:
    more = {"sees": "undecided", "undecided": 0.1, "share": 0.0, "gate": "warn"}
    poor = judged(model="sensitivity=0.5,alarm=0.5", gate="warn", more=more, tools=False)
    good = judged(more=more, tools=False)
    left_by_poor = asked(label(poor), "judge_strong")
    left_by_good = asked(label(good, tmp_path / "good"), "judge_strong")
    assert left_by_poor != left_by_good
    assert left_by_poor


@pytest.mark.parametrize("view", ["spark", "aurora", "capo", "posterior"])
def test_views_read_votes(view: str, judged: Build, label: Label) -> None:
    labels = label(judged(view=view)).labels()
    assert labels["label"].explode().drop_nulls().n_unique() == 2
    assert labels["judge_correct"].list.sum().sum() > 100


@pytest.mark.parametrize("name", ["qwen", "genprm"])
def test_filters_drop_what_is_in_conflict(name: str, judged: Build, label: Label) -> None:
    recipe = judged(model="sensitivity=0.4,alarm=0.1", gate="warn", labels={"filter": name})
    labels = label(recipe).labels()
    reasons = set(labels["keep_reason"].drop_nulls())
    assert "judge_disagrees" in reasons
    assert labels["keep"].any()


def test_a_later_batch_leaves_the_first_as_it_was(judged: Build, label: Label) -> None:
    recipe = judged(sees="undecided", share=0.5, view="posterior")
    first = recipe.model_copy(update={"problems": recipe.problems.model_copy(update={"limit": 5})})
    folder = label(first)
    before = tables(folder)
    label(recipe)
    after = tables(folder)
    assert {name: after[name] for name in before} == before
    judged_then = set(judgements(folder)["problem_id"])
    problems = folder.side_table("problems")["problem_id"].to_list()
    assert judged_then & set(problems[:5])
    assert judged_then & set(problems[5:])
    again = replay_folder(folder.root)
    label(recipe, again)
    assert tables(again) == after


def test_a_budget_may_change_between_two_runs_of_a_folder(
    judged: Build, label: Label, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, published = ShardWork._publish, 0

    def dies(work: ShardWork) -> None:
        nonlocal published
        published += 1
        if published > 1:
            raise StorageError("killed")
        publish(work)

    more = {"sees": "undecided"}
    monkeypatch.setattr(ShardWork, "_publish", dies)
    with pytest.raises(StorageError):
        label(judged(sees="undecided", more=more))
    monkeypatch.setattr(ShardWork, "_publish", publish)
    recipe = judged(sees="undecided", budget_tokens=10_000_000, more=more)
    folder = label(recipe)
    assert len(folder.shards()) == 3
    again = replay_folder(folder.root)
    label(recipe, again)
    assert tables(again) == tables(folder)


def test_prompts_that_changed_in_place_are_refused(
    judged: Build, label: Label, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    shipped = Path(shards.__file__).parents[1] / "annotators" / "judge" / "prompts"
    for name in ("each_step.toml", "criteria.txt"):
        (prompts / name).write_text((shipped / name).read_text("utf-8"), encoding="utf-8")
    recipe = judged(prompts=str(prompts))
    folder = label(recipe)
    with (prompts / "criteria.txt").open("a", encoding="utf-8") as file:
        file.write("Be kind.\n")
    assert not finished(recipe, folder)
    with pytest.raises(OutputError, match="the prompts of judge are not what it was"):
        label(recipe)


@pytest.mark.usefixtures("fresh_cache")
def test_a_test_with_failed_calls_is_in_no_cache_and_asked_again(
    judged: Build, label: Label, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = judged(model=f"{GOOD},fail=0.02", modes=["each_step", "first_error"], gate="warn")
    folder = label(recipe)
    record = json.loads(record_place(folder, "judge").read_text(encoding="utf-8"))
    assert not record["whole"]
    assert not cache_place(record["key"]).exists()
    with LabelRun(recipe, folder) as run:
        run.admit()
        assert run.context.meter.cached > 100
        assert run.context.meter.bought == 0
        assert run.context.meter.failed > 0
