"""What a dataset holds, counted from its tables, and its card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from pipeline.card import card
from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.recipe import parse_recipe
from pipeline.schemas import EVIDENCE, LABELS, QUESTIONS, ROLLOUTS
from pipeline.summary import Summary, summarize


def dataset(root: Path) -> DatasetFolder:
    """Two problems, one searched; two solutions, one kept; three rollouts from two prefixes."""
    folder = DatasetFolder(root)
    labels = [
        {"steps": ["a", "b", "c"], "label": [1, 0, None], "keep": True, "outcome": "incorrect"},
        {"steps": ["a"], "label": [1], "keep": False, "keep_reason": "no_zero"}
        | {"outcome": "unknown", "finish_reason": "length"},
    ]
    common = {"problem_id": "p", "origin": "sampled", "n_merged": 1}
    labels = [row | common for row in labels]
    question = {"samples": 4, "unknown": 1, "tokens": 50}
    questions = [
        question | {"problem_id": "p"},
        question | {"problem_id": "q", "question_reason": "all_wrong"},
    ]
    rollouts = [
        {"prefix_hash": "x", "outcome": "correct", "finish_reason": "stop", "tokens": 7},
        {"prefix_hash": "x", "outcome": "unknown", "finish_reason": "failed", "tokens": 0},
        {"prefix_hash": "y", "outcome": "unknown", "finish_reason": "length", "tokens": 9},
    ]
    rollouts = [row | {"problem_id": "p"} for row in rollouts]
    write_table(folder.published("00000-00000"), pa.Table.from_pylist(labels, schema=LABELS))
    for name, rows, schema in (
        ("questions", questions, QUESTIONS),
        ("rollouts", rollouts, ROLLOUTS),
    ):
        write_table(folder.side(name, "00000-00000"), pa.Table.from_pylist(rows, schema=schema))
    return folder


def test_the_summary_counts_each_thing_once(tmp_path: Path) -> None:
    assert summarize(dataset(tmp_path)) == Summary(
        problems=2,
        searched=1,
        not_searched={"all_wrong": 1},
        solutions=2,
        origins={"sampled": 2},
        kept=1,
        not_kept={"no_zero": 1},
        steps=4,
        labelled=2,
        positive=1,
        outcomes={"incorrect": 1, "unknown": 1},
        sampled_truncated=1,
        sample_completions=8,
        sample_unknown=2,
        sample_tokens=100,
        rollouts=3,
        rollouts_unknown=2,
        rollouts_failed=1,
        rollouts_truncated=1,
        rollout_tokens=16,
        prefixes=2,
        said={},
        conflicts={},
        kept_of={},
        judges={},
        rationales={},
    )


def test_what_annotators_of_text_said_is_counted_by_verdict_and_rule(tmp_path: Path) -> None:
    folder = dataset(tmp_path)

    def row(step: int, verdict: str, *details: str, target: str = "step_valid") -> dict[str, Any]:
        found = [
            {"rule": rule, "text": text} for rule, _, text in (d.partition("|") for d in details)
        ]
        named = {"annotator": "arithmetic", "target": target, "solution_id": "s", "step": step}
        return named | {verdict: 1, "detail": found}

    rows = [
        row(0, "incorrect", "false_equation|1 + 1 = 3 is false", "false_inequality|2 > 2 + 2"),
        row(1, "incorrect", "false_equation|2 + 2 = 5 is false"),
        row(2, "unknown", "reason|not_covered"),
        row(3, "unknown", "reason|undecided", "identity_holds|x = x"),
        row(4, "unknown"),
        row(-1, "unknown", "reason|not_covered"),
        row(0, "correct", target="prefix_value"),
    ]
    write_table(folder.side("evidence", "00000-00000"), pa.Table.from_pylist(rows, schema=EVIDENCE))
    assert summarize(folder).said == {
        "arithmetic: incorrect, false_equation": 2,
        "arithmetic: unknown, no reason given": 1,
        "arithmetic: unknown, not_covered": 1,
        "arithmetic: unknown, undecided": 1,
    }


def judged(root: Path) -> DatasetFolder:
    """Two searched solutions and one that was not; one kept of the two."""
    votes = {"judge_correct": [1, 0], "judge_incorrect": [0, 1], "judge_unknown": [0, 0]}
    common = {"problem_id": "p", "origin": "sampled", "n_merged": 1, "outcome": "incorrect"} | votes
    common |= {"steps": ["a", "b"], "label": [1, 0]}
    both = {"mc_first_error": 1, "judge_first_error": 1}
    rows = [
        both | {"keep": True},
        both | {"mc_first_error": -1, "keep": False, "keep_reason": "judge_disagrees"},
        both | {"keep": False, "keep_reason": "all_wrong"},
    ]
    folder = DatasetFolder(root)
    table = pa.Table.from_pylist([common | row for row in rows], schema=LABELS)
    write_table(folder.published("00000-00000"), table)
    return folder


def test_a_summary_comes_back_from_a_manifest(tmp_path: Path) -> None:
    tests = {"judge": {"admission": {"sensitivity": {"count": 3, "of": 4}}}}
    found = summarize(judged(tmp_path), judges=tests)
    assert found.kept_of
    assert found.judges
    counts = json.loads(json.dumps(found.as_dict()))
    assert Summary.of_dict(counts) == found
    del counts["rationales"]
    assert Summary.of_dict(counts) is None


def test_conflicts_and_yields_are_counted_where_a_judge_was_asked(tmp_path: Path) -> None:
    found = summarize(judged(tmp_path))
    assert {name: n for name, n in found.conflicts.items() if n} == {
        "same_step": 1,
        "only_judge": 1,
    }
    assert found.kept_of == {"erroneous": (1, 1), "clean": (0, 1), "undecided": (0, 0)}


def test_the_card_states_them_and_the_filter(tmp_path: Path) -> None:
    recipe = parse_recipe(
        {
            "name": "x",
            "problems": {"source": "p.jsonl"},
            "policy": {"engine": "stub"},
            "annotators": {"judge": {}},
            "labels": {"view": "aurora", "filter": "qwen"},
            "output": {"dir": "out"},
        },
        "x.toml",
    )
    text = card("x", recipe, "aurora", "mask", summarize(judged(tmp_path)), ["w"], [], [])
    assert "- Filter `qwen`: a row is kept only if rollouts and judges name the same" in text
    assert "only rollouts, only judge, undecided | 0, 1, 0, 0, 1, 0 |" in text
    assert "| kept of those that rollouts call erroneous, clean, undecided | 1 of 1, 0 of 1" in text


def test_what_judges_said_is_counted_by_majority(tmp_path: Path) -> None:
    folder = dataset(tmp_path)

    def row(step: int, target: str, right: int, wrong: int, source: str = "a") -> dict[str, Any]:
        votes = {"correct": right, "incorrect": wrong, "unknown": 1}
        whose = {"annotator": "judge", "source": source, "solution_id": "s", "step": step}
        return whose | votes | {"target": target}

    rows = [
        row(0, "step_valid", 3, 1),
        row(0, "prefix_correct", 0, 4),
        row(1, "step_valid", 1, 0),
        row(2, "step_valid", 1, 1),
        row(2, "step_valid", 0, 0, "b"),
    ]
    write_table(folder.side("evidence", "00000-00000"), pa.Table.from_pylist(rows, schema=EVIDENCE))
    assert summarize(folder).said == {
        "judge: correct, by majority": 1,
        "judge: incorrect, by majority": 1,
        "judge: unknown, by majority": 1,
    }


def test_completions_per_label_is_undefined_without_labels(tmp_path: Path) -> None:
    summary = summarize(dataset(tmp_path))
    assert summary.completions_per_label == 1.5
    assert summary.as_dict()["completions_per_label"] == 1.5


def test_many_cut_completions_are_warned_of(tmp_path: Path) -> None:
    (warning,) = summarize(dataset(tmp_path)).warnings()  # 2 of 11
    assert warning.startswith("18% of the completions were cut by max_tokens")


def test_the_card_begins_with_yaml_that_can_be_read(tmp_path: Path) -> None:
    summary = summarize(dataset(tmp_path))
    text = card('a "b": c', None, "scan", "mask", summary, ["w"], ["en"], ["x: y", ""])
    head = yaml.safe_load(text.split("---")[1])
    assert head["pretty_name"] == 'a "b": c'
    assert head["source_datasets"] == ["x: y"]
    assert head["configs"][0]["data_files"] == [{"split": "train", "path": "data/train-*.parquet"}]
    assert head["size_categories"] == ["n<1K"]


def test_the_card_states_view_counts_and_warnings(tmp_path: Path) -> None:
    summary = summarize(dataset(tmp_path))
    text = card("x", None, "hard", "propagate", summary, ["w"], [], [])
    assert "- View `hard`: `label` is 1 where some rollout" in text
    assert "(`after_error = propagate`)" in text
    assert "| of these positive | 1 (50.0%) |" in text
    assert "| completions: samples, rollouts | 8, 3 |" in text
    assert "Warning: 18% of the completions" in text
