"""The progress of a run: a live line in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.meter import Meter

PLAIN_EVERY_S = 15.0


@contextmanager
def progress(meter: Meter) -> Iterator[None]:
    """Show `meter` on standard error while the block runs."""
    stop = threading.Event()
    console = Console(stderr=True)
    show = _live if console.is_terminal else _plain
    thread = threading.Thread(target=show, args=(meter, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _live(meter: Meter, console: Console, stop: threading.Event) -> None:
    with Live(Text(""), console=console, refresh_per_second=4, transient=True) as live:
        speed = _Speed(meter)
        while not stop.wait(0.5):
            live.update(Text(speed.line()))


def _plain(meter: Meter, console: Console, stop: threading.Event) -> None:
    speed = _Speed(meter)
    while not stop.wait(PLAIN_EVERY_S):
        print(speed.line(), file=sys.stderr, flush=True)


class _Speed:
    """The line, with speeds over the last half minute."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._seen: list[tuple[float, int, int]] = []
        self._started = time.monotonic()

    def line(self) -> str:
        meter, now = self._meter, time.monotonic()
        self._seen.append((now, meter.bought, meter.tokens))
        self._seen = [row for row in self._seen if now - row[0] <= 30.0]
        then, bought, tokens = self._seen[0]
        span = max(now - then, 1e-9)
        done = sum((meter.stages + meter.stages_cached).values())
        total = sum(meter.stages_total.values())
        fresh = sum(meter.stages.values())
        left = "?"
        if fresh:
            left = _clock((total - done) * (now - self._started) / fresh)
        return (
            f"stages {done}/{total}  completions {meter.bought:,} ({meter.cached:,} cached, "
            f"{meter.failed:,} failed)  running {meter.running:,}  "
            f"{(meter.bought - bought) / span:,.0f} completions/s  "
            f"{(meter.tokens - tokens) / span:,.0f} tokens/s  left {left}"
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
