"""The report's figures, on literal labels. Truth is a word: c correct, i incorrect, u unknown."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from pipeline.human.log import Said
from pipeline.report.agreement import measured, pairs
from pipeline.report.balance import balance
from pipeline.report.costs import costs
from pipeline.report.first_errors import all_first_errors, first_errors
from pipeline.report.flags import flags_of, lowest_steps, miracles
from pipeline.report.funnel import Level, funnel
from pipeline.report.pass_rates import PassRates, pass_rates
from pipeline.report.reliability import reliability
from pipeline.report.solutions import chosen
from pipeline.report.steps import Steps
from pipeline.report.value_curves import around_first_error, by_position
from pipeline.report.words import words_of
from tests.pipeline.report_summary import summary
from tests.report_scene import evidence_of, row, said, steps_of, truth_of

NOTHING = evidence_of()


def test_the_funnel_gives_every_loss_its_reason() -> None:
    steps = steps_of(
        row("a", "1-0-", first_error=2),
        row("b", "11", keep=False, keep_reason="all_right"),
        row("c", "--", keep=False, keep_reason="no_label"),
    )
    found = funnel(summary(problems=3, not_searched={"all_right": 1}), {"bad_row": 2}, steps)
    assert found == [
        Level("rows of the input", "problems", 5, {"bad_row": 2}),
        Level("problems", "problems", 3, {"all_right": 1}),
        Level("searched", "problems", 2),
        Level("solutions", "solutions", 3, {"no_label": 1}),
        Level("with a hard label", "solutions", 2, {"all_right": 1}),
        Level("kept", "solutions", 1),
        Level("steps of kept solutions", "steps", 4, {"after the first error": 1, "undecided": 1}),
        Level("steps with a hard label", "steps", 2),
    ]


def test_never_and_always_solved_problems_have_bars_of_their_own() -> None:
    rates = pl.Series([0.0, 0.01, 0.5, 0.99, 1.0, 1.0, None])
    found = pass_rates(rates)
    assert found == PassRates(1, (1, 0, 0, 0, 1, 0, 0, 1), 2, 1)
    assert found.extreme == 0.5


def test_first_errors_are_counted_in_fifths_with_none_and_undecided_apart() -> None:
    found = first_errors("labels", np.array([0, 4, 1, -1, -2]), np.array([5, 5, 2, 3, 3]))
    assert found.places == (1, 0, 1, 0, 1)  # step 1 of 2 is in the third fifth
    assert (found.last, found.none, found.undecided) == (2, 1, 1)


def test_sources_that_decide_nothing_are_left_out() -> None:
    steps = steps_of(row("a", "10", first_error=1, mc_first_error=None))
    assert [one.source for one in all_first_errors(steps, truth_of(a="ci"))] == ["labels", "truth"]


def test_balance_compares_with_the_truth_of_the_prefix() -> None:
    # Truth c i (i): labels 1 1 0; the second prefix is wrong, so labels say too much.
    first, last = balance(steps_of(row("a", "11-0")), truth_of(a="cicc"), parts=2)
    assert (first.right, first.wrong, first.undecided) == (2, 0, 0)
    assert (first.labels_right, first.truth_right, first.bias) == (1.0, 0.5, 0.5)
    assert (last.right, last.wrong, last.undecided, last.compared) == (0, 1, 1, 1)


def test_value_curves_leave_out_what_is_not_known() -> None:
    steps = steps_of(
        row("a", "11", value=[0.25, None]), row("b", "11", value=[0.75, 1.0], outcome="incorrect")
    )
    first, last = by_position(steps, steps.right, parts=2)
    assert (first.steps, first.mean) == (1, 0.25)
    assert (last.steps, last.mean) == (0, None)


def test_values_around_the_first_error_are_those_of_wrong_solutions() -> None:
    steps = steps_of(
        row("a", "100", value=[0.8, 0.1, 0.0], first_error=1),
        row("b", "11", value=[0.9, 0.9], first_error=-1),
    )
    found = {one.at: one.mean for one in around_first_error(steps) if one.steps}
    assert found == {-1: 0.8, 0: 0.1, 1: 0.0}


def test_reliability_puts_equal_probabilities_into_one_bin() -> None:
    steps = steps_of(
        row("a", "11", p_correct=[0.9, 0.9]),
        row("b", "11", p_correct=[0.9, 0.9]),
        row("c", "0", p_correct=[0.1]),
    )
    low, high = reliability(steps, truth_of(a="cc", b="ci", c="i"), bins=2)
    assert (low.steps, low.p, low.right) == (1, 0.1, 0.0)
    assert (high.steps, high.right) == (4, 0.75)
    assert high.p == pytest.approx(0.9)
    assert high.low < 0.75 < high.high


def test_words_of_rollouts_end_with_their_first_error() -> None:
    steps = steps_of(
        row("a", "---", mc_first_error=1), row("b", "--", mc_first_error=-1), row("c", "-")
    )
    assert words_of(steps, NOTHING)["rollouts"].tolist() == [1, 0, -1, 1, 1, -1]


def test_words_of_tools_judges_and_people() -> None:
    rows = [
        said("a", 0, "arithmetic", "correct"),
        said("a", 1, "arithmetic", "incorrect"),
        said("a", 0, "judge", "correct", correct=2, incorrect=3),
        said("a", 1, "judge", "correct", correct=1, incorrect=1),
        said("a", 0, "human", "correct", incorrect=1),
        said("a", 1, "human", "incorrect"),
    ]
    words = words_of(steps_of(row("a", "1-")), evidence_of(*rows))
    assert {name: one.tolist() for name, one in words.items()} == {
        "labels": [1, -1],
        "arithmetic": [1, 0],
        "judge": [0, -1],
        "human": [-1, 0],  # two people contradict each other on the first step
    }


def test_a_pair_agrees_on_steps_that_both_decide() -> None:
    words = {"a": np.array([1, 1, 0, 0, -1]), "b": np.array([1, 0, 0, -1, 1])}
    (pair,) = pairs(words)
    assert (pair.steps, pair.agree, pair.only_a, pair.only_b) == (3, pytest.approx(2 / 3), 0, 1)
    assert pair.kappa == pytest.approx(0.4)  # chance: 2/3 * 1/3 + 1/3 * 2/3 = 4/9


def test_kappa_is_undefined_where_one_side_says_one_thing_only() -> None:
    (pair,) = pairs({"a": np.array([1, 1]), "b": np.array([1, 0])})
    assert pair.kappa is None


def test_annotators_are_measured_up_to_the_true_first_error() -> None:
    steps = steps_of(row("a", "111"), row("b", "00"))
    words = words_of(steps, NOTHING)
    (labels,) = measured(words, steps, truth_of(a="cic", b="cc"))
    # Steps: a0 right, a1 missed (a2 is behind the error); b0, b1 flagged without cause.
    assert (labels.steps, labels.right, labels.errors, labels.found) == (4, 0.25, 1, 0.0)
    assert (labels.flags, labels.precision) == (2, 0.0)


def test_a_right_answer_over_a_refuted_step_is_flagged() -> None:
    steps = steps_of(row("a", "11"), row("b", "11", outcome="incorrect"), row("c", "11"))
    rows = [said(name, 0, "arithmetic", "incorrect") for name in "ab"]
    words = words_of(steps, evidence_of(*rows))
    flags = flags_of(steps, words).of
    assert flags["flawed_right"].tolist() == [True, False, False]
    assert flags["tool_refuted"].tolist() == [True, True, False]


def test_a_miracle_step_jumps_with_intervals_apart() -> None:
    jump = {"value_low": [0.0, 0.7], "value_high": [0.2, 1.0]}
    near = {"value_low": [0.0, 0.3], "value_high": [0.6, 1.0]}
    steps = steps_of(
        row("a", "11", value=[0.1, 0.9], **jump),
        row("b", "11", value=[0.1, 0.9], **near),
        row("c", "11", value=[0.5, 0.9], **jump),
        row("d", "1", value=[0.9], value_root=0.1, value_low=[0.8], value_high=[1.0]),
    )
    assert miracles(steps).tolist() == [False, True, False, False, False, False, True]


def test_a_confirmed_step_is_no_miracle() -> None:
    jump = {"value": [0.1, 0.9], "value_low": [0.0, 0.7], "value_high": [0.2, 1.0]}
    steps = steps_of(row("a", "11", **jump), row("b", "11", **jump))
    words = words_of(steps, evidence_of(said("a", 1, "arithmetic", "correct")))
    assert flags_of(steps, words).of["miracle"].tolist() == [False, True]


def test_the_lowest_step_is_where_p_correct_first_falls_there() -> None:
    steps = steps_of(
        row("a", "111", p_correct=[0.9, 0.03, 0.01]),
        row("b", "11", p_correct=[0.9, 0.2]),
        row("c", "11", p_correct=[0.9, 0.6]),
        row("d", "1"),
    )
    assert lowest_steps(steps).tolist() == [1, 1, -1, -1]


def test_tools_and_rollouts_differ_by_direction() -> None:
    steps = steps_of(row("a", "11", mc_first_error=-1), row("b", "10", mc_first_error=1))
    rows = [said("a", 0, "arithmetic", "incorrect"), said("b", 1, "arithmetic", "correct")]
    flags = flags_of(steps, words_of(steps, evidence_of(*rows)))
    assert flags.tool_refutes_live.tolist() == [True, False, False, False]
    assert flags.tool_confirms_dead.tolist() == [False, False, False, True]


def test_costs_stand_by_stage_with_the_recipes_price() -> None:
    manifest = {"recipe": {"run": {"cost_of_million_tokens": 2.0}}}
    counts = {"sample_completions": 8, "sample_tokens": 500_000, "rollouts": 3}
    rows = [said("a", t, "arithmetic", "unknown", seconds=0.5) for t in range(2)]
    found = costs(summary(**counts, rollout_tokens=1_000_000), evidence_of(*rows), manifest)
    assert [(one.name, one.calls, one.tokens, one.seconds, one.money) for one in found] == [
        ("screening", 8, 500_000, None, 1.0),
        ("search", 3, 1_000_000, None, 2.0),
        ("arithmetic", 2, 0, 1.0, None),
    ]


def test_of_many_solutions_a_fair_part_is_shown_and_all_that_people_saw() -> None:
    ids = pl.Series([f"s{n}" for n in range(1000)])
    looked = [Said(f"s{n}", 0, None, "anna", "") for n in (3, 997)]
    mask = chosen(ids, looked, 100)
    assert 100 <= mask.sum() <= 102
    assert mask[3]
    assert mask[997]
    assert 30 <= mask[:500].sum() <= 70  # from everywhere
    assert chosen(ids, [], 1000).all()


def test_a_table_of_an_older_schema_is_read_as_unknown() -> None:
    old = pl.DataFrame(
        {"solution_id": ["a", "b"], "label": [[1, 0], []], "keep": [True, True]},
        schema_overrides={"label": pl.List(pl.Int8)},
    )
    steps = Steps.of(old)
    assert np.isnan(steps.p).tolist() == [True, True]
    assert steps.first("judge_first_error").tolist() == [-2, -2]
    assert not steps.bools("repeated").any()
