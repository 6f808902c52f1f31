"""`stepsmith fault-server`: an OpenAI-compatible server that fails as often as it is told to.

It shows how a run's settings behave when a server answers 429, hangs, or sends half a JSON, before
a real one does. The same arguments plant the same faults in the same requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.engines.faults import fault_plan
from pipeline.engines.server import serve
from pipeline.errors import InputError

ENGINES = ("stub", "embedded")


def fault_server_command(
    engine: str,
    model: str,
    *,
    port: int,
    name: str,
    faults: Sequence[str],
    first: int,
    seed: int,
    log: Path | None,
) -> None:
    """Serves until Ctrl-C; prints the URL first, then what it planted. Raises StepsmithError."""
    if engine not in ENGINES:
        raise InputError(f"--engine {engine}: must be one of {', '.join(ENGINES)}")
    plan = fault_plan(faults, seed, first)
    serve(engine, model, port=port, name=name, faults=plan, log=log)
