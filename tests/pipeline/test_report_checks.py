"""The report's warnings: each with a dataset that has its fault, and one that has not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipeline.report.check import Check
from pipeline.report.checks import Seen, all_checks
from pipeline.report.checks_bias import rank_correlation
from pipeline.report.flags import flags_of
from pipeline.report.pass_rates import rates_of
from pipeline.report.words import words_of
from tests.pipeline.report_summary import summary
from tests.report_scene import evidence_of, row, said, steps_of, truth_of


def checks(
    *rows, evidence=(), truth=None, lift=None, rates=None, manifest=None, **counts
) -> dict[str, Check]:
    steps, known = steps_of(*rows), evidence_of(*evidence)
    words = words_of(steps, known)
    seen = Seen(
        steps=steps,
        words=words,
        flags=flags_of(steps, words),
        evidence=known,
        summary=summary(**counts),
        rates=rates if rates is not None else rates_of(steps.rows, None),
        truth=truth,
        joint_lift=lift,
        manifest=manifest or {},
    )
    return {one.key: one for one in all_checks(seen)}


def test_warnings_come_first_and_what_cannot_be_measured_last() -> None:
    fired = [one.fired for one in checks(row("a", "10")).values()]
    order = {True: 0, False: 1, None: 2}
    assert fired == sorted(fired, key=lambda one: order[one])
    assert None in fired


def test_right_answers_with_flawed_steps() -> None:
    rows = [row(f"s{n}", "10" if n == 0 else "11") for n in range(10)]
    assert checks(*rows)["flawed_right"].fired
    assert checks(*rows)["flawed_right"].measured.startswith("10.0% (1 of 10) kept solutions")
    assert checks(*rows[1:])["flawed_right"].fired is False


def test_repeated_steps() -> None:
    assert checks(row("a", "11", repeated=[False, True]))["repeated"].fired
    assert checks(row("a", "10", repeated=[False, True]))["repeated"].fired is False


def test_lowest_on_the_last_step_is_held_against_truth() -> None:
    rows = [row(f"s{n}", "10", p_correct=[0.9, 0.1], first_error=1) for n in range(4)]
    found = checks(*rows)["last_lowest"]
    assert (found.fired, found.threshold) == (True, "above 50.0%")
    same = checks(*rows, truth=truth_of(s0="ci", s1="ci"))["last_lowest"]
    assert same.fired is False
    assert "truth has 100.0% there" in same.threshold
    assert checks(*rows, truth=truth_of(s0="ic", s1="ic"))["last_lowest"].fired


def test_early_steps_against_truth_and_without_it() -> None:
    rows = [row(f"s{n}", "111") for n in range(40)]
    word = {f"s{n}": "icc" if n < 4 else "ccc" for n in range(40)}
    found = checks(*rows, truth=truth_of(**word))["early"]
    assert found.fired
    assert "+10.0% on 40 steps" in found.measured
    assert checks(*rows)["early"].fired  # nothing but 1 in the first third
    mixed = [row(f"s{n}", "011" if n < 4 else "111") for n in range(40)]
    assert checks(*mixed)["early"].fired is False


def test_length_is_held_against_the_verdict_among_right_answers() -> None:
    def rows(order):
        return [
            row(f"s{n}", "10" if bad else "11", step_end=[10, 20 + n * 10])
            for n, bad in enumerate(order)
        ]

    assert checks(*rows([False] * 20 + [True] * 20))["length"].fired
    assert checks(*rows([False, True] * 20))["length"].fired is False
    assert checks(*rows([False] * 40))["length"].fired is None


def test_scores_of_a_judge_that_are_all_alike() -> None:
    alike = [said(f"s{n}", 0, "judge", "correct") for n in range(30)]
    rows = [row(f"s{n}", "1") for n in range(30)]
    assert checks(*rows, evidence=alike)["compressed"].fired
    spread = [said(f"s{n}", 0, "judge", ("correct", "incorrect")[n % 2]) for n in range(30)]
    assert checks(*rows, evidence=spread)["compressed"].fired is False
    assert checks(*rows)["compressed"].fired is None


def test_rollouts_and_judges_that_name_different_first_errors() -> None:
    apart = row("a", "11", mc_first_error=0, judge_first_error=1)
    same = [row(f"s{n}", "11", mc_first_error=-1, judge_first_error=-1) for n in range(9)]
    assert checks(apart, *same[:3])["sides_differ"].fired
    assert checks(apart, *same)["sides_differ"].fired is False


def test_tools_and_rollouts_that_contradict_each_other() -> None:
    rows = [row("a", "11", mc_first_error=-1)]
    against = [said("a", 0, "arithmetic", "incorrect"), said("a", 1, "arithmetic", "correct")]
    found = checks(*rows, evidence=against)["tool_differs"]
    assert found.fired
    assert "50.0% (1 of 2)" in found.measured
    assert checks(*rows, evidence=against[1:])["tool_differs"].fired is False
    assert checks(*rows)["tool_differs"].fired is None


def test_a_judge_that_goes_by_wording() -> None:
    def tested(same: int, flips: int) -> dict[str, object]:
        shares = {"invariance": {"count": same, "of": 10}}
        shares["contrast_flips"] = {"count": flips, "of": 10}
        return {"judges": {"judge": {"admission": shares}}}

    fired = [
        checks(row("a", "1"), manifest=tested(*pair))["wording"].fired
        for pair in ((8, 5), (7, 5), (8, 4))
    ]
    assert fired == [False, True, True]
    assert checks(row("a", "1"))["wording"].fired is None


def test_a_judge_that_is_the_policy() -> None:
    def of(judge: str) -> dict[str, object]:
        return {"judges": {"judge": {"revision": judge}}, "policy": {"revision": "w"}}

    assert checks(row("a", "1"), manifest=of("w"))["itself"].fired
    assert checks(row("a", "1"), manifest=of("v"))["itself"].fired is False
    assert checks(row("a", "1"))["itself"].fired is None


def test_joint_errors_need_ten() -> None:
    assert checks(row("a", "1"), lift=(10, 1.6))["joint"].fired
    assert checks(row("a", "1"), lift=(9, 1.6))["joint"].fired is False
    assert checks(row("a", "1"), lift=(99, 1.4))["joint"].fired is False


def test_problems_that_are_always_or_never_solved() -> None:
    found = checks(row("a", "1"), rates=pl.Series([0.0, 1.0, 0.5, None]))["extreme"]
    assert (found.fired, found.measured[:14]) == (True, "66.7% (2 of 3)")
    assert checks(row("a", "1"), rates=pl.Series([0.0, 0.5]))["extreme"].fired is False


def test_answers_that_could_not_be_graded_and_cut_completions() -> None:
    found = checks(row("a", "1"), rollouts=100, rollouts_unknown=6, rollouts_truncated=11)
    assert found["ungraded"].fired
    assert found["truncated"].fired
    found = checks(row("a", "1"), rollouts=100, rollouts_unknown=5, rollouts_truncated=10)
    assert found["ungraded"].fired is False
    assert found["truncated"].fired is False


def test_labels_that_rest_on_rollouts_alone() -> None:
    assert checks(row("a", "1"))["mc_only"].fired
    spoken = [said("a", 0, "arithmetic", "correct")]
    assert checks(row("a", "1"), evidence=spoken)["mc_only"].fired is False


def test_a_process_score_that_does_not_go_with_the_outcome() -> None:
    right = [row(f"r{n}", "1", p_min=0.1) for n in range(3)]
    wrong = [row(f"w{n}", "1", p_min=0.9, outcome="incorrect") for n in range(3)]
    assert checks(*right, *wrong)["together"].fired
    assert checks(*right)["together"].fired is None


def test_long_solutions_and_kinds_of_problems_that_are_labelled_worse() -> None:
    good = [row(f"g{n}", "10", first_error=1) for n in range(60)]
    bad = [row(f"b{n}", "1110", first_error=3, domain="logic") for n in range(60)]
    truth = truth_of(**{f"g{n}": "ci" for n in range(60)}, **{f"b{n}": "icci" for n in range(60)})
    found = checks(*good, *bad, truth=truth)
    assert found["long"].fired
    assert found["strata"].fired
    assert found["strata"].measured.endswith("domain: logic 0.0%, sums 100.0%")
    even = checks(*good, truth=truth)
    assert (even["long"].fired, even["strata"].fired) == (None, None)


def test_p_correct_that_does_not_mean_what_it_says() -> None:
    rows = [row(f"s{n}", "1", p_correct=[0.9]) for n in range(40)]
    half = truth_of(**{f"s{n}": "ci"[n % 2] for n in range(40)})
    assert checks(*rows, truth=half)["calibration"].fired
    most = truth_of(**{f"s{n}": "i" if n < 4 else "c" for n in range(40)})
    assert checks(*rows, truth=most)["calibration"].fired is False


def test_majority_answers() -> None:
    assert checks(row("a", "1", answer_agreement=0.7))["majority"].fired
    assert checks(row("a", "1", answer_agreement=0.9))["majority"].fired is False
    assert checks(row("a", "1"))["majority"].fired is None


@pytest.mark.parametrize(
    ("a", "b", "rho"),
    [([1, 2, 3], [10, 20, 40], 1.0), ([1, 2, 3], [3, 2, 1], -1.0), ([1, 1], [1, 2], None)],
)
def test_rank_correlation(a, b, rho) -> None:
    found = rank_correlation(np.array(a, dtype=float), np.array(b, dtype=float))
    assert found == (rho if rho is None else pytest.approx(rho))
