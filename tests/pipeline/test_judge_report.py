"""What a judge was worth and cost."""

from __future__ import annotations

import polars as pl

from pipeline.judge_report import judge_reports

ROW = {
    "annotator": "judge",
    "solution_id": "a",
    "verdicts": [1, 0],
    "retried": False,
    "finish_reason": "stop",
    "tokens": 5,
    "prompt_tokens": 7,
}
CALLS = [
    ROW,
    ROW | {"verdicts": None, "retried": True, "prompt_tokens": 0},
    ROW | {"verdicts": None},
    ROW | {"verdicts": None, "finish_reason": "failed", "tokens": 0, "prompt_tokens": 0},
    ROW | {"solution_id": "b"},
]
TEST = {
    "admission": {
        "sensitivity": {"count": 1, "of": 4},
        "specificity": {"count": 0, "of": 0},
        "fooled_bound": 0.25,
    },
    "not_admitted": ["the sensitivity is 0.250, below 0.3"],
}


def test_calls_are_counted_and_failures_apart() -> None:
    report = judge_reports({"judge": TEST}, pl.LazyFrame(CALLS))["judge"]
    assert (report.solutions, report.calls, report.unread, report.failed) == (2, 5, 1, 1)
    assert report.tokens == 4 * 5 + 3 * 7


def test_what_is_undefined_is_none() -> None:
    report = judge_reports({"judge": TEST}, None)["judge"]
    assert (report.sensitivity, report.specificity, report.fooled_bound) == (0.25, None, 0.25)
    assert report.calls == 0


def test_a_test_that_another_folder_paid_costs_nothing() -> None:
    test = TEST | {"admission": {"tokens": 900}}
    assert judge_reports({"judge": test | {"admission_spent": 0}}, None)["judge"].test_tokens == 0
    assert judge_reports({"judge": test}, None)["judge"].test_tokens == 900  # an older manifest


def test_a_warning_names_the_judge_and_why() -> None:
    warning = judge_reports({"judge": TEST}, None)["judge"].warning("judge")
    assert warning is not None
    assert warning.startswith("annotators.judge was not admitted: the sensitivity is 0.250")
    admitted = judge_reports({"judge": TEST | {"not_admitted": []}}, None)["judge"]
    assert admitted.warning("judge") is None


def test_a_judge_without_a_test_is_reported_all_the_same() -> None:
    report = judge_reports({}, pl.LazyFrame([ROW]))["judge"]
    assert (report.sensitivity, report.calls) == (None, 1)
