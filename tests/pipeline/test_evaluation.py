"""Labels against truth. Truth is written as a word: c correct, i incorrect, u unknown."""

from __future__ import annotations

import json

import polars as pl
import pytest

from pipeline.evaluation import evaluate
from pipeline.tool_report import tool_report

WORDS = {"c": "correct", "i": "incorrect", "u": "unknown"}
SCHEMA = {
    "solution_id": pl.String,
    "label": pl.List(pl.Int8),
    "p_correct": pl.List(pl.Float64),
    "first_error": pl.Int32,
    "keep": pl.Boolean,
}


def labels(*rows):
    """Rows of (label, p_correct or None, first_error), all kept."""
    return pl.DataFrame(
        [
            {
                "solution_id": f"s{n}",
                "label": label,
                "p_correct": p if p is not None else [None] * len(label),
                "first_error": first,
                "keep": True,
            }
            for n, (label, p, first) in enumerate(rows)
        ],
        schema=SCHEMA,
    )


def truth(*words):
    rows = [
        (f"s{n}", t, WORDS[letter], "oracle")
        for n, word in enumerate(words)
        for t, letter in enumerate(word)
    ]
    schema = {"solution_id": pl.String, "step": pl.Int32, "verdict": pl.String}
    return pl.DataFrame(rows, schema=schema | {"origin": pl.String}, orient="row")


def open_rows(*firsts):
    """Rows of which only the predicted first error matters; two steps each."""
    return labels(*(([None, None], None, first) for first in firsts))


def test_first_error_f1_is_the_harmonic_mean_of_two_accuracies():
    # Erroneous: predicted 1 (right), 0 (early), null: 1 of 3. Clean: -1 (right), 0: 1 of 2.
    got = evaluate(open_rows(1, 0, None, -1, 0), truth("ci", "ci", "ci", "cc", "cc"))
    assert (got.erroneous, got.clean, got.undecided) == (3, 2, 1)
    assert got.accuracy_erroneous == pytest.approx(1 / 3)
    assert got.accuracy_clean == 0.5
    assert got.first_error_f1 == pytest.approx(0.4)
    assert got.coverage_solutions == 0.8


def test_noise_is_late_or_early_among_decided_predictions():
    # Late: predicted 1 for 0, and -1 for 1. Early: 0 for 1, and 0 where there is none. Null: out.
    got = evaluate(open_rows(1, -1, 0, 0, -1, None), truth("ii", "ci", "ci", "cc", "cc", "ci"))
    assert got.overestimated == 0.4
    assert got.underestimated == 0.4


def test_truth_unknown_before_the_error_leaves_a_solution_out():
    # "ui": unknown before the first incorrect. "cu": unknown and none incorrect. "iu": known.
    got = evaluate(open_rows(1, 1, 0, -1), truth("ui", "cu", "iu", ""))
    assert (got.erroneous, got.clean) == (1, 0)
    assert (got.truth_undecided, got.without_truth) == (2, 1)
    assert got.accuracy_clean is None
    assert got.first_error_f1 is None


def test_contradicting_origins_are_unknown():
    both = pl.concat([truth("cc"), truth("ci")])
    assert evaluate(open_rows(1), both).truth_undecided == 1


def test_steps_count_up_to_the_true_first_error():
    # Truth c i (c): steps 0 and 1 count. Labels 1, 1: one wrong step missed.
    got = evaluate(labels(([1, 1, 0], None, 2)), truth("cic"))
    assert got.steps == 2
    assert got.step_accuracy == 0.5
    assert got.step_recall == 0.0
    assert got.step_precision is None
    assert got.step_f1 is None


def test_all_steps_takes_the_truth_of_the_prefix_after_the_error():
    # Prefixes: correct, incorrect, incorrect (the error stays in the prefix).
    got = evaluate(labels(([0, 1, 0], None, 0)), truth("cic"), all_steps=True)
    assert got.steps == 3
    assert (got.step_precision, got.step_recall) == (0.5, 0.5)
    assert got.step_accuracy == pytest.approx(1 / 3)


def test_steps_without_a_label_lower_the_coverage_only():
    got = evaluate(labels(([1, None], None, None)), truth("ci"))
    assert (got.coverage_steps, got.step_accuracy, got.step_recall) == (0.5, 1.0, None)


def test_auroc_stays_in_scope_and_brier_takes_every_known_prefix():
    # p .9 .4 | .4 after the error; truth of prefixes 1 0 | 0.
    # Brier: (.01 + .16 + .16) / 3.
    got = evaluate(labels(([1, 0, 0], [0.9, 0.4, 0.4], 1)), truth("cii"))
    assert got.auroc == 1.0
    assert got.steps_with_p == 3
    assert got.brier == pytest.approx(0.11)


def test_unknown_truth_excludes_its_step_and_all_later_ones():
    got = evaluate(labels(([1, 1, 1], [0.5, 0.5, 0.5], -1)), truth("cuc"))
    assert (got.steps, got.steps_with_p) == (1, 1)


def test_rows_that_are_not_kept_count_with_all_rows_only():
    table = open_rows(1, 0).with_columns(keep=pl.Series([True, False]))
    known = truth("ci", "ci")
    assert evaluate(table, known).accuracy_erroneous == 1.0
    assert evaluate(table, known, all_rows=True).accuracy_erroneous == 0.5
    assert evaluate(table, known).solutions == 2


def test_truth_beyond_the_last_step_and_of_others_is_ignored():
    got = evaluate(labels(([1], None, -1)), truth("ci", "c"))
    assert (got.clean, got.accuracy_clean) == (1, 1.0)


def test_solution_without_a_step_breaks_nothing():
    got = evaluate(labels(([], None, None), ([1], [0.5], -1)), truth("", "c"))
    assert (got.without_truth, got.steps, got.brier) == (1, 1, 0.25)


def test_nothing_to_evaluate_is_undefined_not_zero():
    got = evaluate(labels(), truth())
    assert got.first_error_f1 is None
    assert dict(got.rows())["first error f1"] == "–"
    assert dict(got.rows())["solutions"] == "0"
    assert json.loads(json.dumps(got.as_dict()))["brier"] is None


def evidence(*rows):
    names = ["annotator", "solution_id", "step", "incorrect", "target"]
    return pl.DataFrame([(*row, "step_valid") for row in rows], schema=names, orient="row")


def test_tool_report_judges_flags_with_known_truth():
    # Flags on s0: step 0 (correct), 1 (incorrect, by two sources), 2 (unknown). Step 3: not seen.
    got = tool_report(
        evidence(
            ("arithmetic", "s0", 0, 1),
            ("arithmetic", "s0", 1, 1),
            ("arithmetic", "s0", 1, 1),
            ("arithmetic", "s0", 2, 1),
            ("units", "s0", 1, 0),
        ),
        truth("ciui"),
    )
    assert [one.annotator for one in got] == ["arithmetic", "units"]
    first, second = got
    assert (first.steps, first.flagged, first.flagged_known) == (3, 3, 2)
    assert (first.precision, first.recall) == (0.5, 1.0)
    assert (second.precision, second.recall) == (None, 0.0)


def test_judges_are_no_tools():
    rows = evidence(("judge", "s0", 0, 3), ("judge_b", "s0", 0, 1), ("units", "s0", 0, 1))
    assert [one.annotator for one in tool_report(rows, truth("i"))] == ["units"]


def test_tool_report_of_nothing_is_empty():
    assert tool_report(evidence().cast({"step": pl.Int32, "solution_id": pl.String}), truth()) == []
