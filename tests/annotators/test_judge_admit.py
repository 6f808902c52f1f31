"""The admission test of judges with known faults."""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from hashlib import blake2b
from pathlib import Path

import pytest

from annotators.judge.admit import AdmissionTest, Admitted, gate_of, probes_of
from annotators.judge.annotator import Judge, JudgeTask
from annotators.judge.probes.gate import gate
from annotators.judge.probes.probe import Probe
from pipeline.engines.base import Completion, Prompt
from tests.annotators.judge_scene import (
    FAILED_CALL,
    Says,
    engine_of,
    judge_of,
    purchaser_of,
    words,
)

COUNT = re.compile(r"Solution, (\d+) paragraphs")


def steps_of(prompt: Prompt) -> int:
    found = COUNT.search(prompt.text)
    assert found is not None
    return int(found[1])


def always(word: str) -> Says:
    return lambda prompt, _: words(*[word] * steps_of(prompt))


def at_random(prompt: Prompt, draw: int) -> str:
    digest = blake2b(prompt.text.encode(), digest_size=32).digest()
    return words(*("incorrect" if digest[at] % 2 else "correct" for at in range(steps_of(prompt))))


@cache
def by_prompt() -> dict[Prompt, Probe]:
    test = AdmissionTest.of(judge_of(always("correct")))
    return {test.judge.questions(_task(probe))[0][2]: probe for probe in test.probes}


def _task(probe: Probe) -> JudgeTask:
    return JudgeTask(probe.probe_id, probe.of, probe.problem, probe.steps, probe.answer)


def oracle(prompt: Prompt, draw: int) -> str:
    probe = by_prompt()[prompt]
    wrong = probe.first_error
    return words(*("incorrect" if step == wrong else "correct" for step in range(len(probe.steps))))


def result_of(judge: Judge, place: Path) -> Admitted:
    async def go() -> Admitted:
        async with purchaser_of(judge, place) as purchaser:
            return await AdmissionTest.of(judge).run(purchaser)

    return asyncio.run(go())


def reasons(judge: Judge, place: Path) -> list[str]:
    return gate(result_of(judge, place).admission, gate_of(judge.settings))


def test_a_judge_that_knows_passes(tmp_path: Path) -> None:
    found = result_of(judge_of(oracle), tmp_path)
    assert gate(found.admission, gate_of(judge_of(oracle).settings)) == []
    assert found.whole
    assert found.cases == []


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (always("correct"), ["the fooled rate may be as high as 1", "the sensitivity is 0.000"]),
        (always("incorrect"), ["the specificity is 0.000"]),
        (
            always("unknown"),
            ["the sensitivity is 0.000"],
        ),
        (
            lambda *_: "It is fine.",
            [
                "the fooled rate is undefined",
                "the sensitivity is 0.000",
                "the specificity is undefined",
            ],
        ),
        (
            lambda *_: FAILED_CALL,
            [
                "the fooled rate is undefined",
                "the sensitivity is 0.000",
                "the specificity is undefined",
            ],
        ),
    ],
    ids=["correct", "incorrect", "unknown", "prose", "fails"],
)
def test_why_a_judge_is_refused(says: Says, expected: list[str], tmp_path: Path) -> None:
    found = reasons(judge_of(says), tmp_path)
    for reason in expected:
        assert any(one.startswith(reason) for one in found), found


def test_a_random_judge_is_fooled(tmp_path: Path) -> None:
    found = result_of(judge_of(at_random), tmp_path)
    assert len(gate(found.admission, gate_of(judge_of(at_random).settings))) == 3
    assert len(found.cases) == 12


def test_each_probe_is_asked_once_in_each_mode(tmp_path: Path) -> None:
    judge = judge_of(always("correct"), modes=["each_step", "reverse"], samples=4)
    found = result_of(judge, tmp_path)
    probes = probes_of(judge.settings)
    requests = engine_of(judge).asked
    assert {request.n for request in requests} == {1}
    assert len(requests) == AdmissionTest.of(judge).cost()[0] <= 2 * len(probes)
    assert found.admission.probes == len(probes) >= 600


def test_a_test_with_a_failed_call_is_not_whole(tmp_path: Path) -> None:
    first = next(iter(by_prompt()))

    def says(prompt: Prompt, draw: int) -> str | Completion:
        return FAILED_CALL if prompt == first else oracle(prompt, draw)

    assert not result_of(judge_of(says), tmp_path).whole


def test_a_test_whose_second_try_failed_is_not_whole(tmp_path: Path) -> None:
    """The first answer cannot be read, and nobody knows what the second would have been."""

    def says(prompt: Prompt, draw: int) -> str | Completion:
        return FAILED_CALL if draw else "Fine."

    assert not result_of(judge_of(says), tmp_path).whole


def test_prose_is_whole(tmp_path: Path) -> None:
    assert result_of(judge_of(lambda *_: "Fine."), tmp_path).whole


def test_the_cost_is_what_the_test_reads_and_at_most_writes(tmp_path: Path) -> None:
    judge = judge_of(always("correct"), modes=["each_step"], max_tokens=400)
    calls, read, written = AdmissionTest.of(judge).cost()
    tokens = result_of(judge, tmp_path).admission.tokens
    assert read < tokens <= read + written
    assert written == 400 * calls


def test_modes_that_disagree_leave_a_step_unknown(tmp_path: Path) -> None:
    def says(prompt: Prompt, draw: int) -> str:
        word = "incorrect" if "reverse order" in prompt.text else "correct"
        return always(word)(prompt, draw)  # type: ignore[return-value]

    found = result_of(judge_of(says, modes=["each_step", "reverse"]), tmp_path).admission
    assert found.correct_if_fine.count == found.incorrect_if_fine.count == 0


def test_the_key_is_the_judges_and_the_probes_not_the_gates(tmp_path: Path) -> None:
    key = AdmissionTest.of(judge_of(oracle)).key
    same = judge_of(oracle, gate="warn", max_fooled=0.5, samples=7, budget_tokens=9)
    assert AdmissionTest.of(same).key == key
    assert AdmissionTest.of(judge_of(oracle, temperature=0.5)).key != key
    assert AdmissionTest.of(judge_of(oracle, modes=["reverse"])).key != key
    base = {"problem_id": "p", "text": "1 + 1", "answer": "2", "steps": ["1 + 1 = 2", "So 2."]}
    (tmp_path / "own.jsonl").write_text(json.dumps(base) + "\n", encoding="utf-8")
    own = judge_of(oracle, probes=str(tmp_path / "own.jsonl"))
    assert AdmissionTest.of(own).key != key
