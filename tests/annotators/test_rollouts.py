"""The Monte-Carlo annotator: evidence, shared prefixes, cost, budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from annotators.branches import Cutter
from annotators.paid import PaidRollout, deposit
from annotators.rollouts import RolloutSettings, SearchTask, annotate_shard
from annotators.search.probe import Candidate, Guide
from pipeline.engines.base import FAILED, Completion, EngineIdentity, Prompt, Request, Sampling
from pipeline.errors import EngineDown
from pipeline.grading.grader import Grader
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.posterior.parameters import start
from pipeline.prefix import CutSolution
from pipeline.problems import Problem
from pipeline.purchase import Purchaser
from pipeline.verdict import Verdict
from pipeline.workers import CheckerPool

PROBLEM = Problem("p", "Q", "5", "number", "test", "d", "en", "{}")
QUESTION = {"correct": 3, "incorrect": 4, "unknown": 1, "tokens": 80, "question_reason": None}
GOOD = Completion("The answer is 5.", "stop", 10)
BAD = Completion("The answer is 6.", "stop", 10)
CUT = Completion("The answ", "length", 10)
MUTE = Completion("I have lost count.", "stop", 10)


class ScriptedEngine:
    """Answers by what was written of the solution: a completion for each draw."""

    identity = EngineIdentity("prover", "t")

    def __init__(self, script: Callable[[str, int], Completion]) -> None:
        self.script = script
        self.asked: list[tuple[str, int, int]] = []

    def encode(self, text: str) -> None:
        return None

    decode = char_ends = encode  # type: ignore[assignment]

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def complete(self, request: Request) -> list[Completion]:
        written = request.prompt.text.removeprefix("Q\n")
        self.asked.append((written, request.first_draw, request.n))
        await asyncio.sleep(0)
        return [self.script(written, request.first_draw + i) for i in range(request.n)]


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with CheckerPool(1) as pool:
        yield Grader(pool)


def candidate(text: str, outcome: Verdict = Verdict.INCORRECT) -> Candidate:
    """Each letter is a step; the text is the id."""
    ends = tuple(range(1, len(text) + 1))
    return Candidate(CutSolution(text, "p", Prompt("Q\n"), text, ends, None, None, None), outcome)


def rollout_settings(
    search: str, source: str, engine: ScriptedEngine, grader: Grader
) -> RolloutSettings:
    return RolloutSettings(
        search=search,
        k=4,
        window=None,
        solutions=0,
        searches=100,
        source=source,
        root_source=source,
        allowance=None,
        grader=grader,
        cutter=Cutter(engine, "line", "prover", "prompt", 0),
    )


def annotate(
    folder: Path,
    grader: Grader,
    engine: ScriptedEngine,
    texts: list[str],
    outcome: Verdict = Verdict.INCORRECT,
    question: dict[str, Any] = QUESTION,
    **changed: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of rollouts and evidence."""
    settings = rollout_settings("exhaustive", "src", engine, grader)
    task = SearchTask(PROBLEM, [candidate(text, outcome) for text in texts], 20.0, question)
    purchaser = Purchaser(engine, engine.identity, Sampling(), 0, Journal(folder), Meter())
    tables = asyncio.run(annotate_shard([task], replace(settings, **changed), purchaser))
    return tables["rollouts"].to_pylist(), tables["evidence"].to_pylist()


def counts(evidence: list[dict[str, Any]]) -> dict[tuple[str, int], tuple[int, int, int]]:
    return {
        (row["solution_id"], row["step"]): (row["correct"], row["incorrect"], row["unknown"])
        for row in evidence
    }


def test_counts_are_evidence_on_the_value_of_the_step_s_prefix(
    tmp_path: Path, grader: Grader
) -> None:
    engine = ScriptedEngine(lambda written, draw: GOOD if draw < 3 else BAD)
    rollouts, evidence = annotate(tmp_path, grader, engine, ["ab"])
    assert counts(evidence) == {("ab", -1): (3, 4, 1), ("ab", 0): (3, 1, 0)}
    assert {row["target"] for row in evidence} == {"prefix_value"}
    assert [(r["prefix_len"], r["draw"], r["outcome"]) for r in rollouts] == [
        (1, 0, "correct"),
        (1, 1, "correct"),
        (1, 2, "correct"),
        (1, 3, "incorrect"),
    ]


def test_a_shared_prefix_is_bought_once_and_its_counts_are_shared(
    tmp_path: Path, grader: Grader
) -> None:
    engine = ScriptedEngine(lambda written, draw: GOOD if written == "a" else BAD)
    rollouts, evidence = annotate(tmp_path, grader, engine, ["abx", "aby", "acz"])
    assert sorted(engine.asked) == [("a", 0, 4), ("ab", 0, 4), ("ac", 0, 4)]
    assert len(rollouts) == 12
    found = counts(evidence)
    assert [found[text, 0] for text in ("abx", "aby", "acz")] == [(4, 0, 0)] * 3
    assert [found[text, 1] for text in ("abx", "aby", "acz")] == [(0, 4, 0)] * 3


def test_cost_stands_with_the_first_solution_only(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD)
    rollouts, evidence = annotate(tmp_path, grader, engine, ["abx", "aby"])
    spent = {(r["solution_id"], r["step"]): r["tokens"] for r in evidence}
    assert spent == {
        ("abx", -1): 80,
        ("abx", 0): 40,
        ("abx", 1): 40,
        ("aby", -1): 0,
        ("aby", 0): 0,
        ("aby", 1): 0,
    }
    assert sum(r["tokens"] for r in rollouts) == 80


def test_failed_cut_and_unreadable_rollouts_are_unknown(tmp_path: Path, grader: Grader) -> None:
    script = [FAILED, CUT, MUTE, GOOD]
    engine = ScriptedEngine(lambda written, draw: script[draw])
    rollouts, evidence = annotate(tmp_path, grader, engine, ["ab"])
    assert counts(evidence)["ab", 0] == (1, 0, 3)
    assert [r["outcome_reason"] for r in rollouts] == ["failed", "truncated", "unparsable", None]


def test_counts_of_fewer_than_k_are_censored(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: GOOD if written == "a" else BAD)
    _, evidence = annotate(tmp_path, grader, engine, ["abc"], search="scan")
    censored = {row["step"]: row["censored"] for row in evidence}
    assert counts(evidence)["abc", 0] == (1, 0, 0)
    assert censored == {-1: False, 0: True, 1: False}


def test_draws_go_on_where_they_ended(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD)
    annotate(tmp_path, grader, engine, ["ab"], search="scan")
    assert engine.asked == [("a", 0, 1), ("a", 1, 1), ("a", 2, 2)]


@pytest.mark.parametrize("reason", ["all_right", "low_pass_rate"])
def test_a_question_that_is_not_searched_keeps_its_root(
    tmp_path: Path, grader: Grader, reason: str
) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD)
    question = QUESTION | {"question_reason": reason}
    rollouts, evidence = annotate(tmp_path, grader, engine, ["ab"], question=question)
    assert (rollouts, counts(evidence)) == ([], {("ab", -1): (3, 4, 1)})


def test_solutions_of_unknown_outcome_are_not_searched(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD)
    annotate(tmp_path, grader, engine, ["ab"], outcome=Verdict.UNKNOWN)
    assert engine.asked == []


def test_another_prover_draws_its_own_root(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD if written else GOOD)
    _, evidence = annotate(tmp_path, grader, engine, ["ab", "cd"], root_source="policy")
    assert engine.asked[0] == ("", 0, 4)
    found = counts(evidence)
    assert (found["ab", -1], found["cd", -1]) == ((4, 0, 0), (4, 0, 0))
    assert [r["tokens"] for r in evidence if r["step"] == -1] == [40, 0]


def test_no_allowance_buys_nothing(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD)
    rollouts, _ = annotate(tmp_path, grader, engine, ["abc"], allowance=0)
    assert (engine.asked, rollouts) == ([], [])


def test_an_allowance_buys_whole_probes_in_the_order_of_the_wave(
    tmp_path: Path, grader: Grader
) -> None:
    """20 tokens a rollout are expected, 4 rollouts a probe: 160 is two probes."""
    engine = ScriptedEngine(lambda written, draw: BAD)
    _, evidence = annotate(tmp_path, grader, engine, ["abcd"], allowance=160)
    assert sorted(engine.asked) == [("a", 0, 4), ("ab", 0, 4)]
    assert ("abcd", 2) not in counts(evidence)


def test_a_probe_that_is_paid_for_reserves_nothing(tmp_path: Path, grader: Grader) -> None:
    """Four waves draw "a" (for the window of "ab"), "ax" and "pq" in full: 24 draws of 20
    tokens, 480. The fifth asks "a" for one draw, which is free, not a gift, and then "p" for one,
    which would make 500."""
    good, bad = replace(GOOD, tokens=20), replace(BAD, tokens=20)
    engine = ScriptedEngine(lambda written, draw: good if written == "a" else bad)
    settings = {"search": "bisect", "k": 8, "window": 1, "allowance": 485}
    annotate(tmp_path, grader, engine, ["ab", "axyz", "pqrs"], **settings)
    assert sum(n for _, _, n in engine.asked) == 24
    assert {written for written, _, _ in engine.asked} == {"a", "ax", "pq"}


def test_what_an_earlier_stage_bought_is_in_the_tables_and_counts_as_spent(
    tmp_path: Path, grader: Grader
) -> None:
    """Twelve draws of 10 tokens, where 20 a draw are expected and 130 may be spent; no more."""
    engine = ScriptedEngine(lambda written, draw: [GOOD, BAD][draw % 2])
    known = candidate("abcd")
    begun = {known.solution.prefix(m).hash: 4 for m in (1, 2, 3)}
    guide = Guide(start(), {}, 1e-9, True, begun)
    rollouts, _ = annotate(
        tmp_path,
        grader,
        engine,
        ["abcd"],
        search="posterior",
        allowance=130,
        guide=lambda task: guide,
    )
    assert [(r["prefix_len"], r["draw"]) for r in rollouts] == [
        (m, draw) for m in (1, 2, 3) for draw in range(4)
    ]


def test_equal_inputs_give_equal_tables(tmp_path: Path, grader: Grader) -> None:
    def script(written: str, draw: int) -> Completion:
        return [GOOD, BAD, MUTE][(len(written) * 7 + draw) % 3]

    texts = ["abcd", "abxy", "pqrs"]
    settings = {"search": "bisect", "window": 2, "allowance": 300}
    one, other = (
        annotate(tmp_path / name, grader, ScriptedEngine(script), texts, **settings)
        for name in "xy"
    )
    assert one == other


def test_an_engine_that_is_down_ends_all_searches_of_the_shard(
    tmp_path: Path, grader: Grader
) -> None:
    """Nothing runs on beside a stage that is tried again."""

    class Down(ScriptedEngine):
        async def complete(self, request: Request) -> list[Completion]:
            if request.problem_id == "down":
                raise EngineDown("gone")
            return await super().complete(request)

    engine = Down(lambda written, draw: GOOD)
    purchaser = Purchaser(engine, engine.identity, Sampling(), 0, Journal(tmp_path), Meter())
    settings = rollout_settings("scan", "s", engine, grader)
    long = SearchTask(PROBLEM, [candidate("abcdefghij")], 20.0, QUESTION)
    cut = CutSolution("x", "down", Prompt("X\n"), "xy", (1, 2), None, None, None)
    down = SearchTask(
        replace(PROBLEM, problem_id="down"), [Candidate(cut, Verdict.INCORRECT)], 20.0, QUESTION
    )

    async def run() -> int:
        with pytest.raises(EngineDown):
            await annotate_shard([long, down], settings, purchaser)
        asked = len(engine.asked)
        await asyncio.sleep(0.5)
        return len(engine.asked) - asked

    assert asyncio.run(run()) == 0


def test_it_says_once_when_all_searches_have_begun(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: GOOD)
    purchaser = Purchaser(engine, engine.identity, Sampling(), 0, Journal(tmp_path), Meter())
    settings = rollout_settings("scan", "s", engine, grader)
    left_out = {**QUESTION, "question_reason": "all_wrong"}
    tasks = [
        SearchTask(PROBLEM, [candidate("abcdefghij")], 20.0, QUESTION),
        SearchTask(PROBLEM, [candidate("abcdefghij")], 20.0, left_out),
    ]
    asked: list[int] = []
    asyncio.run(
        annotate_shard(tasks, settings, purchaser, begun=lambda: asked.append(len(engine.asked)))
    )
    assert asked == [1]
    assert len(engine.asked) > 1


# omegaprm: rollouts become solutions

LONG = "1\n2\n3\n4\n5\n6"


def lines(text: str) -> Candidate:
    """Each line is a step."""
    ends = (*(at + 1 for at, char in enumerate(text) if char == "\n"), len(text))
    cut = CutSolution("first", "p", Prompt("Q\n"), text, ends, None, None, None)
    return Candidate(cut, Verdict.INCORRECT, len(text), 0)


def grown(folder: Path, grader: Grader) -> dict[str, list[dict[str, Any]]]:
    """From two lines or fewer one rollout in four is wrong; from more all are."""

    def script(written: str, draw: int) -> Completion:
        if written.count("\n") > 2:
            return BAD
        return Completion("x\ny\n#### 7", "stop", 9) if draw == 1 else GOOD

    engine = ScriptedEngine(script)
    settings = replace(rollout_settings("omegaprm", "src", engine, grader), searches=2)
    task = SearchTask(PROBLEM, [lines(LONG)], 16.0, QUESTION)
    purchaser = Purchaser(engine, engine.identity, Sampling(), 0, Journal(folder), Meter())
    tables = asyncio.run(annotate_shard([task], settings, purchaser))
    return {name: table.to_pylist() for name, table in tables.items()}


def test_a_selected_rollout_is_a_solution_with_its_parent_and_fork(
    tmp_path: Path, grader: Grader
) -> None:
    (row,) = grown(tmp_path, grader)["solutions"]
    assert row["text"] == "1\nx\ny\n#### 7"
    assert (row["origin"], row["parent_solution_id"], row["fork_len"]) == ("tree", "first", 1)
    assert [step["text"] for step in row["steps"]] == row["text"].splitlines(keepends=True)
    assert (row["outcome"], row["final_answer"], row["policy"]) == ("incorrect", "7", "prover")
    assert row["draws"] == []


def test_a_tree_solution_has_the_evidence_of_the_prefixes_it_shares(
    tmp_path: Path, grader: Grader
) -> None:
    tables = grown(tmp_path, grader)
    (row,) = tables["solutions"]
    found = counts(tables["evidence"])
    assert found[row["solution_id"], 0] == found["first", 0] == (3, 1, 0)
    hashes = {r["solution_id"]: r["prefix_hashes"] for r in tables["prefixes"]}
    assert hashes[row["solution_id"]][0] == hashes["first"][0]
    assert hashes[row["solution_id"]][1] != hashes["first"][1]


def test_the_tree_names_parents_depths_visits_and_selections(
    tmp_path: Path, grader: Grader
) -> None:
    tree = grown(tmp_path, grader)["tree"]
    # Of the first: 3 (all wrong), 1, 2 (three of four right); of the second, from 1 on: 3, 2.
    by_id = {node["node_id"]: node for node in tree}
    shape = sorted(
        (n["prefix_len"], n["edge_steps"], n["depth"], by_id[n["parent_id"]]["prefix_len"])
        for n in tree[1:]
    )
    assert shape == [(1, 1, 1, 0), (2, 1, 2, 1), (2, 1, 2, 1), (3, 1, 3, 2), (3, 1, 3, 2)]
    assert (tree[0]["prefix_len"], tree[0]["parent_id"], tree[0]["depth"]) == (0, None, 0)
    assert [node["visits"] for node in tree] == [1, 1, 0, 0, 0, 0]
    assert [[one["order"] for one in node["selected"]] for node in tree[:2]] == [[0], [1]]
    assert [node["q"] is None for node in tree] == [False] * 4 + [True] * 2
    assert tree[1]["q"] == pytest.approx(0.5**0.25 * 0.9 ** (9 / 500))


def test_other_searches_have_a_tree_without_visits(tmp_path: Path, grader: Grader) -> None:
    engine = ScriptedEngine(lambda written, draw: BAD)
    settings = rollout_settings("exhaustive", "src", engine, grader)
    task = SearchTask(PROBLEM, [candidate("abc")], 20.0, QUESTION)
    purchaser = Purchaser(engine, engine.identity, Sampling(), 0, Journal(tmp_path), Meter())
    tree = asyncio.run(annotate_shard([task], settings, purchaser))["tree"].to_pylist()
    assert [(n["prefix_len"], n["edge_steps"], n["visits"]) for n in tree] == [
        (0, None, None),
        (1, 1, None),
        (2, 1, None),
    ]


def with_paid(
    folder: Path, grader: Grader, allowance: int | None
) -> tuple[ScriptedEngine, dict[tuple[str, int], tuple[int, int, int]]]:
    """Three rollouts after "ab" are paid for; k is four."""
    engine = ScriptedEngine(lambda written, draw: BAD)
    settings = replace(rollout_settings("exhaustive", "src", engine, grader), allowance=allowance)
    first = candidate("abc")
    paid = [
        PaidRollout(None, "abc", 2, text, "stop", 50)
        for text in ("The answer is 5.", "The answer is 6.", "The answer is 5.")
    ]
    task = SearchTask(PROBLEM, [first], 20.0, QUESTION)
    purchaser = Purchaser(engine, engine.identity, Sampling(), 0, Journal(folder), Meter())

    async def run() -> Any:
        draws = await deposit(paid, [first.solution], {}, purchaser)
        return await annotate_shard([task], settings, purchaser, draws)

    return engine, counts(asyncio.run(run())["evidence"].to_pylist())


def test_imported_rollouts_are_not_bought(tmp_path: Path, grader: Grader) -> None:
    engine, found = with_paid(tmp_path, grader, None)
    assert sorted(engine.asked) == [("a", 0, 4), ("ab", 3, 1)]
    assert found["abc", 1] == (2, 2, 0)


def test_imported_rollouts_cost_no_allowance(tmp_path: Path, grader: Grader) -> None:
    # Four from "a" would cost 76, one more from "ab" 19.
    engine, found = with_paid(tmp_path, grader, 20)
    assert engine.asked == [("ab", 3, 1)]
    assert found["abc", 1] == (2, 2, 0)
