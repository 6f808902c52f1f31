"""The throughput benchmark's pure parts: tokens, integrals, demand, the completer, rows."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import throughput_tokens as tokens
from bench.throughput_completer import CompleterEngine, as_steps, toy_prompt
from bench.throughput_distilabel import first_error_f1, first_minus
from bench.throughput_integrals import (
    area_at,
    demand_span,
    mean_running,
    shard_of,
    tail,
    work_span,
)
from bench.throughput_profile import of_thread
from bench.throughput_record import Asked, speed
from bench.throughput_table import Row
from pipeline.engines.base import Request, Sampling, chat_prompt
from pipeline.engines.stub import StubEngine

# time, running, waiting, running area, waiting area, sequences
SERIES = [[0.0, 0, 0, 0.0, 0.0, 0], [1.0, 4, 2, 4.0, 0.0, 0], [3.0, 2, 0, 8.0, 4.0, 5]]


@given(st.text())
def test_tokens_are_lossless(text: str) -> None:
    ids = tokens.encode(text)
    assert tokens.decode(ids) == text
    assert len(ids) == tokens.count(text)
    assert tokens.char_ends(ids)[-1:] == ([len(text)] if text else [])


def test_a_token_is_three_characters() -> None:
    assert [tokens.decode([one]) for one in tokens.encode("The answer")] == [
        "The",
        " an",
        "swe",
        "r",
    ]


def test_an_id_of_no_text_is_refused() -> None:
    with pytest.raises(ValueError, match="no token"):
        tokens.decode([0])


def test_areas_lie_straight_between_rows_and_stay_beyond_them() -> None:
    assert [area_at(SERIES, time) for time in (-1.0, 0.5, 2.0, 9.0)] == [0.0, 2.0, 6.0, 8.0]
    assert mean_running(SERIES, 1.0, 3.0) == 2.0
    assert mean_running(SERIES, 1.0, 1.0) == 0.0


def test_demand_lasts_from_the_first_moment_to_the_last_dips_and_all() -> None:
    wanted = [(0, 10), (1, 300), (2, 20), (3, 256), (4, 255), (5, 1)]
    assert demand_span(wanted, 256) == (1, 3)
    assert demand_span([(0, 10)], 256) is None


def test_the_work_begins_with_the_first_problem_not_with_the_clients_probe() -> None:
    requests = [
        ["probe", 1, 0.0, 0.1, 1],
        ["toy-5-00001", 8, 2.0, 3.0, 9],
        ["toy-5-00000", 8, 1.0, 7.0, 9],
    ]
    assert work_span(requests) == (1.0, 7.0)


def test_a_tail_names_its_problems_and_the_longest_chain() -> None:
    requests = [
        ["toy-5-00000", 8, 0.0, 1.0, 1],
        ["toy-5-00001", 8, 0.5, 2.0, 1],
        ["toy-5-00001", 8, 2.0, 2.5, 1],
        ["toy-5-00064", 8, 1.5, 3.0, 1],
    ]
    found = tail({"requests": requests, "series": SERIES}, 1.0, shard_problems=64)
    assert (found.seconds, found.problems, found.shards) == (2.0, 2, 2)
    assert (found.longest, found.longest_seconds) == (2, 1.5)
    assert found.mean_running == 2.0
    assert shard_of("toy-5-00130", 64) == 2


def _asked(arrived: float, ended: float, n: int, made: int) -> Asked:
    return Asked(arrived, ended, n, [1], made, 16, 1.0, 1.0, 0, [], False)


def test_speed_counts_tokens_when_they_are_answered() -> None:
    asked = [_asked(0, 2, 4, 10), _asked(1, 3, 4, 10), _asked(3, 5, 2, 10)]
    found = speed(asked, slots=8)
    assert (found.tokens, found.seconds) == (30, 5)
    assert (found.demand_tokens, found.demand_seconds) == (10, 1)
    assert found.rate == 6.0


def test_speed_without_demand_has_none() -> None:
    assert speed([_asked(0, 2, 4, 10)], slots=8).demand_rate == 0.0


def test_a_completers_prompt_becomes_ours_and_back() -> None:
    instruction = "Add up: 3 + 5 + 8 Step 1: 3 + 5 = 8\nStep 2: 8 + 8 = 16\n"
    assert toy_prompt(instruction) == ("Add up: 3 + 5 + 8\n3 + 5 = 8\n\n8 + 8 = 16\n\n", 2)
    assert toy_prompt("Add up: 3 + 5") == ("Add up: 3 + 5\n", 0)
    text = "8 + 8 = 16\n\nThe answer is 16."
    assert as_steps(text, done=1) == "Step 2: 8 + 8 = 16\nThe answer is: 16"


def test_a_chat_of_the_completer_is_answered_with_as_many_solutions_as_it_asks_for() -> None:
    chat = chat_prompt(
        [
            ("system", "You are a math teacher."),
            (
                "user",
                "Generate 2 example solutions to the same problem, separated …\n"
                "This is the problem:\nAdd up: 3 + 5 + 8 Step 1: 3 + 5 = 8",
            ),
        ]
    )
    request = Request("", chat, 1, 0, Sampling(), seed=0)
    (found,) = asyncio.run(CompleterEngine(StubEngine("error=0")).complete(request))
    assert found.text == "\n\n---\n\n".join(["Step 2: 8 + 8 = 16\nThe answer is: 16"] * 2)


def test_a_step_of_the_completer_without_a_tag_is_no_label() -> None:
    assert first_minus(["Step 1: a +", "Step 2: b -", "Step 3: c +"]) == 1
    assert first_minus(["Step 1: a +", "Step 2: b The answer is: 3 +"]) == -1
    assert first_minus(["Step 1: a", "Step 2: b -"]) is None
    assert first_minus(None) is None


def test_first_error_f1_is_that_of_processbench() -> None:
    assert first_error_f1([(2, 2), (1, 3), (-1, -1), (-1, -1)]) == pytest.approx(2 / 3)
    assert first_error_f1([(2, None), (-1, -1)]) == 0.0


def test_a_row_says_whether_its_bar_is_met() -> None:
    assert Row("a", 0.98, at_least=0.97).met is True
    assert Row("a", 0.31, at_most=0.30).met is False
    assert Row("a", 1.0).met is None
    assert Row("a", 0.9, at_least=0.97, unit="%").bar == "≥ 97.0 %"


def test_a_profile_counts_a_function_once_a_stack() -> None:
    raw = (
        "thread (1): engine-loop;run (a.py:1);f (b.py:2);f (b.py:9) 3\n"
        "thread (2): ThreadPoolExecutor-0_1;work (c.py:1) 1\n"
    )
    lines = of_thread(raw, "engine-loop").splitlines()
    assert lines[0] == "samples: 4"
    assert lines.count(" 100.0 %  f (b.py)") == 2  # with what it calls, and by itself
