"""Scoring a judge by its answers, and the gate. The answers are scripted; nothing is called."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from annotators.judge.probes.admission import Admission, score, upper_bound
from annotators.judge.probes.failing import failing_cases
from annotators.judge.probes.gate import Gate, gate
from annotators.judge.probes.make import bundled_base, probes
from annotators.judge.probes.probe import KEYED, PLANTED, Kind, Probe
from annotators.judge.probes.said import Said, Share

Verdicts = tuple[int | None, ...] | None


@pytest.fixture(scope="module")
def bundled() -> list[Probe]:
    return probes(bundled_base())


def probe(
    kind: Kind,
    first_error: int = -1,
    *,
    steps: int = 3,
    found: tuple[int, ...] | None = None,
    name: str = "",
    of: str = "",
) -> Probe:
    places = ((first_error,) if first_error >= 0 else ()) if found is None else found
    texts = tuple(f"Step {n}." for n in range(steps))
    return Probe(name or kind, kind, "Q", texts, None, first_error, places, of, "Changed.")


def said(*verdicts: int | None) -> Said:
    return Said(verdicts, parsed=True, failed=False, tokens=10)


UNREAD = Said(None, parsed=False, failed=False, tokens=7)
FAILED = Said(None, parsed=False, failed=True, tokens=0)


def ask(all_probes: list[Probe], judge: Callable[[Probe], Said]) -> Admission:
    return score(all_probes, [judge(probe) for probe in all_probes])


def perfect(probe: Probe) -> Said:
    at = probe.first_error
    return said(*(0 if at >= 0 and n == at else 1 for n in range(len(probe.steps))))


def first_error_only(probe: Probe) -> Said:
    """A judge that says nothing of what comes behind the error."""
    at = probe.first_error
    return said(
        *(1 if at < 0 or n < at else 0 if n == at else None for n in range(len(probe.steps)))
    )


@pytest.mark.parametrize("judge", [perfect, first_error_only])
def test_a_perfect_judge_has_perfect_figures_and_is_admitted(
    bundled: list[Probe], judge: Callable[[Probe], Said]
) -> None:
    result = ask(bundled, judge)
    shares = (
        result.answered,
        result.parse_rate,
        result.sensitivity,
        *result.sensitivity_by_kind.values(),
        *result.sensitivity_by_place.values(),
        result.any_error_rate,
        result.specificity,
        *result.specificity_by_length.values(),
        result.incorrect_if_wrong,
        result.correct_if_fine,
        result.invariance,
        *result.invariance_by_kind.values(),
        result.contrast_flips,
    )
    assert {share.value for share in shares} == {1.0}
    assert result.incorrect_if_fine.count == result.correct_if_wrong.count == 0
    assert result.fooled == Share(0, 600)
    assert gate(result, Gate()) == []


def at_random(seed: int) -> Callable[[Probe], Said]:
    rng = random.Random(seed)
    return lambda probe: said(*(rng.randint(0, 1) for _ in probe.steps))


def a_random_place(seed: int) -> Callable[[Probe], Said]:
    """Names a random step, or none."""
    rng = random.Random(seed)

    def judge(probe: Probe) -> Said:
        at = rng.randint(-1, len(probe.steps) - 1)
        return first_error_only(replace(probe, first_error=at))

    return judge


@pytest.mark.parametrize(
    ("judge", "figures"),
    [
        (
            lambda probe: FAILED,
            ["fooled rate is undefined", "sensitivity is 0", "specificity is u"],
        ),
        (
            lambda probe: UNREAD,
            ["fooled rate is undefined", "sensitivity is 0", "specificity is u"],
        ),
        (lambda probe: said(*[1] * len(probe.steps)), ["fooled rate may", "sensitivity is 0.000"]),
        (lambda probe: said(*[0] * len(probe.steps)), ["specificity is 0.000"]),
        (lambda probe: said(*[None] * len(probe.steps)), ["sensitivity is 0.000"]),
        (at_random(1), ["fooled rate may", "sensitivity is", "specificity is"]),
        (a_random_place(1), ["fooled rate may", "sensitivity is", "specificity is"]),
    ],
    ids=["fails", "prose", "yes", "no", "unknown", "random steps", "random place"],
)
def test_a_judge_that_does_not_judge_is_refused(
    bundled: list[Probe], judge: Callable[[Probe], Said], figures: list[str]
) -> None:
    reasons = gate(ask(bundled, judge), Gate())
    assert [f for f in figures if not any(f in reason for reason in reasons)] == []


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_no_random_judge_is_admitted(seed: int) -> None:
    made = probes(bundled_base()[:6])
    assert gate(ask(made, at_random(seed)), Gate())
    assert gate(ask(made, a_random_place(seed)), Gate())


def test_one_key_of_600_may_be_accepted_and_two_may_not(bundled: list[Probe]) -> None:
    keys = [p.probe_id for p in bundled if p.kind in KEYED]

    def fooled_by(number: int) -> Admission:
        accepted = set(keys[:number])
        return ask(
            bundled,
            lambda p: said(*[1] * len(p.steps)) if p.probe_id in accepted else perfect(p),
        )

    assert gate(fooled_by(1), Gate()) == []
    (reason,) = gate(fooled_by(2), Gate())
    assert "0.0105, above 0.01: 2 of 600" in reason


@pytest.mark.parametrize(
    ("count", "of", "bound"),
    [
        (0, 298, 0.010003),  # (1 - bound) ** of = 0.05
        (0, 299, 0.009969),
        (1, 600, 0.007883),
        (2, 600, 0.010455),
        (5, 5, 1.0),
    ],
)
def test_the_bound_is_that_of_clopper_and_pearson(count: int, of: int, bound: float) -> None:
    assert upper_bound(Share(count, of)) == pytest.approx(bound, abs=2e-6)


def test_the_bound_of_nothing_is_undefined() -> None:
    assert upper_bound(Share(0, 0)) is None


@given(st.integers(1, 2000).flatmap(lambda of: st.tuples(st.integers(0, of - 1), st.just(of))))
def test_at_the_bound_so_few_are_as_rare_as_one_in_twenty(case: tuple[int, int]) -> None:
    count, of = case
    bound = upper_bound(Share(count, of))
    assert binom.cdf(count, of, bound) == pytest.approx(0.05, rel=1e-6)


def test_an_error_is_found_where_the_probe_says_and_nowhere_else() -> None:
    planted = [probe("skipped", 1, found=(1, 2), name=f"{n}") for n in range(5)]
    answers = [said(1, 0, 1), said(1, 1, 0), said(0, 0, 1), said(1, 1, 1), said(1, None, None)]
    result = score(planted, answers)
    assert result.sensitivity == Share(2, 5)
    assert result.any_error_rate == Share(3, 5)
    assert result.sensitivity_by_kind["skipped"] == Share(2, 5)
    assert result.sensitivity_by_kind["number"] == Share(0, 0)


@pytest.mark.parametrize("answer", [UNREAD, FAILED])
def test_an_error_without_an_answer_is_not_found(answer: Said) -> None:
    result = score([probe("number", 0)], [answer])
    assert result.sensitivity == result.any_error_rate == Share(0, 1)
    assert result.incorrect_if_wrong == Share(0, 0)


def test_specificity_is_of_what_was_answered_and_of_all_that_is_faultless() -> None:
    cases = [
        (probe("clean", name="a"), said(1, 1, 1)),
        (probe("clean", name="b"), said(1, 0, 1)),
        (probe("clean", name="c"), UNREAD),
        (probe("confident", name="d", of="a"), said(1, None, 1)),
        (probe("paraphrase", 1, name="e", of="x"), said(0, 0, 0)),  # not faultless
    ]
    result = score([case[0] for case in cases], [case[1] for case in cases])
    assert result.specificity == Share(2, 3)


def test_failed_calls_do_not_count_against_the_parse_rate() -> None:
    result = score([probe("clean", name=name) for name in "abc"], [said(1, 1, 1), UNREAD, FAILED])
    assert result.parse_rate == Share(1, 2)
    assert result.answered == Share(1, 3)
    assert result.tokens == 17


def test_step_rates_leave_out_what_comes_behind_an_error_and_what_is_reworded() -> None:
    cases = [
        (probe("clean", name="a"), said(1, 0, None)),
        (probe("number", 1, name="b"), said(1, 0, 0)),
        (probe("contrast", 2, name="c"), said(0, 1, 1)),
        (probe("confident", name="d", of="a"), said(0, 0, 0)),
        (probe("key_step", 0, name="e"), said(0, 0, 0)),
    ]
    result = score([case[0] for case in cases], [case[1] for case in cases])
    assert result.incorrect_if_wrong == Share(1, 2)
    assert result.correct_if_wrong == Share(1, 2)
    assert result.incorrect_if_fine == Share(2, 6)
    assert result.correct_if_fine == Share(3, 6)


def test_a_pair_is_invariant_if_the_same_first_step_is_named() -> None:
    cases = [
        (probe("clean", name="a"), said(1, 1, 1)),
        (probe("number", 1, name="b", of="a"), said(1, 0, 1)),
        (probe("clean", name="c"), UNREAD),
        (probe("paraphrase", name="d", of="a"), said(1, None, 1)),
        (probe("paraphrase", 1, name="e", of="b"), said(1, 0, 0)),
        (probe("confident", 1, name="f", of="b"), said(1, 1, 0)),
        (probe("confident", name="g", of="a"), UNREAD),
        (probe("confident", name="h", of="c"), said(1, 1, 1)),
    ]
    result = score([case[0] for case in cases], [case[1] for case in cases])
    assert result.invariance == Share(2, 3)
    assert result.invariance_by_kind == {"paraphrase": Share(2, 2), "confident": Share(0, 1)}


def test_a_contrast_flips_if_only_the_altered_problem_makes_the_step_wrong() -> None:
    cases = [
        (probe("clean", name="a"), said(1, 1, 1)),
        (probe("clean", name="b"), said(1, 0, 1)),
        (probe("contrast", 1, name="c", of="a"), said(1, 0, 1)),
        (probe("contrast", 1, name="d", of="a"), said(1, 1, 1)),
        (probe("contrast", 1, name="e", of="b"), said(1, 0, 1)),  # it said so before
        (probe("contrast", 1, name="f", of="a"), FAILED),
    ]
    result = score([case[0] for case in cases], [case[1] for case in cases])
    assert result.contrast_flips == Share(1, 3)


def test_a_key_is_accepted_if_it_is_called_correct_and_no_step_incorrect() -> None:
    keys = [probe("key_step", 1, found=(1, 2), name=name) for name in "abcde"]
    answers = [said(1, 1, 1), said(None, 1, None), said(1, 1, 0), said(1, None, 1), UNREAD]
    result = score(keys, answers)
    assert result.fooled == Share(2, 4)
    assert result.fooled_by_kind == {"key_step": Share(2, 4), "key_whole": Share(0, 0)}


def test_position_and_length_are_told_apart() -> None:
    cases = [
        (probe("number", 0, name="a"), said(0, 1, 1)),
        (probe("number", 1, name="b"), said(1, 0, 1)),
        (probe("number", 2, name="c"), said(1, 1, 1)),
        (probe("clean", steps=2, name="d"), said(1, 1)),
        (probe("clean", steps=9, name="e"), said(*[0] * 9)),
    ]
    result = score([case[0] for case in cases], [case[1] for case in cases])
    assert result.sensitivity_by_place == {
        "first": Share(1, 1),
        "middle": Share(1, 1),
        "last": Share(0, 1),
    }
    assert result.specificity_by_length == {"short": Share(1, 1), "long": Share(0, 1)}


def test_no_probes_give_no_figures_and_no_admission() -> None:
    result = score([], [])
    assert result.sensitivity.value is result.fooled_bound is None
    assert len(gate(result, Gate())) == 3


def test_a_limit_that_is_just_reached_is_passed() -> None:
    limits = Gate(fooled_bound=1.0, sensitivity=0.5, specificity=1.0)
    made = [
        probe("number", 0, name="a"),
        probe("number", 0, name="b"),
        probe("clean", name="c"),
        probe("key_whole", 0, steps=1, name="d"),
    ]
    result = score(made, [said(0, 1, 1), said(1, 1, 1), said(1, 1, 1), said(1)])
    assert gate(result, limits) == []


def test_verdicts_of_another_number_of_steps_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="has 3 steps, and there are 2 verdicts"):
        score([probe("clean")], [said(1, 1)])


@pytest.mark.parametrize("judge", [perfect, lambda probe: FAILED])
def test_a_result_survives_json(bundled: list[Probe], judge: Callable[[Probe], Said]) -> None:
    result = ask(bundled, judge)
    assert Admission.from_dict(json.loads(json.dumps(result.as_dict()))) == result


def test_failing_cases_are_lines_of_every_kind_keys_first(bundled: list[Probe]) -> None:
    answers = [said(*[1] * len(p.steps)) for p in bundled]
    lines = failing_cases(bundled, answers, 10)
    kinds = [line.partition(":")[0] for line in lines]
    assert kinds[:10] == [*KEYED, *PLANTED, "paraphrase", "confident"]
    assert all("\n" not in line and len(line) < 600 for line in lines)


def test_a_failing_case_says_what_was_changed_and_what_was_said() -> None:
    made = [probe("number", 1), probe("clean"), probe("key_whole", 0, steps=1)]
    made[2] = replace(made[2], steps=(" \n",), detail="A key.")
    assert failing_cases(made, [said(1, 1, 0), said(1, 0, 1), said(1)], 9) == [
        "key_whole: step 1 is wrong (' \\n'); called no step incorrect. A key. Problem: Q",
        "clean: no error; called step 2 incorrect (Step 1.). Changed. Problem: Q",
        "number: step 2 is wrong (Step 1.); called step 3 incorrect (Step 2.). Changed. Problem: Q",
    ]
    assert failing_cases(made, [FAILED, UNREAD, said(0)], 9) == [
        "clean: no error; the answer could not be read. Changed. Problem: Q",
        "number: step 2 is wrong (Step 1.); the call failed. Changed. Problem: Q",
    ]


def test_a_perfect_judge_has_no_failing_cases(bundled: list[Probe]) -> None:
    assert failing_cases(bundled, [perfect(p) for p in bundled], 10) == []
