"""What is asked of a judge, what it costs, and the rows it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from annotators.judge.annotator import Judge, Judged, JudgeTask, judge_solutions
from pipeline.engines.base import Completion, Prompt
from tests.annotators.judge_scene import (
    FAILED_CALL,
    asked,
    engine_of,
    judge_of,
    purchaser_of,
    task,
    words,
)


def run(
    judge: Judge,
    tasks: Sequence[JudgeTask],
    place: Path,
    allowance: int | None = None,
    live: bool = True,
) -> Judged:
    async def go() -> Judged:
        async with purchaser_of(judge, place, live) as purchaser:
            return await judge_solutions(tasks, judge, purchaser, allowance)

    return asyncio.run(go())


def counts(judged: Judged) -> list[tuple[int, int, int, int]]:
    """(step, correct, incorrect, unknown) of each row of evidence."""
    columns = ("step", "correct", "incorrect", "unknown")
    return [tuple(row[name] for name in columns) for row in judged.evidence.to_pylist()]


def calls(judged: Judged) -> list[dict[str, Any]]:
    return list(judged.judgements.to_pylist())


def spent(judged: Judged) -> int:
    return sum(row["tokens"] + row["prompt_tokens"] for row in calls(judged))


def test_votes_of_all_draws_are_counted_step_by_step(tmp_path: Path) -> None:
    said = [words("correct", "incorrect"), words("correct", "unknown")]
    judged = run(judge_of(lambda _, draw: said[draw]), [task()], tmp_path)
    assert counts(judged) == [(0, 2, 0, 0), (1, 0, 1, 1)]


def test_each_mode_is_a_source_of_its_own(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: words("correct", "correct"), modes=["each_step", "reverse"])
    judged = run(judge, [task()], tmp_path)
    assert counts(judged) == [(0, 2, 0, 0), (1, 2, 0, 0)] * 2
    sources = judged.evidence.column("source").to_pylist()
    assert sources == [judge.source(mode) for mode in judge.modes for _ in range(2)]
    assert len(set(sources)) == 2


def test_a_first_error_critique_says_nothing_after_the_step_it_names(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: '{"critique": "3", "first_error": 1}', modes=["first_error"])
    judged = run(judge, [task(steps=4)], tmp_path)
    assert counts(judged) == [(0, 2, 0, 0), (1, 0, 2, 0)]
    assert set(judged.evidence.column("target").to_pylist()) == {"prefix_correct"}


def test_the_tokens_of_the_evidence_are_those_of_the_calls(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: '{"critique": "3", "first_error": 1}', modes=["first_error"])
    judged = run(judge, [task(steps=7)], tmp_path)
    written = sum(row["tokens"] for row in calls(judged))
    assert sum(judged.evidence.column("tokens").to_pylist()) == written


def test_prose_is_asked_for_once_more_and_is_unknown_then(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: "It is fine.")
    judged = run(judge, [task()], tmp_path)
    assert sorted(asked(judge)) == [(0, 2), (2, 1), (3, 1)]
    assert counts(judged) == [(0, 0, 0, 2), (1, 0, 0, 2)]
    assert [(row["draw"], row["retried"], row["reason"]) for row in calls(judged)] == [
        (0, True, "unparsable"),
        (1, True, "unparsable"),
        (2, False, "unparsable"),
        (3, False, "unparsable"),
    ]


def test_a_second_answer_stands_for_the_first(tmp_path: Path) -> None:
    said = ["hm", words("correct", "correct"), words("correct", "incorrect")]
    judged = run(judge_of(lambda _, draw: said[draw]), [task()], tmp_path)
    assert counts(judged) == [(0, 2, 0, 0), (1, 1, 1, 0)]


def test_a_cut_answer_says_so(tmp_path: Path) -> None:
    cut = Completion('{"critique": "and', "length", 20)
    judged = run(judge_of(lambda *_: cut), [task()], tmp_path)
    assert {row["reason"] for row in calls(judged)} == {"truncated"}


def test_a_failed_call_is_unknown_and_not_asked_again(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: FAILED_CALL)
    judged = run(judge, [task()], tmp_path)
    assert asked(judge) == [(0, 2)]
    assert counts(judged) == [(0, 0, 0, 2), (1, 0, 0, 2)]
    assert judged.tokens == 0


def test_a_retry_that_fails_leaves_the_first_answer_unknown(tmp_path: Path) -> None:
    judge = judge_of(lambda _, draw: "hm" if draw < 2 else FAILED_CALL)
    judged = run(judge, [task()], tmp_path)
    assert counts(judged) == [(0, 0, 0, 2), (1, 0, 0, 2)]
    assert [row["retried"] for row in calls(judged)] == [False, False]


def test_solutions_that_begin_alike_share_the_calls_of_their_steps(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: '{"critique": "", "verdict": "correct"}', modes=["one_step"])
    judged = run(judge, [task("a1", 2), task("a2", 3)], tmp_path)
    assert asked(judge) == [(0, 2)] * 3
    assert counts(judged) == [(step, 2, 0, 0) for step in (0, 1, 0, 1, 2)]
    assert judged.tokens == spent(judged)
    paid = sum(len('{"critique": "", "verdict": "correct"}') + 1 for _ in range(6))
    assert sum(row["tokens"] for row in calls(judged)) == paid


def test_a_call_about_one_step_names_no_first_error(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: '{"critique": "", "verdict": "incorrect"}', modes=["one_step"])
    judged = run(judge, [task()], tmp_path)
    assert {row["first_error"] for row in calls(judged)} == {None}
    assert [row["verdicts"] for row in calls(judged)] == [[0]] * 4


def test_who_knows_no_answer_is_not_asked_with_a_reference(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: words("correct", "correct"), modes=["reference"])
    judged = run(judge, [task("a"), task("b", reference=None)], tmp_path)
    assert set(judged.judgements.column("solution_id").to_pylist()) == {"a"}


@pytest.mark.parametrize("constrain", [True, False])
def test_the_schema_goes_with_the_request(constrain: bool, tmp_path: Path) -> None:
    judge = judge_of(lambda *_: words("correct", "correct"), constrain=constrain)
    run(judge, [task()], tmp_path)
    (request,) = engine_of(judge).asked
    assert request.sampling.schema == (judge.modes[0].schema(2) if constrain else "")


def thinks(prompt: Prompt, draw: int) -> str:
    return words("correct", "incorrect") if "</think>" in prompt.text else f"Hm {draw}"


def test_a_thought_is_ended_when_its_budget_is_spent(tmp_path: Path) -> None:
    judge = judge_of(thinks, reasoning_tokens=50, max_tokens=9)
    judged = run(judge, [task()], tmp_path)
    first, *concluding = engine_of(judge).asked
    assert first.sampling.max_tokens == 50
    assert first.sampling.stop == ("</think>",)
    assert first.sampling.schema == ""
    assert {request.sampling.max_tokens for request in concluding} == {9}
    assert all(request.prompt.text.endswith("</think>\n\n") for request in concluding)
    assert counts(judged) == [(0, 2, 0, 0), (1, 0, 2, 0)]


def test_what_was_thought_is_read_again_for_the_answer(tmp_path: Path) -> None:
    judge = judge_of(thinks, reasoning_tokens=50)
    ((_, _, prompt),) = judge.questions(task())
    judged = run(judge, [task()], tmp_path)
    read, thought = judge.prompt_tokens(prompt), len("Hm 0") + 1
    assert [row["prompt_tokens"] for row in calls(judged)] == [
        2 * read + thought,
        read + thought,
    ]


CHAT = {"engine": "openai", "model": "m", "base_urls": ["http://x/v1"], "api": "chat"}


def test_a_chat_thinks_and_answers_in_one_request(tmp_path: Path) -> None:
    said = "<think>\nHm {}\n</think>\n\n" + words("correct", "incorrect")
    judge = judge_of(lambda *_: said, reasoning_tokens=50, max_tokens=9, **CHAT)
    judged = run(judge, [task()], tmp_path)
    (request,) = engine_of(judge).asked
    assert request.sampling.max_tokens == 59
    assert counts(judged) == [(0, 2, 0, 0), (1, 0, 2, 0)]


def test_a_chat_may_keep_its_thoughts_to_itself(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: words("correct", "incorrect"), reasoning_tokens=50, **CHAT)
    assert counts(run(judge, [task()], tmp_path)) == [(0, 2, 0, 0), (1, 0, 2, 0)]


def test_a_thought_that_was_cut_is_no_answer(tmp_path: Path) -> None:
    cut = Completion(words("correct", "incorrect"), "length", 59)
    judge = judge_of(lambda *_: cut, reasoning_tokens=50, **CHAT)
    assert counts(run(judge, [task()], tmp_path)) == [(0, 0, 0, 2), (1, 0, 0, 2)]


def longest(prompt: Prompt, draw: int) -> Completion:
    """Nothing that can be read, and all the tokens there are."""
    return Completion("x" * 10, "length", 30)


@pytest.mark.parametrize("settings", [{}, {"reasoning_tokens": 30}, {"modes": ["one_step"]}])
@pytest.mark.parametrize("allowance", [0, 500, 3_000, 20_000])
def test_an_allowance_is_never_exceeded(
    settings: dict[str, Any], allowance: int, tmp_path: Path
) -> None:
    judge = judge_of(longest, max_tokens=30, **settings)
    tasks = [task(f"{letter}") for letter in "abcdefgh"]
    judged = run(judge, tasks, tmp_path, allowance)
    assert judged.tokens == spent(judged) <= allowance
    solutions = judged.judgements.column("solution_id").to_pylist()
    assert list(dict.fromkeys(solutions)) == list("abcdefgh")[: judged.asked]


def test_what_is_left_of_an_allowance_is_spent_on_the_next(tmp_path: Path) -> None:
    judge = judge_of(lambda *_: words("correct", "correct"), max_tokens=1000)
    tasks = [task(letter) for letter in "abcdefgh"]
    (whole,) = {run(judge, [one], tmp_path).tokens for one in tasks}
    judged = run(judge, tasks, tmp_path, 4 * 1000 + 12 * whole)
    assert judged.asked == 8


def test_a_replay_and_a_second_run_say_the_same_and_buy_nothing(tmp_path: Path) -> None:
    judge = judge_of(lambda _, draw: words("correct", "correct") if draw % 2 else "hm")
    tasks = [task(letter) for letter in "abc"]
    first = run(judge, tasks, tmp_path, 10_000)
    bought = len(engine_of(judge).asked)
    assert run(judge, tasks, tmp_path, 10_000) == first
    assert run(judge, tasks, tmp_path, 10_000, live=False) == first
    assert len(engine_of(judge).asked) == bought


def test_a_lone_surrogate_in_an_answer_is_written(tmp_path: Path) -> None:
    said = r'{"critique": "\ud83d", "verdicts": ["correct", "incorrect"], "correction": ""}'
    judged = run(judge_of(lambda *_: said), [task()], tmp_path)
    assert calls(judged)[0]["critique"] == "\ufffd"
