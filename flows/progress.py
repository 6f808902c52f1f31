"""How far a run is, while it runs: a few live lines in a terminal, else a line every 15 seconds."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table

from flows.context import RunContext
from pipeline.engines.base import Load

PLAIN_EVERY_S = 15.0
SPAN_S = 30.0  # that speeds are of


@contextmanager
def progress(context: RunContext) -> Iterator[None]:
    """Show a run on standard error while the block runs."""
    stop = threading.Event()
    console = Console(stderr=True)
    show = _live if console.is_terminal else _plain
    thread = threading.Thread(target=show, args=(View(context), console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _live(view: View, console: Console, stop: threading.Event) -> None:
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while not stop.wait(0.5):
            table = Table.grid(padding=(0, 2))
            for what, said in view.rows():
                table.add_row(what, said)
            live.update(table)


def _plain(view: View, console: Console, stop: threading.Event) -> None:
    while not stop.wait(PLAIN_EVERY_S):
        print(
            "  ".join(f"{what} {said}" for what, said in view.rows()), file=sys.stderr, flush=True
        )


class View:
    """What there is to see of a run, with speeds over the last half minute."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._seen: list[tuple[float, int, int]] = []
        self._started = time.monotonic()

    def rows(self) -> list[tuple[str, str]]:
        """What, and how it stands; what has nothing to say is left out."""
        meter, limits = self._context.meter, self._context.limits
        load = self.load()
        bought, tokens = self._speeds()
        running = f"{load.running or meter.running:,}"
        if load.limit:
            running += f" of {load.limit:,}, {load.waiting:,} wait"
        rows = [
            ("stages", f"{self._done():,}/{sum(meter.stages_total.values()):,}"),
            ("completions", f"{meter.bought:,} ({bought:,.0f}/s)"),
            ("tokens", f"{meter.tokens:,} ({tokens:,.0f}/s)"),
            ("running", running),
        ]
        if load.prompt_tokens:
            share = (load.prompt_tokens_cached or 0) / load.prompt_tokens
            rows.append(("prefix cache", f"{share:.0%} of {load.prompt_tokens:,} prompt tokens"))
        saved = {"journal": meter.tokens_cached, "early stop": meter.tokens_spared}
        said = ", ".join(f"{what} {count:,}" for what, count in saved.items() if count)
        if said:
            rows.append(("tokens saved", said))
        errors = self.errors()
        if errors:
            rows.append(("errors", ", ".join(f"{kind} x{n:,}" for kind, n in errors.items())))
        rows.append(("left", ", ".join(filter(None, (self._time_left(), limits.left())))))
        if limits.reached:
            rows.append(("limit reached", f"{limits.reached}: nothing more is bought"))
        return rows

    def load(self) -> Load:
        """Of all engines together."""
        loads = [engine.load() for engine in self._context.engines]
        meter = self._context.meter
        asked = [load for load in loads if load.prompt_tokens is not None]
        if meter.prompt_tokens:
            asked.append(
                Load(
                    prompt_tokens=meter.prompt_tokens,
                    prompt_tokens_cached=meter.prompt_tokens_cached,
                )
            )
        return Load(
            running=sum(load.running for load in loads),
            waiting=sum(load.waiting for load in loads),
            limit=sum(load.limit for load in loads),
            prompt_tokens=sum(load.prompt_tokens or 0 for load in asked) if asked else None,
            prompt_tokens_cached=sum(load.prompt_tokens_cached or 0 for load in asked)
            if asked
            else None,
        )

    def errors(self) -> dict[str, int]:
        """By kind, most frequent first."""
        found = Counter(self._context.meter.errors)
        for engine in self._context.engines:
            found.update(engine.troubles)
        return dict(found.most_common())

    def _done(self) -> int:
        meter = self._context.meter
        return sum((meter.stages + meter.stages_cached).values())

    def _speeds(self) -> tuple[float, float]:
        """Completions and tokens a second."""
        meter, now = self._context.meter, time.monotonic()
        self._seen.append((now, meter.bought, meter.tokens))
        self._seen = [row for row in self._seen if now - row[0] <= SPAN_S]
        then, bought, tokens = self._seen[0]
        span = max(now - then, 1e-9)
        return (meter.bought - bought) / span, (meter.tokens - tokens) / span

    def _time_left(self) -> str:
        """By the stages that are done: the first ones say little."""
        meter = self._context.meter
        fresh = sum(meter.stages.values())
        if not fresh:
            return "?"
        missing = sum(meter.stages_total.values()) - self._done()
        return _clock(missing * (time.monotonic() - self._started) / fresh)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
