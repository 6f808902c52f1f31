"""The command line on bad input, and the commands that need no model."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
import pytest

from flows import annotate
from flows.cli import main

RECIPE = """
name = "toy"
[problems]
source = "{source}"
[policy]
engine = "stub"
model = "error=0.1"
samples = 4
[output]
dir = "{out}"
"""


@pytest.fixture
def stepsmith(monkeypatch, capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["stepsmith", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


@pytest.fixture
def recipe(tmp_path: Path):
    def write(rows: str | None, extra: str = "") -> Path:
        source = tmp_path / "problems.jsonl"
        if rows is not None:
            source.write_text(rows, encoding="utf-8")
        path = tmp_path / "recipe.toml"
        text = RECIPE.format(source=source, out=tmp_path / "out") + extra
        path.write_text(text, encoding="utf-8")
        return path

    return write


GOOD = '{"problem_id": "a", "text": "Add up: 1 + 2", "answer": "3"}\n'


def test_plan_renders_the_first_prompt_and_spends_nothing(stepsmith, recipe, tmp_path):
    code, out, _ = stepsmith("plan", recipe(GOOD))
    assert code == 0
    assert "Add up: 1 + 2" in out
    assert "samples, about" in out
    assert not (tmp_path / "out").exists()


def test_plan_says_when_the_search_cannot_feed_the_view(stepsmith, recipe):
    path = recipe(GOOD, '[rollouts]\nsearch = "bisect"\n[labels]\nview = "soft"\n')
    _, out, _ = stepsmith("plan", path)
    assert "only search 'exhaustive' buys them all" in " ".join(out.split())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (None, "problems.jsonl"),
        ("", "problems.jsonl"),
        (GOOD + "not json\n", "row 2"),
        (GOOD + GOOD, "rows 1 and 2 have the same problem_id"),
        ('{"problem_id": "a", "query": "x", "answer": "3"}\n', "query"),
    ],
    ids=["missing", "empty", "no json", "duplicate ids", "no such column"],
)
def test_a_bad_problem_file_is_named_before_anything_is_spent(
    stepsmith, recipe, tmp_path, rows, said
):
    code, _, err = stepsmith("plan", recipe(rows))
    assert code == 2
    assert said in err
    assert not (tmp_path / "out").exists()


def test_an_unknown_key_is_named_with_its_nearest(stepsmith, recipe):
    code, _, err = stepsmith("plan", recipe(GOOD, "[rollouts]\nserch = 'scan'\n"))
    assert code == 2
    assert "rollouts.serch: unknown key (did you mean 'search'?)" in err


def test_a_folder_that_is_no_model_is_refused(stepsmith, recipe, tmp_path):
    code, _, err = stepsmith(
        "plan", recipe(GOOD), "--set", "policy.engine=embedded", "--set", f"policy.model={tmp_path}"
    )
    assert code == 2
    assert str(tmp_path) in err


def test_a_server_that_does_not_answer_is_named_with_its_url(stepsmith, recipe):
    # Port 9 (discard) is closed on this machine.
    code, _, err = stepsmith(
        "label",
        recipe(GOOD),
        *("--set", "policy.engine=openai", "--set", "policy.model=m"),
        *("--set", "policy.base_urls=['http://127.0.0.1:9/v1']", "--set", "run.patience_s=1"),
    )
    assert code == 1
    assert "http://127.0.0.1:9/v1" in err


def test_a_recipe_that_is_not_there_is_named(stepsmith, tmp_path):
    code, _, err = stepsmith("label", tmp_path / "none.toml")
    assert code == 2
    assert "there is no such recipe" in err


SOLUTIONS = [
    {
        "id": "pb-1",
        "generator": "m",
        "problem": "Half of 48, plus 3?",
        "steps": ["48/2 = 24.", "24 + 3 = 28.", "The answer is \\boxed{28}."],
        "final_answer_correct": False,
        "label": 1,
    },
    {
        "id": "pb-2",
        "generator": "m",
        "problem": "Half of 48, plus 3?",
        "steps": ["48/2 = 24.", "24 + 3 = 27.", "The answer is \\boxed{27}."],
        "final_answer_correct": True,
        "label": -1,
    },
]


@pytest.fixture
def annotated(stepsmith, tmp_path: Path) -> Path:
    source = tmp_path / "pb.json"
    source.write_text(json.dumps(SOLUTIONS), encoding="utf-8")
    code, _, err = stepsmith("annotate", source, "--with", "arithmetic", "--out", tmp_path / "ds")
    assert (code, err) == (0, "")
    return tmp_path / "ds"


def test_annotate_flags_the_false_equation_alone(annotated):
    rows = pl.read_parquet(annotated / "data" / "*.parquet").sort("solution_id")
    assert rows["label"].to_list() == [[None, 0, None], [None, None, None]]
    (verdict,) = rows["verdicts"][0][1]
    assert verdict["verdict"] == "incorrect"
    assert "24 + 3 = 28 is false" in verdict["reason"]


def test_annotate_refuses_a_file_whose_labels_have_changed(annotated, stepsmith, tmp_path):
    source = tmp_path / "pb.json"
    rows = [dict(row) for row in SOLUTIONS]
    rows[1]["label"] = 0
    source.write_text(json.dumps(rows), encoding="utf-8")
    code, _, err = stepsmith("annotate", source, "--with", "arithmetic", "--out", annotated)
    assert code == 2
    assert "was made by a recipe that differs in solutions" in err


def test_answers_that_contradict_each_other_make_no_solution_wrong(tmp_path, monkeypatch, capsys):
    """Also where the rows of one problem are in different shards."""
    monkeypatch.setattr(annotate, "SHARD_SOLUTIONS", 1)
    rows = [
        {"id": name, "problem": "Add 1 and 1.", "solution": "The answer is 2.", "answer": answer}
        for name, answer in (("a", "3"), ("b", "2"))
    ]
    source = tmp_path / "rows.json"
    source.write_text(json.dumps(rows), encoding="utf-8")
    annotate.annotate_command(str(source), tmp_path / "ds", ["arithmetic"], "")
    labels = pl.read_parquet(tmp_path / "ds" / "data" / "*.parquet")
    assert labels["outcome"].to_list() == ["unknown", "unknown"]
    assert "conflicting_answers" in capsys.readouterr().out


def test_annotate_keeps_imported_labels_as_truth_for_evaluate(annotated, stepsmith, tmp_path):
    code, out, _ = stepsmith("evaluate", annotated, "--json", tmp_path / "figures.json")
    assert code == 0
    tools = json.loads((tmp_path / "figures.json").read_text())["tools"]
    assert tools[0]["flagged"] == 1
    assert tools[0]["precision"] == 1.0
    assert "arithmetic: precision" in out


def test_show_prints_the_steps_and_the_reason(annotated, stepsmith):
    code, out, _ = stepsmith("show", annotated, "pb-1")
    assert code == 0
    assert "24 + 3 = 28 is false" in " ".join(out.split())


def test_status_counts_shards(annotated, stepsmith):
    code, out, _ = stepsmith("status", annotated)
    assert code == 0
    assert "published" in out


def test_evaluate_without_truth_says_what_to_give(annotated, stepsmith, tmp_path):
    for path in (annotated / "truth").glob("*"):
        path.unlink()
    code, _, err = stepsmith("evaluate", annotated)
    assert code == 2
    assert "--truth FILE" in err


@pytest.mark.parametrize(
    ("table", "command"), [("data", "evaluate"), ("evidence", "evaluate"), ("data", "show")]
)
def test_a_file_that_is_cut_off_is_named(annotated, stepsmith, table, command):
    (path, *_) = (annotated / table).glob("*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    code, _, err = stepsmith(command, annotated)
    assert code == 2
    assert f"{table}/{path.name}: cannot be read" in " ".join(err.split())


def test_a_folder_that_is_no_dataset_is_refused(stepsmith, tmp_path):
    code, _, err = stepsmith("show", tmp_path)
    assert code == 2
    assert "is no dataset" in err


def test_an_unknown_format_lists_the_formats(stepsmith, tmp_path):
    code, _, err = stepsmith("export", tmp_path, "--format", "tlr")
    assert code == 2
    assert "--format tlr: there is no such format; there are trl, math-shepherd," in err


def test_export_writes_what_a_trainer_loads(toy_recipe, label, stepsmith, tmp_path):
    folder = label(toy_recipe())
    code, out, _ = stepsmith("export", folder.root, "--format", "trl")
    assert code == 0
    assert "rows written" in out
    frame = pl.read_parquet(tmp_path / "out-trl" / "data" / "*.parquet")
    assert frame["labels"].dtype == pl.List(pl.Boolean)


def test_derive_writes_another_view_and_leaves_the_first(toy_recipe, label, stepsmith, tmp_path):
    folder = label(toy_recipe())
    before = [path.read_bytes() for path in sorted(folder.root.glob("data/*"))]
    code, out, _ = stepsmith("derive", folder.root, "--view", "hard", "--out", tmp_path / "hard")
    assert code == 0
    assert "seconds" in out
    derived = pl.read_parquet(tmp_path / "hard" / "data" / "*.parquet")
    assert derived["view"].unique().to_list() == ["hard"]
    assert derived["solution_id"].to_list() == folder.labels()["solution_id"].to_list()
    assert [path.read_bytes() for path in sorted(folder.root.glob("data/*"))] == before


def test_derive_of_a_derived_dataset_finds_the_evidence(toy_recipe, label, stepsmith, tmp_path):
    folder = label(toy_recipe())
    stepsmith("derive", folder.root, "--view", "hard", "--out", tmp_path / "hard")
    code, _, _ = stepsmith(
        "derive", tmp_path / "hard", "--view", "scan", "--out", tmp_path / "back"
    )
    assert code == 0
    back = pl.read_parquet(tmp_path / "back" / "data" / "*.parquet")
    assert back.equals(folder.labels())
