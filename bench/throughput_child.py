"""`stepsmith` as it is, in a process that notes ten times a second what the run has done.

    python -m bench.throughput_child FILE [--record FILE] label RECIPE …

FILE gets a JSON line a sample: the monotonic time, the processor seconds of the process (all of
its threads), those of its Python threads by name, and the counts of the run's meter. What the
sampler itself costs is in the figures, under its own name. With `--record`, what the run asks of
its engines is written down too (bench/throughput_record.py).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

from bench.throughput_record import record_engines, write

EVERY_S = 0.1
THREADS_EVERY = 10  # samples: many small files are read for it


def sample() -> dict[str, Any]:
    row: dict[str, Any] = {"time": time.monotonic(), "cpu": time.process_time()}
    live = sys.modules.get("flows.live")
    for run in list(getattr(live, "RUNS", {}).values()):
        meter = run.context.meter
        row["meter"] = {
            one.name: value
            for one in fields(meter)
            if isinstance(value := getattr(meter, one.name), int | float)
        }
        row["stages"] = dict(meter.stages)
    return row


def threads() -> dict[str, float]:
    """Processor seconds of the threads that live, by name; those of libraries are "native"."""
    names = {one.native_id: one.name.rstrip("0123456789_-") for one in threading.enumerate()}
    spent: Counter[str] = Counter()
    for place in Path("/proc/self/task").iterdir():
        try:
            nanoseconds = int((place / "schedstat").read_text().split()[0])
        except OSError:  # it ended meanwhile
            continue
        spent[names.get(int(place.name), "native")] += nanoseconds / 1e9
    return dict(spent)


def watch(path: Path, stop: threading.Event) -> None:
    with path.open("w") as file:
        for number in count():
            ending = stop.wait(EVERY_S)
            try:
                row = sample()
            except RuntimeError:  # the run was opened or closed in this moment
                continue
            if ending or number % THREADS_EVERY == 0:
                row["threads"] = threads()
            file.write(json.dumps(row) + "\n")
            if ending:
                return


def main() -> None:
    path, words = Path(sys.argv[1]), sys.argv[2:]
    record = None
    if words[0] == "--record":
        record, words = Path(words[1]), words[2:]
    sys.argv = ["stepsmith", *words]
    stop = threading.Event()
    thread = threading.Thread(target=watch, args=(path, stop), name="sampler", daemon=True)
    thread.start()
    try:
        kept = None if record is None else record_engines()
        from flows.cli import main as command

        command()
    finally:
        stop.set()
        thread.join()
        if record is not None and kept is not None:
            write(record, kept)


if __name__ == "__main__":
    main()
