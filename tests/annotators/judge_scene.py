"""A judge with a known opinion, and what a purchaser needs to ask it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from annotators.judge.annotator import Judge, JudgeTask, templates_of
from annotators.judge.settings import JudgeSettings
from pipeline.engines.base import Completion, Prompt
from pipeline.engines.build import sampling_of
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.purchase import Purchaser
from tests.scripted_engine import ScriptedEngine

Says = Callable[[Prompt, int], str | Completion]
FAILED_CALL = Completion("", "failed", 0)


def words(*said: str) -> str:
    verdicts = {str(step): word for step, word in enumerate(said)}
    return json.dumps({"critique": "c", "verdicts": verdicts, "correction": ""})


def judge_of(says: Says, **settings: object) -> Judge:
    """Sampling of two draws where `settings` do not say otherwise."""
    given = JudgeSettings.model_validate({"engine": "stub", "samples": 2, **settings})
    engine = ScriptedEngine(says)
    return Judge("judge", given, templates_of(given), engine.identity, engine)


def asked(judge: Judge) -> list[tuple[int, int]]:
    """(first draw, how many) of each request, in order."""
    assert isinstance(judge.engine, ScriptedEngine)
    return [(request.first_draw, request.n) for request in judge.engine.asked]


def engine_of(judge: Judge) -> ScriptedEngine:
    assert isinstance(judge.engine, ScriptedEngine)
    return judge.engine


@asynccontextmanager
async def purchaser_of(judge: Judge, folder: Path, live: bool = True) -> AsyncIterator[Purchaser]:
    journal = Journal(folder / "journal")
    journal.load()
    engine = judge.engine if live else None
    sampling = sampling_of(judge.settings)
    try:
        yield Purchaser(engine, judge.identity, sampling, 0, journal, Meter())
    finally:
        await journal.close()


def task(name: str = "s", steps: int = 2, reference: str | None = "8") -> JudgeTask:
    """Steps of tasks with the same letter begin alike."""
    texts = tuple(f"step {number} of {name[0]}" for number in range(steps))
    return JudgeTask(name, "p", "Add up: 3 + 5", texts, reference)
