"""A judge that lives in a folder, ready to be asked; its calls are in a journal, paid once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from annotators.judge.annotator import Judge, templates_of
from annotators.judge.settings import JudgeSettings
from pipeline.engines.build import build_engine, sampling_of
from pipeline.journal import Journal
from pipeline.meter import Meter
from pipeline.purchase import Purchaser

BUNDLED = Path("data/judges/small")
NAME = "judge"
# The bundled judge's one best opinion. Draws of it accept 0 to 3 of 580 master keys, where the gate
# allows one.
TEMPERATURE, SAMPLES = 0.0, 1


@asynccontextmanager
async def asking(
    folder: Path, samples: int, temperature: float, out: Path
) -> AsyncIterator[tuple[Judge, Purchaser]]:
    """`folder`: weights and prompts. `out`: where the journal is."""
    settings = JudgeSettings(
        engine="embedded",
        model=str(folder),
        prompts=str(folder / "prompts"),
        samples=samples,
        max_tokens=256,
        temperature=temperature,
    )
    engine = build_engine(settings, 120)
    await engine.start()
    journal = Journal(out / "journal")
    journal.load()
    try:
        judge = Judge(NAME, settings, templates_of(settings), engine.identity, engine)
        yield (
            judge,
            Purchaser(engine, engine.identity, sampling_of(settings), 0, journal, Meter()),
        )
    finally:
        await journal.close()
        await engine.close()
