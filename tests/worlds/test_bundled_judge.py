"""The bundled judge loads, is asked, and passes a part of the admission test, without torch."""

import asyncio
from pathlib import Path

import pytest

from annotators.judge.admit import AdmissionTest
from annotators.judge.probes.admission import Admission
from annotators.judge.probes.make import bundled_base, probes
from bench.judge_calls import BUNDLED, TEMPERATURE, asking


@pytest.fixture(scope="module")
def admission(tmp_path_factory: pytest.TempPathFactory) -> Admission:
    async def tried(out: Path) -> Admission:
        async with asking(BUNDLED, 1, TEMPERATURE, out) as (judge, buyer):
            test = AdmissionTest(judge, probes(bundled_base())[::5])
            return (await test.run(buyer)).admission

    return asyncio.run(tried(tmp_path_factory.mktemp("judge")))


def test_its_answers_are_read(admission: Admission) -> None:
    assert admission.answered.count >= 0.9 * admission.answered.of


def test_it_finds_planted_errors(admission: Admission) -> None:
    assert admission.sensitivity.count >= 0.5 * admission.sensitivity.of


def test_it_leaves_faultless_solutions_alone(admission: Admission) -> None:
    assert admission.specificity.count >= 0.8 * admission.specificity.of


def test_it_is_not_fooled(admission: Admission) -> None:
    assert admission.fooled.of >= 100
    assert admission.fooled.count <= 1
