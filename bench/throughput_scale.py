"""Does a run of many problems cost more a problem than one of few? And what does a restart cost?

In-process stub engine, about 20 completions a problem. Few, then many, in processes of their own:
seconds a problem since the first completion (start-up left out), and the most memory that the
run's own process ever had. The finished run of many is started again, and once more with the
published labels and the stages of one shard taken away; what the Prefect server takes to start is
measured by a flow that does nothing, and taken off the second.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.throughput_product import PYTHON, ProductRun, label, write_problems, write_recipe
from bench.throughput_table import Row

_IMPORT = "import flows.label"
_NOTHING = f"{_IMPORT}\nfrom prefect import flow\nflow(lambda: None, name='nothing')()"


def recipe(source: Path, out: Path) -> dict[str, Any]:
    return {
        "name": out.name,
        "problems": {"source": str(source)},
        "policy": {"engine": "stub", "model": "error=0.1,spread=0.5", "samples": 8},
        "rollouts": {"search": "bisect", "k": 4, "solutions": 1},
        "output": {"dir": str(out)},
    }


def measure(problems: int, out: Path) -> dict[str, Any]:
    folder = out / f"run-{problems}"
    shutil.rmtree(folder, ignore_errors=True)
    source = write_problems(out / f"problems-{problems}.jsonl", problems)
    path = write_recipe(out / f"scale-{problems}.toml", recipe(source, folder))
    run = label(path, folder, out / "prefect")
    last, counts = run.manifest["last_run"], run.manifest["counts"]
    return {
        "problems": problems,
        "seconds": run.seconds,
        "ms_a_problem": 1000 * last["seconds"] / problems,
        "completions_a_problem": (counts["sample_completions"] + counts["rollouts"]) / problems,
        "own_peak_mib": run.own_peak / 2**20,
        "together_peak_mib": run.together_peak / 2**20,
    }


def again(problems: int, out: Path) -> ProductRun:
    folder = out / f"run-{problems}"
    return label(out / f"scale-{problems}.toml", folder, out / "prefect")


def take_away(folder: Path) -> str:
    """The published labels and the stages of a shard in the middle; its name."""
    published = sorted((folder / "data").glob("*.parquet"))
    chosen = published[len(published) // 2]
    name = chosen.stem.removeprefix("train-")
    chosen.unlink()
    shutil.rmtree(folder / "work" / "stages" / name)
    return name


def prefect_start(out: Path) -> float:
    """Seconds of a flow that does nothing, less those of the imports."""

    def took(code: str) -> float:
        started = time.monotonic()
        home = {"PREFECT_HOME": str(out / "prefect")}
        subprocess.run([PYTHON, "-c", code], env=os.environ | home, check=True)
        return time.monotonic() - started

    return median(took(_NOTHING) for _ in range(3)) - median(took(_IMPORT) for _ in range(3))


def run_part(out: Path, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    out.mkdir(parents=True, exist_ok=True)
    few, many = (100, 600) if quick else (2_000, 50_000)
    first, second = measure(few, out), measure(many, out)
    restart = again(many, out).seconds
    missing = take_away(out / f"run-{many}")
    one_shard, server = again(many, out).seconds, prefect_start(out)
    both = f"{many:,} problems against {few:,}"
    rows = [
        Row(
            "time a problem",
            second["ms_a_problem"] / first["ms_a_problem"],
            at_most=1.1,
            unit="times",
            note=f"{both}: {second['ms_a_problem']:.1f} ms and {first['ms_a_problem']:.1f} ms, "
            f"{second['completions_a_problem']:.1f} completions a problem",
        ),
        Row(
            "memory of the run's process",
            second["own_peak_mib"] / first["own_peak_mib"],
            at_most=1.2,
            unit="times",
            note=f"{second['own_peak_mib']:.0f} MiB and {first['own_peak_mib']:.0f} MiB",
        ),
        Row("restart, finished", restart, at_most=3.0, unit="s", note=f"{many:,} problems"),
        Row(
            "restart, one shard missing, less the Prefect server's start",
            one_shard - server,
            at_most=10.0,
            unit="s",
            note=f"{one_shard:.1f} s in all; an empty flow takes {server:.1f} s; shard {missing}",
        ),
    ]
    return rows, {
        "runs": [first, second],
        "restart": restart,
        "one_shard": one_shard,
        "server": server,
    }
