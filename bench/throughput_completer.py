"""What the stub server answers to distilabel's Math-Shepherd completer. (Filled in below.)"""

from __future__ import annotations

from collections.abc import Callable

from pipeline.engines.base import Request


def complete_solution(model: str) -> Callable[[Request], list[str] | None]:
    raise NotImplementedError(model)
