"""Does a run of many problems cost more a problem than a run of few? On the stub engine.

    python -m bench.scale [--few 200] [--many 5000] [--rounds 1] [--out runs/bench-scale]

Runs `stepsmith label` on toy problems in processes of their own, few, many, few, many …, and prints
for each: seconds a problem since the first completion, the peak memory of the run (resident memory
of the process and all its children, summed, sampled every 0.2 s), and of the process alone (the
kernel's own high-water mark). Then the finished run of many is started again and timed whole.
The ratios of the medians go to <out>/scale.json too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from flows.tables import print_rows
from pipeline.engines.toy import toy_problems

RECIPE = """
name = "scale-{problems}"
[problems]
source = "{source}"
[policy]
engine = "stub"
model = "error=0.1,spread=0.5"
samples = 16
[rollouts]
search = "scan"
k = 8
[annotators.arithmetic]
[output]
dir = "{out}"
"""


def write_recipe(out: Path, problems: int) -> Path:
    source = out / f"problems-{problems}.jsonl"
    rows = toy_problems(problems, seed=5)
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    recipe = out / f"scale-{problems}.toml"
    recipe.write_text(
        RECIPE.format(problems=problems, source=source, out=out / f"run-{problems}"),
        encoding="utf-8",
    )
    return recipe


def run(recipe: Path, home: Path) -> tuple[float, int, int]:
    """Whole seconds, peak bytes of all processes together, peak bytes of the run's own."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "label", str(recipe)],
        env={**os.environ, "PREFECT_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    watched = psutil.Process(process.pid)
    together = own = 0
    while process.poll() is None:
        together = max(together, _resident(watched))
        own = max(own, _high_water(process.pid))
        time.sleep(0.2)
    seconds = time.monotonic() - started
    if process.returncode:
        sys.exit((process.stderr.read() if process.stderr else b"").decode())
    return seconds, together, own


def _resident(process: psutil.Process) -> int:
    total = 0
    try:
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return total
    return total


def _high_water(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


def measure(recipe: Path, out: Path, problems: int) -> dict[str, Any]:
    folder = out / f"run-{problems}"
    shutil.rmtree(folder, ignore_errors=True)
    seconds, together, own = run(recipe, out / "prefect")
    manifest = json.loads((folder / "manifest.json").read_text())
    counts, last = manifest["counts"], manifest["last_run"]
    return {
        "problems": problems,
        "whole_seconds": seconds,
        "ms_per_problem": 1000 * last["seconds"] / problems,
        "completions": counts["sample_completions"] + counts["rollouts"],
        "peak_mib": together / 2**20,
        "own_peak_mib": own / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=200)
    parser.add_argument("--many", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/bench-scale"))
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    sizes = (arguments.few, arguments.many)
    recipes = {problems: write_recipe(out, problems) for problems in sizes}
    rows = []
    for _ in range(arguments.rounds):
        for problems in sizes:
            rows.append(measure(recipes[problems], out, problems))
            print(json.dumps(rows[-1]), file=sys.stderr)
    restart, _, _ = run(recipes[arguments.many], out / "prefect")

    def ratio(figure: str) -> float:
        few, many = (
            statistics.median(row[figure] for row in rows if row["problems"] == problems)
            for problems in sizes
        )
        return many / few

    figures = {
        "time_ratio": ratio("ms_per_problem"),
        "memory_ratio": ratio("peak_mib"),
        "own_memory_ratio": ratio("own_peak_mib"),
        "restart_seconds": restart,
    }
    (out / "scale.json").write_text(json.dumps({"runs": rows, **figures}, indent=2) + "\n")
    for row in rows:
        print_rows(
            f"{row['problems']:,} problems, {row['completions']:,} completions",
            [
                ("ms a problem", f"{row['ms_per_problem']:.1f}"),
                ("peak memory, all processes, MiB", f"{row['peak_mib']:.0f}"),
                ("peak memory, the run's own process, MiB", f"{row['own_peak_mib']:.0f}"),
            ],
        )
    print_rows(
        f"{arguments.many:,} against {arguments.few:,} problems",
        [
            ("time a problem, ratio", f"{figures['time_ratio']:.2f}"),
            ("peak memory, ratio", f"{figures['memory_ratio']:.2f}"),
            ("  of the run's own process", f"{figures['own_memory_ratio']:.2f}"),
            (f"restart of the finished {arguments.many:,}, seconds", f"{restart:.2f}"),
        ],
    )


if __name__ == "__main__":
    main()
