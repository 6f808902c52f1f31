"""The answer's log-probability as evidence: rows, shared prefixes, what is paid once."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from annotators.answer_logprob import (
    AnswerLogprobSettings,
    annotate_answers,
    answer_logprob_settings,
    source_of,
)
from annotators.rollouts import SearchTask
from annotators.search.probe import Candidate
from pipeline.engines.base import (
    Completion,
    Engine,
    EngineIdentity,
    Prompt,
    Request,
    Sampling,
    Scored,
)
from pipeline.engines.embedded import EmbeddedEngine
from pipeline.engines.openai import OpenAIEngine
from pipeline.engines.server import running_server
from pipeline.engines.stub import StubEngine
from pipeline.errors import EngineDown, RecipeError
from pipeline.journal import Journal, draw_keys
from pipeline.meter import Meter
from pipeline.prefix import CutSolution
from pipeline.problems import Problem
from pipeline.purchase import Purchaser
from pipeline.schemas import EVIDENCE
from pipeline.scores import score_key
from pipeline.verdict import Verdict

SMALL = Path(__file__).parents[2] / "data" / "policies" / "small"
PROBLEM = Problem("p", "Q", "42", "number", "test", "d", "en", "{}")
SETTINGS = AnswerLogprobSettings()


class RatingEngine:
    """Each token is a character and as likely as exp(-its place after the problem)."""

    identity = EngineIdentity("prover", "t")

    def __init__(self, fails: Callable[[str], bool] = lambda written: False) -> None:
        self.fails = fails
        self.asked: list[tuple[str, str]] = []

    def encode(self, text: str) -> None:
        return None

    def decode(self, ids: tuple[int, ...]) -> None:
        return None

    def char_ends(self, ids: tuple[int, ...]) -> None:
        return None

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def complete(self, request: Request) -> list[Completion]:
        raise AssertionError("nothing is drawn")

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        written = prompt.text.removeprefix("Q\n")
        self.asked.append((written, continuation.text))
        await asyncio.sleep(0)
        if written == "down":
            raise EngineDown("gone")
        if self.fails(written):
            return None
        places = range(1, len(continuation.text) + 1)
        return Scored(tuple(-float(len(written)) for _ in places), tuple(places))


def task(texts: Sequence[str], problem: Problem = PROBLEM) -> SearchTask:
    """Each letter is a step; the text is the id."""
    cuts = [
        CutSolution(
            text,
            problem.problem_id,
            Prompt("Q\n"),
            text,
            tuple(range(1, len(text) + 1)),
            None,
            None,
            None,
        )
        for text in texts
    ]
    return SearchTask(problem, [Candidate(cut, Verdict.UNKNOWN) for cut in cuts], 1.0, {})


def buyer(folder: Path, engine: Engine | None, revision: str = "prover") -> Purchaser:
    journal = Journal(folder)
    journal.load()
    identity = EngineIdentity(revision, "t") if engine is None else engine.identity
    return Purchaser(engine, identity, Sampling(), 0, journal, Meter())


def annotate(
    purchaser: Purchaser,
    tasks: Sequence[SearchTask],
    settings: AnswerLogprobSettings = SETTINGS,
) -> list[dict[str, Any]]:
    table = asyncio.run(annotate_answers(tasks, settings, purchaser, "src"))
    assert table.schema == EVIDENCE
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def scores(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, int], float | None]:
    return {(row["solution_id"], row["step"]): row["score"] for row in rows}


def test_a_row_says_how_likely_the_answer_is_and_counts_nothing(tmp_path: Path) -> None:
    engine = RatingEngine()
    row = annotate(buyer(tmp_path, engine), [task(["ab"])])[1]
    assert engine.asked == [("", "The answer is 42."), ("a", "The answer is 42.")]
    assert row == {
        "solution_id": "ab",
        "step": 0,
        "annotator": "answer_logprob",
        "source": "src",
        "target": "prefix_value",
        "correct": 0,
        "incorrect": 0,
        "unknown": 0,
        "censored": False,
        "score": -3.0,  # "4", "2" and "."
        "detail": [],
        "tokens": 0,
        "seconds": None,
    }


def test_the_problem_alone_is_step_minus_one_and_the_whole_solution_is_not_rated(
    tmp_path: Path,
) -> None:
    rows = annotate(buyer(tmp_path, RatingEngine()), [task(["abc"])])
    assert scores(rows) == {("abc", -1): 0.0, ("abc", 0): -3.0, ("abc", 1): -6.0}


def test_a_prefix_that_solutions_share_is_rated_once(tmp_path: Path) -> None:
    engine = RatingEngine()
    rows = annotate(buyer(tmp_path, engine), [task(["abx", "aby", "c"])])
    assert [written for written, _ in engine.asked] == ["", "a", "ab"]
    assert list(scores(rows)) == [
        ("abx", -1),
        ("abx", 0),
        ("abx", 1),
        ("aby", -1),
        ("aby", 0),
        ("aby", 1),
        ("c", -1),
    ]
    assert scores(rows)["aby", 1] == scores(rows)["abx", 1] == -6.0


def test_two_answers_to_one_prompt_are_two_scores(tmp_path: Path) -> None:
    engine = RatingEngine()
    other = replace(PROBLEM, problem_id="q", answer="7")
    rows = annotate(buyer(tmp_path, engine), [task(["ab"]), task(["ac"], other)])
    assert [text for _, text in engine.asked] == ["The answer is 42."] * 2 + [
        "The answer is 7."
    ] * 2
    assert scores(rows)["ab", 0] == -3.0
    assert scores(rows)["ac", 0] == -2.0


def test_a_problem_without_an_answer_has_no_rows(tmp_path: Path) -> None:
    engine = RatingEngine()
    unknown = replace(PROBLEM, answer=None)
    rows = annotate(buyer(tmp_path, engine), [task(["ab"], unknown), task([])])
    assert (rows, engine.asked) == ([], [])


def test_what_stands_before_the_answer_is_given_and_what_stands_behind_it_counts(
    tmp_path: Path,
) -> None:
    """ "x is " has five characters; "42" and "!!" have two each."""
    settings = AnswerLogprobSettings(template="x is {answer}!!")
    rows = annotate(buyer(tmp_path, RatingEngine()), [task(["ab"])], settings)
    assert scores(rows)["ab", 0] == -4.0


def test_a_token_over_the_beginning_of_the_answer_is_the_answer_s(tmp_path: Path) -> None:
    class Joined(RatingEngine):
        async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored:
            return Scored((-1.0, -2.0, -4.0, -8.0), (13, 15, 16, 17))  # ...is| 4|2|.

    rows = annotate(buyer(tmp_path, Joined()), [task(["ab"])])
    assert scores(rows)["ab", 0] == -14.0


def test_a_call_that_failed_is_unknown_and_not_committed(tmp_path: Path) -> None:
    engine = RatingEngine(fails=lambda written: written == "a")
    rows = annotate(buyer(tmp_path, engine), [task(["abc", "abd"])])
    assert scores(rows)["abc", 0] is None
    assert scores(rows)["abd", 0] is None
    assert scores(rows)["abc", 1] == -6.0
    assert Journal(tmp_path).load() == 2
    again = RatingEngine()
    rows = annotate(buyer(tmp_path, again), [task(["abc", "abd"])])
    assert [written for written, _ in again.asked] == ["a"]
    assert scores(rows)["abd", 0] == -3.0


def test_what_the_journal_holds_is_not_asked_again(tmp_path: Path) -> None:
    bought = annotate(buyer(tmp_path, RatingEngine()), [task(["abc", "abd"])])
    engine = RatingEngine()
    assert annotate(buyer(tmp_path, engine), [task(["abc", "abd"])]) == bought
    assert engine.asked == []


def test_a_score_is_on_disk_before_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    commit = Journal.commit

    async def watched(journal: Journal, rows: list[tuple[bytes, Completion]]) -> None:
        await commit(journal, rows)
        written.append(Journal(tmp_path).load())

    monkeypatch.setattr(Journal, "commit", watched)
    purchaser = buyer(tmp_path, RatingEngine())
    assert asyncio.run(purchaser.score("p", Prompt("Q\na"), "x")) == Scored((-1.0,), (1,))
    assert written == [1]


def test_a_replay_gives_what_the_run_got(tmp_path: Path) -> None:
    engine = StubEngine("fail=0.3,error=0.2")
    problem = replace(PROBLEM, text="Add up: 3 + 5 + 8", answer="16")
    text = "3 + 5 = 8\n\n8 + 8 = 17\n\nThe answer is 17."
    cut = CutSolution("s", "p", Prompt("Add up: 3 + 5 + 8\n"), text, (11, 23, 40), None, None, None)
    tasks = [SearchTask(problem, [Candidate(cut, Verdict.INCORRECT)], 1.0, {})]
    tasks += [task([chr(97 + n) for n in range(20)], replace(problem, problem_id="q"))]
    bought = annotate(buyer(tmp_path, engine), tasks)
    journal = Journal(tmp_path)
    journal.load()
    replay = Purchaser(None, engine.identity, Sampling(), 0, journal, Meter())
    assert annotate(replay, tasks) == bought
    assert None in scores(bought).values()


def test_a_replay_without_a_journal_knows_nothing(tmp_path: Path) -> None:
    rows = annotate(buyer(tmp_path, None), [task(["ab"])])
    assert scores(rows) == {("ab", -1): None, ("ab", 0): None}


def test_an_engine_that_is_down_ends_the_shard(tmp_path: Path) -> None:
    cut = CutSolution("s", "p", Prompt("Q\n"), "down!", (4, 5), None, None, None)
    down = SearchTask(PROBLEM, [Candidate(cut, Verdict.UNKNOWN)], 1.0, {})
    with pytest.raises(EngineDown):
        annotate(buyer(tmp_path, RatingEngine()), [task(["ab"]), down])


def test_draws_and_meter_know_nothing_of_scores(tmp_path: Path) -> None:
    purchaser = buyer(tmp_path, RatingEngine())
    annotate(purchaser, [task(["ab"])])
    meter = purchaser.meter
    assert (meter.bought, meter.cached, meter.failed, meter.tokens) == (0, 0, 0, 0)


def test_a_score_s_key_is_its_own() -> None:
    identity, prompt = EngineIdentity("m", "t"), Prompt("Q")
    keys = {
        *draw_keys(identity, prompt, Sampling(), 0, range(3)),
        score_key(identity, prompt, "x"),
        score_key(identity, prompt, "y"),
        score_key(identity, Prompt("Qx"), ""),
        score_key(identity, Prompt("Q", (81,)), "x"),
        score_key(EngineIdentity("n", "t"), prompt, "x"),
        score_key(EngineIdentity("m", "u"), prompt, "x"),
    }
    assert len(keys) == 9


# Settings.


def test_the_template_is_the_only_setting() -> None:
    assert answer_logprob_settings({}).sentence("7") == "The answer is 7."
    boxed = answer_logprob_settings({"template": r"\boxed{{answer}}"})
    assert (boxed.before(), boxed.sentence("7")) == (r"\boxed{", r"\boxed{7}")
    with pytest.raises(RecipeError, match=r"annotators\.answer_logprob\.templat: unknown key"):
        answer_logprob_settings({"templat": "x"})


@pytest.mark.parametrize("template", ["The answer is", "{answer} or {answer}", 7])
def test_a_template_without_one_slot_is_refused(template: object) -> None:
    with pytest.raises(RecipeError, match=r"annotators\.answer_logprob\.template: "):
        answer_logprob_settings({"template": template})


def test_the_source_holds_prover_and_template() -> None:
    other = AnswerLogprobSettings(template="= {answer}")
    sources = {source_of(SETTINGS, "a"), source_of(SETTINGS, "b"), source_of(other, "a")}
    assert len(sources) == 3
    assert source_of(SETTINGS, "a") == source_of(AnswerLogprobSettings(), "a")


# End to end, on a bundled policy.

TEXT = (
    "Joe is a hun. Every hun is a nurk. Each nurk is not bright. Each fep is rich. "
    "True or false: Joe is bright."
)
STEPS = (
    "Every hun is a nurk. Joe is a hun. So Joe is a nurk.\n\n",
    "Every nurk is not bright. Joe is a nurk. So Joe is not bright.\n\n",
    "The answer is False.",
)


def real_task(engine: Engine, answer: str) -> SearchTask:
    """One solution of three steps, with the engine's token ids."""
    text = "".join(STEPS)
    ids = engine.encode(text)
    assert ids is not None
    chars = engine.char_ends(ids)
    assert chars is not None
    ends = tuple(accumulate(map(len, STEPS)))
    token_ends = tuple(chars.index(end) + 1 for end in ends)
    prompt = Prompt(TEXT + "\n", engine.encode(TEXT + "\n"))
    cut = CutSolution(answer, "p", prompt, text, ends, ids, token_ends, tuple(chars))
    problem = replace(PROBLEM, text=TEXT, answer=answer)
    return SearchTask(problem, [Candidate(cut, Verdict.CORRECT)], 1.0, {})


async def real_scores(
    engine: Engine, folder: Path
) -> tuple[dict[tuple[str, int], float | None], list[Completion]]:
    """Of both answers, and what the engine writes after the second step."""
    tasks = [real_task(engine, answer) for answer in ("False", "True")]
    table = await annotate_answers(tasks, SETTINGS, buyer(folder, engine), "src")
    prompt = tasks[0].candidates[0].solution.prefix(2).prompt
    greedy = Request("p", prompt, 1, 0, Sampling(temperature=0), 0, logprobs=True)
    return scores(table.to_pylist()), await engine.complete(greedy)


def test_scores_are_those_of_the_engine_s_own_completion(tmp_path: Path) -> None:
    async def run() -> tuple[dict[tuple[str, int], float | None], list[Completion]]:
        engine = EmbeddedEngine(SMALL)
        await engine.start()
        try:
            return await real_scores(engine, tmp_path)
        finally:
            await engine.close()

    found, (written,) = asyncio.run(run())
    assert written.text == STEPS[2]
    assert written.logprobs is not None
    right, wrong = found["False", 1], found["True", 1]
    assert right is not None
    assert wrong is not None
    assert right == pytest.approx(sum(written.logprobs[3:]), abs=1e-3)  # The| answer| is| False|.
    assert math.exp(right) > 0.9
    assert math.exp(right) + math.exp(wrong) == pytest.approx(1.0, abs=0.05)


def test_scores_through_a_server_are_those_of_the_engine_behind_it(tmp_path: Path) -> None:
    async def run() -> None:
        engine = EmbeddedEngine(SMALL)
        await engine.start()
        async with running_server(engine) as server:
            client = OpenAIEngine(
                [server.url], "stub", revision="r1", tokenizer=SMALL / "tokenizer.json"
            )
            await client.start()
            try:
                own, _ = await real_scores(engine, tmp_path / "own")
                served, _ = await real_scores(client, tmp_path / "served")
            finally:
                await client.close()
                await engine.close()
        assert served == pytest.approx(own, abs=1e-3)
        assert len(served) == 6

    asyncio.run(run())
