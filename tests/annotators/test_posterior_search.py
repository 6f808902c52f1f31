"""Search `posterior` as a pure generator: what it asks for, given scripted outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotators.search.posterior import UNKNOWN, observe, posterior
from annotators.search.probe import (
    Candidate,
    Counts,
    Guide,
    Measured,
    Probe,
    SearchSettings,
    Start,
)
from pipeline.engines.base import Prompt
from pipeline.labels import pieces
from pipeline.posterior.choose import MOST
from pipeline.posterior.fit import with_tables
from pipeline.posterior.infer import infer
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import Parameters, start
from pipeline.posterior.read import LOGPROB, SAMPLED, read
from pipeline.prefix import CutSolution
from pipeline.schemas import EVIDENCE
from pipeline.verdict import Verdict
from tests.annotators.scripted import Rollouts

Wave = list[tuple[str, int]]  # (text of the prefix, draws), in the order of the texts
PRICE = 0.01  # bits a token
NO_ROOT = Counts(0, 0, 0)


def candidate(
    text: str,
    outcome: Verdict = Verdict.INCORRECT,
    draws: int = 1,
    logprobs: tuple[float | None, ...] | None = None,
) -> Candidate:
    """Each letter is a step of one token."""
    ends = tuple(range(1, len(text) + 1))
    cut = CutSolution(text, "p", Prompt("Q"), text, ends, None, None, None)
    return Candidate(cut, outcome, tokens=len(text), draws=draws, logprobs=logprobs)


def right(text: str, draws: int = 1) -> Candidate:
    return candidate(text, Verdict.CORRECT, draws)


def guided(price: float = PRICE, begun: Mapping[str, int] | None = None) -> Guide:
    return Guide(start(), {}, price, True, begun or {})


def run(
    candidates: Sequence[Candidate],
    answer: Callable[[Probe], Counts | None],
    guide: Guide | None = None,
    solutions: int | None = None,
    root: Counts = NO_ROOT,
) -> list[Wave]:
    """The waves that the search asks for."""
    settings = SearchSettings(8, None, solutions, guide=guide or guided())
    search = posterior(Start(candidates, root), settings)
    waves: list[Wave] = []
    wave = next(search, None)
    while wave is not None:
        waves.append(sorted((probe.prefix.text, probe.draws) for probe in wave))
        try:
            found = [answer(probe) for probe in wave]
            wave = search.send([counts and Measured(counts) for counts in found])
        except StopIteration:
            break
    return waves


def drawn_of(
    candidates: Sequence[Candidate],
    outcomes: Mapping[str, str],
    guide: Guide | None = None,
    solutions: int | None = None,
) -> dict[str, int]:
    """Rollouts of each prefix in the end."""
    rollouts = Rollouts(outcomes)
    run(candidates, rollouts.serve, guide, solutions)
    return rollouts.drawn


def test_it_needs_a_guide() -> None:
    search = posterior(Start([candidate("ab")]), SearchSettings(8, None))
    with pytest.raises(ValueError, match="needs fitted parameters"):
        next(search)


# what it asks for


def test_each_wave_asks_for_one_more_rollout_a_solution_at_most() -> None:
    waves = run([candidate("abcd"), candidate("wxyz")], Rollouts({"ab": "c" * 99}).serve)
    assert len(waves) > 2
    before: dict[str, int] = {}
    for wave in waves:
        assert 1 <= len(wave) <= 2
        for text, draws in wave:
            assert draws == before.get(text, 0) + 1
            before[text] = draws


def test_it_closes_in_on_the_first_error() -> None:
    """From a, ab and abc it always succeeds, from abcd on never: the error is the fourth step."""
    clean = {"a": "c" * 99, "ab": "c" * 99, "abc": "c" * 99}
    drawn = drawn_of([candidate("abcdefgh")], clean)
    assert drawn["abc"] + drawn["abcd"] > sum(drawn.values()) / 2
    assert "abcdefgh" not in drawn


def test_a_right_solution_is_searched_too() -> None:
    assert any(
        text in ("r", "rs") for wave in run([right("rst")], Rollouts({}).serve) for text, _ in wave
    )


def test_a_shared_prefix_is_asked_for_once_a_wave() -> None:
    waves = run([candidate("abc"), candidate("abd")], Rollouts({}).serve)
    assert all(len(wave) == len({text for text, _ in wave}) for wave in waves)
    assert waves[0] in ([("a", 1)], [("ab", 1)])


@pytest.mark.parametrize("text", ["", "a"])
def test_solutions_without_an_inner_prefix_need_no_rollout(text: str) -> None:
    assert run([candidate(text)], Rollouts({}).serve) == []


def test_no_solution_at_all() -> None:
    assert run([], Rollouts({}).serve) == []


# when it stops


def test_an_infinite_price_buys_nothing() -> None:
    assert run([candidate("abcd")], Rollouts({}).serve, guided(float("inf"))) == []


def test_a_lower_price_buys_more() -> None:
    spent = [
        sum(drawn_of([candidate("abcdef")], {"ab": "ci" * 40}, guided(price)).values())
        for price in (0.2, 0.02, 0.002)
    ]
    assert 0 <= spent[0] < spent[1] < spent[2]


def test_it_stops_where_the_next_rollout_is_worth_less_than_the_price() -> None:
    """At the end no prefix has a rate of the price or more; at each wave some had."""
    price = 0.03
    drawn = drawn_of([candidate("abcd")], {"a": "c" * 99}, guided(price))
    again = run([candidate("abcd")], Rollouts({"a": "c" * 99}).serve, guided(price * 0.5))
    assert sum(drawn.values()) < sum(len(wave) for wave in again)


def test_no_prefix_gets_more_than_the_most() -> None:
    drawn = drawn_of([candidate("ab")], {"a": "ci" * 50}, guided(1e-12))
    assert drawn == {"a": MOST}


def test_unknown_rollouts_count_among_the_most() -> None:
    """Five unknown ones at first: too few to give the prefix up."""
    drawn = drawn_of([candidate("ab")], {"a": "u" * 5 + "ci" * 50}, guided(1e-12))
    assert drawn == {"a": MOST}


def test_a_prefix_whose_rollouts_come_to_no_end_is_left_alone() -> None:
    drawn = drawn_of([candidate("ab")], {"a": "u" * 99}, guided(1e-9))
    assert drawn == {"a": UNKNOWN}


def test_other_prefixes_are_asked_once_one_is_left_alone() -> None:
    drawn = drawn_of([candidate("abc")], {"a": "u" * 99, "ab": "ci" * 50}, guided(1e-6))
    assert drawn["a"] == UNKNOWN
    assert drawn["ab"] > UNKNOWN


def test_what_the_allowance_did_not_buy_is_not_asked_again() -> None:
    waves = run([candidate("abcd"), candidate("wx")], lambda probe: None)
    asked = [probe for wave in waves for probe in wave]
    assert len(asked) == len(set(asked))
    assert {text for text, _ in asked} <= {"a", "ab", "abc", "w"}


def test_one_solution_without_allowance_does_not_end_the_others() -> None:
    rollouts = Rollouts({"w": "ci" * 50})

    def answer(probe: Probe) -> Counts | None:
        return None if probe.prefix.text.startswith("a") else rollouts.serve(probe)

    run([candidate("ab"), candidate("wx")], answer)
    assert rollouts.drawn["w"] > 1


# the pilot


def hashes_of(one: Candidate) -> dict[str, str]:
    return {one.solution.text[:m]: one.solution.prefix(m).hash for m in range(1, len(one) + 1)}


def test_what_the_pilot_bought_comes_first_and_is_known_then() -> None:
    one = candidate("abcd")
    begun = {hashes_of(one)["ab"]: 5, hashes_of(one)["abc"]: 2, "of another problem": 9}
    rollouts = Rollouts({"ab": "c" * 99})
    waves = run([one], rollouts.serve, guided(begun=begun))
    assert waves[0] == [("ab", 5), ("abc", 2)]
    assert all(
        draws > {"ab": 5, "abc": 2}.get(text, 0) for wave in waves[1:] for text, draws in wave
    )


def test_what_the_pilot_bought_is_kept_though_nothing_more_is_bought() -> None:
    one = candidate("abcd")
    begun = {hashes_of(one)["ab"]: 5}
    assert run([one], Rollouts({}).serve, guided(float("inf"), begun)) == [[("ab", 5)]]


# what the choices follow from


def test_equal_evidence_gives_equal_questions() -> None:
    candidates = [candidate("abcd"), right("abxy"), candidate("klmn")]
    script = {"a": "ci" * 50, "k": "ic" * 50}
    first, again = (run(candidates, Rollouts(script).serve) for _ in "12")
    assert first == again
    assert first


def test_the_order_of_the_solutions_changes_no_question() -> None:
    candidates = [candidate("abcd"), right("abxy"), candidate("klmn")]
    script = {"a": "ci" * 50, "k": "ic" * 50}
    first = run(candidates, Rollouts(script).serve)
    assert run(candidates[::-1], Rollouts(script).serve) == first


def test_solutions_beyond_the_limit_are_evidence_and_are_not_searched() -> None:
    candidates = [candidate("abcd"), right("wxyz")]
    drawn = drawn_of(candidates, {}, solutions=1)
    assert set(drawn) <= {"a", "ab", "abc"}
    alone = run([candidate("abcd")], Rollouts({}).serve)
    assert run(candidates, Rollouts({}).serve, solutions=1) != alone


def test_the_guide_may_end_it_after_some_waves() -> None:
    whole = run([candidate("abcd")], Rollouts({}).serve)
    assert len(whole) > 3
    assert run([candidate("abcd")], Rollouts({}).serve, replace(guided(), waves=3)) == whole[:3]


def test_the_guide_says_how_many_a_chosen_prefix_gets() -> None:
    waves = run([candidate("abcd")], Rollouts({}).serve, replace(guided(), at_once=2))
    before: dict[str, int] = {}
    for wave in waves:
        ((text, draws),) = wave
        assert draws == before.get(text, 0) + 2
        before[text] = draws
    assert sum(before.values()) > 4


script = st.text("ciu", min_size=MOST + 9, max_size=MOST + 9)


@settings(max_examples=25, deadline=None)
@given(outcomes=st.dictionaries(st.sampled_from(["a", "ab", "abc", "x"]), script))
def test_rollouts_stay_within_their_bounds(outcomes: dict[str, str]) -> None:
    rollouts = Rollouts(outcomes)
    waves = run([candidate("abcd"), right("xy")], rollouts.serve)
    assert set(rollouts.drawn) <= {"a", "ab", "abc", "x"}
    assert all(count <= MOST for count in rollouts.drawn.values())
    assert sum(len(wave) for wave in waves) == sum(rollouts.drawn.values())


# the tables of the labels


def read_candidates(
    candidates: Sequence[Candidate],
    edges: dict[str, np.ndarray],
    root: Counts,
    prover: str,
    said: pl.DataFrame,
) -> Observed:
    """The same problem, as the labels read it."""
    rows = [
        {
            "solution_id": one.solution.text,
            "problem_id": "p",
            "policy": "policy",
            "prover": prover,
            "outcome": one.outcome.value,
            "draws": list(range(one.draws)),
            "steps": [
                {"text": letter, "logprob": logprob}
                for letter, logprob in zip(
                    one.solution.text, one.logprobs or [None] * len(one), strict=True
                )
            ],
            "prefix_hashes": [one.solution.prefix(m).hash for m in range(1, len(one) + 1)],
        }
        for one in candidates
    ]
    steps = pl.List(pl.Struct({"text": pl.String, "logprob": pl.Float32}))
    solutions = pl.DataFrame(rows, schema_overrides={"steps": steps})
    evidence = pl.DataFrame(EVIDENCE.empty_table())
    assert isinstance(evidence, pl.DataFrame)
    at_root = pl.DataFrame(
        {
            "solution_id": [one.solution.text for one in candidates],
            "step": -1,
            "annotator": "rollouts",
            "target": "prefix_value",
            "correct": root.correct,
            "incorrect": root.incorrect,
            "unknown": root.unknown,
        }
    )
    evidence = pl.concat([evidence, at_root, said], how="diagonal_relaxed")
    return read(pieces.layout(solutions), solutions, evidence, edges, True)


PROBLEM = [
    candidate("abcd", draws=3, logprobs=(-0.1, -0.5, None, -2.0)),
    candidate("abxy", Verdict.CORRECT, 2, (-0.3, -0.5, -0.7, float("-inf"))),
    candidate("k", draws=1, logprobs=(-9.0,)),
    candidate("kl", Verdict.CORRECT, 0),
]
ROOTS = {
    "the screening samples": (Counts(2, 4, 1), "policy"),
    "the prover's own": (Counts(5, 3, 0), "prover"),
    "none": (Counts(0, 0, 0), "policy"),
}


def said(*rows: tuple[str, int, str, str, tuple[int, int, int], float | None]) -> pl.DataFrame:
    """solution, step, annotator, target, votes (correct, incorrect, unknown), score."""
    found = [
        {
            "solution_id": solution,
            "step": step,
            "annotator": annotator,
            "target": target,
            **dict(zip(("correct", "incorrect", "unknown"), votes, strict=True)),
            "score": score,
        }
        for solution, step, annotator, target, votes, score in rows
    ]
    return pl.DataFrame(found, schema_overrides={"score": pl.Float64})


SAID = said(
    ("abcd", 2, "arithmetic", "step_valid", (0, 1, 0), None),
    ("abxy", 1, "arithmetic", "step_valid", (1, 0, 0), None),
    ("kl", 0, "critic", "prefix_correct", (3, 1, 1), None),
    ("abcd", 0, "answer_logprob", "prefix_value", (0, 0, 0), -3.0),
    ("abxy", 2, "answer_logprob", "prefix_value", (0, 0, 0), -0.1),
)
EDGES = {LOGPROB: np.array([-1.0, -0.4]), "answer_logprob": np.array([-2.0, -1.0])}


@pytest.mark.parametrize(("root", "prover"), ROOTS.values(), ids=ROOTS.keys())
@pytest.mark.parametrize("edges", [{}, EDGES], ids=["", "scores"])
@pytest.mark.parametrize("others", [SAID[:0], SAID], ids=["", "annotators"])
def test_the_search_sees_what_the_labels_do(
    others: pl.DataFrame, edges: dict[str, np.ndarray], root: Counts, prover: str
) -> None:
    searched = observe(PROBLEM, replace(guided(), edges=edges, evidence=others), root)
    labelled = read_candidates(PROBLEM, edges, root, prover, others)
    assert searched.signals.keys() == labelled.signals.keys()
    assert searched.votes.keys() == labelled.votes.keys()
    assert len(labelled.votes) == (2 if len(others) else 0)
    at, to = searched.forest.step_node, labelled.forest.step_node
    for ours, theirs in (
        (searched.forest.length, labelled.forest.length),
        (searched.forest.depth, labelled.forest.depth),
        (searched.forest.through, labelled.forest.through),
        (searched.correct, labelled.correct),
        (searched.incorrect, labelled.incorrect),
        (searched.signals[SAMPLED].category, labelled.signals[SAMPLED].category),
    ):
        assert ours[at].tolist() == theirs[to].tolist()
        assert ours[0] == theirs[0]
    # The same nodes are shared.
    assert len(set(zip(at.tolist(), to.tolist(), strict=True))) == len(set(at.tolist()))
    assert searched.signals[SAMPLED].size == labelled.signals[SAMPLED].size
    assert searched.outcome.tolist() == labelled.outcome.tolist()
    assert searched.samples.tolist() == labelled.samples.tolist()
    assert searched.repeats.tolist() == labelled.repeats.tolist()
    for name, parameters in {"prior": start(), "tabled": tabled(labelled)}.items():
        parameters = with_tables(labelled, parameters)
        ours, theirs = infer(searched, parameters), infer(labelled, parameters)
        np.testing.assert_allclose(ours.clean[at], theirs.clean[to], atol=1e-12, err_msg=name)
        np.testing.assert_allclose(ours.difficulty, theirs.difficulty, atol=1e-12, err_msg=name)


def tabled(seen: Observed) -> Parameters:
    """Parameters for which the samples speak of the steps."""
    flat = with_tables(seen, start())
    size = flat.tables[SAMPLED].shape[1]
    table = np.random.default_rng(0).dirichlet(np.ones(size), 3)
    return replace(flat, tables={SAMPLED: table})


def test_a_step_that_a_tool_refutes_draws_no_rollouts_behind_it() -> None:
    """Once it is known how right the tool is."""
    verdict = said(("abcd", 1, "arithmetic", "step_valid", (0, 1, 0), None))
    sure = np.array([[0.01, 0.98, 0.01], [0.98, 0.001, 0.019], [0.9, 0.05, 0.05]])
    parameters = replace(
        start(),
        tables={"arithmetic:step_valid": sure},
        strength={"arithmetic:step_valid": 2.0},
    )
    trusting = replace(guided(), parameters=parameters, evidence=verdict)
    rollouts = Rollouts({"a": "c" * 99})
    run([candidate("abcd")], rollouts.serve, trusting)
    without = Rollouts({"a": "c" * 99})
    run([candidate("abcd")], without.serve, guided())
    assert "abc" in without.drawn
    assert set(rollouts.drawn) <= {"a"}


def test_two_cuttings_of_one_text_do_not_ask_for_ever() -> None:
    coarse = CutSolution("coarse", "p", Prompt("Q"), "abxy", (2, 3, 4), None, None, None)
    both = [candidate("abcd"), Candidate(coarse, Verdict.INCORRECT, tokens=4, draws=1)]
    assert both[0].solution.prefix(2).hash == coarse.prefix(1).hash
    seen: dict[str, int] = {}

    def answer(probe: Probe) -> Counts:
        count = seen[probe.prefix.text] = max(seen.get(probe.prefix.text, 0), probe.draws)
        right = count if probe.prefix.text == "ab" else 0
        assert sum(seen.values()) < 500
        answer.calls += 1  # type: ignore[attr-defined]
        assert answer.calls < 2000, "it asks for what it has"  # type: ignore[attr-defined]
        return Counts(right, count - right, 0)

    answer.calls = 0  # type: ignore[attr-defined]
    run(both, answer, guided(price=1e-6))
    assert seen["ab"] > 1


def test_what_the_samples_say_is_worth_less_than_steps_on_their_own() -> None:
    """Two samples of three took the step, which of errors is a tenth as common."""
    seen = observe([candidate("abcd", draws=2), candidate("kl", draws=1)], guided(), NO_ROOT)
    signal = seen.signals[SAMPLED]
    assert signal.worth == 0.8
    table = np.full((3, signal.size), 0.5)
    table[0] = 0.05  # of errors
    parameters = replace(start(), tables={SAMPLED: table})
    apart = replace(seen, signals={SAMPLED: replace(signal, worth=1.0)})
    node = int(seen.forest.step_node[0])
    less, more = (float(infer(one, parameters).clean.sum(axis=1)[node]) for one in (seen, apart))
    assert more > less > 0.5
