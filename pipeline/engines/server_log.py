"""The log of a server that we started, read for what to tell the user.

Guarantees: the last lines since a given place, at most LINES of them, without what an interpreter
says of leaks on its way out; reads 64 KiB at most. A log that is not there has no lines.
"""

from __future__ import annotations

import re
from pathlib import Path

LINES = 15
_BYTES = 65536
_WIDTH = 300  # characters of a line: vLLM writes its whole configuration into one
# What stands behind the reason in the log of a vLLM that died.
_NOISE = re.compile(
    r"nanobind: | - leaked | - \.\.\. skipped|See https://nanobind|.*resource_tracker|"
    r"\s*warnings\.warn\("
)


def size(log: Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0


def last_lines(log: Path, since: int = 0) -> list[str]:
    """Lines from byte `since` on."""
    try:
        with log.open("rb") as file:
            file.seek(max(since, size(log) - _BYTES))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    lines = [line.rstrip()[:_WIDTH] for line in text.splitlines()]
    return [line for line in lines if line and not _NOISE.match(line)][-LINES:]
