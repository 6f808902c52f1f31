"""The stub engine: deterministic, at known rates, with exact truth."""

import asyncio
from pathlib import Path

import pytest

from pipeline.engines.base import Completion, Prompt, Request, Sampling
from pipeline.engines.stub import StubEngine, toy_problems, toy_truth
from pipeline.errors import PolicyError

TEXT = "Add up: 3 + 5 + 8 + 2"
RIGHT = "3 + 5 = 8\n\n8 + 8 = 16\n\n16 + 2 = 18\n\nThe answer is 18."


def draw(
    spec: str, prompt: str = TEXT, n: int = 1, first: int = 0, sampling: Sampling | None = None
) -> list[Completion]:
    async def run() -> list[Completion]:
        engine = StubEngine(spec)
        await engine.start()
        request = Request("p", Prompt(prompt), n, first, sampling or Sampling(), seed=7)
        try:
            return await engine.complete(request)
        finally:
            await engine.close()

    return asyncio.run(run())


def test_without_errors_the_solution_is_the_sum() -> None:
    ids = tuple(map(ord, RIGHT))
    assert draw("error=0") == [Completion(RIGHT, "stop", len(RIGHT) + 1, ids)]


def test_a_prefix_is_continued_at_the_step_boundary() -> None:
    (completion,) = draw("error=0", TEXT + "\n\n3 + 5 = 8\n\n")
    assert completion.text == "8 + 8 = 16\n\n16 + 2 = 18\n\nThe answer is 18."


def test_a_prefix_without_its_delimiter_gets_it_first() -> None:
    (completion,) = draw("error=0", TEXT + "\n\n3 + 5 = 8\n\n8 + 8 = 16\n\n16 + 2 = 18")
    assert completion.text == "\n\nThe answer is 18."


def test_a_wrong_total_is_carried_on() -> None:
    (completion,) = draw("error=0,repair=0,luck=0", TEXT + "\n\n3 + 5 = 9\n\n")
    assert completion.text == "9 + 8 = 17\n\n17 + 2 = 19\n\nThe answer is 19."


def test_repair_returns_to_the_true_total_in_silence() -> None:
    (completion,) = draw("error=0,repair=1", TEXT + "\n\n3 + 5 = 9\n\n")
    assert completion.text == "8 + 8 = 16\n\n16 + 2 = 18\n\nThe answer is 18."


def test_luck_states_the_right_answer_after_wrong_steps() -> None:
    (completion,) = draw("error=0,repair=0,luck=1", TEXT + "\n\n3 + 5 = 9\n\n")
    assert completion.text == "9 + 8 = 17\n\n17 + 2 = 19\n\nThe answer is 18."


def test_a_finished_solution_ends_at_once() -> None:
    assert draw("", f"{TEXT}\n\n{RIGHT}") == [Completion("", "stop", 1, ())]


def test_batch_and_order_change_nothing() -> None:
    together = draw("error=0.3", n=8)
    assert [draw("error=0.3", first=index)[0] for index in (5, 2)] == [together[5], together[2]]
    assert len(set(together)) > 1


def test_the_error_rate_is_the_one_asked_for() -> None:
    wrong = sum("3 + 5 = 8\n" not in completion.text for completion in draw("error=0.2", n=4000))
    assert 700 < wrong < 900


def test_completions_do_not_change_between_releases() -> None:
    # journals of earlier runs hold these
    assert [completion.text[-3:-1] for completion in draw("error=0.3", n=6)] == [
        "18",
        "17",
        " 9",
        "18",
        "18",
        "18",
    ]


def test_max_tokens_cuts() -> None:
    assert draw("error=0", sampling=Sampling(max_tokens=5)) == [
        Completion("3 + 5", "length", 5, (51, 32, 43, 32, 53))
    ]


def test_stop_string_cuts_before_it() -> None:
    assert draw("error=0", sampling=Sampling(stop=("\n\n",)))[0].text == "3 + 5 = 8"


def test_failed_and_garbled_completions() -> None:
    assert draw("fail=1") == [Completion("", "failed", 0)]
    assert draw("error=0,garble=1")[0].text.endswith("\n\nI have lost count.")


def test_unknown_key_is_a_policy_error() -> None:
    with pytest.raises(PolicyError, match=r"unknown key 'eror'.*error, repair"):
        StubEngine("eror=0.1")


def test_identity_follows_rates_and_revision_only(tmp_path: Path) -> None:
    base = StubEngine("").identity
    assert StubEngine(f"latency_ms=3,log={tmp_path}/x").identity == base
    assert StubEngine("revision=b").identity != base
    assert StubEngine("error=0.5").identity != base


def test_log_has_a_line_for_each_delivered_completion(tmp_path: Path) -> None:
    log = tmp_path / "bought"
    draw(f"log={log}", n=2, first=3)
    draw(f"log={log}", n=1, first=9)
    lines = [line.split() for line in log.read_text().splitlines()]
    assert [draw for _, draw in lines] == ["3", "4", "9"]
    assert len({digest for digest, _ in lines}) == 1


def test_char_ends_are_code_points() -> None:
    assert StubEngine("").char_ends((51, 128512, 10)) == [1, 2, 3]


def test_toy_problems_are_a_function_of_the_seed() -> None:
    problems = toy_problems(3, seed=1)
    assert problems == toy_problems(5, seed=1)[:3]
    assert problems[0]["problem_id"] == "toy-1-00000"
    assert set(problems[0]) == {
        "problem_id", "text", "answer", "answer_type", "domain", "source", "language",
    }  # fmt: skip


def test_toy_truth_finds_the_wrong_step_only() -> None:
    steps = ["3 + 5 = 9\n\n", "9 + 8 = 17\n\n", "17 + 2 = 19\n\n", "The answer is 19."]
    assert toy_truth(TEXT, steps) == ["incorrect", "correct", "correct", "correct"]


def test_toy_truth_lets_a_repair_pass_and_not_a_wrong_addend() -> None:
    steps = ["3 + 5 = 9", "8 + 8 = 16", "16 + 3 = 19", "Hm.", "The answer is 20."]
    assert toy_truth(TEXT, steps) == ["incorrect", "correct", "incorrect", "unknown", "incorrect"]


def test_log_probabilities_are_unknown_also_where_they_are_asked_for() -> None:
    async def run() -> list[Completion]:
        request = Request("p", Prompt(TEXT), 2, 0, Sampling(), seed=7, logprobs=True)
        return await StubEngine("error=0").complete(request)

    assert [completion.logprobs for completion in asyncio.run(run())] == [None, None]
